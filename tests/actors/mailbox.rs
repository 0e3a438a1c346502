//! `blotter_mailbox_depth`: what waits for an actor, also when the actor dies of it.

use std::rc::Rc;

use actix::prelude::*;
use blotter::actors::mailbox::Mail;
use blotter::actors::port::{ANSWER_WAIT, MAILBOX_MESSAGES_MAX, Port, PortError, PortSlot, port};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::sync::{Notify, oneshot};

use crate::desk::{in_system, pass, quiet};

#[derive(Clone, Message)]
#[rtype(result = "u32")]
struct Errand(u32);

/// Answers at once, and is busy with the errand until told to go on.
struct Clerk {
    go_on: Rc<Notify>,
    /// Then it panics.
    is_frail: bool,
}

impl Actor for Clerk {
    type Context = Context<Self>;
}

impl Handler<Mail<Errand>> for Clerk {
    type Result = MessageResult<Mail<Errand>>;

    fn handle(&mut self, mail: Mail<Errand>, ctx: &mut Self::Context) -> Self::Result {
        let go_on = self.go_on.clone();
        let busy = async move { go_on.notified().await };
        ctx.wait(busy.into_actor(self).map(|(), clerk, _| {
            assert!(!clerk.is_frail, "the clerk breaks down");
        }));
        MessageResult(mail.open().0)
    }
}

/// One clerk's office, and what an exporter shows of it.
struct Office {
    port: Port<Errand>,
    slot: PortSlot<Errand>,
    go_on: Rc<Notify>,
    shown: PrometheusHandle,
}

impl Office {
    fn hire(&self, is_frail: bool) -> Addr<Clerk> {
        let go_on = self.go_on.clone();
        let address = Clerk { go_on, is_frail }.start();
        self.slot.publish(&address);
        address
    }

    /// Asks without waiting for the answer.
    fn send(&self, number: u32) -> oneshot::Receiver<Result<u32, PortError>> {
        let (answered, answer) = oneshot::channel();
        let port = self.port.clone();
        Arbiter::current().spawn(async move {
            let _ = answered.send(port.ask(Errand(number)).await);
        });
        answer
    }

    fn depth(&self) -> Option<String> {
        let text = self.shown.render();
        let series = r#"blotter_mailbox_depth{actor="clerk"} "#;
        let value = text.lines().find_map(|line| line.strip_prefix(series));
        value.map(str::to_owned)
    }

    async fn assert_depth(&self, expected: u32) {
        quiet().await;
        assert_eq!(self.depth().as_deref(), Some(&*expected.to_string()));
    }
}

/// Runs a test whose metrics are its own.
fn in_office(test: impl AsyncFnOnce(Office)) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let shown = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        in_system(async {
            let (slot, port) = port::<Errand>("clerk");
            let go_on = Rc::new(Notify::new());
            test(Office {
                port,
                slot,
                go_on,
                shown,
            })
            .await;
        });
    });
}

#[test]
fn what_the_actor_has_not_taken_up_is_shown() {
    in_office(async |office| {
        office.assert_depth(0).await;
        office.hire(false);
        let answers: Vec<_> = (0..4).map(|number| office.send(number)).collect();
        // The first is being worked on.
        for waiting in [3, 2, 1, 0, 0] {
            office.assert_depth(waiting).await;
            office.go_on.notify_one();
        }
        for (number, answer) in (0..).zip(answers) {
            assert_eq!(answer.await.expect("an answer"), Ok(number));
        }
    });
}

#[test]
fn a_mailbox_has_an_end_and_whoever_waits_before_it_gets_in() {
    in_office(async |office| {
        office.hire(false);
        // One is being worked on, so many wait in the mailbox and three before it.
        let errands = 1 + MAILBOX_MESSAGES_MAX as u32 + 3;
        let answers: Vec<_> = (0..errands).map(|number| office.send(number)).collect();
        office.assert_depth(MAILBOX_MESSAGES_MAX as u32).await;
        for _ in 0..errands {
            office.go_on.notify_one();
            quiet().await;
        }
        for (number, answer) in (0..).zip(answers) {
            assert_eq!(answer.await.expect("an answer"), Ok(number));
        }
    });
}

#[test]
fn what_found_no_room_in_time_was_not_sent() {
    in_office(async |office| {
        office.hire(false);
        let fill = 1 + MAILBOX_MESSAGES_MAX as u32;
        let _waiting: Vec<_> = (0..fill).map(|number| office.send(number)).collect();
        quiet().await;
        let refused = office.send(fill);
        quiet().await;
        pass(ANSWER_WAIT).await;
        let actor = "clerk".into();
        assert_eq!(refused.await.expect("told"), Err(PortError::Full { actor }));
    });
}

#[test]
fn ports_of_one_actor_show_one_mailbox() {
    in_office(async |office| {
        let address = office.hire(false);
        let (slot, other) = port::<Errand>("clerk");
        slot.publish(&address);
        let _answers = [office.send(1), office.send(2)];
        office.assert_depth(1).await;
        let office = Office {
            port: other,
            ..office
        };
        let _answer = office.send(3);
        office.assert_depth(2).await;
    });
}

#[test]
fn a_mailbox_that_dies_with_its_actor_leaves_nothing_behind() {
    in_office(async |office| {
        office.hire(true);
        let answers: Vec<_> = (0..4).map(|number| office.send(number)).collect();
        office.assert_depth(3).await;
        office.go_on.notify_one();
        // Its senders wait for the next actor, no mailbox holds anything.
        office.assert_depth(0).await;
        office.hire(false);
        for waiting in [2, 1, 0] {
            office.assert_depth(waiting).await;
            office.go_on.notify_one();
        }
        for (number, answer) in (0..).zip(answers) {
            assert_eq!(answer.await.expect("an answer"), Ok(number));
        }
    });
}

/// The message stays where it is: it is passed over once the actor gets there.
#[test]
fn a_sender_that_gave_up_counts_until_the_actor_gets_there() {
    in_office(async |office| {
        office.hire(false);
        let (_first, second) = (office.send(1), office.send(2));
        office.assert_depth(1).await;
        pass(ANSWER_WAIT * 2).await;
        let actor = "clerk".into();
        assert_eq!(
            second.await.expect("told"),
            Err(PortError::NoAnswer { actor })
        );
        office.assert_depth(1).await;
        office.go_on.notify_one();
        office.assert_depth(0).await;
    });
}

/// Risk as it is, dying of what it is asked.
#[cfg(feature = "failpoints")]
#[test]
fn a_rebuilt_risk_shows_what_really_waits_for_it() {
    use crate::crash::{all_happened, panic_at};
    use crate::desk::World;
    use crate::support::{deposit, receipt};

    let recorder = PrometheusBuilder::new().build_recorder();
    let shown = recorder.handle();
    metrics::with_local_recorder(&recorder, || {
        World::new().run(async |desk| {
            panic_at("risk::command", 3);
            let sent: Vec<_> = (0..20)
                .map(|number| desk.later(deposit(&format!("d-{number}"), "1")))
                .collect();
            for pending in sent {
                receipt(&pending.answer().await);
            }
            assert!(all_happened());
            assert_eq!(desk.restarts("risk").await.len(), 3);
            let shown = shown.render();
            for actor in ["risk", "execution", "notifier"] {
                let series = format!("blotter_mailbox_depth{{actor=\"{actor}\"}} 0\n");
                assert!(shown.contains(&series), "{actor} in {shown}");
            }
        });
    });
}
