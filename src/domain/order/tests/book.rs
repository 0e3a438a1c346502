//! What execution knows of all orders of its venue: which step each one needs next, and facts that
//! arrive twice, once looked ahead over and once from the feed.

use super::{Desk, acknowledged, approval_of, numbered, trade};
use crate::domain::Decided;
use crate::domain::order::{
    OrderStep, ReportedChange, VenueOrders, mark_in_doubt, reconcile, record_report,
    request_cancel, route,
};
use crate::domain::risk::Halts;
use crate::domain::tests::{Log, account_id, buy, client_order_id, noon_plus, order_id, paper};
use crate::events::catalogue::{CancelRequested, Finding, HaltMode, HaltScope, KillSwitchEngaged};
use crate::events::{Event, Recorded};
use crate::values::{EventId, OrderId, StreamName, VenueId};

/// A venue's orders over a log: what is decided is recorded and fed back.
struct Floor {
    log: Log,
    book: VenueOrders,
    sequence: u64,
}

const SENT: bool = true;
const NOT_SENT: bool = false;

impl Floor {
    fn new() -> Self {
        Self {
            log: Log::default(),
            book: VenueOrders::new(paper()),
            sequence: 0,
        }
    }

    /// One order, approved.
    fn approved() -> Self {
        let mut floor = Self::new();
        floor.account(approval_of("o1", buy("10")));
        floor
    }

    fn routed() -> Self {
        let mut floor = Self::approved();
        floor.route();
        floor
    }

    fn account(&mut self, event: impl Into<Event>) -> Option<OrderId> {
        let stream = StreamName::account(&account_id("main"));
        let recorded = self.log.record(&stream, event);
        self.book.apply(&recorded)
    }

    /// Asks for a cancel; the request.
    fn cancel_requested(&mut self) -> EventId {
        let id = self.account(CancelRequested {
            order_id: order_id("o1"),
            reason: String::new(),
        });
        assert_eq!(id, Some(order_id("o1")));
        self.log.last_id()
    }

    fn record(&mut self, decided: Decided) -> Vec<Recorded> {
        let Decided::Events(events) = decided else {
            panic!("nothing was decided");
        };
        let stream = StreamName::order(&order_id("o1"));
        let recorded = events
            .into_iter()
            .map(|event| self.log.record(&stream, event));
        recorded.collect()
    }

    fn feed(&mut self, decided: Decided) {
        for recorded in self.record(decided) {
            assert_eq!(self.book.apply(&recorded), Some(order_id("o1")));
        }
    }

    fn order(&self) -> &crate::domain::order::Order {
        self.book.order(&order_id("o1")).expect("an order")
    }

    fn route(&mut self) {
        self.feed(route(
            self.order(),
            &Halts::default(),
            noon_plus(0),
            noon_plus(0),
        ));
    }

    fn say(&mut self, change: ReportedChange) {
        self.sequence += 1;
        let decided = record_report(self.order(), &numbered(self.sequence, change));
        self.feed(decided.expect("a report that makes sense"));
    }

    fn doubt(&mut self) {
        self.feed(mark_in_doubt(self.order(), "cut"));
    }

    fn answer(&mut self, request: EventId) {
        self.feed(request_cancel(self.order(), request));
    }

    fn next(&self, sent: bool, cancel_sent: bool) -> Option<OrderStep> {
        self.book.next_step(&order_id("o1"), sent, cancel_sent)
    }

    fn unfinished(&self) -> Vec<&str> {
        self.book.unfinished().map(OrderId::as_str).collect()
    }
}

#[test]
fn an_approved_order_is_to_be_routed() {
    let floor = Floor::approved();
    assert_eq!(floor.next(NOT_SENT, NOT_SENT), Some(OrderStep::Route));
    assert_eq!(floor.unfinished(), ["o1"]);
    assert_eq!(
        floor.order().approval.client_order_id,
        client_order_id("client-o1")
    );
    let found = floor.book.by_client_order_id(&client_order_id("client-o1"));
    assert_eq!(found.map(|order| order.id().as_str()), Some("o1"));
    assert_eq!(
        floor.book.next_step(&order_id("o2"), NOT_SENT, NOT_SENT),
        None
    );
}

