//! The rows that a subscription begins with are those of the API.

use blotter::identity::Role;
use serde_json::Value;

use crate::client::{Stream, http};
use crate::node::{Floor, Place, settled};

async fn listed(floor: &Floor<'_>, path: &str) -> Value {
    let key = floor.key(Role::SuperAdmin);
    let headers = [
        ("apca-api-key-id", key.id.as_str()),
        ("apca-api-secret-key", key.secret.as_str()),
    ];
    let answer = http(floor, "GET", path, &headers, "").await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json()["items"].clone()
}

#[test]
fn rows_are_those_of_the_api() {
    Place::trading_briefly().run(async |floor| {
        // Nothing changes any more while it is compared.
        settled(floor).await;
        let mut stream = Stream::of(floor, Role::SuperAdmin).await;
        let resources = [
            ("orders", "orders?status=open&limit=1000"),
            ("executions", "executions?limit=100"),
            ("accounts", "accounts"),
            ("prices", "instruments"),
            ("signals", "signals?limit=100"),
            ("kill_switches", "risk/kill-switches"),
            ("ops", "ops/actors"),
        ];
        let channels = resources.map(|(channel, _)| channel);
        stream.subscribe(&channels, None).await;
        let subscribed = stream.frame().await;
        for (channel, path) in resources {
            let rows = stream.frame().await;
            assert_eq!(rows["type"], "snapshot", "{rows}");
            assert_eq!(rows["channel"], channel);
            assert_eq!(rows["position"], subscribed["position"]);
            assert_eq!(
                rows["items"],
                listed(floor, &format!("/api/v1/{path}")).await
            );
            let empty = ["orders", "kill_switches"].contains(&channel);
            assert_eq!(
                rows["items"].as_array().expect("rows").is_empty(),
                empty,
                "{channel}"
            );
        }
    });
}
