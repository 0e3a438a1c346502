//! Bodies that are wrong: each mistake is named, nothing is recorded, nothing breaks.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::client::Api;
use crate::node::{market_order, on_a_floor};

const ORDERS: &str = "/api/v1/orders";
const CANCEL: &str = "/api/v1/orders/none/cancel";
const KILL: &str = "/api/v1/risk/kill-switches";
const JSON: &str = "application/json";

async fn send(api: &Api, text: impl Into<Vec<u8>>) -> Answer {
    api.raw("POST", ORDERS, JSON, text.into()).await
}

fn order_with(field: &str, raw: &str) -> String {
    let mut order = market_order("10");
    order.as_object_mut().unwrap().remove(field);
    let mut text = order.to_string();
    text.pop();
    format!("{text},\"{field}\":{raw}}}")
}

#[test]
fn every_mistake_in_an_order_is_named_with_its_field() {
    let deep = "[".repeat(20_000) + &"]".repeat(20_000);
    let long = format!("\"{}\"", "x".repeat(5_000));
    let cases: Vec<(String, &str, &str)> = vec![
        (order_with("quantity", "\"-1\""), "quantity", "above 0"),
        (order_with("quantity", "0"), "quantity", "above 0"),
        (order_with("quantity", "-5"), "quantity", "above 0"),
        (order_with("quantity", "1e400"), "quantity", "strings"),
        (order_with("quantity", "0.1"), "quantity", "strings"),
        (
            order_with("quantity", "\"1e3\""),
            "quantity",
            "decimal number",
        ),
        (
            order_with("quantity", "\"NaN\""),
            "quantity",
            "decimal number",
        ),
        (
            order_with("quantity", "\"0.0000000000001\""),
            "quantity",
            "decimals",
        ),
        (
            order_with("quantity", "\"9999999999999999\""),
            "quantity",
            "out of range",
        ),
        (
            order_with("quantity", "\"１０\""),
            "quantity",
            "decimal number",
        ),
        (order_with("quantity", "null"), "quantity", "missing"),
        (order_with("quantity", "{}"), "quantity", "not a string"),
        (order_with("quantity", &deep), "quantity", "not a string"),
        (
            order_with("limit_price", "\"10\""),
            "limit_price",
            "market order",
        ),
        (order_with("type", "\"limit\""), "limit_price", "missing"),
        (order_with("type", "\"stop\""), "type", "no such type"),
        (order_with("side", "\"BUY\""), "side", "no such side"),
        (
            order_with("time_in_force", "\"ioc\""),
            "time_in_force",
            "no such time",
        ),
        (order_with("account", "\"a b\""), "account", "contains ' '"),
        (order_with("account", "\"\""), "account", "empty"),
        (order_with("account", "7"), "account", "not a string"),
        (order_with("symbol", &long), "symbol", "at most 128"),
        (
            order_with("symbol", "\"AA\\u0000PL\""),
            "symbol",
            "contains",
        ),
        (
            order_with("client_order_id", "\"'; DROP TABLE orders\""),
            "client_order_id",
            "contains",
        ),
        (order_with("price", "\"10\""), "price", "takes no"),
        (
            order_with("strategy", "\"sma-cross-1\""),
            "strategy",
            "takes no",
        ),
    ];
    on_a_floor(async |floor| {
        let api = floor.trader();
        let (before, _) = api.walk(ORDERS, 1000).await;
        for (body, field, message) in &cases {
            let answer = send(&api, body.as_bytes()).await;
            let problem = answer.problem(422, "invalid_field");
            assert_eq!(answer.fields(), [*field], "{problem}");
            let error = &problem["errors"][0];
            let said = error["message"].as_str().unwrap();
            assert!(said.contains(message), "{field} {message:?}: {problem}");
            assert!(!error["allowed"].as_str().unwrap().is_empty());
            assert!(
                error["found"]
                    .as_str()
                    .is_none_or(|found| found.chars().count() <= 64)
            );
            assert!(
                answer.text.len() < 8_000,
                "it repeats too much: {}",
                answer.text.len()
            );
        }
        let (after, _) = api.walk(ORDERS, 1000).await;
        assert_eq!(before, after, "something was recorded");
    });
}

#[test]
fn all_mistakes_come_at_once() {
    on_a_floor(async |floor| {
        let body =
            r#"{"account":1,"side":"hold","quantity":"-1","type":"limit","odd":[1,{"a":2}]}"#;
        let answer = send(&floor.trader(), body).await;
        answer.problem(422, "invalid_field");
        let mut fields = answer.fields();
        fields.sort();
        assert_eq!(
            fields,
            [
                "account",
                "limit_price",
                "odd",
                "quantity",
                "side",
                "symbol"
            ]
        );
    });
}

