//! Facts of one account (`account-{id}`), written by risk.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{
    AccountId, ClientOrderId, EventId, ExecutionId, Money, OrderId, OrderTerms, Position, Price,
    Quantity, Side, StrategyId, Symbol, VenueId,
};

/// An account was opened; nothing is on it yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountOpened {
    pub account: AccountId,
    /// Chosen by people; unique within the log.
    pub name: String,
    /// ISO 4217 code of all money on this account.
    pub currency: String,
}

/// Cash was paid in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CashDeposited {
    pub amount: Money,
    pub reason: String,
}

/// An order arrived. The decision on it follows in the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderSubmitted {
    pub order_id: OrderId,
    pub client_order_id: ClientOrderId,
    /// 1 for the account's first order, then counting.
    pub ordinal: u64,
    pub terms: OrderTerms,
    pub venue: VenueId,
    pub strategy: Option<StrategyId>,
}

/// The checks of risk, by stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckCode {
    AccountOpen,
    NoHalt,
    StrategyRunning,
    InstrumentListed,
    QuantityValid,
    PriceValid,
    ReferenceFresh,
    PriceCollar,
    MaxOrderNotional,
    MaxPosition,
    ShortSale,
    BuyingPower,
}

impl CheckCode {
    /// In the order in which they are evaluated and recorded.
    pub const ALL: [CheckCode; 12] = [
        CheckCode::AccountOpen,
        CheckCode::NoHalt,
        CheckCode::StrategyRunning,
        CheckCode::InstrumentListed,
        CheckCode::QuantityValid,
        CheckCode::PriceValid,
        CheckCode::ReferenceFresh,
        CheckCode::PriceCollar,
        CheckCode::MaxOrderNotional,
        CheckCode::MaxPosition,
        CheckCode::ShortSale,
        CheckCode::BuyingPower,
    ];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Passed,
    Failed,
}

/// One check as it was evaluated. `limit` and `observed` are text in the check's own unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    pub code: CheckCode,
    pub verdict: Verdict,
    /// What was allowed; absent when no limit applies or none is set.
    pub limit: Option<String>,
    /// What was seen; absent when it is missing.
    pub observed: Option<String>,
}

/// What an open order holds back: cash for a buy, units for a sell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reservation {
    pub cash: Money,
    pub quantity: Quantity,
}

/// Every check passed: the order may be sent, and what it may cost is held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderApproved {
    pub order_id: OrderId,
    pub client_order_id: ClientOrderId,
    pub account: AccountId,
    pub terms: OrderTerms,
    pub venue: VenueId,
    pub strategy: Option<StrategyId>,
    pub checks: Vec<Check>,
    pub reservation: Reservation,
    /// The price everything was judged at.
    pub reference_price: Price,
    /// Last position risk had folded when it decided.
    pub decided_at: Position,
}

/// A check failed: the order is never sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderRefused {
    pub order_id: OrderId,
    /// The first check that failed.
    pub code: CheckCode,
    pub checks: Vec<Check>,
    /// Last position risk had folded when it decided.
    pub decided_at: Position,
}

/// Somebody asked for the cancel of an order that is out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelRequested {
    pub order_id: OrderId,
    pub reason: String,
}

/// One execution, booked. All rounding has happened: these figures are added, never recomputed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FillBooked {
    pub order_id: OrderId,
    pub execution_id: ExecutionId,
    /// The `OrderExecuted` that was booked.
    pub execution_event: EventId,
    pub symbol: Symbol,
    pub side: Side,
    pub quantity: Quantity,
    pub price: Price,
    pub commission: Money,
    /// Added to cash; negative for a buy.
    pub cash_change: Money,
    /// Added to the position's quantity; negative for a sell.
    pub quantity_change: Quantity,
    /// Added to the position's total cost.
    pub cost_change: Money,
    /// Before commission.
    pub realised_pnl: Money,
    pub reservation_released: Reservation,
    /// Units of the order still to be executed.
    pub leaves_quantity: Quantity,
}

/// An order ended with units unexecuted, and what it still held back is free again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReservationReleased {
    pub order_id: OrderId,
    pub released: Reservation,
    /// The event that ended the order.
    pub ended_by: EventId,
}
