//! The log against two programs that share no code with the product: one recomputes the demo from
//! its market data, one the state hash from the log.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::data;
use crate::support::*;

fn reference(script: &str) -> (Command, PathBuf) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference");
    let mut command = Command::new("python3");
    command.arg("-B").arg(dir.join(script));
    (command, dir)
}

/// Figures, and the trace of signals and fills.
fn recompute(data: &Path, place: &Place) -> (Value, Vec<Value>) {
    let trace = place.dir.path().join("trace.jsonl");
    let (mut command, _) = reference("recompute.py");
    command.arg("--data").arg(data).arg("--trace").arg(&trace);
    let summary = json_lines(&finish(&mut command).done()).remove(0);
    let text = std::fs::read_to_string(trace).expect("a trace");
    (summary, json_lines(&text))
}

/// The log's signals and fills in the words of the trace, in the order of the log.
fn traced(events: &[Value]) -> Vec<Value> {
    let mut outcomes = BTreeMap::new();
    for event in events {
        let outcome = match event["type"].as_str() {
            Some("OrderApproved") => "ordered",
            Some("OrderRefused") => "refused",
            _ => continue,
        };
        outcomes.insert(event["command_id"].to_string(), outcome);
    }
    let line = |event: &Value| {
        let payload = &event["payload"];
        let mut line = serde_json::json!({
            "symbol": payload["symbol"], "side": payload["side"], "price": payload["price"],
        });
        match event["type"].as_str() {
            Some("SignalGenerated") => {
                line["kind"] = "signal".into();
                line["bar"] = payload["bar"].clone();
                line["quantity"] = match payload["action"] == "order" {
                    true => payload["quantity"].clone(),
                    false => "0".into(),
                };
                let outcome = outcomes.get(&payload["command_id"].to_string());
                line["outcome"] = (*outcome.unwrap_or(&"none")).into();
            }
            Some("FillBooked") => {
                line["kind"] = "fill".into();
                line["bar"] = event["occurred_at"].as_str().expect("a time")[..10].into();
                line["quantity"] = payload["quantity"].clone();
                line["commission"] = payload["commission"].clone();
            }
            _ => return None,
        }
        Some(line)
    };
    events.iter().filter_map(line).collect()
}

/// What the venue executed is what was booked, one for one.
fn assert_booked_once(events: &[Value]) {
    const TERMS: [&str; 6] = [
        "order_id",
        "symbol",
        "side",
        "quantity",
        "price",
        "commission",
    ];
    let of = |event_type: &str| {
        let mut by_execution = BTreeMap::new();
        for event in events.iter().filter(|event| event["type"] == event_type) {
            let payload = &event["payload"];
            let terms = TERMS.map(|key| payload[key].clone());
            let execution = payload["execution_id"].to_string();
            assert_eq!(
                by_execution.insert(execution, terms),
                None,
                "twice: {event}"
            );
        }
        by_execution
    };
    assert_eq!(of("OrderExecuted"), of("FillBooked"));
}

fn state_hash(place: &Place) -> String {
    let listed = finish(&mut place.command(&["events", "--json"])).done();
    let file = place.dir.path().join("events.jsonl");
    std::fs::write(&file, listed).expect("writes");
    let (mut command, _) = reference("state_hash.py");
    let mut running = Running::start(command.stdin_from(&file));
    let hash = running.line().expect("a hash");
    running.kill();
    hash
}

trait StdinFrom {
    fn stdin_from(&mut self, file: &Path) -> &mut Self;
}

impl StdinFrom for Command {
    fn stdin_from(&mut self, file: &Path) -> &mut Self {
        self.stdin(std::fs::File::open(file).expect("opens"))
    }
}

fn assert_agrees(place: &Place, data: &Path, summary: &Value) {
    let (expected, trace) = recompute(data, place);
    for figure in expected.as_object().expect("figures").keys() {
        assert_eq!(summary[figure], expected[figure], "{figure}");
    }
    let events = place.events();
    let found = traced(&events);
    assert_eq!(found.len(), trace.len());
    for (found, expected) in found.iter().zip(&trace) {
        assert_eq!(found, expected);
    }
    assert_booked_once(&events);
    assert_eq!(summary["state_hash"], state_hash(place), "state hash");
}

#[test]
fn the_short_data_comes_to_what_others_compute() {
    let place = Place::new();
    let summary = finish(&mut place.demo()).summary();
    assert_agrees(&place, &place.file, &summary);
}

#[test]
fn the_built_in_data_comes_to_what_others_compute() {
    if !is_torture() {
        eprintln!("skipped: the whole built-in data is played with BLOTTER_TORTURE=1");
        return;
    }
    let place = Place::new();
    let mut command = place.command(&["demo", "--speed", "max", "--exit-when-done", "--json"]);
    let summary = finish(&mut command).summary();
    assert_eq!(summary["bars"], data::BUILT_IN_BARS);
    assert_agrees(&place, &data::built_in(), &summary);
}
