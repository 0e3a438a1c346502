//! Decisions of execution about one order.

use crate::domain::Decided;
use crate::domain::risk::{Halts, OrderContext};
use crate::events::Event;
use crate::events::catalogue::{
    CancelPending, CancelRejected, Finding, OrderAcknowledged, OrderCanceled, OrderExecuted,
    OrderExpired, OrderInDoubt, OrderReconciled, OrderRejected, OrderRouted, Origin,
};
use crate::values::{AmountError, EventId, OrderId, Quantity, Timestamp};

use super::command::{OrderReport, ReportedChange};
use super::lifecycle::{OrderStatus, Step};
use super::state::Order;

/// How often an order is sent that certainly did not arrive the time before.
pub const ATTEMPTS_MAX: u32 = 8;
/// Oldest approval that is still sent.
pub const APPROVAL_AGE_SECONDS_MAX: u64 = 300;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    #[error("order {order} is {status:?}, where {step:?} makes no sense")]
    Impossible {
        order: OrderId,
        status: OrderStatus,
        step: Step,
    },
    #[error("order {order}: {source}")]
    Amount { order: OrderId, source: AmountError },
}

/// The last look before an order leaves: `OrderRouted`, or a rejection by the gateway when it may
/// not go any more. An order that was sent and certainly did not arrive is routed once more.
///
/// An approval is as old as the clock says that finds it younger, business (`now`) or `wall`: a
/// replayed market turns a day in no time, and one that stands still does not age an order.
pub fn route(order: &Order, halts: &Halts, now: Timestamp, wall: Timestamp) -> Decided {
    if order.status != OrderStatus::Approved {
        return Decided::AlreadyApplied;
    }
    let approval = &order.approval;
    let context = OrderContext {
        account: &approval.account,
        strategy: approval.strategy.as_ref(),
        symbol: &approval.terms.symbol,
        venue: &approval.venue,
    };
    let business = now.micros_since(approval.approved_at);
    let waited = wall.micros_since(approval.recorded_at);
    let age_micros = business.min(waited).max(0).unsigned_abs();
    // Whole seconds begun.
    let age_seconds = age_micros.div_ceil(1_000_000);
    let objection = match halts.stopping(context) {
        Some(scope) => Some(format!("kill switch engaged for {scope}")),
        None if order.attempts >= ATTEMPTS_MAX => Some(format!(
            "it was sent {ATTEMPTS_MAX} times and never arrived at the venue"
        )),
        None if age_seconds > APPROVAL_AGE_SECONDS_MAX => Some(format!(
            "the approval is {age_seconds} s old; at most {APPROVAL_AGE_SECONDS_MAX} s are allowed"
        )),
        None => None,
    };
    match objection {
        Some(reason) => Decided::one(OrderRejected {
            order_id: approval.order_id.clone(),
            account: approval.account.clone(),
            origin: Origin::Gateway,
            reason,
        }),
        None => Decided::one(OrderRouted {
            order_id: approval.order_id.clone(),
            account: approval.account.clone(),
            client_order_id: approval.client_order_id.clone(),
            venue: approval.venue.clone(),
            terms: approval.terms.clone(),
            approval: approval.event_id(),
            attempt: order.attempts + 1,
        }),
    }
}

/// Records what a venue reports. A report seen before changes nothing.
pub fn record_report(order: &Order, report: &OrderReport) -> Result<Decided, OrderError> {
    if report.report.sequence <= order.last_report {
        return Ok(Decided::AlreadyApplied);
    }
    let (step, event) = match &report.change {
        ReportedChange::Executed { execution_id, .. }
            if order.executions.contains(execution_id) =>
        {
            return Ok(Decided::AlreadyApplied);
        }
        ReportedChange::Executed { .. } => executed(order, report)?,
        other => plain_report(order, report, other),
    };
    let filled = order.filled.is_positive();
    match order.status.after(step, filled) {
        Some(_) => Ok(Decided::Events(vec![event])),
        None => Err(OrderError::Impossible {
            order: order.id().clone(),
            status: order.status,
            step,
        }),
    }
}

