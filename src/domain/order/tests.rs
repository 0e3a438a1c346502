//! One order: its lifecycle table, its decisions, and what execution knows of all of them.

mod book;
mod cancels;
mod fix_rows;
mod lifecycle;
mod reports;
mod routing;

use super::{Approval, Order, OrderReport, ReportedChange, record_report, request_cancel, route};
use crate::domain::Decided;
use crate::domain::account::SubmitOrder;
use crate::domain::risk::Halts;
use crate::domain::tests::{
    Log, account_id, client_order_id, event_id, money, noon_plus, order_id, price, quantity, report,
};
use crate::events::Event;
use crate::events::catalogue::{OrderApproved, Reservation};
use crate::values::{ExecutionId, Position, StreamName, VenueOrderId};

/// Risk's approval of `command`, its ids made of `order`.
fn approval_of(order: &str, command: SubmitOrder) -> OrderApproved {
    OrderApproved {
        order_id: order_id(order),
        client_order_id: client_order_id(&format!("client-{order}")),
        account: command.account,
        terms: command.terms,
        venue: command.venue,
        strategy: command.strategy,
        checks: Vec::new(),
        reservation: Reservation::default(),
        reference_price: price("100"),
        decided_at: Position::new(1),
    }
}

/// An order together with execution's decisions on it, each folded as it is made.
struct Desk {
    order: Order,
    /// Of the venue's last report.
    sequence: u64,
}

impl Desk {
    /// Approved at noon.
    fn approved(command: SubmitOrder) -> Self {
        let stream = StreamName::account(&account_id("main"));
        let recorded = Log::default().record(&stream, approval_of("o1", command));
        let approval = Approval::recorded(&recorded).expect("an approval");
        Self {
            order: Order::approved(approval),
            sequence: 0,
        }
    }

    fn routed(command: SubmitOrder) -> Self {
        let mut desk = Self::approved(command);
        desk.route();
        desk
    }

    /// Folds what was decided; its names, in order.
    fn fold(&mut self, decided: Decided) -> Vec<&'static str> {
        let Decided::Events(events) = decided else {
            return Vec::new();
        };
        for event in &events {
            self.order.apply(self.order.version.next(), event);
        }
        events.iter().map(Event::name).collect()
    }

    fn route(&mut self) -> Vec<&'static str> {
        let decided = route(&self.order, &Halts::default(), noon_plus(0), noon_plus(0));
        self.fold(decided)
    }

    /// The venue's next report.
    fn say(&mut self, change: ReportedChange) -> Vec<&'static str> {
        self.sequence += 1;
        self.say_again(change)
    }

    /// A report with the number of the last one.
    fn say_again(&mut self, change: ReportedChange) -> Vec<&'static str> {
        let decided = record_report(&self.order, &numbered(self.sequence, change));
        self.fold(decided.expect("a report that makes sense"))
    }

    /// Risk's cancel request number `request`.
    fn cancel(&mut self, request: u128) -> Vec<&'static str> {
        let decided = request_cancel(&self.order, event_id(request));
        self.fold(decided)
    }

    /// OrdStatus CumQty/LeavesQty.
    fn shows(&self) -> String {
        let (status, filled) = (self.order.status.name(), self.order.filled);
        format!("{status} {filled}/{}", self.order.leaves())
    }
}

fn numbered(sequence: u64, change: ReportedChange) -> OrderReport {
    OrderReport {
        report: report(sequence),
        change,
    }
}

fn acknowledged() -> ReportedChange {
    ReportedChange::Acknowledged {
        venue_order_id: VenueOrderId::derived(&["o1"]),
    }
}

/// Execution `id` of `units` at 100.
fn trade(id: &str, units: &str) -> ReportedChange {
    ReportedChange::Executed {
        execution_id: ExecutionId::new(id).expect("an execution id"),
        quantity: quantity(units),
        price: price("100"),
        commission: money("0.01"),
    }
}

fn rejected() -> ReportedChange {
    ReportedChange::Rejected {
        reason: "no".to_owned(),
    }
}

fn cancel_rejected() -> ReportedChange {
    ReportedChange::CancelRejected {
        reason: "too late".to_owned(),
    }
}
