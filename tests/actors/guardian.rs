//! Restart intensity, rebuilding that fails, outages of the store, and what escalation does.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use blotter::actors::guardian::{
    Child, Escalation, ExitGuard, Guardian, RESTARTS_MAX, WINDOW_SECONDS,
};
use blotter::actors::status::{ActorState, ActorStatus};
use blotter::events::{Event, JournalState};
use tokio::sync::watch;

use crate::desk::{World, in_system, pass, quiet};
use crate::faulty::Fault;
use crate::support::*;

/// An actor that does nothing but live, under a guardian.
struct Ward {
    /// Every guard that the guardian has given out and that is not dropped.
    alive: Rc<RefCell<Vec<ExitGuard>>>,
    /// That many builds fail from now on.
    failing: Rc<RefCell<usize>>,
    builds: Rc<RefCell<usize>>,
    halted: Rc<RefCell<Option<String>>>,
    fatal: watch::Receiver<Option<String>>,
    status: watch::Receiver<Vec<ActorStatus>>,
}

impl Ward {
    async fn start(world: &World, halts: bool) -> Self {
        let [ward] = Self::start_all(world, halts, None).await;
        ward
    }

    /// Wards under one guardian, which takes `journal_state` for that of its journal if there is one.
    async fn start_all<const COUNT: usize>(
        world: &World,
        halts: bool,
        journal_state: Option<watch::Receiver<JournalState>>,
    ) -> [Self; COUNT] {
        let runtime = world.runtime();
        let journal = world.journal(&runtime).await;
        let node_log = world.node_log(&journal, &runtime).await;
        let (fatal_sender, fatal) = watch::channel(None);
        let state = journal_state.unwrap_or_else(|| journal.state());
        let mut guardian = Guardian::new(runtime.clone(), state, node_log, fatal_sender);
        let wards = std::array::from_fn(|_| Self {
            alive: Rc::default(),
            failing: Rc::default(),
            builds: Rc::default(),
            halted: Rc::default(),
            fatal: fatal.clone(),
            status: guardian.status(),
        });
        for ward in &wards {
            guardian.add(ward.child(halts)).await.expect("builds");
        }
        let tasks = runtime.tasks;
        tasks.spawn("guardian", Box::pin(guardian.run()));
        wards
    }

    fn child(&self, halts: bool) -> Child {
        let (alive, failing) = (self.alive.clone(), self.failing.clone());
        let (builds, halted) = (self.builds.clone(), self.halted.clone());
        let build = move |guard: ExitGuard| {
            *builds.borrow_mut() += 1;
            let fails = *failing.borrow() > 0;
            if fails {
                *failing.borrow_mut() -= 1;
            } else {
                alive.borrow_mut().push(guard);
            }
            let built: futures_util::future::LocalBoxFuture<'static, Result<(), String>> =
                Box::pin(async move {
                    match fails {
                        true => Err("no luck".to_owned()),
                        false => Ok(()),
                    }
                });
            built
        };
        let escalation = match halts {
            false => Escalation::StopNode,
            true => Escalation::Halt(Box::new(move |reason| {
                *halted.borrow_mut() = Some(reason);
                Box::pin(async { Ok(()) })
            })),
        };
        Child {
            name: "ward".to_owned(),
            build: Box::new(build),
            escalation,
        }
    }

    /// The actor dies of `cause`.
    async fn dies(&self, cause: &str) {
        let guard = self.alive.borrow_mut().pop().expect("it lives");
        guard.set_cause(cause);
        drop(guard);
        quiet().await;
    }

    fn lives(&self) -> bool {
        !self.alive.borrow().is_empty()
    }

    /// State, restarts, last cause, and the second since when.
    fn status(&self) -> (ActorState, u64, Option<String>, i64) {
        let all = self.status.borrow();
        assert_eq!((all.len(), all[0].actor.as_str()), (1, "ward"));
        let (cause, since) = (
            all[0].last_cause.clone(),
            all[0].since.micros_since(at_second(0)),
        );
        (all[0].state, all[0].restarts, cause, since / 1_000_000)
    }

    fn fatal(&self) -> Option<String> {
        self.fatal.borrow().clone()
    }
}

async fn restarts(world: &World) -> Vec<(String, u32)> {
    use blotter::events::EventStore;
    let log = world.store.read(blotter::values::Position::ZERO, 1 << 20);
    let log = log.await.expect("reads");
    let restarts = log.iter().filter_map(|recorded| match recorded.event() {
        Event::ActorRestarted(restarted) => {
            assert_eq!(restarted.actor, "ward");
            Some((restarted.cause.clone(), restarted.restarts_in_window))
        }
        _ => None,
    });
    restarts.collect()
}

