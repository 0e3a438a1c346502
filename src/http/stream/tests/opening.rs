//! How a connection and its subscriptions begin and end.

use std::time::Duration;

use serde_json::json;

use super::given::*;
use crate::http::stream::channel::Channel;
use crate::http::stream::limits::Limits;
use crate::http::stream::session::Request;
use crate::identity::{Permission, Role};

fn limits() -> Limits {
    Limits::default()
}

/// The one error among the frames, and the status that the connection closes with.
fn ended(given: &mut Given) -> (String, u16) {
    let frames = given.read_all();
    assert_eq!(types(&frames), ["error"], "{frames:?}");
    let status = given.session.is_done().expect("closing").status.number();
    (
        frames[0]["code"].as_str().expect("a code").to_owned(),
        status,
    )
}

#[test]
fn a_ticket_comes_first() {
    let mut given = Given::stranger(limits());
    let asked = given.say(json!({"type": "authenticate", "ticket": "t"}));
    assert_eq!(asked, Some(Request::Redeem("t".to_owned())));
    given.session.authenticated(&principal(Role::Observer));
    let frames = given.read_all();
    assert_eq!(types(&frames), ["authenticated"]);
    assert_eq!(frames[0]["user"], "anna");
    assert_eq!(frames[0]["heartbeat_seconds"], 5);
    let permissions = frames[0]["permissions"].as_array().expect("a list");
    assert!(permissions.contains(&json!("orders.read")));
    assert!(!permissions.contains(&json!("audit.read")));
}

#[test]
fn a_stranger_gets_nothing_but_the_door() {
    for frame in [
        json!({"type": "subscribe", "channels": ["orders"]}),
        json!({"type": "ping"}),
    ] {
        let mut given = Given::stranger(limits());
        assert_eq!(given.say(frame), None);
        assert_eq!(ended(&mut given), ("unauthenticated".to_owned(), 4401));
    }
    let mut late = Given::stranger(limits());
    assert_eq!(late.pass(Duration::from_millis(4_999)), Ok(()));
    assert!(!late.session.is_closing());
    assert_eq!(late.pass(Duration::from_millis(1)), Ok(()));
    assert_eq!(ended(&mut late), ("unauthenticated".to_owned(), 4401));
}

#[test]
fn rows_come_before_events_and_events_follow_their_position() {
    let mut given = Given::client(Role::SuperAdmin, limits());
    given.record_to(10);
    given.subscribe(&[Channel::KillSwitches, Channel::Audit, Channel::Ops], None);
    let frames = given.read_all();
    assert_eq!(types(&frames), ["subscribed", "snapshot", "snapshot"]);
    assert_eq!(
        frames[0]["channels"],
        json!(["kill_switches", "audit", "ops"])
    );
    for frame in &frames {
        assert_eq!(frame["position"], 10);
    }
    given.record_to(13);
    let frames = given.read_all();
    assert_eq!(positions(&frames), [11, 12, 13]);
    // 12 is about an actor; the audit trail was named before operations.
    let channels: Vec<_> = frames.iter().map(|frame| &frame["channel"]).collect();
    assert_eq!(channels, ["kill_switches", "audit", "kill_switches"]);
}

#[test]
fn an_event_is_sent_as_it_was_recorded_with_its_leaf_hash() {
    let mut given = Given::client(Role::SuperAdmin, limits());
    given.subscribe(&[Channel::Audit], Some(0));
    given.record_to(1);
    let frames = given.read_all();
    let mut event = frames[1]["event"].clone();
    let leaf = event.as_object_mut().expect("members").remove("leaf_hash");
    assert_eq!(leaf, Some(json!(hex::encode(given.log[0].leaf))));
    let record: serde_json::Value = serde_json::from_slice(&given.log[0].record).expect("JSON");
    assert_eq!(event, record);
}

#[test]
fn resuming_replays_what_follows_without_rows() {
    let mut given = Given::client(Role::SuperAdmin, limits());
    given.record_to(300);
    given.subscribe(&[Channel::KillSwitches], Some(290));
    let frames = given.read_all();
    assert_eq!(frames[0]["position"], 290);
    assert_eq!(types(&frames)[0], "subscribed");
    assert_eq!(positions(&frames), [292, 293, 295, 296, 298, 299]);
}

#[test]
fn a_position_past_the_end_is_refused() {
    let mut given = Given::client(Role::SuperAdmin, limits());
    given.record_to(5);
    given.subscribe(&[Channel::Audit], Some(5));
    assert_eq!(types(&given.read_all()), ["subscribed"]);
    given.subscribe(&[Channel::Audit], Some(6));
    assert_eq!(
        ended(&mut given),
        ("position_past_the_end".to_owned(), 4400)
    );
}

#[test]
fn a_channel_needs_its_permission() {
    let mut given = Given::client(Role::Observer, limits());
    let asked = given.say(json!({"type": "subscribe", "channels": ["orders", "audit"]}));
    let denied = Request::Denied(Permission::AuditRead, Channel::Audit);
    assert_eq!(asked, Some(denied));
    assert_eq!(ended(&mut given), ("forbidden".to_owned(), 4403));
}

#[test]
fn a_permission_that_is_taken_away_ends_the_connection() {
    let mut given = Given::client(Role::Auditor, limits());
    given.subscribe(&[Channel::Audit], Some(0));
    given.read_all();
    assert_eq!(given.session.permitted(&Role::Auditor.permissions()), None);
    assert!(!given.session.is_closing());
    let denied = given.session.permitted(&Role::Observer.permissions());
    assert_eq!(
        denied,
        Some(Request::Denied(Permission::AuditRead, Channel::Audit))
    );
    assert_eq!(ended(&mut given), ("forbidden".to_owned(), 4403));
}

#[test]
fn another_subscription_takes_the_place_of_the_first() {
    let mut given = Given::client(Role::SuperAdmin, limits());
    given.subscribe(&[Channel::KillSwitches], Some(0));
    given.record_to(3);
    assert_eq!(positions(&given.read_all()), [1, 2]);
    given.subscribe(&[Channel::Ops, Channel::Ops], Some(0));
    let frames = given.read_all();
    assert_eq!(frames[0]["channels"], json!(["ops"]));
    assert_eq!(positions(&frames), [3]);
    given.subscribe(&[], Some(0));
    given.record_to(9);
    assert_eq!(types(&given.read_all()), ["subscribed"]);
}

#[test]
fn pings_are_answered_and_a_second_ticket_is_not() {
    let mut given = Given::client(Role::Observer, limits());
    given.say(json!({"type": "ping"}));
    assert_eq!(types(&given.read_all()), ["pong"]);
    given.say(json!({"type": "authenticate", "ticket": "t"}));
    assert_eq!(ended(&mut given), ("bad_frame".to_owned(), 4400));
    // It listens no more.
    assert_eq!(given.say(json!({"type": "ping"})), None);
    assert!(given.read_all().is_empty());
}
