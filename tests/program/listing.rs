//! `blotter events`: what it leaves out, what it follows, and that it shows what is stored.

use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};

use crate::support::*;

/// Finished events of one undisturbed log, and the bytes as stored.
struct Log {
    place: Place,
    events: Vec<Value>,
}

fn log() -> Log {
    let place = Place::new();
    finish(&mut place.demo()).done();
    let events = place.events();
    Log { place, events }
}

impl Log {
    fn listed(&self, arguments: &[&str]) -> Vec<Value> {
        let mut command = self.place.command(&["events", "--json"]);
        json_lines(&finish(command.args(arguments)).done())
    }

    fn assert_lists(&self, arguments: &[&str], wanted: impl Fn(&Value) -> bool) -> usize {
        let expected: Vec<_> = self.events.iter().filter(|event| wanted(event)).collect();
        assert!(!expected.is_empty(), "{arguments:?} would list nothing");
        let listed = self.listed(arguments);
        assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{arguments:?}");
        expected.len()
    }
}

#[test]
fn filters_leave_out_what_was_not_asked_for() {
    let log = log();
    let all = log.events.len() as u64;
    let position = |event: &Value| event["position"].as_u64().expect("a position");
    let positions: Vec<_> = log.events.iter().map(position).collect();
    assert_eq!(positions, (1..=all).collect::<Vec<_>>(), "without gaps");

    log.assert_lists(&["--stream", "account-demo"], |e| {
        e["stream"] == "account-demo"
    });
    log.assert_lists(&["--type", "OrderRefused"], |e| e["type"] == "OrderRefused");
    log.assert_lists(&["--after", "100"], |e| position(e) > 100);
    log.assert_lists(&["--until", "100"], |e| position(e) <= 100);
    let both = ["--after", "90", "--until", "100"];
    assert_eq!(
        log.assert_lists(&both, |e| (91..=100).contains(&position(e))),
        10
    );
    assert!(log.listed(&["--after", &all.to_string()]).is_empty());

    let executed = log.events.iter().find(|e| e["type"] == "OrderExecuted");
    let order = executed.expect("a fill")["payload"]["order_id"]
        .as_str()
        .expect("an id");
    let of_order = format!("order-{order}");
    let concerns = |e: &Value| e["stream"] == of_order || e["payload"]["order_id"] == order;
    let count = log.assert_lists(&["--order", order], concerns);
    assert!(
        count >= 6,
        "submitted, approved, routed, acknowledged, executed, booked: {count}"
    );
    let of_account = |e: &Value| e["stream"] == "account-demo" || e["payload"]["account"] == "demo";
    log.assert_lists(&["--account", "demo"], of_account);
    let fills = ["--account", "demo", "--type", "FillBooked"];
    log.assert_lists(&fills, |e| e["type"] == "FillBooked");
}

#[test]
fn an_empty_listing_says_why_and_an_unknown_name_is_an_error() {
    let log = log();
    let ran = |arguments: &[&str]| {
        let mut command = log.place.command(&["events"]);
        let ran = finish(command.args(arguments));
        assert_eq!(ran.stdout, "", "{ran:?}");
        ran
    };
    let cases: [(&[&str], &str, &str); 4] = [
        (
            &["--order", "nonsense"],
            "--order: nothing in this log concerns order nonsense",
            "allowed: an order_id of `blotter events --type OrderSubmitted`",
        ),
        (
            &["--stream", "account-nobody"],
            "--stream: there is no stream account-nobody in this log",
            "for example account-ID",
        ),
        (
            &["--account", "nobody", "--type", "FillBooked"],
            "--account: nothing in this log concerns account nobody",
            "allowed: demo",
        ),
        // Found before it is looked for after the end.
        (
            &["--order", "nonsense", "--after", "1000000"],
            "order nonsense",
            "allowed: ",
        ),
    ];
    for (arguments, problem, allowed) in cases {
        ran(arguments).refused(2, &["error: ", problem, allowed]);
    }
    let all = log.events.len();
    let head = format!("note: no event matches; the log holds positions 1 to {all}");
    let after = ["--after", &all.to_string()];
    ran(&after).refused(0, &[&head]);
    ran(&["--type", "UserDisabled"]).refused(0, &[&head]);
    ran(&["--account", "demo", "--until", "0"]).refused(0, &[&head]);
}

/// Every record as stored, one a line.
fn stored(log: &Log) -> String {
    let work = async {
        let options = SqliteConnectOptions::new()
            .filename(log.place.log())
            .read_only(true);
        let mut connection = options.connect().await.expect("opens");
        let records = "SELECT records FROM commits ORDER BY first_position";
        let records: Vec<String> = sqlx::query_scalar(records)
            .fetch_all(&mut connection)
            .await
            .expect("reads");
        records
    };
    runtime().block_on(work).join("\n")
}

#[test]
fn json_is_what_is_stored_byte_for_byte() {
    let log = log();
    let listed = finish(&mut log.place.command(&["events", "--json"])).done();
    let stored = stored(&log);
    assert_eq!(listed.lines().count(), log.events.len());
    assert!(
        listed.lines().eq(stored.lines()),
        "listed and stored differ"
    );
}

#[test]
fn for_people_each_event_is_a_line() {
    let log = log();
    let text = finish(&mut log.place.command(&["events", "--until", "1"])).done();
    let words: Vec<_> = text.split_whitespace().collect();
    assert_eq!(words[0], "1");
    assert_eq!(words[2..5], ["NodeStarted", "node-node-1@1", "system:node"]);
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    static SCRIPT: OnceLock<String> = OnceLock::new();
    let log = log();
    // The pipe of a shell; its own exit status is the program's.
    let script = SCRIPT.get_or_init(|| {
        let program = env!("CARGO_BIN_EXE_blotter");
        format!(
            "{{ '{program}' events --json --data-dir \"$1\"; echo status $? >&2; }} | head -n 1"
        )
    });
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(log.place.data_dir());
    let ran = finish(command.stdin(Stdio::null()));
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
    assert_eq!(ran.stderr, "status 0\n");
}

#[test]
fn following_shows_what_is_recorded_later() {
    let place = Place::new();
    let stopped = place.run_to(60);
    stopped.terminate();
    assert_eq!(stopped.finish().code(), Some(0));
    let known = place.events().len();
    let mut follow = place.command(&["events", "--json", "--follow"]);
    let mut follow = Running::start(&mut follow);
    for _ in 0..known {
        follow.line().expect("a known event");
    }
    finish(&mut place.demo()).done();
    let mut expected = place.events().split_off(known);
    for event in expected.drain(..) {
        let line = follow.line().expect("a new event");
        assert_eq!(json_lines(&line), [event]);
    }
    assert!(follow.is_alive(), "it waits for more");
    follow.kill();
    assert_eq!(follow.finish().stderr, "");
}

#[test]
fn a_log_that_is_not_there_is_named() {
    let place = Place::new();
    let ran = finish(&mut place.command(&["events"]));
    ran.refused(1, &["data/events.db"]);
    assert!(!place.data_dir().exists(), "looking makes nothing");
}
