//! The way to the venue: durable first, once, and nothing new before what is old is accounted for.

use std::time::Duration;

use blotter::events::Event;
use blotter::events::catalogue::HaltScope;
use blotter::values::StreamName;

use crate::desk::{World, commit, mark, pass, quiet};
use crate::support::*;
use crate::venue::{Call, Sending, acknowledged, trade};

#[test]
fn an_order_is_sent_after_its_routing_is_durable() {
    World::new().run(async |desk| {
        // The approval gets to disk, the routing does not.
        desk.store.hold();
        desk.store.allow(1);
        receipt(&desk.command(buy("o-1", "10")).await);
        quiet().await;
        assert_eq!(desk.story("o-1").await, [""; 0]);
        assert_eq!(desk.venue.calls(), [], "sent before it was durable");
        desk.store.let_go();
        desk.settled().await;
        assert_eq!(desk.story("o-1").await, ["OrderRouted"]);
        assert_eq!(desk.venue.calls(), [Call::Submit(sent_as("o-1"))]);
    });
}

/// Two command ids, the first of which makes the order with the smaller id.
fn in_order_of_ids() -> (&'static str, &'static str) {
    match order_id("o-1") < order_id("o-2") {
        true => ("o-1", "o-2"),
        false => ("o-2", "o-1"),
    }
}

/// An order that an earlier run may have sent is asked for first, whichever id sorts first; the one
/// approved and never routed waits for that, and is sent once.
#[test]
fn what_an_earlier_run_may_have_sent_is_asked_for_before_anything_is_sent() {
    let (small, large) = in_order_of_ids();
    for (routed, approved) in [(small, large), (large, small)] {
        for sending in [Sending::Hangs, Sending::HangsLost] {
            let world = World::new();
            world.run(async |desk| {
                desk.venue.next_sendings([sending]);
                receipt(&desk.command(buy(routed, "10")).await);
                quiet().await;
                desk.store.hold();
                desk.store.allow(1);
                receipt(&desk.command(buy(approved, "10")).await);
                assert_eq!(desk.story(approved).await, [""; 0]);
            });
            world.store.let_go();
            world.run(async |desk| {
                desk.settled().await;
                let mut calls = vec![Call::Submit(sent_as(routed)), Call::Knows(sent_as(routed))];
                if sending == Sending::HangsLost {
                    calls.push(Call::Submit(sent_as(routed)));
                }
                let all = desk.venue.calls();
                assert_eq!(all[..2], calls[..2], "{sending:?}");
                let mut sent = all[2..].to_vec();
                assert_eq!(
                    sent.extract_if(.., |call| *call == Call::Submit(sent_as(approved)))
                        .count(),
                    1,
                    "{sending:?}"
                );
                assert_eq!(sent, calls[2..], "{sending:?}");
                assert_eq!(desk.venue.entered().len(), 2);
            });
        }
    }
}

/// A venue's last word before a restart may be one that changes nothing; it counts as heard.
#[test]
fn a_report_that_changed_nothing_does_not_stop_the_next_run_from_sending() {
    let world = World::new();
    world.run(async |desk| {
        let order = sent_as("o-1");
        receipt(&desk.command(buy("o-1", "10")).await);
        desk.settled().await;
        desk.venue.report(&order, acknowledged(&order));
        desk.venue.report(&order, trade(1, "5"));
        desk.venue.report(&order, trade(1, "5"));
        desk.settled().await;
        let executed = desk.count(|event| matches!(event, Event::OrderExecuted(_)));
        assert_eq!(executed.await, 1);
    });
    world.run(async |desk| {
        receipt(&desk.command(buy("o-2", "1")).await);
        desk.settled().await;
        assert_eq!(desk.venue.submits(&sent_as("o-2")), 1, "it was never sent");
    });
}

#[test]
fn an_approval_that_is_too_old_is_not_sent() {
    let world = World::new();
    world.run(async |desk| {
        desk.store.hold();
        desk.store.allow(1);
        receipt(&desk.command(buy("o-1", "10")).await);
    });
    world.store.let_go();
    world.clock.advance_to(at_second(301));
    world.run(async |desk| {
        desk.settled().await;
        assert_eq!(desk.story("o-1").await, ["OrderRejected"]);
        assert_eq!(desk.venue.calls(), []);
        assert_eq!(desk.reserved_cash().await, "0");
    });
}

/// A venue that does not answer makes later orders wait, not time out: they are approved, nothing
/// of them is sent, and they can still be cancelled or stopped.
#[test]
fn only_so_many_orders_are_on_their_way_at_once() {
    const AT_ONCE: usize = 64;
    const ORDERS: usize = AT_ONCE + 6;
    World::new().run(async |desk| {
        desk.venue
            .next_sendings(std::iter::repeat_n(Sending::Hangs, AT_ONCE));
        for number in 0..ORDERS {
            receipt(&desk.command(buy(&format!("o-{number}"), "1")).await);
        }
        quiet().await;
        let routed = |event: &Event| matches!(event, Event::OrderRouted(_));
        assert_eq!(desk.count(routed).await, AT_ONCE);
        assert_eq!(desk.venue.calls().len(), AT_ONCE);
        desk.settled().await;
        assert_eq!(desk.count(routed).await, ORDERS);
        for number in 0..ORDERS {
            let id = format!("o-{number}");
            assert_eq!(desk.venue.submits(&sent_as(&id)), 1, "{id}");
        }
    });
}

/// Orders that waited are all turned down at once when a switch was engaged meanwhile. That is
/// recorded for each, and what others have to record gets in between.
#[test]
fn orders_that_waited_leave_room_in_the_journal() {
    const AT_ONCE: usize = 256;
    const ORDERS: usize = AT_ONCE + 44;
    World::new().run(async |desk| {
        receipt(&desk.command(deposit("d-1", "100000")).await);
        // As long as it is in doubt nothing else is sent.
        desk.venue.next_sendings([Sending::UnknownArrived]);
        desk.venue.fail_questions(usize::MAX);
        receipt(&desk.command(buy("doubtful", "1")).await);
        quiet().await;
        for number in 0..ORDERS {
            receipt(&desk.command(buy(&format!("o-{number}"), "1")).await);
        }
        receipt(&desk.command(engage("h-1", HaltScope::Firm)).await);
        quiet().await;
        desk.store.hold();
        desk.venue.behave();
        pass(Duration::from_secs(1)).await;
        // The doubt is over on disk; what follows from that waits for the disk.
        desk.store.allow(1);
        quiet().await;
        let other = commit("m-2", StreamName::market(&aapl()), 1, vec![mark(2, "100")]);
        let other = desk.journal.writer().submit(other);
        desk.store.let_go();
        let other = other.await.expect("recorded").receipt.first_position;
        desk.settled().await;
        let log = desk.log().await;
        let turned_down = |event: &Event| matches!(event, Event::OrderRejected(_));
        let turned_down = log.iter().filter(|recorded| turned_down(recorded.event()));
        let at: Vec<_> = turned_down.map(|recorded| recorded.position()).collect();
        assert_eq!(at.len(), ORDERS);
        assert_eq!(at.iter().filter(|at| **at < other).count(), AT_ONCE);
        assert_eq!(desk.restarts("execution").await, [""; 0]);
        assert_eq!(desk.venue.entered(), [sent_as("doubtful")]);
    });
}