#[test]
fn one_failure_too_many_within_the_window_escalates() {
    let world = World::new();
    in_system(async {
        let ward = Ward::start(&world, false).await;
        for count in 0..RESTARTS_MAX {
            // The last one just within a minute of the first.
            world.clock.advance_to(at_second(100 + 14 * count as i64));
            ward.dies(&format!("cause {count}")).await;
            assert!(ward.lives() && ward.fatal().is_none(), "failure {count}");
        }
        world.clock.advance_to(at_second(100 + WINDOW_SECONDS - 1));
        ward.dies("the last one").await;
        assert!(!ward.lives(), "restarted once too often");
        let reason = "ward failed 6 times within 60 s, last because the last one";
        assert_eq!(ward.fatal().as_deref(), Some(reason));
        let expected: Vec<_> = (0..5)
            .map(|count| (format!("cause {count}"), count + 1))
            .collect();
        assert_eq!(restarts(&world).await, expected);
    });
}

#[test]
fn failures_spread_over_more_than_the_window_do_not_escalate() {
    let world = World::new();
    in_system(async {
        let ward = Ward::start(&world, false).await;
        for count in 0..40 {
            world.clock.advance_to(at_second(100 + 12 * count));
            ward.dies("bad luck").await;
            assert!(ward.lives() && ward.fatal().is_none(), "failure {count}");
        }
        let counts = restarts(&world).await;
        assert_eq!(counts.len(), 40);
        assert_eq!(counts.last(), Some(&("bad luck".to_owned(), 5)));
    });
}

#[test]
fn a_panic_is_told_from_a_reason() {
    let world = World::new();
    in_system(async {
        let ward = Ward::start(&world, false).await;
        ward.alive.borrow_mut().clear();
        quiet().await;
        assert!(ward.lives());
        assert_eq!(restarts(&world).await, [("it panicked".to_owned(), 1)]);
    });
}

#[test]
fn a_build_that_fails_is_tried_again_and_counts_once() {
    let world = World::new();
    in_system(async {
        let ward = Ward::start(&world, false).await;
        *ward.failing.borrow_mut() = 2;
        ward.dies("tired").await;
        pass(Duration::from_secs(2)).await;
        assert!(ward.lives() && ward.fatal().is_none());
        let cause = "it could not be rebuilt: no luck".to_owned();
        assert_eq!(restarts(&world).await, [(cause, 3)]);
        assert_eq!(*ward.builds.borrow(), 4);
    });
}

#[test]
fn building_that_keeps_failing_escalates() {
    let world = World::new();
    in_system(async {
        let ward = Ward::start(&world, false).await;
        *ward.failing.borrow_mut() = usize::MAX;
        ward.dies("tired").await;
        let mut fatal = ward.fatal.clone();
        fatal.wait_for(Option::is_some).await.expect("a reason");
        let reason =
            "ward failed 6 times within 60 s, last because it could not be rebuilt: no luck";
        assert_eq!(ward.fatal().as_deref(), Some(reason));
        assert_eq!(*ward.builds.borrow(), 1 + RESTARTS_MAX);
    });
}

#[test]
fn an_actor_whose_scope_is_halted_stays_down_and_the_node_lives() {
    let world = World::new();
    in_system(async {
        let ward = Ward::start(&world, true).await;
        for _ in 0..=RESTARTS_MAX {
            ward.dies("bad").await;
        }
        assert!(!ward.lives() && ward.fatal().is_none());
        let reason = "ward failed 6 times within 60 s, last because bad".to_owned();
        assert_eq!(ward.halted.borrow().as_ref(), Some(&reason));
    });
}

#[test]
fn how_an_actor_is_can_be_seen() {
    let world = World::new();
    in_system(async {
        world.clock.advance_to(at_second(100));
        let ward = Ward::start(&world, true).await;
        assert_eq!(ward.status(), (ActorState::Running, 0, None, 100));
        world.clock.advance_to(at_second(107));
        *ward.failing.borrow_mut() = 1;
        ward.dies("tired").await;
        let cause = Some("it could not be rebuilt: no luck".to_owned());
        // It waits before it is built again.
        assert_eq!(
            ward.status(),
            (ActorState::Restarting, 0, cause.clone(), 107)
        );
        world.clock.advance_to(at_second(108));
        pass(Duration::from_secs(2)).await;
        assert_eq!(ward.status(), (ActorState::Running, 1, cause, 108));
        world.clock.advance_to(at_second(109));
        // Two attempts have been counted, and the last of these is one too many.
        for _ in 1..RESTARTS_MAX {
            ward.dies("bad").await;
        }
        let cause = Some("bad".to_owned());
        assert!(!ward.lives());
        assert_eq!(ward.status(), (ActorState::GivenUp, 4, cause, 109));
    });
}