#[test]
fn an_order_of_another_venue_or_under_a_forged_approval_is_not_ours() {
    let mut floor = Floor::new();
    let mut elsewhere = approval_of("o1", buy("10"));
    elsewhere.venue = VenueId::new("alpaca").expect("a venue");
    assert_eq!(floor.account(elsewhere), None);
    let stream = StreamName::account(&account_id("other"));
    let forged = floor.log.record(&stream, approval_of("o2", buy("10")));
    assert_eq!(floor.book.apply(&forged), None);
    assert!(floor.unfinished().is_empty());
    assert_eq!(floor.book.folded_to.get(), 2);
}

#[test]
fn a_routed_order_is_in_doubt_only_after_a_restart() {
    let floor = Floor::routed();
    assert_eq!(floor.next(SENT, NOT_SENT), None);
    assert_eq!(floor.next(NOT_SENT, NOT_SENT), Some(OrderStep::Doubt));
}

#[test]
fn an_order_in_doubt_is_asked_for_until_the_venue_has_answered() {
    for (finding, next) in [
        (Finding::Known, None),
        (Finding::NeverArrived, Some(OrderStep::Route)),
    ] {
        let mut floor = Floor::routed();
        floor.doubt();
        assert!(floor.book.any_in_doubt());
        assert_eq!(floor.next(NOT_SENT, NOT_SENT), Some(OrderStep::AskVenue));
        floor.feed(reconcile(floor.order(), finding));
        assert!(!floor.book.any_in_doubt());
        assert_eq!(floor.next(NOT_SENT, NOT_SENT), next);
    }
}

#[test]
fn a_cancel_is_answered_then_sent_then_awaited() {
    let mut floor = Floor::routed();
    floor.say(acknowledged());
    let request = floor.cancel_requested();
    assert_eq!(
        floor.next(SENT, NOT_SENT),
        Some(OrderStep::AnswerCancel(request))
    );
    floor.answer(request);
    assert_eq!(
        floor.next(SENT, NOT_SENT),
        Some(OrderStep::SendCancel(request))
    );
    assert_eq!(floor.next(SENT, SENT), None);
    // Filled in the meantime: nothing is left to be done.
    floor.say(trade("e1", "10"));
    assert_eq!(floor.next(SENT, NOT_SENT), None);
    assert!(floor.unfinished().is_empty());
}

#[test]
fn a_second_cancel_is_answered_and_the_first_stays_to_be_sent() {
    let mut floor = Floor::routed();
    let first = floor.cancel_requested();
    floor.answer(first);
    let second = floor.cancel_requested();
    assert_eq!(
        floor.next(SENT, NOT_SENT),
        Some(OrderStep::AnswerCancel(second))
    );
    floor.answer(second);
    assert_eq!(
        floor.next(SENT, NOT_SENT),
        Some(OrderStep::SendCancel(first))
    );
}

#[test]
fn a_cancel_of_an_unsent_order_needs_no_second_answer() {
    let mut floor = Floor::approved();
    let request = floor.cancel_requested();
    assert_eq!(
        floor.next(NOT_SENT, NOT_SENT),
        Some(OrderStep::AnswerCancel(request))
    );
    floor.answer(request);
    assert_eq!(floor.next(NOT_SENT, NOT_SENT), None);
    assert!(floor.unfinished().is_empty());
}

#[test]
fn a_cancel_of_an_order_that_ended_is_answered_also_after_a_restart() {
    let mut floor = Floor::routed();
    floor.say(trade("e1", "10"));
    let request = floor.cancel_requested();
    assert_eq!(floor.unfinished(), ["o1"], "its cancel waits for an answer");
    assert_eq!(
        floor.next(NOT_SENT, NOT_SENT),
        Some(OrderStep::AnswerCancel(request))
    );
    floor.answer(request);
    assert!(floor.unfinished().is_empty());
}