fn plain_report(order: &Order, report: &OrderReport, change: &ReportedChange) -> (Step, Event) {
    let order_id = order.id().clone();
    let account = order.approval.account.clone();
    let reference = report.report.clone();
    let origin = Origin::Venue {
        report: reference.clone(),
    };
    match change {
        ReportedChange::Acknowledged { venue_order_id } => {
            let event = OrderAcknowledged {
                order_id,
                venue_order_id: venue_order_id.clone(),
                report: reference,
            };
            (Step::Acknowledge, event.into())
        }
        ReportedChange::Rejected { reason } => {
            let event = OrderRejected {
                order_id,
                account,
                origin,
                reason: reason.clone(),
            };
            (Step::Reject, event.into())
        }
        ReportedChange::CancelRejected { reason } => {
            let event = CancelRejected {
                order_id,
                origin,
                reason: reason.clone(),
                request: order.venue_cancel.unwrap_or(order.approval.event_id()),
            };
            (Step::RejectCancel, event.into())
        }
        ReportedChange::Expired => {
            let event = OrderExpired {
                order_id,
                account,
                report: reference,
            };
            (Step::Expire, event.into())
        }
        ReportedChange::Canceled | ReportedChange::Executed { .. } => {
            let event = OrderCanceled {
                order_id,
                account,
                origin,
            };
            (Step::Cancel, event.into())
        }
    }
}

fn executed(order: &Order, report: &OrderReport) -> Result<(Step, Event), OrderError> {
    let amount = |source| OrderError::Amount {
        order: order.id().clone(),
        source,
    };
    let ReportedChange::Executed {
        execution_id,
        quantity,
        price,
        commission,
    } = &report.change
    else {
        return Ok(plain_report(order, report, &report.change));
    };
    let cumulative = order.filled.checked_add(*quantity).map_err(amount)?;
    let left = order
        .approval
        .terms
        .quantity
        .checked_sub(cumulative)
        .map_err(amount)?;
    // FIX: nothing is left of an order that has ended, whatever arrives late.
    let leaves = match order.status.is_terminal() {
        true => Quantity::ZERO,
        false => left.max(Quantity::ZERO),
    };
    let step = if leaves.is_zero() {
        Step::FillLast
    } else {
        Step::Fill
    };
    let event = OrderExecuted {
        order_id: order.id().clone(),
        account: order.approval.account.clone(),
        execution_id: execution_id.clone(),
        symbol: order.approval.terms.symbol.clone(),
        side: order.approval.terms.side,
        quantity: *quantity,
        price: *price,
        commission: *commission,
        cumulative_quantity: cumulative,
        leaves_quantity: leaves,
        report: report.report.clone(),
    };
    Ok((step, event.into()))
}

/// Answers risk's `CancelRequested` (`request`) against the state of the order.
pub fn request_cancel(order: &Order, request: EventId) -> Decided {
    if order.answered_cancel == Some(request) {
        return Decided::AlreadyApplied;
    }
    if order.status == OrderStatus::Approved {
        // Not sent yet, so it never will be.
        return Decided::one(OrderCanceled {
            order_id: order.id().clone(),
            account: order.approval.account.clone(),
            origin: Origin::Gateway,
        });
    }
    match order
        .status
        .after(Step::RequestCancel, order.filled.is_positive())
    {
        Some(_) => Decided::one(CancelPending {
            order_id: order.id().clone(),
            request,
        }),
        None => Decided::one(CancelRejected {
            order_id: order.id().clone(),
            origin: Origin::Gateway,
            reason: format!("the order is {}", order.status.name()),
            request,
        }),
    }
}

/// Sent without a clear answer.
pub fn mark_in_doubt(order: &Order, reason: &str) -> Decided {
    match order.status {
        OrderStatus::Routed => Decided::one(OrderInDoubt {
            order_id: order.id().clone(),
            reason: reason.to_owned(),
        }),
        _ => Decided::AlreadyApplied,
    }
}

/// The venue has said whether it knows an order in doubt.
pub fn reconcile(order: &Order, finding: Finding) -> Decided {
    match order.status {
        OrderStatus::InDoubt => Decided::one(OrderReconciled {
            order_id: order.id().clone(),
            finding,
        }),
        _ => Decided::AlreadyApplied,
    }
}
