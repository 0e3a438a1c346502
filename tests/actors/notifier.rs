//! Alerts: one for each event that people must know about, delivered at least once, and none about
//! alerts.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use blotter::actors::settle::Settle;
use blotter::events::Event;
use blotter::events::catalogue::HaltScope;
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::desk::{Desk, World};
use crate::support::*;

/// What the notifier has said on this thread, by text.
#[derive(Clone, Default)]
struct Deliveries(Arc<Mutex<Vec<String>>>);

/// One log event's message, and whether it is an alert.
#[derive(Default)]
struct Message {
    text: String,
    is_alert: bool,
}

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "message" => write!(self.text, "{value:?}").expect("a text"),
            "about" => self.is_alert = true,
            _ => {}
        }
    }
}

impl<S: tracing::Subscriber> Layer<S> for Deliveries {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut message = Message::default();
        event.record(&mut message);
        if message.is_alert {
            self.0.lock().expect("unpoisoned").push(message.text);
        }
    }
}

impl Deliveries {
    fn of(&self, words: &str) -> usize {
        let all = self.0.lock().expect("unpoisoned");
        all.iter().filter(|text| text.contains(words)).count()
    }
}

/// Runs `test` and collects what is delivered meanwhile.
fn listening(test: impl FnOnce(&Deliveries)) {
    let deliveries = Deliveries::default();
    let subscriber = tracing_subscriber::registry().with(deliveries.clone());
    tracing::subscriber::with_default(subscriber, || test(&deliveries));
}

async fn told(desk: &Desk) {
    desk.settled().await;
    let through = desk.journal.feed().head();
    let settle = desk.staff.notifier.ask(Settle { through });
    settle.await.expect("alive");
}

async fn alerts(desk: &Desk) -> (usize, usize) {
    let raised = desk.count(|event| matches!(event, Event::AlertRaised(_)));
    let delivered = desk.count(|event| matches!(event, Event::AlertDelivered(_)));
    (raised.await, delivered.await)
}

#[test]
fn each_event_that_people_must_know_about_is_told_once() {
    let world = World::new();
    listening(|deliveries| {
        world.run(async |desk| {
            receipt(&desk.command(engage("h-1", HaltScope::Firm)).await);
            receipt(&desk.command(buy("o-1", "10")).await);
            receipt(&desk.command(release("h-2", HaltScope::Firm)).await);
            receipt(&desk.command(deposit("d-1", "1")).await);
            told(desk).await;
            assert_eq!(alerts(desk).await, (3, 3));
        });
        // A restart tells nobody again.
        world.run(async |desk| {
            told(desk).await;
            assert_eq!(alerts(desk).await, (3, 3));
        });
        assert_eq!(deliveries.of("kill switch engaged for firm"), 1);
        assert_eq!(deliveries.of("refused by"), 1);
        assert_eq!(deliveries.of("kill switch released"), 1);
        assert_eq!(deliveries.of(""), 3);
    });
}

#[test]
fn every_alert_is_about_an_event_and_never_about_an_alert() {
    let world = World::new();
    world.run(async |desk| {
        for index in 0..50 {
            receipt(&desk.command(buy(&format!("o-{index}"), "100000")).await);
        }
        told(desk).await;
        assert_eq!(alerts(desk).await, (50, 50));
        let log = desk.log().await;
        for recorded in &log {
            let Event::AlertRaised(raised) = recorded.event() else {
                continue;
            };
            let about = &log[raised.about_position.get() as usize - 1];
            assert_eq!(about.envelope.event_id, raised.about);
            assert_eq!(recorded.envelope.meta.causation_id, Some(raised.about));
            assert!(matches!(about.event(), Event::OrderRefused(_)));
        }
    });
}

#[cfg(feature = "failpoints")]
#[test]
fn a_crash_between_delivery_and_its_record_delivers_again() {
    use crate::crash::{all_happened, panic_at};
    let world = World::new();
    listening(|deliveries| {
        world.run(async |desk| {
            panic_at("notifier::delivered", 1);
            receipt(&desk.command(engage("h-1", HaltScope::Firm)).await);
            told(desk).await;
            assert!(all_happened());
            assert_eq!(desk.restarts("notifier").await, ["it panicked"]);
            // The restart is worth an alert of its own, and no more.
            assert_eq!(alerts(desk).await, (2, 2));
        });
        assert_eq!(deliveries.of("kill switch engaged for firm"), 2);
        assert_eq!(deliveries.of("actor notifier was rebuilt"), 1);
    });
}

#[cfg(feature = "failpoints")]
#[test]
fn a_crash_after_the_record_delivers_once() {
    use crate::crash::{all_happened, panic_at};
    let world = World::new();
    listening(|deliveries| {
        world.run(async |desk| {
            panic_at("notifier::after_append", 2);
            receipt(&desk.command(engage("h-1", HaltScope::Firm)).await);
            told(desk).await;
            assert!(all_happened());
            assert_eq!(desk.restarts("notifier").await.len(), 2);
        });
        assert_eq!(deliveries.of("kill switch engaged for firm"), 1);
    });
}
