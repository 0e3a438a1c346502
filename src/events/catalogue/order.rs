//! Facts of one order at its venue (`order-{id}`), written by execution.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{
    AccountId, ClientOrderId, EventId, ExecutionId, Money, OrderId, OrderTerms, Price, Quantity,
    Side, Symbol, Timestamp, VenueId, VenueOrderId,
};

/// Which report of a venue a fact came from. Sequences count from 1 per venue, so the highest one
/// in the log is where execution asks on after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportRef {
    pub venue: VenueId,
    pub sequence: u64,
    /// FIX TransactTime: when it happened at the venue.
    pub transact_time: Timestamp,
}

/// Who said no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "origin", rename_all = "snake_case")]
pub enum Origin {
    /// Execution itself; nothing was sent.
    Gateway,
    Venue {
        report: ReportRef,
    },
}

/// About to be sent. Durable before the first byte leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderRouted {
    pub order_id: OrderId,
    pub account: AccountId,
    pub client_order_id: ClientOrderId,
    pub venue: VenueId,
    pub terms: OrderTerms,
    /// The `OrderApproved` this rests on.
    pub approval: EventId,
    /// 1 for the first sending; every later one goes out under the same client order id.
    pub attempt: u32,
}

/// The venue has the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderAcknowledged {
    pub order_id: OrderId,
    pub venue_order_id: VenueOrderId,
    pub report: ReportRef,
}

/// The order did not come to the venue, or the venue turned it down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderRejected {
    pub order_id: OrderId,
    pub account: AccountId,
    pub origin: Origin,
    pub reason: String,
}

/// The venue executed the order or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderExecuted {
    pub order_id: OrderId,
    pub account: AccountId,
    pub execution_id: ExecutionId,
    pub symbol: Symbol,
    pub side: Side,
    /// FIX LastQty.
    pub quantity: Quantity,
    /// FIX LastPx.
    pub price: Price,
    pub commission: Money,
    /// FIX CumQty after this execution.
    pub cumulative_quantity: Quantity,
    /// FIX LeavesQty after this execution.
    pub leaves_quantity: Quantity,
    pub report: ReportRef,
}

/// About to ask the venue to cancel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelPending {
    pub order_id: OrderId,
    /// The `CancelRequested` this rests on.
    pub request: EventId,
}

/// The order ended with a cancel; what was executed before stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCanceled {
    pub order_id: OrderId,
    pub account: AccountId,
    pub origin: Origin,
}

/// A cancel was turned down; the order goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelRejected {
    pub order_id: OrderId,
    pub origin: Origin,
    pub reason: String,
    /// The `CancelRequested` that was turned down.
    pub request: EventId,
}

/// The order ended by its time in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderExpired {
    pub order_id: OrderId,
    pub account: AccountId,
    pub report: ReportRef,
}

/// Sent, and it is not known whether it arrived. Its reservation stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderInDoubt {
    pub order_id: OrderId,
    pub reason: String,
}

/// What asking the venue about an order in doubt brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The venue has the order; its reports follow.
    Known,
    /// The venue is certain that it never arrived; it is sent again under the same id.
    NeverArrived,
}

/// The venue was asked about an order in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderReconciled {
    pub order_id: OrderId,
    pub finding: Finding,
}
