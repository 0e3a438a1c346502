//! Heartbeats, slow clients, silent clients, clients that are far behind.

use std::time::Duration;

use serde_json::json;

use super::given::*;
use crate::http::stream::channel::Channel;
use crate::http::stream::limits::Limits;
use crate::http::stream::session::Gone;
use crate::identity::Role;
use crate::values::Position;

const SECOND: Duration = Duration::from_secs(1);

fn small() -> Limits {
    Limits {
        queue_frames: 8,
        replay_events: 100,
        ..Limits::default()
    }
}

fn auditor(limits: Limits) -> Given {
    Given::client(Role::SuperAdmin, limits)
}

#[test]
fn a_heartbeat_follows_each_burst_and_comes_every_five_seconds() {
    let mut given = auditor(Limits::default());
    given.subscribe(&[Channel::Ops], Some(0));
    given.record_to(4);
    assert_eq!(types(&given.read_all()), ["subscribed", "event"]);
    given.pass(Duration::from_millis(99)).expect("alive");
    assert!(given.read_all().is_empty(), "the burst may go on");
    given.pass(Duration::from_millis(1)).expect("alive");
    let frames = given.read_all();
    assert_eq!(types(&frames), ["heartbeat"]);
    // Event 4 is of no interest to it, but nothing up to there is missing.
    assert_eq!(frames[0]["position"], 4);
    assert_eq!(frames[0]["time"], "1970-01-01T00:00:00.000000Z");
    for _ in 0..3 {
        given.pass(Duration::from_millis(4_999)).expect("alive");
        assert!(given.read_all().is_empty());
        given.pass(Duration::from_millis(1)).expect("alive");
        assert_eq!(types(&given.read_all()), ["heartbeat"]);
    }
}

#[test]
fn a_heartbeat_before_a_subscription_promises_nothing() {
    let mut given = auditor(Limits::default());
    given.record_to(9);
    given.pass(5 * SECOND).expect("alive");
    assert_eq!(given.read_all()[0]["position"], 0);
    // Nor does one while rows are on their way.
    given.subscribe(&[Channel::Ops], None);
    given.pass(5 * SECOND).expect("alive");
    assert_eq!(given.read().expect("a heartbeat")["position"], 0);
}

#[test]
fn a_heartbeat_stands_behind_the_events_it_speaks_of() {
    let mut given = auditor(small());
    given.subscribe(&[Channel::Audit], Some(0));
    given.record_to(50);
    given.serve();
    let mut seen = 0;
    for _ in 0..200 {
        given.pass(Duration::from_millis(100)).expect("alive");
        given.serve();
        let Some(frame) = given.read() else { continue };
        match frame["type"].as_str() {
            Some("event") => seen = frame["position"].as_u64().expect("a position"),
            Some("heartbeat") => assert_eq!(frame["position"], seen),
            _ => assert_eq!(frame["type"], "subscribed"),
        }
    }
    assert_eq!(seen, 50);
}

#[test]
fn a_queue_never_outgrows_its_bound() {
    let mut given = auditor(small());
    given.subscribe(&[Channel::Audit], Some(0));
    given.record_to(100);
    given.serve();
    assert_eq!(given.session.queued(), 8);
    assert_eq!(given.session.wants_events(), None, "first what waits");
    for _ in 0..40 {
        given.read();
        given.serve();
        assert!(given.session.queued() <= 8);
    }
    let mut heavy = auditor(Limits {
        queue_bytes: 1,
        ..Limits::default()
    });
    heavy.subscribe(&[Channel::Audit], Some(0));
    heavy.record_to(100);
    heavy.serve();
    assert_eq!(
        heavy.session.queued(),
        1,
        "one frame is more than the bytes"
    );
    assert_eq!(positions(&heavy.read_all()).len(), 100);
}

