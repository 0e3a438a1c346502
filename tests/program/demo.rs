//! `blotter demo --json`: its output, its repeatability, its stops.

use serde_json::Value;

use crate::data::{self, SHORT_BARS, SHORT_REFUSALS, SHORT_SIGNALS};
use crate::support::*;

const READY_KEYS: [&str; 7] = [
    "ready",
    "url",
    "user",
    "password",
    "key_id",
    "secret_key",
    "account",
];
const COUNTS: [&str; 8] = [
    "bars",
    "signals",
    "orders",
    "fills",
    "refusals",
    "events",
    "position",
    "elapsed_ms",
];

/// Asserts the first and the last line of a finished demo and gives the last.
fn assert_contract(ran: &Ran) -> Value {
    let lines = ran.lines();
    assert_eq!(lines.len(), 2, "{ran:?}");
    let (ready, done) = (&lines[0], &lines[1]);
    assert_eq!(ready["ready"], true);
    assert_eq!(ready["account"], "demo");
    for key in READY_KEYS {
        assert!(ready.get(key).is_some(), "{key} is not in {ready}");
    }
    assert_eq!(done["done"], true);
    for key in COUNTS {
        assert!(done[key].is_u64(), "{key} of {done} is no count");
    }
    for key in ["cash", "equity"] {
        let text = done[key].as_str().expect("decimal text");
        let is_decimal = text.chars().all(|c| c.is_ascii_digit() || c == '.');
        assert!(is_decimal && !text.ends_with('0'), "{key} {text}");
    }
    for key in ["log_root", "state_hash"] {
        let text = done[key].as_str().expect("hexadecimal text");
        let is_hash = text.len() == 64 && hex::decode(text).is_ok();
        assert!(is_hash, "{key} {text}");
    }
    assert_eq!(done["events"], done["position"], "positions have no gaps");
    ran.summary()
}

#[test]
fn two_fresh_logs_come_to_the_same() {
    let place = Place::new();
    let first = assert_contract(&finish(&mut place.demo()));
    assert_eq!(first["bars"], SHORT_BARS);
    assert_eq!(first["signals"], SHORT_SIGNALS);
    assert_eq!(first["refusals"], SHORT_REFUSALS);
    assert_eq!(first["position"], place.events().len() as u64);
    let second = assert_contract(&finish(&mut Place::new().demo()));
    assert_same(&second, &first);
    assert_eq!(second["events"], first["events"]);
}

#[test]
fn a_second_run_adds_its_start_and_its_stop() {
    let place = Place::new();
    let first = assert_contract(&finish(&mut place.demo()));
    let before = place.events();
    let second = assert_contract(&finish(&mut place.demo()));
    assert_same(&second, &first);
    let after = place.events();
    assert_eq!(after[..before.len()], before[..], "what stood, stands");
    let new: Vec<_> = after[before.len()..]
        .iter()
        .map(|event| event["type"].as_str().expect("a type"))
        .collect();
    assert_eq!(new, ["NodeStarted", "NodeStopped"]);
    place.assert_verifies();
}

#[test]
fn told_to_stop_it_stops_in_order_and_the_next_run_finishes() {
    let place = Place::new();
    for signals in 1..=3 {
        let running = place.run_to(signals * 80);
        running.terminate();
        let stopped = running.finish();
        assert_eq!(stopped.code(), Some(0), "{stopped:?}");
        assert_eq!(stopped.lines().len(), 1, "ready and not done: {stopped:?}");
        let events = place.events();
        let last = events.last().expect("an event");
        assert_eq!(last["type"], "NodeStopped");
        assert_eq!(last["payload"]["reason"], "it was told to stop");
        place.assert_verifies();
    }
    let done = finish(&mut place.demo()).summary();
    assert_same(&done, undisturbed());
}

#[test]
fn told_to_stop_as_soon_as_it_is_ready_it_stops_in_order() {
    for _ in 0..3 {
        let place = Place::new();
        let mut paced = place.command(&["demo", "--json", "--speed", "20"]);
        let running = Running::start(paced.arg("--data").arg(&place.file));
        running.line().expect("ready");
        running.terminate();
        let stopped = running.finish();
        assert_eq!(stopped.code(), Some(0), "{stopped:?}");
        let events = place.events();
        assert_eq!(events.last().expect("an event")["type"], "NodeStopped");
    }
}

#[test]
fn a_log_takes_no_other_data() {
    let place = Place::new();
    let first = finish(&mut place.demo()).summary();
    let other = Place::with(&data::other());
    let ran = finish(&mut demo(&other.file, &place.data_dir()));
    ran.refused(1, &["this log holds prices of cut@", "--data-dir"]);
    assert_eq!(
        ran.stderr
            .lines()
            .filter(|line| line.starts_with("error"))
            .count(),
        1
    );
    assert_same(&finish(&mut place.demo()).summary(), &first);
}

#[test]
fn without_json_it_tells_people_the_same_figures() {
    let place = Place::new();
    let mut command = place.command(&["demo", "--speed", "max", "--exit-when-done"]);
    let text = finish(command.arg("--data").arg(&place.file)).done();
    for figure in ["bars", "cash", "equity"] {
        let value = undisturbed()[figure].to_string().replace('"', "");
        let shown = text
            .lines()
            .any(|line| line.starts_with(figure) && line.split_whitespace().nth(1) == Some(&value));
        assert!(shown, "{figure} {value} is not in {text}");
    }
}

/// A password that the user has set is theirs: no later start prints another one.
#[test]
fn a_changed_password_is_said_to_be_changed() {
    let place = Place::new();
    let first = finish(&mut place.demo());
    let made = first.lines()[0]["password"].clone();
    let made = made.as_str().expect("a password").to_owned();
    let unchanged = finish(&mut place.demo());
    assert_eq!(unchanged.lines()[0]["password"], made.as_str());
    finish(&mut place.command(&["users", "set-password", "demo"])).done();
    let later = finish(&mut place.demo());
    assert_eq!(later.lines()[0]["password"], Value::Null);
    assert_eq!(later.lines()[0]["key_id"], first.lines()[0]["key_id"]);
    let mut command = place.command(&["demo", "--speed", "max", "--exit-when-done"]);
    let data = ["--bind", "127.0.0.1:0", "--data"];
    let text = finish(command.args(data).arg(&place.file)).done();
    assert!(!text.contains(&made), "{text}");
    let told = "Password    the one set since; `blotter users set-password demo";
    assert!(text.contains(told), "{text}");
}
