//! Who gets in, who does not, and how they are told.

use awc::ws::Message;
use blotter::events::Who;
use blotter::identity::Role;
use serde_json::json;

use crate::client::{Heard, Stream, http, key_headers, upgrade};
use crate::node::{Floor, Place, identity};

async fn ticket(floor: &Floor<'_>, role: Role) -> String {
    let headers = key_headers(floor.key(role));
    let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let answer = http(floor, "POST", "/api/v1/stream-tickets", &headers, "").await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["ticket"]
        .as_str()
        .expect("a ticket")
        .to_owned()
}

#[test]
fn a_ticket_opens_the_stream_once() {
    Place::quiet().run(async |floor| {
        let ticket = ticket(floor, Role::Trader).await;
        let mut first = Stream::stranger(floor).await;
        first
            .say(json!({"type": "authenticate", "ticket": ticket}))
            .await;
        let frame = first.frame().await;
        assert_eq!(frame["type"], "authenticated");
        assert_eq!(frame["user"], "trader");
        assert_eq!(frame["heartbeat_seconds"], 5);
        assert!(
            frame["permissions"]
                .as_array()
                .unwrap()
                .contains(&json!("orders.submit"))
        );
        let mut second = Stream::stranger(floor).await;
        second
            .say(json!({"type": "authenticate", "ticket": ticket}))
            .await;
        second.ended("unauthenticated", 4401).await;
    });
}

#[test]
fn whoever_says_nothing_is_sent_away() {
    Place::quiet().run(async |floor| {
        let mut silent = Stream::stranger(floor).await;
        let error = silent.ended("unauthenticated", 4401).await;
        assert_eq!(error["detail"], "no ticket arrived within 5 s");
        let mut hasty = Stream::stranger(floor).await;
        hasty.subscribe(&["orders"], None).await;
        hasty.ended("unauthenticated", 4401).await;
    });
}

#[test]
fn bad_frames_are_refused_with_a_reason() {
    Place::quiet().run(async |floor| {
        let bad = [
            Message::Text("hello".into()),
            Message::Text(r#"{"type":"subscribe","channels":["gossip"]}"#.into()),
            Message::Binary(vec![1, 2, 3].into()),
            Message::Text(format!("{{\"type\":\"{}\"}}", "x".repeat(17 * 1024)).into()),
        ];
        for message in bad {
            let mut stream = Stream::of(floor, Role::Trader).await;
            stream.send(message).await;
            stream.ended("bad_frame", 4400).await;
        }
    });
}

#[test]
fn a_frame_may_come_in_pieces() {
    use actix_ws::Item;
    Place::quiet().run(async |floor| {
        let mut stream = Stream::of(floor, Role::Trader).await;
        stream
            .send(Message::Continuation(Item::FirstText(r#"{"type""#.into())))
            .await;
        stream
            .send(Message::Continuation(Item::Last(r#":"ping"}"#.into())))
            .await;
        assert_eq!(stream.frame().await["type"], "pong");
        stream.send(Message::Ping("hello".into())).await;
        assert_eq!(stream.hear().await, Heard::Pong);
    });
}

#[test]
fn channels_need_their_permission_and_the_refusal_is_recorded() {
    let log = Place::quiet().run(async |floor| {
        let mut stream = Stream::of(floor, Role::Trader).await;
        stream.subscribe(&["orders", "audit"], None).await;
        let error = stream.ended("forbidden", 4403).await;
        assert!(error["detail"].as_str().unwrap().contains("audit.read"));
    });
    let denied = log.iter().find(|event| event["type"] == "AccessDenied");
    let denied = denied.expect("it is recorded");
    assert_eq!(denied["payload"]["permission"], "audit.read");
}

#[test]
fn another_sites_page_is_refused() {
    let place = Place::quiet().with("http.allowed_origins", "https://desk.example");
    place.run(async |floor| {
        let own = format!("http://{}", floor.address);
        for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
            let refused = upgrade(floor, &[("origin", origin)]).await;
            refused.problem(403, "origin_not_allowed");
        }
        for origin in [own.as_str(), "https://desk.example"] {
            let headers = [("origin", origin.to_owned())];
            let mut stream = Stream::connect(floor, &headers).await;
            stream.say(json!({"type": "ping"})).await;
            stream.ended("unauthenticated", 4401).await;
        }
        let foreign = http(floor, "GET", "/live", &[("host", "evil.example")], "").await;
        foreign.problem(421, "host_not_allowed");
        let named = http(floor, "GET", "/live", &[("host", "desk.example")], "").await;
        assert_eq!(named.status, 200);
    });
}

#[test]
fn bad_keys_and_plain_requests_are_refused() {
    Place::quiet().run(async |floor| {
        let key = floor.key(Role::Trader).clone();
        let id = ("apca-api-key-id", key.id.as_str());
        let wrong = upgrade(floor, &[id, ("apca-api-secret-key", "wrong")]).await;
        wrong.problem(401, "bad_credentials");
        upgrade(floor, &[id]).await.problem(401, "unauthenticated");
        crate::client::get(floor, "/ws/v1")
            .await
            .problem(400, "bad_request");
    });
}

#[test]
fn one_principal_has_sixteen_places() {
    Place::quiet().run(async |floor| {
        let mut held = Vec::new();
        for _ in 0..16 {
            held.push(Stream::of(floor, Role::Trader).await);
        }
        let headers = key_headers(floor.key(Role::Trader));
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let refused = upgrade(floor, &headers).await;
        refused.problem(429, "too_many_requests");
        assert_eq!(refused.header_text("retry-after"), "5");
        let ticket = ticket(floor, Role::Trader).await;
        let mut by_ticket = Stream::stranger(floor).await;
        by_ticket
            .say(json!({"type": "authenticate", "ticket": ticket}))
            .await;
        by_ticket.ended("too_many_requests", 1013).await;
        let metrics = crate::client::get(floor, "/metrics").await.text;
        assert!(
            metrics.contains("# TYPE blotter_stream_clients gauge"),
            "{metrics}"
        );
        Stream::of(floor, Role::Auditor).await;
        drop(held);
        // The places are free as soon as the server has noticed.
        while upgrade(floor, &headers).await.status == 429 {}
    });
}

#[test]
fn a_revoked_key_ends_its_connections() {
    Place::quiet().run(async |floor| {
        let mut stream = Stream::of(floor, Role::Trader).await;
        stream.subscribe(&["orders"], None).await;
        stream.frame_of("snapshot").await;
        // By a command beside the node, as an operator would.
        let identity = identity(&floor.place.config()).await;
        let key = &floor.key(Role::Trader).id;
        let revoked = identity.revoke_key(&Who::system("test"), key).await;
        assert!(revoked.expect("revokes"));
        stream.ended("unauthenticated", 4401).await;
    });
}
