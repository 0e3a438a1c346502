//! A log that cannot be written, and appends of which nobody knows: what a caller is told, and what
//! comes of the same command later.

use blotter::events::Event;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::faulty::Fault;
use crate::scripted::{Floor, Place};

const ORDERS: &str = "/api/v1/orders";

/// A command that is not recorded yet.
struct Command {
    path: String,
    body: Value,
    /// The status it is answered with once it is.
    good: u16,
    is_its_fact: fn(&Event) -> bool,
}

impl Command {
    fn order() -> Self {
        Self {
            path: ORDERS.to_owned(),
            body: json!({"account": "main", "symbol": "AAPL", "side": "buy", "quantity": "10", "type": "market"}),
            good: 201,
            is_its_fact: |event| matches!(event, Event::OrderSubmitted(_)),
        }
    }

    /// Of an order that is at the venue.
    async fn cancel(floor: &Floor) -> Self {
        let order = Self::order();
        let answer = floor.trader.post(ORDERS, &order.body, None).await;
        let decision = answer.good(201);
        floor.desk.settled().await;
        let id = decision["order"]["order_id"].as_str().expect("an id");
        Self {
            path: format!("{ORDERS}/{id}/cancel"),
            body: json!({"reason": "too late"}),
            good: 202,
            is_its_fact: |event| matches!(event, Event::CancelRequested(_)),
        }
    }

    async fn send(&self, floor: &Floor, key: Option<&str>) -> Answer {
        floor.trader.post(&self.path, &self.body, key).await
    }

    /// Sends it once more, and again: the answers are the same.
    async fn settle(&self, floor: &Floor, key: &str) -> (Value, u64) {
        let first = self.answer(self.send(floor, Some(key)).await);
        let again = self.answer(self.send(floor, Some(key)).await);
        assert_eq!(again, first);
        first
    }

    /// What a caller is told for good, and the position beside it.
    #[track_caller]
    fn answer(&self, answer: Answer) -> (Value, u64) {
        (answer.good(self.good), answer.position())
    }

    async fn recorded(&self, floor: &Floor) -> usize {
        floor.desk.count(self.is_its_fact).await
    }
}

/// Each kind of command, in a place of its own.
fn each(test: impl AsyncFn(&Floor, Command)) {
    Place::new().run(async |floor| test(floor, Command::order()).await);
    Place::new().run(async |floor| test(floor, Command::cancel(floor).await).await);
}

/// A key of the caller's, and the one that the server makes.
const KEYS: [Option<&str>; 2] = [Some("k-1"), None];

/// Asserts that the caller is told `code` and what to do, and gives the key to do it under.
#[track_caller]
fn told(answer: &Answer, code: &str) -> String {
    let problem = answer.problem(503, code);
    assert_eq!(answer.header("retry-after"), Some("1"));
    let key = problem["idempotency_key"].as_str().expect("a key");
    key.to_owned()
}

#[test]
fn a_full_log_takes_nothing_and_the_same_command_once_there_is_room() {
    for key in KEYS {
        each(async |floor, command| {
            let before = floor.desk.log().await.len();
            // The first append finds no room; the probes after it wait.
            floor.desk.store.hold();
            floor.desk.store.allow(1);
            floor.desk.store.fail_next(Fault::Unavailable);
            let first = told(&command.send(floor, key).await, "unavailable");
            assert_eq!(first, key.unwrap_or(&first));
            // Also where the outage is known by now.
            let again = command.send(floor, Some(&first)).await;
            assert_eq!(told(&again, "unavailable"), first);
            let other = command.send(floor, None).await;
            assert_ne!(told(&other, "unavailable"), first);
            assert_eq!(floor.desk.log().await.len(), before, "it was recorded");
            floor.trader.get(ORDERS).await.good(200);

            floor.desk.store.let_go();
            floor.writable().await;
            command.settle(floor, &first).await;
            assert_eq!(command.recorded(floor).await, 1);
        });
    }
}

#[test]
fn a_command_without_an_answer_in_time_is_found_under_its_key() {
    for key in KEYS {
        each(async |floor, command| {
            floor.desk.store.hold();
            let first = floor.out_of_patience(command.send(floor, key)).await;
            let first = told(&first, "outcome_unknown");
            assert_eq!(first, key.unwrap_or(&first));
            let again = command.send(floor, Some(&first));
            let again = floor.out_of_patience(again).await;
            assert_eq!(told(&again, "outcome_unknown"), first);

            floor.desk.store.let_go();
            command.settle(floor, &first).await;
            assert_eq!(command.recorded(floor).await, 1);
        });
    }
}

/// While nobody can say whether an append has arrived, and the log cannot be asked.
#[test]
fn a_command_in_doubt_is_said_to_be_and_recorded_once() {
    for fault in [
        Fault::UnknownRecorded,
        Fault::UnknownLost,
        Fault::UnknownLate,
    ] {
        each(async |floor, command| {
            let mut batches = floor.desk.store.batches.subscribe();
            floor.desk.store.fail_next(fault);
            let first = command.send(floor, Some("k-1"));
            let meanwhile = async {
                batches.changed().await.expect("a store");
                floor.desk.store.fail_lookups(true);
                let again = command.send(floor, Some("k-1")).await;
                assert_eq!(told(&again, "outcome_unknown"), "k-1");
                // Another one has nothing to do with it.
                told(&command.send(floor, None).await, "unavailable");
                floor.desk.store.fail_lookups(false);
            };
            let (first, ()) = futures_util::join!(first, meanwhile);
            let first = command.answer(first);
            assert_eq!(command.settle(floor, "k-1").await, first);
            assert_eq!(command.recorded(floor).await, 1, "{fault:?}");
        });
    }
}

/// The disk fails and the node has to end; whether the command is in the log shows the next run.
#[test]
fn a_command_that_the_node_died_over_is_carried_out_by_the_next_run() {
    let place = Place::new();
    let order = Command::order();
    let cancel = place.run(async |floor| {
        let cancel = Command::cancel(floor).await;
        floor.desk.store.fail_next(Fault::Fatal);
        told(&order.send(floor, Some("k-1")).await, "outcome_unknown");
        told(&cancel.send(floor, Some("k-2")).await, "outcome_unknown");
        let mut fatal = floor.services.fatal.clone();
        fatal.wait_for(Option::is_some).await.expect("a guardian");
        cancel
    });
    place.run(async |floor| {
        order.settle(floor, "k-1").await;
        cancel.settle(floor, "k-2").await;
        // One of them is the one that is cancelled.
        assert_eq!(order.recorded(floor).await, 2);
        assert_eq!(cancel.recorded(floor).await, 1);
    });
}
