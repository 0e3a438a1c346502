//! Reports of the venue: what each one records, and those that come twice, early or late.

use super::{Desk, acknowledged, cancel_rejected, numbered, rejected, trade};
use crate::domain::Decided;
use crate::domain::order::{
    OrderError, OrderStatus, ReportedChange, Step, mark_in_doubt, reconcile, record_report,
};
use crate::domain::tests::{
    account_id, buy, event_id, money, order_id, price, quantity, report, symbol,
};
use crate::events::Event;
use crate::events::catalogue::{
    CancelRejected, Finding, OrderAcknowledged, OrderCanceled, OrderExecuted, OrderExpired,
    OrderRejected, Origin,
};
use crate::values::{ExecutionId, Quantity, Side, VenueOrderId};

fn venue(sequence: u64) -> Origin {
    Origin::Venue {
        report: report(sequence),
    }
}

/// Every kind of report, as the venue's number 3, and the fact it becomes.
fn every_change() -> [(ReportedChange, Event); 6] {
    let (order_id, account) = (order_id("o1"), account_id("main"));
    let executed = OrderExecuted {
        order_id: order_id.clone(),
        account: account.clone(),
        execution_id: ExecutionId::new("e1").expect("an execution id"),
        symbol: symbol("AAPL"),
        side: Side::Buy,
        quantity: quantity("4"),
        price: price("100"),
        commission: money("0.01"),
        cumulative_quantity: quantity("4"),
        leaves_quantity: quantity("6"),
        report: report(3),
    };
    let acknowledgement = OrderAcknowledged {
        order_id: order_id.clone(),
        venue_order_id: VenueOrderId::derived(&["o1"]),
        report: report(3),
    };
    let rejection = OrderRejected {
        order_id: order_id.clone(),
        account: account.clone(),
        origin: venue(3),
        reason: "no".to_owned(),
    };
    let canceled = OrderCanceled {
        order_id: order_id.clone(),
        account: account.clone(),
        origin: venue(3),
    };
    let cancel_rejection = CancelRejected {
        order_id: order_id.clone(),
        origin: venue(3),
        reason: "too late".to_owned(),
        request: event_id(50),
    };
    let expired = OrderExpired {
        order_id,
        account,
        report: report(3),
    };
    [
        (acknowledged(), acknowledgement.into()),
        (rejected(), rejection.into()),
        (trade("e1", "4"), executed.into()),
        (ReportedChange::Canceled, canceled.into()),
        (cancel_rejected(), cancel_rejection.into()),
        (ReportedChange::Expired, expired.into()),
    ]
}

/// Routed, with cancel request number 50 at the venue.
fn pending_cancel() -> Desk {
    let mut desk = Desk::routed(buy("10"));
    desk.cancel(50);
    desk
}

#[test]
fn each_report_becomes_its_fact() {
    for (change, fact) in every_change() {
        let decided = record_report(&pending_cancel().order, &numbered(3, change));
        assert_eq!(decided, Ok(Decided::one(fact)));
    }
}

#[test]
fn a_report_that_was_seen_changes_nothing() {
    for (change, fact) in every_change() {
        let mut desk = pending_cancel();
        desk.fold(Decided::one(fact));
        for seen in [2, 3] {
            let decided = record_report(&desk.order, &numbered(seen, change.clone()));
            assert_eq!(decided, Ok(Decided::AlreadyApplied), "{change:?}");
        }
    }
}

#[test]
fn an_execution_counts_once_under_whatever_number_it_is_reported() {
    let mut desk = Desk::routed(buy("10"));
    assert_eq!(desk.say(trade("e1", "4")), ["OrderExecuted"]);
    assert_eq!(desk.say(trade("e1", "4")), [""; 0]);
    assert_eq!(desk.shows(), "partially_filled 4/6");
    assert_eq!(desk.say(trade("e2", "4")), ["OrderExecuted"]);
    assert_eq!(desk.shows(), "partially_filled 8/2");
}

