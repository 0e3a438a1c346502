//! Cancels: of orders in every situation, one after the other, and of none.

use super::{Desk, acknowledged, cancel_rejected, trade};
use crate::domain::Decided;
use crate::domain::order::{ReportedChange, request_cancel};
use crate::domain::tests::{account_id, buy, event_id, order_id};
use crate::events::catalogue::{CancelPending, CancelRejected, OrderCanceled, Origin};

fn turned_down(reason: &str, request: u128) -> Decided {
    Decided::one(CancelRejected {
        order_id: order_id("o1"),
        origin: Origin::Gateway,
        reason: reason.to_owned(),
        request: event_id(request),
    })
}

#[test]
fn an_order_that_was_not_sent_is_cancelled_on_the_spot() {
    let mut desk = Desk::approved(buy("10"));
    let decided = request_cancel(&desk.order, event_id(50));
    assert_eq!(
        decided,
        Decided::one(OrderCanceled {
            order_id: order_id("o1"),
            account: account_id("main"),
            origin: Origin::Gateway,
        })
    );
    desk.fold(decided);
    assert_eq!(desk.shows(), "canceled 0/0");
    assert_eq!(desk.route(), [""; 0], "never sent any more");
}

#[test]
fn a_cancel_of_a_working_order_is_put_to_the_venue_once() {
    let mut routed = Desk::routed(buy("10"));
    let mut working = Desk::routed(buy("10"));
    working.say(acknowledged());
    let mut part = Desk::routed(buy("10"));
    part.say(trade("e1", "4"));
    for desk in [&mut routed, &mut working, &mut part] {
        let decided = request_cancel(&desk.order, event_id(50));
        assert_eq!(
            decided,
            Decided::one(CancelPending {
                order_id: order_id("o1"),
                request: event_id(50),
            })
        );
        desk.fold(decided);
        assert_eq!(desk.order.status.name(), "pending_cancel");
        assert_eq!(desk.order.venue_cancel, Some(event_id(50)));
        assert_eq!(
            request_cancel(&desk.order, event_id(50)),
            Decided::AlreadyApplied
        );
    }
}

#[test]
fn a_second_cancel_is_turned_down_and_the_first_stays_pending() {
    let mut desk = Desk::routed(buy("10"));
    desk.say(trade("e1", "4"));
    desk.cancel(50);
    let second = request_cancel(&desk.order, event_id(51));
    assert_eq!(second, turned_down("the order is pending_cancel", 51));
    desk.fold(second);
    assert_eq!(desk.shows(), "pending_cancel 4/6");
    assert_eq!(desk.order.venue_cancel, Some(event_id(50)));
    assert_eq!(
        request_cancel(&desk.order, event_id(51)),
        Decided::AlreadyApplied
    );
    desk.say(ReportedChange::Canceled);
    assert_eq!(desk.shows(), "canceled 4/0");
}

#[test]
fn a_cancel_of_an_order_that_ended_is_turned_down() {
    let ends = [
        (trade("e1", "10"), "filled"),
        (ReportedChange::Canceled, "canceled"),
        (ReportedChange::Expired, "expired"),
    ];
    for (end, status) in ends {
        let mut desk = Desk::routed(buy("10"));
        desk.say(end);
        let decided = request_cancel(&desk.order, event_id(50));
        assert_eq!(decided, turned_down(&format!("the order is {status}"), 50));
        desk.fold(decided);
        assert_eq!(desk.order.status.name(), status);
        assert_eq!(
            request_cancel(&desk.order, event_id(50)),
            Decided::AlreadyApplied
        );
    }
}

#[test]
fn after_the_venue_has_turned_a_cancel_down_another_may_be_tried() {
    let mut desk = Desk::routed(buy("10"));
    desk.say(acknowledged());
    desk.cancel(50);
    desk.say(cancel_rejected());
    assert_eq!(desk.shows(), "new 0/10");
    assert_eq!(desk.cancel(51), ["CancelPending"]);
    assert_eq!(desk.order.venue_cancel, Some(event_id(51)));
}

#[test]
fn the_venues_refusal_names_the_request_it_answers() {
    let mut desk = Desk::routed(buy("10"));
    desk.cancel(50);
    desk.cancel(51);
    desk.say(cancel_rejected());
    assert_eq!(desk.order.answered_cancel, Some(event_id(50)));
}
