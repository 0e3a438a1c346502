//! An order.

use serde::Serialize;
use utoipa::ToSchema;

use super::{average, words};
use crate::events::catalogue::{CheckCode, OrderRefused, OrderSubmitted};
use crate::events::{Event, Recorded};
use crate::projections::orders::{OrdStatus, OrderRow};
use crate::values::{
    AccountId, ClientOrderId, OrderId, Position, Price, Quantity, Side, StrategyId, Symbol,
    TimeInForce, Timestamp, VenueId, VenueOrderId,
};

/// An order with what has become of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Order {
    #[schema(value_type = String, example = "0f5cf1f9-3f28-5b1c-9d53-1f4b2c1c9a11")]
    pub order_id: OrderId,
    /// FIX ClOrdID: the id it is sent to the venue under.
    #[schema(value_type = String, example = "my-order-1")]
    pub client_order_id: ClientOrderId,
    /// FIX OrderID; known once the venue has acknowledged.
    #[schema(value_type = Option<String>)]
    pub venue_order_id: Option<VenueOrderId>,
    #[schema(value_type = String, example = "demo")]
    pub account: AccountId,
    /// 1 for the account's first order.
    #[schema(example = 1)]
    pub ordinal: u64,
    #[schema(value_type = Option<String>)]
    pub strategy: Option<StrategyId>,
    #[schema(value_type = String, example = "paper")]
    pub venue: VenueId,
    #[schema(value_type = String, example = "AAPL")]
    pub symbol: Symbol,
    #[schema(value_type = words::SideWord)]
    pub side: Side,
    #[schema(value_type = words::OrderTypeWord)]
    pub r#type: &'static str,
    #[schema(value_type = Option<String>, example = "37.5")]
    pub limit_price: Option<Price>,
    #[schema(value_type = words::TimeInForceWord)]
    pub time_in_force: TimeInForce,
    #[schema(value_type = String, example = "10")]
    pub quantity: Quantity,
    #[schema(value_type = words::OrderStatusWord)]
    pub status: OrdStatus,
    /// Sent, and it is not known whether it arrived.
    pub in_doubt: bool,
    /// FIX CumQty.
    #[schema(value_type = String, example = "0")]
    pub filled_quantity: Quantity,
    /// FIX LeavesQty; 0 once the order has ended.
    #[schema(value_type = String, example = "10")]
    pub leaves_quantity: Quantity,
    /// FIX AvgPx, rounded half to even to 8 decimals.
    #[schema(value_type = Option<String>)]
    pub average_price: Option<Price>,
    /// The check of risk that refused it.
    #[schema(value_type = Option<words::CheckCodeWord>)]
    pub refusal_code: Option<CheckCode>,
    /// Why execution or the venue rejected it.
    pub reject_reason: Option<String>,
    #[schema(value_type = String, example = "2005-05-06T23:59:59.999999Z")]
    pub submitted_at: Timestamp,
    #[schema(value_type = String, example = "2005-05-06T23:59:59.999999Z")]
    pub updated_at: Timestamp,
    #[schema(value_type = u64, example = 120)]
    pub submitted_position: Position,
    /// The last event that changed it.
    #[schema(value_type = u64, example = 121)]
    pub position: Position,
}

impl From<OrderRow> for Order {
    fn from(row: OrderRow) -> Self {
        Self {
            average_price: average(row.filled_notional, row.cumulative_quantity),
            order_id: row.order_id,
            client_order_id: row.client_order_id,
            venue_order_id: row.venue_order_id,
            account: row.account,
            ordinal: row.ordinal,
            strategy: row.strategy,
            venue: row.venue,
            symbol: row.terms.symbol,
            side: row.terms.side,
            r#type: row.terms.order_type.name(),
            limit_price: row.terms.order_type.limit_price(),
            time_in_force: row.terms.time_in_force,
            quantity: row.terms.quantity,
            status: row.status,
            in_doubt: row.in_doubt,
            filled_quantity: row.cumulative_quantity,
            leaves_quantity: row.leaves_quantity,
            refusal_code: row.refusal_code,
            reject_reason: row.reject_reason,
            submitted_at: row.submitted_at,
            updated_at: row.updated_at,
            submitted_position: row.submitted_position,
            position: row.position,
        }
    }
}

impl Order {
    /// As it stood when risk had decided: from its submission and the decision, both recorded.
    pub fn decided(
        account: AccountId,
        submitted: &Recorded,
        order: &OrderSubmitted,
        decision: &Recorded,
    ) -> Self {
        let refused: Option<&OrderRefused> = match decision.event() {
            Event::OrderRefused(refused) => Some(refused),
            _ => None,
        };
        let at = submitted.envelope.meta.occurred_at;
        Self {
            order_id: order.order_id.clone(),
            client_order_id: order.client_order_id.clone(),
            venue_order_id: None,
            account,
            ordinal: order.ordinal,
            strategy: order.strategy.clone(),
            venue: order.venue.clone(),
            symbol: order.terms.symbol.clone(),
            side: order.terms.side,
            r#type: order.terms.order_type.name(),
            limit_price: order.terms.order_type.limit_price(),
            time_in_force: order.terms.time_in_force,
            quantity: order.terms.quantity,
            status: match refused {
                Some(_) => OrdStatus::Rejected,
                None => OrdStatus::PendingNew,
            },
            in_doubt: false,
            filled_quantity: Quantity::ZERO,
            leaves_quantity: match refused {
                Some(_) => Quantity::ZERO,
                None => order.terms.quantity,
            },
            average_price: None,
            refusal_code: refused.map(|refused| refused.code),
            reject_reason: None,
            submitted_at: at,
            updated_at: decision.envelope.meta.occurred_at,
            submitted_position: submitted.position(),
            position: decision.position(),
        }
    }
}
