//! The last look before an order leaves, and orders of which it is not known whether they arrived.

use super::{Desk, acknowledged, approval_of, trade};
use crate::domain::Decided;
use crate::domain::order::{Approval, OrderStatus, mark_in_doubt, reconcile, route};
use crate::domain::risk::Halts;
use crate::domain::tests::{
    Log, account_id, buy, client_order_id, event_id, noon_plus, order_id, paper, strategy_id,
    symbol,
};
use crate::events::Event;
use crate::events::catalogue::{
    Finding, HaltMode, HaltScope, KillSwitchEngaged, OrderInDoubt, OrderReconciled, OrderRejected,
    OrderRouted, Origin,
};
use crate::values::{StreamName, Version};

fn halted(scope: HaltScope) -> Halts {
    let mut halts = Halts::default();
    let engaged = Event::from(KillSwitchEngaged {
        scope,
        mode: HaltMode::Halt,
        cause: "test".to_owned(),
    });
    halts.apply(Version::new(1), &engaged);
    halts
}

fn rejected_by_gateway(reason: &str) -> Decided {
    Decided::one(OrderRejected {
        order_id: order_id("o1"),
        account: account_id("main"),
        origin: Origin::Gateway,
        reason: reason.to_owned(),
    })
}

#[test]
fn an_approved_order_is_routed_once() {
    let mut desk = Desk::approved(buy("10"));
    assert_eq!(
        route(&desk.order, &Halts::default(), noon_plus(1), noon_plus(1)),
        Decided::one(OrderRouted {
            order_id: order_id("o1"),
            account: account_id("main"),
            client_order_id: client_order_id("client-o1"),
            venue: paper(),
            terms: buy("10").terms,
            approval: event_id(1),
            attempt: 1,
        })
    );
    assert_eq!(desk.route(), ["OrderRouted"]);
    assert_eq!(desk.route(), [""; 0]);
    assert_eq!(desk.shows(), "routed 0/10");
}

#[test]
fn a_halt_that_came_after_the_approval_still_stops_the_order() {
    let desk = Desk::approved(buy("10").by("sma"));
    let cases = [
        (HaltScope::Firm, "firm"),
        (HaltScope::Account(account_id("main")), "account main"),
        (HaltScope::Strategy(strategy_id("sma")), "strategy sma"),
        (HaltScope::Instrument(symbol("AAPL")), "instrument AAPL"),
        (HaltScope::Venue(paper()), "venue paper"),
    ];
    for (scope, named) in cases {
        assert_eq!(
            route(&desk.order, &halted(scope), noon_plus(0), noon_plus(0)),
            rejected_by_gateway(&format!("kill switch engaged for {named}"))
        );
    }
    let elsewhere = halted(HaltScope::Instrument(symbol("MSFT")));
    let decided = route(&desk.order, &elsewhere, noon_plus(0), noon_plus(0));
    assert!(matches!(decided, Decided::Events(events) if events[0].name() == "OrderRouted"));
}

#[test]
fn an_approval_goes_out_of_date() {
    let mut desk = Desk::approved(buy("10"));
    let in_time = route(
        &desk.order,
        &Halts::default(),
        noon_plus(300),
        noon_plus(300),
    );
    assert!(matches!(in_time, Decided::Events(events) if events[0].name() == "OrderRouted"));
    let late = route(
        &desk.order,
        &Halts::default(),
        noon_plus(301),
        noon_plus(301),
    );
    assert_eq!(
        late,
        rejected_by_gateway("the approval is 301 s old; at most 300 s are allowed")
    );
    desk.fold(late);
    assert_eq!(desk.shows(), "rejected 0/0");
    assert_eq!(desk.route(), [""; 0]);
}

#[test]
fn an_approval_counts_only_on_the_stream_of_its_account() {
    let mut log = Log::default();
    let own = StreamName::account(&account_id("main"));
    let approval = Approval::recorded(&log.record(&own, approval_of("o1", buy("10"))));
    assert_eq!(approval.expect("an approval").event_id(), event_id(1));
    let forged = ["account-other", "order-main", "strategy-main"];
    for stream in forged {
        let stream = StreamName::new(stream).expect("a stream");
        let recorded = log.record(&stream, approval_of("o1", buy("10")));
        assert_eq!(Approval::recorded(&recorded), None, "{stream}");
    }
    let other_event = OrderInDoubt {
        order_id: order_id("o1"),
        reason: String::new(),
    };
    assert_eq!(Approval::recorded(&log.record(&own, other_event)), None);
}

