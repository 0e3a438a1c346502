//! Everything execution knows of one venue, folded from the log: its orders, what risk wants
//! cancelled, which halts are engaged, and how far its reports are recorded.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::domain::risk::Halts;
use crate::events::catalogue::{Origin, ReportRef};
use crate::events::{Event, Recorded};
use crate::values::{ClientOrderId, EventId, OrderId, Position, VenueId, Version};

use super::command::Approval;
use super::lifecycle::OrderStatus;
use super::state::Order;

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VenueOrders {
    venue: VenueId,
    /// Last position folded.
    pub folded_to: Position,
    pub halts: Halts,
    orders: BTreeMap<OrderId, Order>,
    by_client_order_id: HashMap<ClientOrderId, OrderId>,
    /// The latest `CancelRequested` of an order, until it is answered.
    cancels: BTreeMap<OrderId, EventId>,
    in_doubt: BTreeSet<OrderId>,
    /// Highest report of the venue in the log.
    pub last_report: u64,
}

/// What has to be done about an order next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStep {
    /// Approved and never sent.
    Route,
    /// Routed by a run that ended before it knew more.
    Doubt,
    /// Ask the venue whether it has the order.
    AskVenue,
    AnswerCancel(EventId),
    /// A cancel that may not have reached the venue.
    SendCancel(EventId),
}

impl VenueOrders {
    pub fn new(venue: VenueId) -> Self {
        Self {
            venue,
            folded_to: Position::ZERO,
            halts: Halts::default(),
            orders: BTreeMap::new(),
            by_client_order_id: HashMap::new(),
            cancels: BTreeMap::new(),
            in_doubt: BTreeSet::new(),
            last_report: 0,
        }
    }

    pub fn venue(&self) -> &VenueId {
        &self.venue
    }

    /// Folds a durable event; returns the order that it concerns. What a look-ahead has applied
    /// before is recognised by its version.
    pub fn apply(&mut self, recorded: &Recorded) -> Option<OrderId> {
        let envelope = &recorded.envelope;
        self.folded_to = envelope.position;
        match (envelope.stream.category(), &envelope.event) {
            ("account", Event::OrderApproved(approved)) if approved.venue == self.venue => {
                let approval = Approval::recorded(recorded)?;
                let id = approval.order_id.clone();
                self.by_client_order_id
                    .insert(approval.client_order_id.clone(), id.clone());
                self.orders.insert(id.clone(), Order::approved(approval));
                Some(id)
            }
            ("account", Event::CancelRequested(requested)) => {
                let id = requested.order_id.clone();
                self.orders.contains_key(&id).then(|| {
                    self.cancels.insert(id.clone(), envelope.event_id);
                    id
                })
            }
            ("system", event) => {
                self.halts.apply(envelope.version, event);
                None
            }
            ("order", event) => {
                let id = OrderId::new(envelope.stream.id()).ok()?;
                self.apply_ahead(&id, envelope.version, event);
                Some(id)
            }
            _ => None,
        }
    }

    /// Folds a decision of our own, durable or not; once.
    pub fn apply_ahead(&mut self, id: &OrderId, version: Version, event: &Event) {
        let Some(order) = self.orders.get_mut(id) else {
            return;
        };
        if version <= order.version {
            return;
        }
        order.apply(version, event);
        match order.status {
            OrderStatus::InDoubt => self.in_doubt.insert(id.clone()),
            _ => self.in_doubt.remove(id),
        };
        if let Some(report) = report_of(event) {
            self.last_report = self.last_report.max(report.sequence);
        }
        if self.cancels.get(id).copied() == order.answered_cancel
            || order.status == OrderStatus::Canceled
        {
            self.cancels.remove(id);
        }
    }

    pub fn order(&self, id: &OrderId) -> Option<&Order> {
        self.orders.get(id)
    }

    pub fn by_client_order_id(&self, id: &ClientOrderId) -> Option<&Order> {
        self.orders.get(self.by_client_order_id.get(id)?)
    }

    /// Orders about which something may have to be done; of those that have ended, the ones whose
    /// cancel waits for an answer.
    pub fn unfinished(&self) -> impl Iterator<Item = &OrderId> {
        let unfinished = self
            .orders
            .iter()
            .filter(|(id, order)| !order.status.is_terminal() || self.cancels.contains_key(*id));
        unfinished.map(|(id, _)| id)
    }

    /// Orders of which it is not known whether the venue has them.
    pub fn any_in_doubt(&self) -> bool {
        !self.in_doubt.is_empty()
    }

    /// What to do about an order. `sent`, `cancel_sent`: this run has put it to the venue.
    pub fn next_step(&self, id: &OrderId, sent: bool, cancel_sent: bool) -> Option<OrderStep> {
        let order = self.orders.get(id)?;
        let cancel = self.cancels.get(id).copied().map(OrderStep::AnswerCancel);
        match order.status {
            // A cancel waits for the end of the doubt: a venue that does not have the order would
            // refuse the cancel, and the order would pass for working.
            OrderStatus::Routed if !sent => Some(OrderStep::Doubt),
            OrderStatus::InDoubt => Some(OrderStep::AskVenue),
            _ if cancel.is_some() => cancel,
            OrderStatus::Approved => Some(OrderStep::Route),
            OrderStatus::PendingCancel if !cancel_sent => {
                order.venue_cancel.map(OrderStep::SendCancel)
            }
            _ => None,
        }
    }
}

/// The venue's report that an event records, if it records one.
pub fn report_of(event: &Event) -> Option<&ReportRef> {
    let origin = match event {
        Event::OrderAcknowledged(fact) => return Some(&fact.report),
        Event::OrderExecuted(fact) => return Some(&fact.report),
        Event::OrderExpired(fact) => return Some(&fact.report),
        Event::OrderRejected(fact) => &fact.origin,
        Event::OrderCanceled(fact) => &fact.origin,
        Event::CancelRejected(fact) => &fact.origin,
        _ => return None,
    };
    match origin {
        Origin::Venue { report } => Some(report),
        Origin::Gateway => None,
    }
}
