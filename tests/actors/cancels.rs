//! Cancels: before routing, of a working order, turned down, repeated, across restarts.

use blotter::events::Event;
use blotter::events::catalogue::Origin;
use blotter::values::CommandId;
use blotter::venues::ReportBody;

use crate::desk::{Desk, World, pass, quiet};
use crate::support::*;
use crate::venue::{Call, Sending, acknowledged, trade};

/// Ids of all cancels that were put to the venue, in order.
fn sent_cancels(desk: &Desk) -> Vec<CommandId> {
    let calls = desk.venue.calls().into_iter();
    let cancels = calls.filter_map(|call| match call {
        Call::Cancel(_, id) => Some(id),
        _ => None,
    });
    cancels.collect()
}

/// A working order of command `o-1`.
async fn working(desk: &Desk) {
    let order = sent_as("o-1");
    receipt(&desk.command(buy("o-1", "10")).await);
    desk.settled().await;
    desk.venue.report(&order, acknowledged(&order));
    desk.settled().await;
}

#[test]
fn an_order_cancelled_before_it_is_routed_is_never_sent() {
    World::new().run(async |desk| {
        // In doubt elsewhere, so that the order waits.
        desk.venue.next_sendings([Sending::UnknownArrived]);
        desk.venue.fail_questions(20);
        receipt(&desk.command(buy("o-1", "1")).await);
        quiet().await;
        receipt(&desk.command(buy("o-2", "10")).await);
        quiet().await;
        receipt(&desk.command(cancel("c-2", "o-2")).await);
        desk.settled().await;
        assert_eq!(desk.story("o-2").await, ["OrderCanceled"]);
        let by_gateway = |event: &Event| {
            matches!(event, Event::OrderCanceled(canceled) if canceled.origin == Origin::Gateway)
        };
        assert_eq!(desk.count(by_gateway).await, 1);
        assert_eq!(desk.venue.submits(&sent_as("o-2")), 0);
        assert_eq!(sent_cancels(desk), []);
        assert_eq!(desk.reserved_cash().await, "100.1");
    });
}

#[test]
fn a_working_order_is_cancelled_at_the_venue() {
    World::new().run(async |desk| {
        working(desk).await;
        receipt(&desk.command(cancel("c-1", "o-1")).await);
        desk.settled().await;
        assert_eq!(sent_cancels(desk).len(), 1);
        assert_eq!(desk.reserved_cash().await, "1001", "freed too early");
        desk.venue.report(&sent_as("o-1"), ReportBody::Canceled);
        desk.settled().await;
        let story = [
            "OrderRouted",
            "OrderAcknowledged",
            "CancelPending",
            "OrderCanceled",
        ];
        assert_eq!(desk.story("o-1").await, story);
        assert_eq!(desk.reserved_cash().await, "0");
    });
}

#[test]
fn a_cancel_that_the_venue_turns_down_leaves_the_order_working_and_can_be_repeated() {
    World::new().run(async |desk| {
        let order = sent_as("o-1");
        working(desk).await;
        receipt(&desk.command(cancel("c-1", "o-1")).await);
        quiet().await;
        let reason = "too late".to_owned();
        desk.venue
            .report(&order, ReportBody::CancelRejected { reason });
        desk.settled().await;
        receipt(&desk.command(cancel("c-2", "o-1")).await);
        quiet().await;
        let cancels = sent_cancels(desk);
        assert_eq!(cancels.len(), 2);
        assert_ne!(cancels[0], cancels[1], "the venue answers a cancel id once");
        desk.venue.report(&order, trade(1, "10"));
        desk.settled().await;
        assert_eq!(desk.story("o-1").await.last(), Some(&"OrderExecuted"));
        assert_eq!(desk.reserved_cash().await, "0");
    });
}

#[test]
fn a_second_cancel_while_one_is_pending_is_turned_down_and_not_sent() {
    World::new().run(async |desk| {
        working(desk).await;
        receipt(&desk.command(cancel("c-1", "o-1")).await);
        quiet().await;
        receipt(&desk.command(cancel("c-2", "o-1")).await);
        desk.settled().await;
        let story = [
            "OrderRouted",
            "OrderAcknowledged",
            "CancelPending",
            "CancelRejected",
        ];
        assert_eq!(desk.story("o-1").await, story);
        assert_eq!(sent_cancels(desk).len(), 1);
    });
}

#[test]
fn a_cancel_is_sent_again_under_its_own_id() {
    let world = World::new();
    world.run(async |desk| {
        working(desk).await;
        desk.venue.fail_cancels(2);
        receipt(&desk.command(cancel("c-1", "o-1")).await);
        desk.settled().await;
        assert_eq!(sent_cancels(desk).len(), 3);
    });
    world.run(async |desk| {
        desk.settled().await;
        quiet().await;
        let cancels = sent_cancels(desk);
        assert_eq!(cancels.len(), 4, "not sent again after the restart");
        assert!(cancels.iter().all(|id| *id == cancels[0]), "{cancels:?}");
        desk.venue.report(&sent_as("o-1"), ReportBody::Canceled);
        desk.settled().await;
        assert_eq!(desk.reserved_cash().await, "0");
    });
}

/// A venue that cannot be reached is asked again after a pause, not at once and not for nothing.
#[test]
fn an_unreachable_venue_is_not_asked_in_haste() {
    World::new().run(async |desk| {
        working(desk).await;
        desk.venue.fail_cancels(1_000_000);
        receipt(&desk.command(cancel("c-1", "o-1")).await);
        pass(std::time::Duration::from_secs(10)).await;
        let asked = sent_cancels(desk).len();
        assert!((32..=41).contains(&asked), "{asked} times in 10 s");
    });
}