#[test]
fn a_fill_may_overtake_the_acknowledgement() {
    let mut part = Desk::routed(buy("10"));
    part.say(trade("e1", "4"));
    assert_eq!(part.say(acknowledged()), ["OrderAcknowledged"]);
    assert_eq!(part.shows(), "partially_filled 4/6");

    let mut whole = Desk::routed(buy("10"));
    whole.say(trade("e1", "10"));
    assert_eq!(whole.say(acknowledged()), ["OrderAcknowledged"]);
    assert_eq!(whole.shows(), "filled 10/0");
}

#[test]
fn a_fill_after_the_end_is_recorded_and_leaves_nothing() {
    let ends = [
        rejected(),
        ReportedChange::Canceled,
        ReportedChange::Expired,
    ];
    for end in ends {
        let mut desk = Desk::routed(buy("10"));
        desk.say(end);
        let ended = desk.order.status;
        let decided = record_report(&desk.order, &numbered(2, trade("e1", "4")));
        let Ok(Decided::Events(events)) = &decided else {
            panic!("{ended:?}: {decided:?}");
        };
        let Event::OrderExecuted(executed) = &events[0] else {
            panic!("{events:?}");
        };
        assert_eq!(executed.cumulative_quantity, quantity("4"));
        assert_eq!(executed.leaves_quantity, Quantity::ZERO, "{ended:?}");
        desk.say(trade("e1", "4"));
        assert_eq!(desk.order.status, ended);
        assert_eq!(desk.order.filled, quantity("4"));
    }
}

#[test]
fn more_than_was_ordered_is_recorded_as_it_was_executed() {
    let mut desk = Desk::routed(buy("10"));
    desk.say(trade("e1", "8"));
    assert_eq!(desk.say(trade("e2", "5")), ["OrderExecuted"]);
    assert_eq!(desk.shows(), "filled 13/0");
    // And one more when the order is filled already: the venue's facts are facts.
    assert_eq!(desk.say(trade("e3", "1")), ["OrderExecuted"]);
    assert_eq!(desk.shows(), "filled 14/0");
}

#[test]
fn whatever_a_venue_says_of_an_order_that_ended_is_recorded() {
    let ends = [
        trade("e0", "10"),
        rejected(),
        ReportedChange::Canceled,
        ReportedChange::Expired,
    ];
    for end in ends {
        for (change, fact) in every_change() {
            let mut desk = Desk::routed(buy("10"));
            desk.say(end.clone());
            let ended = desk.order.status;
            assert_eq!(desk.say(change), [fact.name()], "{ended:?}");
            assert_eq!(desk.order.status, ended);
        }
    }
}

#[test]
fn an_order_believed_lost_is_back_when_the_venue_reports_it() {
    let cases = [
        (acknowledged(), "new 0/10"),
        (trade("e1", "4"), "partially_filled 4/6"),
        (trade("e1", "10"), "filled 10/0"),
        (rejected(), "rejected 0/0"),
        (ReportedChange::Canceled, "canceled 0/0"),
        (ReportedChange::Expired, "expired 0/0"),
    ];
    for (change, expected) in cases {
        let mut desk = Desk::routed(buy("10"));
        let doubt = mark_in_doubt(&desk.order, "cut");
        desk.fold(doubt);
        let never_arrived = reconcile(&desk.order, Finding::NeverArrived);
        desk.fold(never_arrived);
        desk.say(change);
        assert_eq!(desk.shows(), expected);
        assert_eq!(desk.route(), [""; 0], "it is not sent a second time");
    }
}

#[test]
fn a_report_that_makes_no_sense_is_an_error_and_no_fact() {
    let mut desk = Desk::routed(buy("10"));
    desk.say(trade("e1", "4"));
    let decided = record_report(&desk.order, &numbered(2, rejected()));
    assert_eq!(
        decided,
        Err(OrderError::Impossible {
            order: order_id("o1"),
            status: OrderStatus::PartiallyFilled,
            step: Step::Reject,
        })
    );
    let unasked = record_report(&desk.order, &numbered(2, cancel_rejected()));
    assert_eq!(
        unasked.expect_err("no cancel is pending").to_string(),
        "order o1 is PartiallyFilled, where RejectCancel makes no sense"
    );
}