/// A cancel can only be put to the venue when it is known to have the order. Else its refusal of a
/// cancel for an unknown order would pass for "the order is working".
#[test]
fn a_cancel_of_an_order_in_doubt_waits_until_the_doubt_is_over() {
    let mut floor = Floor::routed();
    let request = floor.cancel_requested();
    assert_eq!(floor.next(NOT_SENT, NOT_SENT), Some(OrderStep::Doubt));
    floor.doubt();
    assert_eq!(floor.next(NOT_SENT, NOT_SENT), Some(OrderStep::AskVenue));
    floor.feed(reconcile(floor.order(), Finding::NeverArrived));
    assert_eq!(
        floor.next(NOT_SENT, NOT_SENT),
        Some(OrderStep::AnswerCancel(request))
    );
    floor.answer(request);
    assert_eq!(floor.order().status.name(), "canceled");
}

#[test]
fn a_look_ahead_and_the_feed_count_once() {
    let mut floor = Floor::routed();
    let fill = record_report(floor.order(), &numbered(4, trade("e1", "4"))).expect("a fill");
    let recorded = floor.record(fill);
    let envelope = &recorded[0].envelope;
    floor
        .book
        .apply_ahead(&order_id("o1"), envelope.version, &envelope.event);
    let ahead = floor.order().clone();
    assert_eq!(ahead.filled.to_string(), "4");
    assert_eq!(floor.book.last_report, 4);
    floor
        .book
        .apply_ahead(&order_id("o1"), envelope.version, &envelope.event);
    assert_eq!(floor.book.apply(&recorded[0]), Some(order_id("o1")));
    assert_eq!(floor.order(), &ahead);
    assert_eq!(floor.book.folded_to, recorded[0].position());
}

#[test]
fn an_old_fact_from_the_feed_does_not_undo_a_later_look_ahead() {
    let mut floor = Floor::approved();
    let mut desk = Desk::approved(buy("10"));
    let routed = route(floor.order(), &Halts::default(), noon_plus(0), noon_plus(0));
    let recorded = floor.record(routed.clone());
    let first = &recorded[0].envelope;
    floor
        .book
        .apply_ahead(&order_id("o1"), first.version, &first.event);
    desk.fold(routed);
    let acknowledgement = record_report(floor.order(), &numbered(1, acknowledged()));
    let Ok(Decided::Events(events)) = acknowledgement else {
        panic!("not acknowledged");
    };
    floor
        .book
        .apply_ahead(&order_id("o1"), first.version.next(), &events[0]);
    desk.fold(Decided::Events(events));
    floor.book.apply(&recorded[0]);
    assert_eq!(floor.order().status.name(), "new");
    assert_eq!(floor.order(), &desk.order);
}

#[test]
fn the_last_report_is_the_highest_of_all_orders() {
    let mut floor = Floor::routed();
    floor.sequence = 6;
    floor.say(acknowledged());
    assert_eq!(floor.book.last_report, 7);
    floor.say(ReportedChange::Canceled);
    assert_eq!(floor.book.last_report, 8);
    let request = floor.cancel_requested();
    floor.answer(request);
    assert_eq!(
        floor.book.last_report, 8,
        "the gateway's own facts are no reports"
    );
}

#[test]
fn halts_are_folded_for_the_last_look() {
    let mut floor = Floor::approved();
    let engaged = KillSwitchEngaged {
        scope: HaltScope::Firm,
        mode: HaltMode::Halt,
        cause: String::new(),
    };
    let recorded = floor.log.record(&StreamName::halts(), engaged);
    assert_eq!(floor.book.apply(&recorded), None);
    let decided = route(floor.order(), &floor.book.halts, noon_plus(0), noon_plus(0));
    assert!(matches!(decided, Decided::Events(events) if events[0].name() == "OrderRejected"));
}