#[test]
fn what_is_not_json_is_refused_with_its_place() {
    on_a_floor(async |floor| {
        let api = floor.trader();
        let deep = "{\"a\":".repeat(10_000);
        let bodies: [&[u8]; 9] = [
            b"{",
            b"[]",
            b"null",
            b"\"x\"",
            b"{\"a\":1}{",
            b"{\"a\" 1}",
            b"\xff\xfe",
            b"{'a':1}",
            deep.as_bytes(),
        ];
        for body in bodies {
            let problem = send(&api, body).await.problem(400, "malformed_json");
            assert!(
                problem["detail"].as_str().unwrap().contains("line"),
                "{problem}"
            );
        }
        // No body at all: every field that is needed is missing.
        let empty = send(&api, "").await;
        empty.problem(422, "invalid_field");
        assert_eq!(
            empty.fields(),
            ["account", "symbol", "side", "quantity", "type"]
        );
        let twice = send(&api, r#"{"account":"demo","account":"other"}"#).await;
        twice.problem(422, "invalid_field");
        assert_eq!(twice.fields()[0], "account");
    });
}

#[test]
fn bodies_that_are_too_large_or_of_another_type_are_refused() {
    on_a_floor(async |floor| {
        let api = floor.trader();
        let padded = |bytes: usize| {
            let mut body = market_order("1").to_string();
            body.push_str(&" ".repeat(bytes - body.len()));
            body
        };
        send(&api, padded(64 * 1024)).await.good(201);
        send(&api, padded(64 * 1024 + 1))
            .await
            .problem(413, "body_too_large");
        send(&api, padded(2 * 1024 * 1024))
            .await
            .problem(413, "body_too_large");
        // The node goes on.
        send(&api, market_order("1").to_string()).await.good(201);

        for media_type in [
            "",
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/jsonp",
        ] {
            let body = market_order("1").to_string().into_bytes();
            let answer = api.raw("POST", ORDERS, media_type, body).await;
            answer.problem(415, "unsupported_media_type");
        }
        let body = market_order("1").to_string().into_bytes();
        let with_charset = "application/json; charset=utf-8";
        api.raw("POST", ORDERS, with_charset, body).await.good(201);
        let unwanted = api
            .raw("POST", "/api/v1/stream-tickets", JSON, b"{}".to_vec())
            .await;
        unwanted.problem(400, "bad_request");
    });
}

#[test]
fn what_risk_does_not_know_is_named() {
    on_a_floor(async |floor| {
        let api = floor.trader();
        for (field, code) in [("account", "unknown_account"), ("venue", "unknown_venue")] {
            let answer = send(&api, order_with(field, "\"nowhere\"")).await;
            let problem = answer.problem(422, code);
            assert_eq!(answer.fields(), [field]);
            assert!(
                problem["detail"].as_str().unwrap().contains("nowhere"),
                "{problem}"
            );
        }
    });
}

#[test]
fn other_bodies_are_held_to_the_same() {
    let chars = |count: usize| Value::from("é".repeat(count));
    on_a_floor(async |floor| {
        let api = floor.admin();
        let cases = [
            (CANCEL, json!({"reason": ""}), "reason"),
            (CANCEL, json!({"reason": chars(1_001)}), "reason"),
            (CANCEL, json!({"why": "x"}), "why"),
            (KILL, json!({"scope": "firm"}), "cause"),
            (KILL, json!({"scope": "firm", "cause": " "}), "cause"),
            (
                KILL,
                json!({"scope": "firm", "cause": "x", "key": "demo"}),
                "key",
            ),
            (KILL, json!({"scope": "account", "cause": "x"}), "key"),
            (
                KILL,
                json!({"scope": "account", "cause": "x", "key": "a b"}),
                "key",
            ),
            (
                KILL,
                json!({"scope": "planet", "cause": "x", "key": "earth"}),
                "scope",
            ),
            (
                "/api/v1/risk/kill-switches/release",
                json!({"scope": "firm"}),
                "cause",
            ),
        ];
        for (path, body, field) in cases {
            let answer = api.post(path, &body).await;
            answer.problem(422, "invalid_field");
            assert_eq!(answer.fields(), [field], "{path} {body}");
        }
        let switches = api.get(KILL).await.good(200);
        assert_eq!(switches["items"], json!([]));
    });
}
