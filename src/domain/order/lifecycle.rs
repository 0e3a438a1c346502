//! The lifecycle of an order as one table: status and step give the next status.

use serde::{Deserialize, Serialize};

use crate::events::catalogue::Origin;

/// FIX OrdStatus, with the stages before an order reaches its venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Arrived; risk's decision follows in the same commit.
    Submitted,
    /// Turned down by risk; never sent.
    Refused,
    /// Approved by risk; not sent yet, or certain not to have arrived.
    Approved,
    /// Durably about to be sent, or sent; no report yet.
    Routed,
    /// Sent, and it is not known whether it arrived.
    InDoubt,
    New,
    PartiallyFilled,
    PendingCancel,
    Filled,
    Canceled,
    Expired,
    Rejected,
}

/// What can happen to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Refuse,
    Approve,
    Route,
    Doubt,
    FoundAtVenue,
    NeverArrived,
    Acknowledge,
    Reject,
    /// An execution with units left.
    Fill,
    /// The execution of the last unit.
    FillLast,
    RequestCancel,
    /// The venue turned the cancel down.
    RejectCancel,
    /// Execution turned it down without asking the venue.
    RejectCancelUnsent,
    Cancel,
    Expire,
}

impl Step {
    /// What a `CancelRejected` does.
    pub fn of_cancel_reject(origin: &Origin) -> Self {
        match origin {
            Origin::Venue { .. } => Step::RejectCancel,
            Origin::Gateway => Step::RejectCancelUnsent,
        }
    }
}

impl OrderStatus {
    /// Nothing more is expected to happen.
    pub fn is_terminal(self) -> bool {
        use OrderStatus::*;
        match self {
            Refused | Filled | Canceled | Expired | Rejected => true,
            Submitted | Approved | Routed | InDoubt | New | PartiallyFilled | PendingCancel => {
                false
            }
        }
    }

    /// The status after `step`; `None` where the step makes no sense and is not recorded.
    /// `filled`: whether any unit has been executed.
    pub fn after(self, step: Step, filled: bool) -> Option<Self> {
        use OrderStatus::*;
        let working = if filled { PartiallyFilled } else { New };
        match (self, step) {
            (Submitted, Step::Approve) => Some(Approved),
            (Submitted, Step::Refuse) => Some(Refused),
            (Approved, Step::Route) => Some(Routed),
            // Halted or outdated between approval and sending.
            (Approved, Step::Reject) => Some(Rejected),
            // Cancelled before it was sent.
            (Approved, Step::Cancel) => Some(Canceled),

            (Routed, Step::Doubt) => Some(InDoubt),
            (InDoubt, Step::FoundAtVenue) => Some(New),
            // To be sent again, under the same client order id, past the same last look.
            (InDoubt, Step::NeverArrived) => Some(Approved),
            // Approved: believed never to have arrived, and there all the same.
            (Approved | Routed | InDoubt | New, Step::Acknowledge) => Some(New),
            (Routed | InDoubt | New, Step::Reject) => Some(Rejected),
            // The acknowledgement crosses the cancel request: the request stays pending.
            (PendingCancel, Step::Acknowledge) => Some(PendingCancel),
            (PendingCancel, Step::Reject) => Some(Rejected),

            // Fills may overtake the acknowledgement, which then changes nothing.
            (Approved | Routed | InDoubt | New | PartiallyFilled, Step::Fill) => {
                Some(PartiallyFilled)
            }
            (PartiallyFilled, Step::Acknowledge) => Some(PartiallyFilled),
            // A pending cancel shows before partially filled, as in FIX. Filled shows before both:
            // FIX waits for the answer to the cancel, but there is nothing left to cancel.
            (PendingCancel, Step::Fill) => Some(PendingCancel),
            (
                Approved | Routed | InDoubt | New | PartiallyFilled | PendingCancel,
                Step::FillLast,
            ) => Some(Filled),
            // What a venue says after the end is recorded all the same, and the status keeps its
            // name: an acknowledgement overtaken by the last fill, a fill after the cancel, more
            // than was ordered, a cancel that lost the race. Fills are booked.
            (
                Filled | Canceled | Expired | Rejected,
                Step::Acknowledge
                | Step::Reject
                | Step::Fill
                | Step::FillLast
                | Step::RejectCancel
                | Step::Cancel
                | Step::Expire,
            ) => Some(self),

            (Routed | InDoubt | New | PartiallyFilled, Step::RequestCancel) => Some(PendingCancel),
            (PendingCancel, Step::RejectCancel) => Some(working),
            // An earlier cancel may still be pending, so nothing changes.
            (_, Step::RejectCancelUnsent) => Some(self),
            (Routed | InDoubt | New | PartiallyFilled | PendingCancel, Step::Cancel) => {
                Some(Canceled)
            }
            (Approved | Routed | InDoubt | New | PartiallyFilled | PendingCancel, Step::Expire) => {
                Some(Expired)
            }

            (
                Submitted | Refused | Approved | Routed | InDoubt | New | PartiallyFilled
                | PendingCancel | Filled | Canceled | Expired | Rejected,
                _,
            ) => None,
        }
    }

    /// The name used in JSON and in the state hash.
    pub fn name(self) -> &'static str {
        match self {
            OrderStatus::Submitted => "submitted",
            OrderStatus::Refused => "refused",
            OrderStatus::Approved => "approved",
            OrderStatus::Routed => "routed",
            OrderStatus::InDoubt => "in_doubt",
            OrderStatus::New => "new",
            OrderStatus::PartiallyFilled => "partially_filled",
            OrderStatus::PendingCancel => "pending_cancel",
            OrderStatus::Filled => "filled",
            OrderStatus::Canceled => "canceled",
            OrderStatus::Expired => "expired",
            OrderStatus::Rejected => "rejected",
        }
    }
}
