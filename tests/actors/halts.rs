//! Kill switches: engaging acts at once, releasing once it is durable, cancels always pass.

use blotter::actors::messages::{CommandFailure, CommandOutcome, CommandResult};
use blotter::events::Event;
use blotter::events::catalogue::{CheckCode, HaltScope, Origin};
use blotter::values::{AccountId, StrategyId, Symbol, VenueId};

use crate::desk::{Desk, World, quiet};
use crate::faulty::Fault;
use crate::support::*;

/// Which check refused the order of a command; `None` when it was approved.
fn refused_by(result: &CommandResult) -> Option<CheckCode> {
    let Ok(CommandOutcome::Recorded(appended)) = result else {
        panic!("{result:?}");
    };
    match appended.records[1].event() {
        Event::OrderRefused(refused) => Some(refused.code),
        Event::OrderApproved(_) => None,
        other => panic!("{other:?}"),
    }
}

async fn halted(desk: &Desk, id: &str) -> bool {
    match refused_by(&desk.command(buy(id, "1")).await) {
        Some(CheckCode::NoHalt) => true,
        None => false,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_engaged_switch_stops_what_is_queued_behind_it_at_once() {
    World::new().run(async |desk| {
        desk.store.hold();
        let switch = desk.later(engage("h-1", HaltScope::Firm));
        let order = desk.later(buy("o-1", "1"));
        quiet().await;
        desk.store.let_go();
        receipt(&switch.answer().await);
        assert_eq!(refused_by(&order.answer().await), Some(CheckCode::NoHalt));
        desk.settled().await;
        assert_eq!(desk.venue.calls(), []);
    });
}

#[test]
fn a_released_switch_acts_until_the_release_is_durable() {
    World::new().run(async |desk| {
        receipt(&desk.command(engage("h-1", HaltScope::Firm)).await);
        desk.store.hold();
        let release = desk.later(release("h-2", HaltScope::Firm));
        quiet().await;
        let order = desk.later(buy("o-1", "1"));
        quiet().await;
        desk.store.let_go();
        receipt(&release.answer().await);
        assert_eq!(refused_by(&order.answer().await), Some(CheckCode::NoHalt));
        desk.settled().await;
        assert!(!halted(desk, "o-2").await);
    });
}

#[test]
fn a_release_that_failed_leaves_the_switch_engaged() {
    World::new().run(async |desk| {
        receipt(&desk.command(engage("h-1", HaltScope::Firm)).await);
        desk.store.fail_next(Fault::Unavailable);
        let failed = desk.command(release("h-2", HaltScope::Firm)).await;
        assert!(matches!(failed, Err(CommandFailure::Unavailable(_))));
        desk.settled().await;
        assert!(halted(desk, "o-1").await);
    });
}

/// Whoever engages a switch that is being released is not told that it is engaged already.
#[test]
fn a_switch_engaged_while_its_release_is_on_the_way_stays_engaged() {
    let world = World::new();
    world.run(async |desk| {
        receipt(&desk.command(engage("h-1", HaltScope::Firm)).await);
        desk.store.hold();
        let release = desk.later(release("h-2", HaltScope::Firm));
        quiet().await;
        let again = desk.later(engage("h-3", HaltScope::Firm));
        quiet().await;
        desk.store.let_go();
        receipt(&release.answer().await);
        receipt(&again.answer().await);
        desk.settled().await;
        assert!(halted(desk, "o-1").await, "trading goes on");
    });
    world.run(async |desk| assert!(halted(desk, "o-2").await, "not after a restart"));
}

/// "It is so already" is a fact like any other: not told before it is durable.
#[test]
fn nothing_to_do_is_not_told_on_the_strength_of_something_unrecorded() {
    World::new().run(async |desk| {
        desk.store.hold();
        desk.store.fail_next(Fault::Unavailable);
        let first = desk.later(engage("h-1", HaltScope::Firm));
        quiet().await;
        let mut second = desk.later(engage("h-2", HaltScope::Firm));
        quiet().await;
        assert!(second.now().is_none(), "told before it was durable");
        desk.store.let_go();
        assert!(matches!(
            first.answer().await,
            Err(CommandFailure::Unavailable(_))
        ));
        let second = second.answer().await;
        // Its first attempt died with the actor, so the second cannot promise anything.
        let failed = |failure| {
            matches!(
                failure,
                CommandFailure::Unavailable(_) | CommandFailure::Unknown(_)
            )
        };
        assert!(second.clone().is_err_and(failed), "{second:?}");
    });
}

#[test]
fn cancels_pass_while_everything_is_halted() {
    World::new().run(async |desk| {
        receipt(&desk.command(buy("o-1", "1")).await);
        desk.settled().await;
        receipt(&desk.command(engage("h-1", HaltScope::Firm)).await);
        receipt(&desk.command(cancel("c-1", "o-1")).await);
        quiet().await;
        assert_eq!(desk.story("o-1").await, ["OrderRouted", "CancelPending"]);
        assert_eq!(desk.venue.calls().len(), 2, "the cancel was not sent");
    });
}

/// Between approval and routing: the order is turned down by the gateway and its cash is free.
#[test]
fn an_order_approved_before_the_halt_and_not_routed_is_not_sent() {
    World::new().run(async |desk| {
        // Two appends: one the test's own, then order and switch together.
        desk.store.hold();
        let filler = desk.later(deposit("d-1", "1"));
        quiet().await;
        let order = desk.later(buy("o-1", "1"));
        let switch = desk.later(engage("h-1", HaltScope::Venue(venue_id())));
        quiet().await;
        desk.store.let_go();
        receipt(&filler.answer().await);
        assert_eq!(refused_by(&order.answer().await), None);
        receipt(&switch.answer().await);
        desk.settled().await;
        assert_eq!(desk.story("o-1").await, ["OrderRejected"]);
        let by_gateway = |event: &Event| {
            matches!(event, Event::OrderRejected(r) if r.origin == Origin::Gateway
                && r.reason.contains("venue scripted"))
        };
        assert_eq!(desk.count(by_gateway).await, 1);
        assert_eq!(desk.venue.calls(), []);
        assert_eq!(desk.reserved_cash().await, "0");
    });
}

/// A mistyped key would stop nothing and look as if it did.
#[test]
fn a_switch_for_something_that_does_not_exist_is_turned_down() {
    World::new().run(async |desk| {
        let before = desk.journal.feed().head();
        let unknown = [
            HaltScope::Account(AccountId::new("nobody").unwrap()),
            HaltScope::Strategy(StrategyId::new("none").unwrap()),
            HaltScope::Instrument(Symbol::new("NOPE").unwrap()),
            HaltScope::Venue(VenueId::new("nowhere").unwrap()),
        ];
        for (number, scope) in unknown.into_iter().enumerate() {
            let shown = scope.to_string();
            match desk.command(engage(&format!("h-{number}"), scope)).await {
                Err(CommandFailure::Rejected { code, message }) => {
                    assert_eq!(code, "unknown_kill_switch_key");
                    assert!(message.contains(&shown), "{message}");
                }
                other => panic!("{shown}: {other:?}"),
            }
        }
        assert_eq!(desk.journal.feed().head(), before);
        for (number, scope) in [
            HaltScope::Account(account()),
            HaltScope::Instrument(aapl()),
            HaltScope::Venue(venue_id()),
        ]
        .into_iter()
        .enumerate()
        {
            receipt(&desk.command(engage(&format!("k-{number}"), scope)).await);
        }
    });
}
