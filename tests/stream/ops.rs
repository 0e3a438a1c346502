//! How a node says that it is well.

use blotter::identity::Role;
use serde_json::json;

use crate::client::{Stream, get, http};
use crate::node::{Floor, Key, Place};

fn headers(key: &Key) -> [(&str, &str); 3] {
    [
        ("apca-api-key-id", key.id.as_str()),
        ("apca-api-secret-key", key.secret.as_str()),
        ("x-forwarded-for", "192.0.2.1"),
    ]
}

#[test]
fn a_node_that_serves_is_live_and_ready() {
    Place::quiet().run(async |floor| {
        let live = get(floor, "/live").await;
        assert_eq!((live.status, live.json()), (200, json!({"status": "live"})));
        let ready = get(floor, "/ready").await;
        assert_eq!(ready.status, 200);
        assert_eq!(ready.json(), json!({"status": "ready", "reasons": []}));
        let head = http(floor, "HEAD", "/ready", &[], "").await;
        assert_eq!((head.status, head.text.as_str()), (200, ""));
    });
}

#[test]
fn health_names_every_part() {
    Place::trading_briefly().run(async |floor| {
        let health = get(floor, "/health").await.json();
        assert_eq!(health["status"], "ok", "{health}");
        assert_eq!(health["node"], "node-1");
        for field in ["version", "build", "time", "business_time"] {
            assert!(health[field].is_string(), "{field}: {health}");
        }
        assert!(health["log_head"].as_u64() >= health["views_position"].as_u64());
        let components = health["components"].as_array().expect("components");
        let names = components
            .iter()
            .map(|c| c["name"].as_str().expect("a name"));
        let names: Vec<_> = names.collect();
        for part in [
            "log",
            "read_models",
            "secrets",
            "actor:risk",
            "actor:execution",
            "market_data",
        ] {
            assert!(names.contains(&part), "{part} is not in {names:?}");
        }
        let from_outside = http(floor, "GET", "/health", &[("via", "a proxy")], "")
            .await
            .json();
        for component in from_outside["components"].as_array().expect("components") {
            assert_eq!(component["detail"], json!(null));
        }
    });
}

async fn metrics(floor: &Floor<'_>, role: Role) -> crate::answer::Answer {
    http(floor, "GET", "/metrics", &headers(floor.key(role)), "").await
}

#[test]
fn metrics_are_for_operators() {
    Place::trading_briefly().run(async |floor| {
        let here = get(floor, "/metrics").await;
        assert_eq!(here.status, 200);
        assert_eq!(
            here.header_text("content-type"),
            "text/plain; version=0.0.4; charset=utf-8"
        );
        let forwarded = [("x-forwarded-for", "127.0.0.1")];
        let refused = http(floor, "GET", "/metrics", &forwarded, "").await;
        refused.problem(401, "unauthenticated");
        metrics(floor, Role::Trader).await.problem(403, "forbidden");
        assert_eq!(metrics(floor, Role::Auditor).await.status, 200);
    });
}

#[test]
fn every_metric_has_help_and_clients_are_counted() {
    Place::trading_briefly().run(async |floor| {
        let mut stream = Stream::of(floor, Role::SuperAdmin).await;
        stream.subscribe(&["prices"], None).await;
        stream.frame_of("event").await;
        let text = get(floor, "/metrics").await.text;
        let families = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let mut count = 0;
        for family in families {
            let (name, _) = family.split_once(' ').expect("a name and a type");
            assert!(
                text.contains(&format!("# HELP {name} ")),
                "{name} has no help"
            );
            count += 1;
        }
        assert!(count >= 5, "{text}");
        let clients = text
            .lines()
            .find_map(|line| line.strip_prefix("blotter_stream_clients "));
        // Other tests of this process may have clients too.
        assert!(clients.expect("a gauge").parse::<u32>().expect("a number") >= 1);
    });
}