#[test]
fn an_actor_that_dies_while_another_is_restarted_is_not_said_to_run() {
    let world = World::new();
    in_system(async {
        let (journal, state) = watch::channel(JournalState::Unavailable("full".to_owned()));
        let [first, second] = Ward::start_all(&world, false, Some(state)).await;
        let status = first.status.clone();
        let states = || -> Vec<_> {
            let of = |one: &ActorStatus| (one.state, one.restarts, one.last_cause.clone());
            status.borrow().iter().map(of).collect()
        };
        first.dies("one").await;
        let (one, two) = (Some("one".to_owned()), Some("two".to_owned()));
        let restarting = (ActorState::Restarting, 0, one.clone());
        assert_eq!(states(), [restarting, (ActorState::Running, 0, None)]);
        second.dies("two").await;
        assert_eq!(states()[1], (ActorState::Restarting, 0, two.clone()));
        journal.send_replace(JournalState::Writable);
        pass(Duration::from_secs(1)).await;
        assert!(first.lives() && second.lives());
        assert_eq!(
            states(),
            [(ActorState::Running, 1, one), (ActorState::Running, 1, two)]
        );
    });
}

/// Whatever was under way fails with the store; after that each actor waits for it.
#[test]
fn an_outage_costs_each_actor_one_restart_however_long_it_lasts() {
    World::new().run(async |desk| {
        receipt(&desk.command(buy("o-1", "10")).await);
        desk.settled().await;
        let outage = 100;
        (0..outage).for_each(|_| desk.store.fail_next(Fault::Unavailable));
        let order = sent_as("o-1");
        desk.venue
            .report(&order, crate::venue::acknowledged(&order));
        let _ = desk.command(deposit("d-1", "1")).await;
        for _ in 0..60 {
            pass(Duration::from_secs(10)).await;
            let answer = desk.command(deposit("d-1", "1")).await;
            if answer.is_ok() {
                break;
            }
            desk.clock.advance_to(at_second(1));
        }
        desk.settled().await;
        assert!(desk.staff.fatal.borrow().is_none(), "the node ended");
        for actor in ["risk", "execution", "notifier"] {
            let restarts = desk.restarts(actor).await;
            assert!(restarts.len() <= 1, "{actor}: {restarts:?}");
        }
        assert_eq!(desk.restarts("execution").await.len(), 1);
        assert_eq!(desk.story("o-1").await.last(), Some(&"OrderAcknowledged"));
        assert_eq!(desk.venue.submits(&order), 1);
        receipt(&desk.command(buy("o-2", "10")).await);
    });
}

#[cfg(feature = "failpoints")]
mod strategies {
    use super::*;
    use crate::crash::{all_happened, panic_at};
    use blotter::actors::messages::EvaluateBar;
    use blotter::actors::port::PortError;
    use blotter::events::catalogue::HaltScope;
    use blotter::values::StrategyId;

    #[test]
    fn a_strategy_that_keeps_failing_is_halted_and_the_others_trade_on() {
        let strategy = StrategyId::new("s-1").expect("an id");
        let world = World::new().with_strategy(&strategy);
        world.run(async |desk| {
            let ports = desk.staff.strategies[0].clone();
            panic_at("strategy::evaluate", RESTARTS_MAX + 1);
            let evaluate = EvaluateBar {
                symbol: aapl(),
                bar: "2023-11-14".parse().expect("a date"),
                through: desk.journal.feed().head(),
            };
            let answer = ports.evaluate.ask(evaluate).await;
            let actor = "strategy:s-1".into();
            assert_eq!(answer, Err(PortError::Retired { actor }));
            assert!(all_happened());
            assert_eq!(desk.restarts("strategy:s-1").await.len(), RESTARTS_MAX);
            let scope = HaltScope::Strategy(strategy.clone());
            let halted = |event: &Event| {
                matches!(event, Event::KillSwitchEngaged(engaged) if engaged.scope == scope
                    && engaged.cause.starts_with("strategy:s-1 failed 6 times"))
            };
            assert_eq!(desk.count(halted).await, 1);
            assert!(desk.staff.fatal.borrow().is_none());
            receipt(&desk.command(buy("o-1", "10")).await);
            quiet().await;
            assert_eq!(desk.venue.entered(), [sent_as("o-1")]);
        });
    }

    /// Halting a strategy needs risk, and risk needs the guardian: neither waits for the other.
    #[test]
    fn a_strategy_is_halted_also_while_risk_is_down() {
        let strategy = StrategyId::new("s-1").expect("an id");
        let world = World::new().with_strategy(&strategy);
        world.run(async |desk| {
            let ports = desk.staff.strategies[0].clone();
            panic_at("strategy::evaluate", RESTARTS_MAX + 1);
            let evaluate = EvaluateBar {
                symbol: aapl(),
                bar: "2023-11-14".parse().expect("a date"),
                through: desk.journal.feed().head(),
            };
            // Risk dies of the very command that halts the strategy.
            panic_at("risk::command", 1);
            let answer = tokio::time::timeout(Duration::from_secs(5), ports.evaluate.ask(evaluate));
            let answer = answer.await.expect("in time");
            let actor = "strategy:s-1".into();
            assert_eq!(answer, Err(PortError::Retired { actor }));
            assert_eq!(desk.restarts("risk").await, ["it panicked"]);
            assert!(desk.staff.fatal.borrow().is_none());
        });
    }
}