#[test]
fn a_client_that_reads_slowly_is_not_reset() {
    let mut given = auditor(Limits {
        queue_frames: 8,
        ..Limits::default()
    });
    given.subscribe(&[Channel::Audit], Some(0));
    given.record_to(400);
    let mut frames = Vec::new();
    while positions(&frames).len() < 400 {
        given.serve();
        frames.extend(given.read());
        given.pass(Duration::from_millis(900)).expect("alive");
        given.session.hear(given.now);
    }
    assert!(!types(&frames).contains(&"reset"));
    assert_eq!(positions(&frames), (1..=400).collect::<Vec<_>>());
}

#[test]
fn a_client_that_does_not_read_is_reset_once_it_reads_again() {
    let mut given = auditor(small());
    given.subscribe(&[Channel::Audit, Channel::Ops], Some(0));
    given.record_to(40);
    given.serve();
    assert_eq!(given.read().expect("subscribed")["type"], "subscribed");
    for expected in 1..=3 {
        assert_eq!(given.read().expect("an event")["position"], expected);
    }
    given.pass(SECOND).expect("alive");
    assert!(given.session.has_output(), "it has to be told");
    assert_eq!(given.session.wants_rows(), None, "not before it reads");
    given.record_to(60);
    given.pass(5 * SECOND).expect("alive");
    let frames = given.read_all();
    assert_eq!(types(&frames), ["reset", "snapshot"]);
    assert_eq!(frames[0]["reason"], "slow_consumer");
    assert_eq!(frames[0]["position"], 60);
    given.record_to(62);
    assert_eq!(positions(&given.read_all()), [61, 62]);
}

#[test]
fn rows_of_a_reset_are_not_older_than_what_was_sent() {
    let mut given = auditor(small());
    given.subscribe(&[Channel::Audit], Some(0));
    given.record_to(40);
    given.serve();
    for _ in 0..6 {
        given.read();
    }
    given.viewed = 4;
    given.pass(SECOND).expect("alive");
    assert!(given.read().is_none(), "it reads again");
    let rows = given.session.wants_rows().expect("rows are due");
    assert_eq!(rows.as_of, Position::new(5));
}

#[test]
fn a_client_that_takes_nothing_is_cut_off() {
    let mut given = auditor(small());
    given.subscribe(&[Channel::Audit], Some(0));
    given.record_to(40);
    given.serve();
    given.read();
    given.pass(29 * SECOND).expect("alive");
    let gone = given.pass(SECOND);
    assert_eq!(gone, Err(Gone("it has taken nothing for too long")));
}

#[test]
fn a_client_that_had_nothing_to_take_is_not_slow() {
    let mut given = auditor(Limits {
        heartbeat_every: 1_000 * SECOND,
        ping_every: 1_000 * SECOND,
        ..small()
    });
    given.subscribe(&[Channel::Audit], Some(0));
    given.read_all();
    given.pass(60 * SECOND).expect("alive");
    given.record_to(20);
    given.serve();
    given.pass(Duration::from_millis(999)).expect("alive");
    assert_eq!(positions(&given.read_all()).len(), 20);
}

#[test]
fn a_silent_client_is_pinged_and_then_cut_off() {
    let mut given = auditor(Limits::default());
    for _ in 0..4 {
        given.pass(29 * SECOND).expect("alive");
        given.read_all();
    }
    assert_eq!(given.pass(3 * SECOND), Ok(()));
    given.session.hear(given.now);
    given.pass(119 * SECOND).expect("alive");
    given.read_all();
    let gone = given.pass(SECOND);
    assert_eq!(gone, Err(Gone("it has said nothing for too long")));
}

#[test]
fn whoever_is_too_far_behind_gets_rows_instead() {
    let mut given = auditor(small());
    given.record_to(200);
    given.subscribe(&[Channel::Ops], Some(100));
    assert_eq!(types(&given.read_all())[0], "subscribed");
    given.subscribe(&[Channel::Ops], Some(99));
    let frames = given.read_all();
    assert_eq!(types(&frames), ["subscribed", "reset", "snapshot"]);
    assert_eq!(frames[0]["position"], 200);
    assert_eq!(frames[1]["reason"], "too_far_behind");
    assert_eq!(frames[1]["position"], 200);
}

