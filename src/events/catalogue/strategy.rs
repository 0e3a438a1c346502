//! Facts of one strategy instance (`strategy-{id}`), written by the strategy actor.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{
    AccountId, BarDate, ClientOrderId, CommandId, Price, Quantity, Ratio, Side, StrategyId, Symbol,
    VenueId,
};

/// How a strategy decides, with its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StrategyRule {
    /// Long while the fast simple moving average of closes is above the slow one.
    SmaCross {
        fast_bars: u32,
        slow_bars: u32,
        /// Share of the account's equity that one purchase may cost.
        equity_fraction: Ratio,
    },
}

/// A strategy with its rule, its account and its instruments; it does not run yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StrategyRegistered {
    pub strategy: StrategyId,
    pub name: String,
    pub rule: StrategyRule,
    pub account: AccountId,
    pub venue: VenueId,
    pub symbols: Vec<Symbol>,
}

/// A strategy may be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StrategyApproved {
    pub reason: String,
}

/// A strategy runs from here on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StrategyStarted {}

/// What a strategy did about its own signal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum SignalAction {
    /// It sends this market order; a restart sends it again under the same command id.
    Order {
        command_id: CommandId,
        client_order_id: ClientOrderId,
        quantity: Quantity,
    },
    /// It does nothing.
    None { reason: String },
}

/// A strategy saw something, whether or not it acted on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignalGenerated {
    pub symbol: Symbol,
    pub side: Side,
    pub bar: BarDate,
    /// The price the signal was seen at.
    pub price: Price,
    /// Strength of the signal; for a crossing, the averages' relative distance.
    pub confidence: Ratio,
    #[serde(flatten)]
    pub action: SignalAction,
}