#[test]
fn only_a_routed_order_comes_into_doubt() {
    let mut desk = Desk::approved(buy("10"));
    assert_eq!(mark_in_doubt(&desk.order, "cut"), Decided::AlreadyApplied);
    desk.route();
    let doubt = mark_in_doubt(&desk.order, "cut");
    assert_eq!(
        doubt,
        Decided::one(OrderInDoubt {
            order_id: order_id("o1"),
            reason: "cut".to_owned(),
        })
    );
    desk.fold(doubt);
    assert_eq!(desk.shows(), "in_doubt 0/10");
    assert_eq!(mark_in_doubt(&desk.order, "cut"), Decided::AlreadyApplied);
    desk.say(acknowledged());
    assert_eq!(mark_in_doubt(&desk.order, "cut"), Decided::AlreadyApplied);
}

fn in_doubt() -> Desk {
    let mut desk = Desk::routed(buy("10"));
    let doubt = mark_in_doubt(&desk.order, "cut");
    desk.fold(doubt);
    desk
}

#[test]
fn an_order_that_the_venue_knows_is_new() {
    let mut desk = in_doubt();
    let known = reconcile(&desk.order, Finding::Known);
    assert_eq!(
        known,
        Decided::one(OrderReconciled {
            order_id: order_id("o1"),
            finding: Finding::Known,
        })
    );
    desk.fold(known);
    assert_eq!(desk.shows(), "new 0/10");
    assert_eq!(
        reconcile(&desk.order, Finding::NeverArrived),
        Decided::AlreadyApplied
    );
}

#[test]
fn an_order_that_never_arrived_goes_out_again_under_the_same_id() {
    let mut desk = in_doubt();
    let never_arrived = reconcile(&desk.order, Finding::NeverArrived);
    desk.fold(never_arrived);
    assert_eq!(desk.order.status, OrderStatus::Approved);
    let Decided::Events(events) = route(&desk.order, &Halts::default(), noon_plus(0), noon_plus(0))
    else {
        panic!("not routed");
    };
    let Event::OrderRouted(again) = &events[0] else {
        panic!("{events:?}");
    };
    assert_eq!(again.attempt, 2);
    assert_eq!(again.client_order_id, client_order_id("client-o1"));
    assert_eq!(again.approval, event_id(1));
    desk.fold(Decided::Events(events));
    assert_eq!(
        (desk.shows().as_str(), desk.order.attempts),
        ("routed 0/10", 2)
    );
}

#[test]
fn an_order_that_never_arrived_passes_the_same_last_look() {
    let mut desk = in_doubt();
    let never_arrived = reconcile(&desk.order, Finding::NeverArrived);
    desk.fold(never_arrived);
    assert_eq!(
        route(
            &desk.order,
            &halted(HaltScope::Firm),
            noon_plus(0),
            noon_plus(0)
        ),
        rejected_by_gateway("kill switch engaged for firm")
    );
}

#[test]
fn a_report_ends_the_doubt_before_the_venue_is_asked() {
    let mut desk = in_doubt();
    desk.say(trade("e1", "4"));
    assert_eq!(desk.shows(), "partially_filled 4/6");
    assert_eq!(
        reconcile(&desk.order, Finding::NeverArrived),
        Decided::AlreadyApplied
    );
}

/// A replayed market turns a day in no time, and one that stands still does not age an order.
#[test]
fn an_approval_is_as_old_as_the_clock_says_that_finds_it_younger() {
    let desk = Desk::approved(buy("10"));
    let name = |now, wall| match route(&desk.order, &Halts::default(), now, wall) {
        Decided::Events(events) => events[0].name(),
        Decided::AlreadyApplied => "nothing",
    };
    let (fresh, old) = (noon_plus(1), noon_plus(86_400));
    assert_eq!(name(old, fresh), "OrderRouted", "the data turned a day");
    assert_eq!(name(fresh, old), "OrderRouted", "the node was away");
    assert_eq!(name(old, old), "OrderRejected");
}