#[test]
fn whoever_falls_too_far_behind_is_reset_after_what_was_queued() {
    let mut given = auditor(small());
    given.subscribe(&[Channel::Audit], Some(0));
    given.record_to(64);
    given.serve();
    let first = given.read().expect("a frame");
    given.record_to(500);
    let mut frames = vec![first];
    frames.extend(given.read_all());
    let reset = types(&frames).iter().position(|kind| *kind == "reset");
    let reset = reset.expect("a reset");
    assert_eq!(frames[reset]["reason"], "too_far_behind");
    assert_eq!(frames[reset]["position"], 500);
    let before = positions(&frames[..reset]);
    assert_eq!(before, (1..=before.len() as u64).collect::<Vec<_>>());
    assert!(positions(&frames[reset..]).is_empty());
    given.record_to(501);
    assert_eq!(positions(&given.read_all()), [501]);
}

#[test]
fn old_rows_do_not_help_one_who_is_behind() {
    let mut given = auditor(small());
    given.record_to(300);
    given.viewed = 10;
    given.subscribe(&[Channel::Audit], Some(20));
    let frames = given.read_all();
    assert!(!types(&frames).contains(&"reset"));
    assert_eq!(positions(&frames), (21..=300).collect::<Vec<_>>());
}

#[test]
fn a_client_that_talks_too_much_is_sent_away() {
    let mut given = auditor(Limits::default());
    for _ in 0..100 {
        given.say(json!({"type": "ping"}));
        given.read_all();
    }
    given.pass(10 * SECOND).expect("alive");
    given.say(json!({"type": "ping"}));
    assert!(!given.session.is_closing(), "a new window");
    for _ in 0..100 {
        given.say(json!({"type": "ping"}));
    }
    let frames = given.read_all();
    assert_eq!(types(&frames), ["error"]);
    assert_eq!(frames[0]["code"], "too_many_requests");
}

/// What waited for the subscription before is not sent as if it belonged to the new one.
#[test]
fn a_new_subscription_gets_nothing_that_was_queued_for_the_one_before() {
    for from in [Some(2), None] {
        let mut given = auditor(small());
        given.subscribe(&[Channel::Audit], Some(0));
        given.record_to(40);
        given.serve();
        assert_eq!(given.session.queued(), 8, "there is something to drop");
        given.say(json!({"type": "ping"}));
        given.subscribe(&[Channel::Ops], from);
        let frames = given.read_all();
        // Answers to the client are never dropped.
        let kinds = types(&frames);
        assert_eq!(kinds[..3], ["subscribed", "pong", "subscribed"], "{from:?}");
        let channels = frames[3..].iter().map(|frame| &frame["channel"]);
        assert!(
            channels.clone().all(|channel| channel == "ops"),
            "{kinds:?}"
        );
        let expected: Vec<u64> = match from {
            Some(from) => (from + 1..=40).filter(|at| at % 3 == 0).collect(),
            None => Vec::new(),
        };
        assert_eq!(positions(&frames), expected);
    }
}

/// Rows in place of events would make a full queue longer still.
#[test]
fn rows_wait_until_there_is_room() {
    let mut given = auditor(small());
    given.subscribe(&[Channel::Audit, Channel::Ops], Some(0));
    given.record_to(64);
    given.serve();
    while given.session.wants_events().is_none() {
        given.read().expect("an event");
    }
    // By now it is too far behind, and all that it has pulled is queued.
    given.record_to(500);
    given.serve();
    assert_eq!(given.session.queued(), 8);
    assert_eq!(given.session.wants_rows(), None, "there is no room");
    let first = given.read().expect("an event");
    assert!(given.session.wants_rows().is_some(), "there is room");
    let frames = given.read_all();
    assert_eq!(first["position"], 57);
    assert_eq!(positions(&frames), (58..=64).collect::<Vec<_>>());
    assert_eq!(types(&frames)[7..], ["reset", "snapshot"]);
}
