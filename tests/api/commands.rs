//! Commands are carried out once, however often they are sent.

use serde_json::json;

use crate::node::{market_order, on_a_floor};

const ORDERS: &str = "/api/v1/orders";

#[test]
fn a_repeated_key_gives_the_first_answer_and_records_once() {
    on_a_floor(async |floor| {
        let mut position = 0;
        // Odd characters are allowed in a key, though not in an id.
        for key in ["key-1", "\"quoted\"/with+odd=chars~"] {
            let api = floor.trader().with("Idempotency-Key", key);
            let first = api.post(ORDERS, &market_order("1")).await;
            let decision = first.good(201);
            // Equal once parsed, though written otherwise.
            let mut same = market_order("1");
            same["quantity"] = json!(1);
            same["time_in_force"] = json!("day");
            let second = api.post(ORDERS, &same).await;
            assert_eq!(second.good(201), decision);
            assert_eq!(second.position(), first.position());
            let other = api.post(ORDERS, &market_order("2")).await;
            other.problem(409, "idempotency_key_reused");
            // Another caller's keys are its own.
            let admin = floor.admin().with("Idempotency-Key", key);
            let own = admin.post(ORDERS, &market_order("1")).await;
            position = position.max(own.position());
            let own = own.good(201);
            assert_ne!(own["order"]["order_id"], decision["order"]["order_id"]);
        }
        let path = format!("/api/v1/orders?account=demo&status=all&min_position={position}");
        let (orders, _) = floor.trader().walk(&path, 1000).await;
        let by_people = orders
            .iter()
            .filter(|order| order["strategy"].is_null())
            .count();
        assert_eq!(by_people, 4);
    });
}

#[test]
fn a_refusal_is_repeated_too() {
    on_a_floor(async |floor| {
        let api = floor.trader().with("Idempotency-Key", "refused");
        let first = api.post(ORDERS, &market_order("1000")).await;
        let second = api.post(ORDERS, &market_order("1000")).await;
        let (mut first, mut second) = (
            first.problem(422, "order_refused"),
            second.problem(422, "order_refused"),
        );
        for problem in [&mut first, &mut second] {
            problem["request_id"] = json!("its own");
        }
        assert_eq!(first, second);
    });
}

#[test]
fn a_hundred_at_the_same_time_are_one() {
    on_a_floor(async |floor| {
        let api = floor.trader().with("Idempotency-Key", "all-at-once");
        let order = market_order("1");
        let asked = (0..100).map(|_| api.post(ORDERS, &order));
        let answers = futures_util::future::join_all(asked).await;
        let first = answers[0].good(201);
        for answer in &answers {
            assert_eq!(answer.good(201), first);
        }
    });
}

#[test]
fn a_key_that_is_no_key_is_refused() {
    on_a_floor(async |floor| {
        for key in ["", " ", "with blank", &"x".repeat(129)] {
            let api = floor.trader().with("Idempotency-Key", key);
            let answer = api.post(ORDERS, &market_order("1")).await;
            answer.problem(400, "bad_request");
            assert_eq!(answer.fields(), ["Idempotency-Key"], "{key:?}");
        }
        let api = floor.trader().with("Idempotency-Key", &"x".repeat(128));
        api.post(ORDERS, &market_order("1")).await.good(201);
    });
}

#[test]
fn without_a_key_each_request_is_a_command_of_its_own() {
    on_a_floor(async |floor| {
        let api = floor.trader();
        let one = api.post(ORDERS, &market_order("1")).await.good(201);
        let two = api.post(ORDERS, &market_order("1")).await.good(201);
        assert_ne!(one["order"]["order_id"], two["order"]["order_id"]);
    });
}
