//! The fold of an order's stream.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::events::Event;
use crate::events::catalogue::{Finding, Origin, ReportRef};
use crate::values::{EventId, ExecutionId, OrderId, Quantity, Version};

use super::command::Approval;
use super::lifecycle::{OrderStatus, Step};

/// See the module. Born by its approval; version 0 until execution records the first fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub approval: Approval,
    pub status: OrderStatus,
    pub version: Version,
    /// How often it has been sent.
    pub attempts: u32,
    pub filled: Quantity,
    pub executions: BTreeSet<ExecutionId>,
    /// The `CancelRequested` that was answered last, one way or the other.
    pub answered_cancel: Option<EventId>,
    /// The `CancelRequested` that is, or last was, put to the venue.
    pub venue_cancel: Option<EventId>,
    /// Highest report of the venue that is folded in.
    pub last_report: u64,
}

impl Order {
    pub fn approved(approval: Approval) -> Self {
        Self {
            approval,
            status: OrderStatus::Approved,
            version: Version::ZERO,
            attempts: 0,
            filled: Quantity::ZERO,
            executions: BTreeSet::new(),
            answered_cancel: None,
            venue_cancel: None,
            last_report: 0,
        }
    }

    pub fn id(&self) -> &OrderId {
        &self.approval.order_id
    }

    fn step(&mut self, version: Version, step: Step) {
        self.version = version;
        let filled = self.filled.is_positive();
        if let Some(status) = self.status.after(step, filled) {
            self.status = status;
        }
    }

    /// Folds the event with version `version`. Events that are not of an order change nothing.
    pub fn apply(&mut self, version: Version, event: &Event) {
        match event {
            Event::OrderRouted(routed) => {
                self.attempts = routed.attempt;
                self.step(version, Step::Route);
            }
            Event::OrderAcknowledged(fact) => {
                self.seen(&fact.report);
                self.step(version, Step::Acknowledge);
            }
            Event::OrderRejected(fact) => {
                self.seen_from(&fact.origin);
                self.step(version, Step::Reject);
            }
            Event::OrderExecuted(fact) => {
                self.seen(&fact.report);
                self.filled = fact.cumulative_quantity;
                self.executions.insert(fact.execution_id.clone());
                let last = fact.leaves_quantity.is_zero();
                self.step(version, if last { Step::FillLast } else { Step::Fill });
            }
            Event::CancelPending(fact) => {
                self.answered_cancel = Some(fact.request);
                self.venue_cancel = Some(fact.request);
                self.step(version, Step::RequestCancel);
            }
            Event::OrderCanceled(fact) => {
                self.seen_from(&fact.origin);
                self.step(version, Step::Cancel);
            }
            Event::CancelRejected(fact) => {
                self.answered_cancel = Some(fact.request);
                self.seen_from(&fact.origin);
                self.step(version, Step::of_cancel_reject(&fact.origin));
            }
            Event::OrderExpired(fact) => {
                self.seen(&fact.report);
                self.step(version, Step::Expire);
            }
            Event::OrderInDoubt(_) => self.step(version, Step::Doubt),
            Event::OrderReconciled(fact) => self.step(
                version,
                match fact.finding {
                    Finding::Known => Step::FoundAtVenue,
                    Finding::NeverArrived => Step::NeverArrived,
                },
            ),
            _ => {}
        }
    }

    fn seen_from(&mut self, origin: &Origin) {
        if let Origin::Venue { report } = origin {
            self.seen(report);
        }
    }

    fn seen(&mut self, report: &ReportRef) {
        self.last_report = self.last_report.max(report.sequence);
    }

    /// FIX LeavesQty: what may still be executed; zero once the order has ended.
    pub fn leaves(&self) -> Quantity {
        match self.status.is_terminal() {
            true => Quantity::ZERO,
            false => self
                .approval
                .terms
                .quantity
                .checked_sub(self.filled)
                .unwrap_or_default(),
        }
    }
}
