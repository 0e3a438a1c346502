//! Strategies and their signals.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::words;
use crate::events::catalogue::{SignalAction, StrategyRule};
use crate::projections::signals::SignalRow;
use crate::projections::strategies::StrategyRow;
use crate::values::{
    AccountId, BarDate, ClientOrderId, Position, Price, Quantity, Ratio, Side, StrategyId, Symbol,
    Timestamp, VenueId,
};

/// One instance of a strategy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Strategy {
    #[schema(value_type = String, example = "sma-cross-1")]
    pub strategy: StrategyId,
    #[schema(example = "sma-cross")]
    pub name: String,
    #[schema(example = "sma_cross")]
    pub kind: String,
    /// What its kind is set to.
    #[schema(value_type = Object, example = json!({"fast_bars": 10, "slow_bars": 30, "equity_fraction": "0.25"}))]
    pub parameters: Map<String, Value>,
    #[schema(value_type = String, example = "demo")]
    pub account: AccountId,
    #[schema(value_type = String, example = "paper")]
    pub venue: VenueId,
    #[schema(value_type = Vec<String>, example = json!(["AAPL"]))]
    pub symbols: Vec<Symbol>,
    #[schema(value_type = words::StrategyStatusWord)]
    pub status: &'static str,
    /// The last event that changed it.
    #[schema(value_type = u64, example = 12)]
    pub position: Position,
}

impl From<StrategyRow> for Strategy {
    fn from(row: StrategyRow) -> Self {
        let (kind, parameters) = parts(&row.rule);
        Self {
            strategy: row.strategy,
            name: row.name,
            kind,
            parameters,
            account: row.account,
            venue: row.venue,
            symbols: row.symbols,
            status: row.status.name(),
            position: row.position,
        }
    }
}

/// The rule's kind and what it is set to.
fn parts(rule: &StrategyRule) -> (String, Map<String, Value>) {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(rule) else {
        return Default::default();
    };
    let kind = fields.remove("kind");
    let kind = kind.and_then(|kind| kind.as_str().map(str::to_owned));
    (kind.unwrap_or_default(), fields)
}

/// What a strategy saw, and what it did about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Signal {
    #[schema(value_type = String, example = "sma-cross-1")]
    pub strategy: StrategyId,
    #[schema(value_type = String, example = "AAPL")]
    pub symbol: Symbol,
    #[schema(value_type = words::SideWord)]
    pub side: Side,
    /// The bar it was seen at.
    #[schema(value_type = String, example = "2005-05-09")]
    pub bar: BarDate,
    #[schema(value_type = String, example = "37.5")]
    pub price: Price,
    /// Strength; for a crossing, the averages' relative distance.
    #[schema(value_type = String, example = "0.0012")]
    pub confidence: Ratio,
    #[schema(value_type = words::SignalActionWord)]
    pub action: &'static str,
    /// Why nothing was done.
    pub reason: Option<String>,
    /// The order that was sent.
    #[schema(value_type = Option<String>)]
    pub client_order_id: Option<ClientOrderId>,
    #[schema(value_type = Option<String>, example = "10")]
    pub quantity: Option<Quantity>,
    #[schema(value_type = String, example = "2005-05-09T23:59:59.999999Z")]
    pub time: Timestamp,
    #[schema(value_type = u64, example = 138)]
    pub position: Position,
}

impl From<SignalRow> for Signal {
    fn from(row: SignalRow) -> Self {
        let (action, reason, client_order_id, quantity) = match row.action {
            SignalAction::Order {
                client_order_id,
                quantity,
                ..
            } => ("order", None, Some(client_order_id), Some(quantity)),
            SignalAction::None { reason } => ("none", Some(reason), None, None),
        };
        Self {
            strategy: row.strategy,
            symbol: row.symbol,
            side: row.side,
            bar: row.bar,
            price: row.price,
            confidence: row.confidence,
            action,
            reason,
            client_order_id,
            quantity,
            time: row.time,
            position: row.position,
        }
    }
}
