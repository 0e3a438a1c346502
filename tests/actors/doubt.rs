//! A timeout is not a rejection: what may have arrived is asked for, and sent again only when the
//! venue is certain not to have it.

use blotter::events::Event;
use blotter::events::catalogue::OrderRouted;

use crate::desk::{Desk, World, quiet};
use crate::support::*;
use crate::venue::{Call, Sending, acknowledged, trade};

const SENT_TWICE: [&str; 4] = [
    "OrderRouted",
    "OrderInDoubt",
    "OrderReconciled",
    "OrderRouted",
];

async fn routed(desk: &Desk) -> Vec<OrderRouted> {
    let log = desk.log().await;
    let routed = log.iter().filter_map(|recorded| match recorded.event() {
        Event::OrderRouted(routed) => Some(routed.clone()),
        _ => None,
    });
    routed.collect()
}

#[test]
fn what_never_arrived_is_sent_again_under_the_same_client_order_id() {
    for sending in [Sending::UnknownLost, Sending::Unavailable] {
        World::new().run(async |desk| {
            let order = sent_as("o-1");
            desk.venue.next_sendings([sending]);
            receipt(&desk.command(buy("o-1", "10")).await);
            desk.settled().await;
            assert_eq!(desk.story("o-1").await, SENT_TWICE, "{sending:?}");
            let calls = [
                Call::Submit(order.clone()),
                Call::Knows(order.clone()),
                Call::Submit(order.clone()),
            ];
            assert_eq!(desk.venue.calls(), calls, "{sending:?}");
            assert_eq!(desk.venue.entered(), std::slice::from_ref(&order));
            let sent: Vec<_> = routed(desk)
                .await
                .into_iter()
                .map(|routed| (routed.client_order_id, routed.attempt))
                .collect();
            assert_eq!(sent, [(order.clone(), 1), (order, 2)], "{sending:?}");
        });
    }
}

#[test]
fn what_arrived_is_never_sent_again() {
    let world = World::new();
    world.run(async |desk| {
        let order = sent_as("o-1");
        desk.venue.next_sendings([Sending::UnknownArrived]);
        receipt(&desk.command(buy("o-1", "10")).await);
        desk.settled().await;
        assert_eq!(desk.story("o-1").await, SENT_TWICE[..3]);
        assert_eq!(desk.reserved_cash().await, "1001");
        desk.venue.report(&order, acknowledged(&order));
        desk.venue.report(&order, trade(1, "10"));
        desk.settled().await;
        assert_eq!(desk.reserved_cash().await, "0");
    });
    world.run(async |desk| {
        desk.settled().await;
        assert_eq!(desk.venue.submits(&sent_as("o-1")), 1);
    });
}

/// The venue takes its time: the order keeps its reservation and nothing new is sent.
#[test]
fn an_order_in_doubt_keeps_its_reservation_until_the_venue_has_said_so() {
    World::new().run(async |desk| {
        desk.venue.next_sendings([Sending::UnknownLost]);
        desk.venue.fail_questions(1_000_000);
        receipt(&desk.command(buy("o-1", "10")).await);
        quiet().await;
        receipt(&desk.command(buy("o-2", "10")).await);
        for _ in 0..100 {
            quiet().await;
        }
        assert_eq!(desk.story("o-1").await, ["OrderRouted", "OrderInDoubt"]);
        assert_eq!(desk.story("o-2").await, [""; 0], "sent during the doubt");
        assert_eq!(desk.reserved_cash().await, "2002");
        desk.venue.fail_questions(0);
        desk.settled().await;
        assert_eq!(desk.story("o-1").await, SENT_TWICE);
        assert_eq!(desk.venue.entered().len(), 2);
    });
}

/// A halt engaged during the doubt stops the second sending, not the question.
#[test]
fn what_never_arrived_passes_the_last_look_again() {
    World::new().run(async |desk| {
        desk.venue.next_sendings([Sending::UnknownLost]);
        desk.venue.fail_questions(3);
        receipt(&desk.command(buy("o-1", "10")).await);
        let scope = blotter::events::catalogue::HaltScope::Firm;
        receipt(&desk.command(engage("h-1", scope)).await);
        desk.settled().await;
        let story = [
            "OrderRouted",
            "OrderInDoubt",
            "OrderReconciled",
            "OrderRejected",
        ];
        assert_eq!(desk.story("o-1").await, story);
        assert_eq!(desk.venue.submits(&sent_as("o-1")), 1);
        assert_eq!(desk.reserved_cash().await, "0");
    });
}

/// However often an order did not arrive, a run that ends while it is being sent again is repaired
/// by the next.
#[test]
fn a_restart_finds_its_way_after_any_number_of_sendings() {
    for lost in 0..8 {
        let world = World::new();
        world.run(async |desk| {
            let lost = std::iter::repeat_n(Sending::UnknownLost, lost);
            desk.venue.next_sendings(lost.chain([Sending::HangsLost]));
            receipt(&desk.command(buy("o-1", "10")).await);
            quiet().await;
            assert_eq!(desk.story("o-1").await.last(), Some(&"OrderRouted"));
        });
        world.run(async |desk| {
            desk.settled().await;
            assert_eq!(
                desk.restarts("execution").await,
                [""; 0],
                "{lost} were lost"
            );
            assert_eq!(desk.venue.entered(), [sent_as("o-1")], "{lost} were lost");
            assert_eq!(routed(desk).await.len(), lost + 2);
        });
    }
}

#[cfg(feature = "failpoints")]
#[test]
fn a_panic_around_the_sending_sends_once() {
    use crate::crash::{all_happened, panic_at};
    for place in [
        "execution::fold",
        "execution::before_append",
        "execution::after_append",
        "execution::before_send",
        "execution::after_send",
    ] {
        World::new().run(async |desk| {
            panic_at(place, 1);
            receipt(&desk.command(buy("o-1", "10")).await);
            desk.settled().await;
            assert!(all_happened(), "{place} was not passed");
            assert_eq!(desk.venue.entered(), [sent_as("o-1")], "{place}");
            assert_eq!(desk.venue.submits(&sent_as("o-1")), 1, "{place}");
            assert_eq!(desk.restarts("execution").await, ["it panicked"], "{place}");
        });
    }
}
