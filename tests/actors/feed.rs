//! Actors pull: one that fell behind further than the feed remembers catches up from the store.

use std::rc::Rc;
use std::sync::Arc;

use actix::Actor;
use blotter::actors::guardian::{Child, Escalation, Guardian};
use blotter::actors::messages::CommandOutcome;
use blotter::actors::port::{Port, port};
use blotter::actors::risk::{RiskActor, RiskSettings};
use blotter::actors::settle::Settle;
use blotter::actors::under_way::{Sent, UnderWay};
use blotter::events::feed::RING_EVENTS;
use blotter::events::{Event, Journal};
use blotter::values::StreamName;
use tokio::sync::{Notify, watch};

use crate::desk::{World, commit, in_system, mark};
use crate::support::*;

const EVENTS_A_COMMIT: usize = 250;

/// Risk, folded from the log but not started before it is told to go.
async fn paused_risk(
    world: &World,
    journal: &Journal,
    go: Rc<Notify>,
) -> (Port<Sent>, Port<Settle>, Rc<Notify>) {
    let runtime = world.runtime();
    let (commands_slot, commands) = port::<Sent>("risk");
    let (settle_slot, settle) = port::<Settle>("risk");
    let slots = Rc::new((commands_slot, settle_slot));
    let folded = Rc::new(Notify::new());
    let (own, clock, was_folded) = (journal.clone(), world.clock.clone(), folded.clone());
    let snapshots = world.snapshots().await;
    let build = move |guard| {
        let (own, clock, slots) = (own.clone(), clock.clone(), slots.clone());
        let (go, was_folded) = (go.clone(), was_folded.clone());
        let snapshots = snapshots.clone();
        let built: futures_util::future::LocalBoxFuture<'static, Result<(), String>> =
            Box::pin(async move {
                let settings = RiskSettings {
                    commission_rate: "0.001".parse().expect("a ratio"),
                    venues: [venue_id()].into(),
                };
                let actor = RiskActor::build(own, &snapshots, settings, clock, guard).await?;
                was_folded.notify_one();
                go.notified().await;
                let address = actor.start();
                slots.0.publish(&address);
                slots.1.publish(&address);
                Ok(())
            });
        built
    };
    let node_log = world.node_log(journal, &runtime).await;
    let (fatal, _) = watch::channel(None);
    let mut guardian = Guardian::new(runtime.clone(), journal.state(), node_log, fatal);
    let child = Child {
        name: "risk".to_owned(),
        build: Box::new(build),
        escalation: Escalation::StopNode,
    };
    let work = async move {
        guardian.add(child).await.expect("builds");
        guardian.run().await;
    };
    runtime.tasks.spawn("guardian", Box::pin(work));
    (commands, settle, folded)
}

#[test]
fn an_actor_that_fell_behind_catches_up_from_the_store() {
    let world = World::new();
    in_system(async {
        let journal = world.journal(&world.runtime()).await;
        let go = Rc::new(Notify::new());
        let (commands, settle, folded) = paused_risk(&world, &journal, go.clone()).await;
        folded.notified().await;
        let behind = journal.feed().head();

        let writer = journal.writer();
        let commits = RING_EVENTS / EVENTS_A_COMMIT + 2;
        for index in 0..commits {
            let events: Vec<Event> = (0..EVENTS_A_COMMIT).map(|_| mark(2, "100")).collect();
            let stream = StreamName::market(&aapl());
            let version = (1 + index * EVENTS_A_COMMIT) as u64;
            let more = commit(&format!("more-{index}"), stream, version, events);
            writer.submit(more).await.expect("recorded");
        }
        let last = commit(
            "last",
            StreamName::market(&aapl()),
            (1 + commits * EVENTS_A_COMMIT) as u64,
            vec![mark(3, "50")],
        );
        let head = writer.submit(last).await.expect("recorded");
        let head = head.receipt.last_position();
        assert!(head.get() - behind.get() > RING_EVENTS as u64);

        go.notify_one();
        let reached = settle.ask(Settle { through: head }).await.expect("alive");
        assert_eq!(reached, Some(head));
        let ask = buy("o-1", "150");
        let sending = Arc::new(UnderWay::default().begin(ask.commit_id()));
        let answer = commands.ask(Sent { ask, sending }).await.expect("alive");
        let Ok(CommandOutcome::Recorded(appended)) = answer else {
            panic!("{answer:?}");
        };
        let Event::OrderApproved(approved) = appended.records[1].event() else {
            panic!("decided by an old price: {:?}", appended.records[1].event());
        };
        assert_eq!(approved.decided_at, head);
        assert_eq!(approved.reference_price.to_string(), "50");
    });
    assert_eq!(
        Arc::strong_count(&world.store),
        1,
        "something was left behind"
    );
}
