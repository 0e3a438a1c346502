//! What execution decides on: approvals by risk and reports by a venue.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::events::catalogue::ReportRef;
use crate::events::{Event, Recorded};
use crate::values::{
    AccountId, ClientOrderId, EventId, ExecutionId, Money, OrderId, OrderTerms, Price, Quantity,
    StrategyId, Timestamp, VenueId, VenueOrderId,
};

/// An order that risk has approved. It can only be made from a recorded approval, or come back with
/// a snapshot of the fold that read one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub order_id: OrderId,
    pub account: AccountId,
    pub client_order_id: ClientOrderId,
    pub venue: VenueId,
    pub strategy: Option<StrategyId>,
    pub terms: OrderTerms,
    /// Business time.
    pub approved_at: Timestamp,
    /// By the wall clock.
    pub recorded_at: Timestamp,
    /// Ties everything that becomes of the order to the command that asked for it.
    pub correlation_id: Uuid,
    /// The recorded `OrderApproved`.
    event_id: EventId,
}

impl Approval {
    /// `None` for any other event, and for one that stands on another stream than its account's.
    pub fn recorded(recorded: &Recorded) -> Option<Self> {
        let Event::OrderApproved(approved) = recorded.event() else {
            return None;
        };
        let stream = &recorded.envelope.stream;
        if stream.category() != "account" || stream.id() != approved.account.as_str() {
            return None;
        }
        Some(Self {
            order_id: approved.order_id.clone(),
            account: approved.account.clone(),
            client_order_id: approved.client_order_id.clone(),
            venue: approved.venue.clone(),
            strategy: approved.strategy.clone(),
            terms: approved.terms.clone(),
            approved_at: recorded.envelope.meta.occurred_at,
            recorded_at: recorded.envelope.recorded_at,
            correlation_id: recorded.envelope.meta.correlation_id,
            event_id: recorded.envelope.event_id,
        })
    }

    pub fn event_id(&self) -> EventId {
        self.event_id
    }
}

/// A venue's report on one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderReport {
    pub report: ReportRef,
    pub change: ReportedChange,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportedChange {
    Acknowledged {
        venue_order_id: VenueOrderId,
    },
    Rejected {
        reason: String,
    },
    Executed {
        execution_id: ExecutionId,
        quantity: Quantity,
        price: Price,
        commission: Money,
    },
    Canceled,
    CancelRejected {
        reason: String,
    },
    Expired,
}
