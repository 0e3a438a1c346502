//! The life of one order: pure, from its row and an event to its next row.
//!
//! An order that has ended keeps its status, whatever arrives late; quantities and notional of a
//! late execution are still counted, because the venue's facts are facts.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::table::OrderRow;
use crate::events::catalogue::{OrderExecuted, OrderSubmitted, Origin};
use crate::events::{Event, Recorded};
use crate::projections::{FoldError, account_of};
use crate::values::{Money, OrderId, Quantity};

/// FIX OrdStatus (tag 39) in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrdStatus {
    PendingNew,
    New,
    PartiallyFilled,
    Filled,
    PendingCancel,
    Canceled,
    Rejected,
    Expired,
}

impl OrdStatus {
    pub fn name(self) -> &'static str {
        match self {
            OrdStatus::PendingNew => "pending_new",
            OrdStatus::New => "new",
            OrdStatus::PartiallyFilled => "partially_filled",
            OrdStatus::Filled => "filled",
            OrdStatus::PendingCancel => "pending_cancel",
            OrdStatus::Canceled => "canceled",
            OrdStatus::Rejected => "rejected",
            OrdStatus::Expired => "expired",
        }
    }

    /// More of the order may still be executed.
    pub fn is_open(self) -> bool {
        match self {
            OrdStatus::PendingNew
            | OrdStatus::New
            | OrdStatus::PartiallyFilled
            | OrdStatus::PendingCancel => true,
            OrdStatus::Filled | OrdStatus::Canceled | OrdStatus::Rejected | OrdStatus::Expired => {
                false
            }
        }
    }
}

impl fmt::Display for OrdStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The row of an order that has just arrived.
pub(super) fn submitted(
    recorded: &Recorded,
    order: &OrderSubmitted,
) -> Result<OrderRow, FoldError> {
    let at = recorded.envelope.meta.occurred_at;
    Ok(OrderRow {
        order_id: order.order_id.clone(),
        client_order_id: order.client_order_id.clone(),
        venue_order_id: None,
        account: account_of(recorded)?,
        ordinal: order.ordinal,
        strategy: order.strategy.clone(),
        venue: order.venue.clone(),
        terms: order.terms.clone(),
        status: OrdStatus::PendingNew,
        in_doubt: false,
        cumulative_quantity: Quantity::ZERO,
        leaves_quantity: order.terms.quantity,
        filled_notional: Money::ZERO,
        refusal_code: None,
        reject_reason: None,
        submitted_at: at,
        updated_at: at,
        submitted_position: recorded.position(),
        position: recorded.position(),
    })
}

/// The order that an event changes, apart from its submission.
pub(super) fn changed_order(event: &Event) -> Option<&OrderId> {
    match event {
        Event::OrderApproved(event) => Some(&event.order_id),
        Event::OrderRefused(event) => Some(&event.order_id),
        Event::OrderRouted(event) => Some(&event.order_id),
        Event::OrderAcknowledged(event) => Some(&event.order_id),
        Event::OrderRejected(event) => Some(&event.order_id),
        Event::OrderExecuted(event) => Some(&event.order_id),
        Event::CancelPending(event) => Some(&event.order_id),
        Event::OrderCanceled(event) => Some(&event.order_id),
        Event::CancelRejected(event) => Some(&event.order_id),
        Event::OrderExpired(event) => Some(&event.order_id),
        Event::OrderInDoubt(event) => Some(&event.order_id),
        Event::OrderReconciled(event) => Some(&event.order_id),
        _ => None,
    }
}

/// What the quantities and the venue's acknowledgement alone say of an order.
fn working_status(row: &OrderRow) -> OrdStatus {
    match (
        row.cumulative_quantity.is_zero(),
        row.leaves_quantity.is_zero(),
    ) {
        (false, true) => OrdStatus::Filled,
        (false, false) => OrdStatus::PartiallyFilled,
        (true, _) if row.venue_order_id.is_some() => OrdStatus::New,
        (true, _) => OrdStatus::PendingNew,
    }
}

/// The status after `event`; `row` has the event's quantities already.
fn status_after(row: &OrderRow, event: &Event) -> OrdStatus {
    if !row.status.is_open() {
        return row.status;
    }
    match event {
        Event::OrderRefused(_) | Event::OrderRejected(_) => OrdStatus::Rejected,
        Event::OrderCanceled(_) => OrdStatus::Canceled,
        Event::OrderExpired(_) => OrdStatus::Expired,
        Event::CancelPending(_) => OrdStatus::PendingCancel,
        // A refusal by the gateway leaves an earlier cancel pending.
        Event::CancelRejected(event) if event.origin == Origin::Gateway => row.status,
        Event::CancelRejected(_) => working_status(row),
        Event::OrderAcknowledged(_) | Event::OrderExecuted(_) => {
            match (row.status, working_status(row)) {
                (_, OrdStatus::Filled) => OrdStatus::Filled,
                // FIX: a pending cancel outranks a partial fill until it is answered.
                (OrdStatus::PendingCancel, _) => OrdStatus::PendingCancel,
                (_, working) => working,
            }
        }
        // Approved, routed, in doubt, reconciled: the venue has not spoken.
        _ => row.status,
    }
}

fn add_execution(row: &mut OrderRow, execution: &OrderExecuted) -> Result<(), FoldError> {
    let notional = execution.quantity.times(execution.price)?;
    row.filled_notional = row.filled_notional.checked_add(notional)?;
    row.cumulative_quantity = execution.cumulative_quantity;
    row.leaves_quantity = execution.leaves_quantity;
    Ok(())
}

/// One step of an order.
pub(super) fn evolve(row: &mut OrderRow, recorded: &Recorded) -> Result<(), FoldError> {
    let event = recorded.event();
    match event {
        Event::OrderRefused(refused) => row.refusal_code = Some(refused.code),
        Event::OrderRejected(rejected) => row.reject_reason = Some(rejected.reason.clone()),
        Event::OrderAcknowledged(acknowledged) => {
            row.venue_order_id = Some(acknowledged.venue_order_id.clone());
        }
        Event::OrderExecuted(execution) => add_execution(row, execution)?,
        _ => {}
    }
    row.in_doubt = match event {
        Event::OrderInDoubt(_) => true,
        // Any word from the venue, and the finding of an enquiry, ends the doubt.
        Event::OrderReconciled(_)
        | Event::OrderAcknowledged(_)
        | Event::OrderExecuted(_)
        | Event::OrderRejected(_)
        | Event::OrderCanceled(_)
        | Event::OrderExpired(_) => false,
        _ => row.in_doubt,
    };
    row.status = status_after(row, event);
    if !row.status.is_open() {
        row.leaves_quantity = Quantity::ZERO;
    }
    row.updated_at = recorded.envelope.meta.occurred_at;
    row.position = recorded.position();
    Ok(())
}
