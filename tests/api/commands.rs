//! Commands are carried out once, however often they are sent.

use std::collections::BTreeMap;

use blotter::identity::Role;
use serde_json::json;

use crate::client::Api;
use crate::node::{market_order, on_a_floor};

const ORDERS: &str = "/api/v1/orders";
const KILL: &str = "/api/v1/risk/kill-switches";
const RELEASE: &str = "/api/v1/risk/kill-switches/release";

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

/// Every series of commands, by its labels.
async fn counted(api: &Api) -> BTreeMap<String, u64> {
    let text = api.get("/metrics").await.text;
    let series = text.lines().filter_map(|line| {
        let rest = line.strip_prefix("blotter_commands_total")?;
        let (labels, count) = rest.rsplit_once(' ')?;
        Some((labels.to_owned(), count.parse().expect("a count")))
    });
    series.collect()
}

/// The first command of its kind is an increase too: its series was there before, as 0.
#[test]
fn what_becomes_of_a_command_was_shown_before() {
    on_a_floor(async |floor| {
        let (officer, trader) = (floor.by(Role::RiskOfficer), floor.trader());
        let before = counted(&officer).await;
        let keyed = trader.with("Idempotency-Key", "counted");
        let order = keyed.post(ORDERS, &market_order("1")).await.good(201);
        let other = keyed.post(ORDERS, &market_order("2")).await;
        other.problem(409, "idempotency_key_reused");
        let id = order["order"]["order_id"].as_str().expect("an id");
        let cancel = format!("{ORDERS}/{id}/cancel");
        trader.post(&cancel, &json!({})).await.good(202);
        let body = json!({"scope": "account", "key": "demo", "cause": "a drill"});
        officer.post(KILL, &body).await.good(201);
        officer.post(KILL, &body).await.good(200);
        officer.post(RELEASE, &body).await.good(200);
        officer
            .post(RELEASE, &body)
            .await
            .problem(409, "kill_switch_not_engaged");

        let after = counted(&officer).await;
        assert!(before.keys().eq(after.keys()), "{before:?} {after:?}");
        let mut moved = after.clone();
        moved.retain(|labels, count| *count > before[labels]);
        let has = |kind: &str, outcome: &str| {
            let labels = format!("{{kind=\"{kind}\",outcome=\"{outcome}\"}}");
            assert!(
                moved.contains_key(&labels),
                "{labels} is not among {moved:?}"
            );
        };
        has("submit_order", "recorded");
        has("submit_order", "idempotency_mismatch");
        has("engage_kill_switch", "recorded");
        has("engage_kill_switch", "nothing_to_do");
        has("release_kill_switch", "recorded");
        has("release_kill_switch", "rejected");
        has("cancel_order", "recorded");
    });
}
