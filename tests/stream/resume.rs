//! Each event once and in order, whatever happens to the connection.

use std::collections::BTreeMap;
use std::time::Duration;

use blotter::identity::Role;
use serde_json::{Value, json};

use crate::client::{Heard, Stream};
use crate::node::{Floor, Place};

const SEED: u64 = 20_261_120;
const DROPS: usize = 100;

/// Repeatable numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// A client that keeps what it has seen and where to go on.
#[derive(Default)]
struct Follower {
    channels: Vec<&'static str>,
    position: u64,
    seen: BTreeMap<u64, Value>,
}

impl Follower {
    fn of(channels: &[&'static str]) -> Self {
        Self {
            channels: channels.to_vec(),
            ..Self::default()
        }
    }

    async fn connect(&self, floor: &Floor<'_>) -> Stream {
        let mut stream = Stream::of(floor, Role::SuperAdmin).await;
        stream.subscribe(&self.channels, Some(self.position)).await;
        let subscribed = stream.frame_of("subscribed").await;
        assert_eq!(subscribed["position"], self.position);
        stream
    }

    fn take(&mut self, frame: &Value) {
        let position = || frame["position"].as_u64().expect("a position");
        match frame["type"].as_str().expect("a type") {
            "event" => {
                let position = position();
                assert!(
                    position > self.position,
                    "{position} after {}",
                    self.position
                );
                assert_eq!(frame["event"]["position"], position);
                let twice = self.seen.insert(position, frame["event"].clone());
                assert_eq!(twice, None, "{position} came twice");
                self.position = position;
            }
            "heartbeat" => self.position = self.position.max(position()),
            other => panic!("{other}: {frame}"),
        }
    }

    /// Listens for `time`; the connection has to hold.
    async fn listen(&mut self, stream: &mut Stream, time: Duration) {
        let until = tokio::time::Instant::now() + time;
        while let Some(rest) = until.checked_duration_since(tokio::time::Instant::now()) {
            match stream.hear_within(rest).await {
                Some(Heard::Frame(frame)) => self.take(&frame),
                None => return,
                Some(other) => panic!("{other:?}"),
            }
        }
    }

    /// Listens until everything up to `goal` is known to have come.
    async fn listen_to(&mut self, stream: &mut Stream, goal: u64) {
        while self.position < goal {
            let frame = stream.frame().await;
            self.take(&frame);
        }
    }

    /// Asserts that it has seen what the log holds of `types`, no more and no less.
    fn assert_saw(&self, log: &[Value], up_to: u64, types: impl Fn(&str) -> bool) {
        let expected = log.iter().filter(|event| {
            let position = event["position"].as_u64().expect("a position");
            position <= up_to && types(event["type"].as_str().expect("a type"))
        });
        let expected: Vec<&Value> = expected.collect();
        let seen: Vec<Value> = self
            .seen
            .range(..=up_to)
            .map(|(_, event)| bare(event))
            .collect();
        assert_eq!(seen.len(), expected.len());
        for (seen, expected) in seen.iter().zip(expected) {
            assert_eq!(seen, expected);
        }
    }
}

/// The event as it stands in the log.
fn bare(event: &Value) -> Value {
    let mut event = event.clone();
    let leaf = event.as_object_mut().expect("members").remove("leaf_hash");
    assert_eq!(leaf.expect("a leaf").as_str().expect("text").len(), 64);
    event
}

async fn head(floor: &Floor<'_>) -> u64 {
    let health = crate::client::get(floor, "/health").await.json();
    health["log_head"].as_u64().expect("a position")
}

fn is_price(name: &str) -> bool {
    ["PriceMarked", "InstrumentListed"].contains(&name)
}

fn is_account(name: &str) -> bool {
    [
        "AccountOpened",
        "CashDeposited",
        "FillBooked",
        "RiskLimitsChanged",
    ]
    .contains(&name)
}

#[test]
fn a_client_cut_off_a_hundred_times_sees_every_event_once() {
    let place = Place::trading("400");
    let mut follower = Follower::of(&["prices", "accounts"]);
    let mut random = Random(SEED);
    let mut goal = 0;
    let log = place.run(async |floor| {
        for _ in 0..DROPS {
            let mut stream = follower.connect(floor).await;
            for _ in 0..random.below(12) {
                let frame = stream.frame().await;
                follower.take(&frame);
            }
            // Dropped without a goodbye, wherever it stands.
        }
        goal = head(floor).await;
        let mut stream = follower.connect(floor).await;
        follower.listen_to(&mut stream, goal).await;
    });
    assert!(goal > 200, "events flowed meanwhile: {goal}");
    follower.assert_saw(&log, goal, |name| is_price(name) || is_account(name));
}

#[test]
fn a_client_goes_on_over_restarts_of_the_node() {
    let place = Place::trading("200");
    let mut follower = Follower::of(&["audit"]);
    let mut log = Vec::new();
    for _ in 0..3 {
        log = place.run(async |floor| {
            let mut stream = follower.connect(floor).await;
            follower
                .listen(&mut stream, Duration::from_millis(300))
                .await;
        });
    }
    let end = log.len() as u64;
    place.run(async |floor| {
        let mut stream = follower.connect(floor).await;
        follower.listen_to(&mut stream, end).await;
    });
    follower.assert_saw(&log, end, |_| true);
}

#[test]
fn a_long_log_is_replayed_from_disk_and_goes_over_into_what_happens() {
    let place = Place::trading("100").with_history(3_000, 10);
    let mut follower = Follower::of(&["audit"]);
    let mut later = Follower::of(&["ops"]);
    later.position = 2_990;
    let mut goal = 0;
    let log = place.run(async |floor| {
        let mut stream = follower.connect(floor).await;
        follower.listen_to(&mut stream, 3_050).await;
        goal = follower.position;
        let mut stream = later.connect(floor).await;
        later.listen_to(&mut stream, goal).await;
    });
    follower.assert_saw(&log, goal, |_| true);
    assert_eq!(*later.seen.keys().next().expect("events"), 2_991);
}

#[test]
fn many_clients_see_the_same() {
    let place = Place::trading("200");
    let mut followers: Vec<_> = (0..12).map(|_| Follower::of(&["audit"])).collect();
    let mut goal = 0;
    let log = place.run(async |floor| {
        let mut streams = Vec::new();
        for follower in &followers {
            streams.push(follower.connect(floor).await);
        }
        while goal < 400 {
            goal = head(floor).await;
        }
        for (follower, stream) in followers.iter_mut().zip(&mut streams) {
            follower.listen_to(stream, goal).await;
        }
    });
    for follower in &followers {
        follower.assert_saw(&log, goal, |_| true);
    }
}

#[test]
fn a_position_past_the_end_is_refused() {
    Place::quiet().run(async |floor| {
        let end = head(floor).await;
        let mut stream = Stream::of(floor, Role::SuperAdmin).await;
        stream.subscribe(&["audit"], Some(end)).await;
        assert_eq!(stream.frame().await["type"], "subscribed");
        stream.subscribe(&["audit"], Some(end + 1_000)).await;
        let error = stream.ended("position_past_the_end", 4400).await;
        let detail = error["detail"].as_str().expect("text");
        assert!(detail.contains("past the end"), "{detail}");
    });
}

#[test]
fn what_is_commanded_is_heard() {
    Place::quiet().run(async |floor| {
        let mut stream = Stream::of(floor, Role::SuperAdmin).await;
        stream.subscribe(&["kill_switches", "audit"], None).await;
        let subscribed = stream.frame().await;
        assert_eq!(subscribed["channels"], json!(["kill_switches", "audit"]));
        let rows = stream.frame().await;
        assert_eq!(
            (&rows["type"], &rows["channel"]),
            (&json!("snapshot"), &json!("kill_switches"))
        );
        assert_eq!(rows["items"], json!([]));
        let key = floor.key(Role::SuperAdmin).clone();
        let headers = [
            ("apca-api-key-id", key.id.as_str()),
            ("apca-api-secret-key", key.secret.as_str()),
            ("content-type", "application/json"),
        ];
        let body = json!({"scope": "firm", "cause": "a drill"}).to_string();
        let path = "/api/v1/risk/kill-switches";
        let engaged = crate::client::http(floor, "POST", path, &headers, &body).await;
        assert_eq!(engaged.status, 201, "{engaged:?}");
        // Others are heard too: that the keys were issued, for example.
        let event = loop {
            let event = stream.frame_of("event").await;
            if event["channel"] == "kill_switches" {
                break event;
            }
        };
        assert_eq!(event["event"]["type"], "KillSwitchEngaged");
        assert_eq!(event["event"]["payload"]["cause"], "a drill");
        let position: u64 = engaged
            .header_text("blotter-position")
            .parse()
            .expect("a position");
        assert_eq!(event["position"], position);
        // The same as the API shows it.
        let audit = format!("/api/v1/audit/events?type=KillSwitchEngaged&min_position={position}");
        let shown = crate::client::http(floor, "GET", &audit, &headers[..2], "")
            .await
            .json();
        assert_eq!(shown["items"][0], event["event"]);
    });
}
