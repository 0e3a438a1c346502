//! Who may do what: every route with every kind of caller, against the written table.

use std::collections::BTreeMap;

use blotter::http::api;
use blotter::http::endpoint::{Access, Endpoint, Method};
use blotter::identity::{Permission, Role};

use crate::client::{Api, Credentials};
use crate::node::{Floor, on_a_floor};

/// As agreed, by hand: a route that is missing here, or says something else, is a mistake.
const AGREED: [(&str, &str); 30] = [
    ("POST /api/v1/sessions", "open"),
    ("GET /api/v1/sessions/current", "authenticated"),
    ("DELETE /api/v1/sessions/current", "authenticated"),
    ("POST /api/v1/stream-tickets", "authenticated"),
    ("POST /api/v1/orders", "orders.submit"),
    ("POST /api/v1/orders/preview", "orders.submit"),
    ("POST /api/v1/orders/{order_id}/cancel", "orders.cancel"),
    ("GET /api/v1/orders", "orders.read"),
    ("GET /api/v1/orders/{order_id}", "orders.read"),
    ("GET /api/v1/orders/{order_id}/events", "orders.read"),
    ("GET /api/v1/executions", "accounts.read"),
    ("GET /api/v1/positions", "accounts.read"),
    ("GET /api/v1/accounts", "accounts.read"),
    ("GET /api/v1/accounts/{account}", "accounts.read"),
    ("GET /api/v1/accounts/{account}/equity", "accounts.read"),
    ("GET /api/v1/accounts/{account}/portfolio", "accounts.read"),
    ("GET /api/v1/instruments", "market.read"),
    ("GET /api/v1/candles", "market.read"),
    ("GET /api/v1/signals", "strategies.read"),
    ("GET /api/v1/strategies", "strategies.read"),
    ("GET /api/v1/risk/kill-switches", "kill_switches.read"),
    ("POST /api/v1/risk/kill-switches", "kill_switches.engage"),
    (
        "POST /api/v1/risk/kill-switches/release",
        "kill_switches.release",
    ),
    ("GET /api/v1/audit/events", "audit.read"),
    ("GET /api/v1/ops/actors", "ops.read"),
    ("GET /api/v1/ops/projections", "ops.read"),
    ("GET /api/openapi.json", "open"),
    ("GET /api/docs", "open"),
    ("GET /api/docs/problems", "open"),
    ("GET /api/docs/style.css", "open"),
];

fn name(access: Access) -> &'static str {
    match access {
        Access::Open => "open",
        Access::Authenticated => "authenticated",
        Access::Needs(permission) => permission.name(),
    }
}

#[test]
fn the_table_is_the_agreed_one() {
    let agreed: BTreeMap<String, &str> = AGREED
        .iter()
        .map(|(place, access)| ((*place).to_owned(), *access))
        .collect();
    let served: BTreeMap<String, &str> = api::endpoints()
        .map(|endpoint| (endpoint.place(), name(endpoint.access)))
        .collect();
    assert_eq!(served, agreed);
}

async fn call(api: &Api, endpoint: &Endpoint) -> (u16, serde_json::Value) {
    let path = endpoint
        .path
        .replace("{order_id}", "none")
        .replace("{account}", "demo");
    let answer = match endpoint.method {
        Method::Get => api.get(&path).await,
        Method::Delete => api.delete(&path).await,
        Method::Post => api.raw("POST", &path, "application/json", Vec::new()).await,
    };
    let json = serde_json::from_str(&answer.text).unwrap_or_default();
    (answer.status, json)
}

/// What `caller` may, it may; what it may not is refused as that.
async fn check(api: &Api, caller: &str, may: impl Fn(Permission) -> bool) {
    for endpoint in api::endpoints() {
        let (status, body) = call(api, endpoint).await;
        let place = endpoint.place();
        let allowed = match endpoint.access {
            Access::Open | Access::Authenticated => true,
            Access::Needs(permission) => may(permission),
        };
        match allowed {
            true => assert!(
                status != 401 && status != 403,
                "{caller} {place}: {status} {body}"
            ),
            false => {
                assert_eq!(
                    (status, &body["code"]),
                    (403, &"forbidden".into()),
                    "{caller} {place}"
                );
                assert_eq!(
                    body["permission"],
                    name(endpoint.access),
                    "{caller} {place}"
                );
            }
        }
        assert_ne!(status, 500, "{caller} {place}: {body}");
    }
}

async fn check_stranger(floor: &Floor, credentials: Credentials, code: &str) {
    let api = floor.api.by(credentials);
    for endpoint in api::endpoints().filter(|endpoint| endpoint.access != Access::Open) {
        let (status, body) = call(&api, endpoint).await;
        assert_eq!(
            (status, &body["code"]),
            (401, &code.into()),
            "{}",
            endpoint.place()
        );
    }
}

#[test]
fn every_route_admits_whom_the_table_admits_and_nobody_else() {
    on_a_floor(async |floor| {
        for role in Role::ALL {
            let permissions = role.permissions();
            check(&floor.by(role), role.name(), |permission| {
                permissions.contains(&permission)
            })
            .await;
        }
        let narrow = floor.api.by(floor.narrow.clone());
        check(&narrow, "a narrowed key", |permission| {
            permission == Permission::OrdersRead
        })
        .await;

        check_stranger(floor, Credentials::default(), "unauthenticated").await;
        let half = Credentials::default().with("APCA-API-KEY-ID", "PKNOBODY");
        check_stranger(floor, half, "unauthenticated").await;
        check_stranger(
            floor,
            Credentials::default().with("Authorization", "Bearer x"),
            "bad_credentials",
        )
        .await;
        let cookie = Credentials::default().with("Cookie", "__Host-blotter_session=made-up");
        check_stranger(floor, cookie, "unauthenticated").await;
    });
}

#[test]
fn a_wrong_secret_opens_nothing_and_a_refusal_is_on_record() {
    on_a_floor(async |floor| {
        let (_, observer) = floor
            .keys
            .iter()
            .find(|(role, _)| *role == Role::Observer)
            .unwrap();
        let id = &observer.headers[0].1;
        let wrong = floor.api.by(Credentials::key(id, "not-the-secret"));
        wrong
            .get("/api/v1/orders")
            .await
            .problem(401, "bad_credentials");

        let refused = floor.by(Role::Observer).get("/api/v1/audit/events").await;
        refused.problem(403, "forbidden");
        // Recorded by another task, so it takes a moment.
        let denials = loop {
            let page = floor
                .admin()
                .get("/api/v1/audit/events?type=AccessDenied")
                .await
                .good(200);
            let items = page["items"].as_array().expect("items").clone();
            if !items.is_empty() {
                break items;
            }
        };
        let denial = denials[0].to_string();
        assert!(denial.contains("audit.read"), "{denial}");
        assert!(denial.contains("GET /api/v1/audit/events"), "{denial}");
    });
}

#[test]
fn basic_carries_the_same_key() {
    use base64::Engine;
    on_a_floor(async |floor| {
        let (_, key) = &floor.keys[0];
        let pair = format!("{}:{}", key.headers[0].1, key.headers[1].1);
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
        let basic = Credentials::default().with("Authorization", &format!("Basic {encoded}"));
        let me = floor
            .api
            .by(basic)
            .get("/api/v1/sessions/current")
            .await
            .good(200);
        assert_eq!(me["user"], "super-admin");
        assert!(
            me["principal"].as_str().unwrap().starts_with("key:"),
            "{me}"
        );
        for absent in ["csrf_token", "expires_at", "idle_seconds"] {
            assert!(me[absent].is_null(), "{me}");
        }
    });
}
