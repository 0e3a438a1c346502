//! `/metrics` of a running node: the names that graphs and alarms are written for.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::*;

/// What users are promised: the names, and the labels that come with each.
const PROMISED: [(&str, &[&str]); 17] = [
    ("http_requests_total", &[]),
    ("http_request_duration_seconds", &[]),
    ("blotter_commands_total", &["kind", "outcome"]),
    ("blotter_append_duration_seconds", &[]),
    ("blotter_append_batch_events", &[]),
    ("blotter_order_ack_seconds", &[]),
    ("blotter_events_total", &["type"]),
    ("blotter_projection_lag_events", &["projection"]),
    ("blotter_actor_restarts_total", &["actor"]),
    ("blotter_mailbox_depth", &["actor"]),
    ("blotter_refusals_total", &["code"]),
    ("blotter_orders_in_doubt", &[]),
    ("blotter_kill_switch", &["scope"]),
    ("blotter_equity", &["account"]),
    ("blotter_alerts_total", &["severity", "channel", "outcome"]),
    ("blotter_clock_error_seconds", &[]),
    ("blotter_stream_clients", &[]),
];

/// What the node at `url` answers, head and body.
fn metrics(url: &str) -> String {
    let address = url.strip_prefix("http://").expect("an address");
    let mut connection = TcpStream::connect(address).expect("connects");
    connection.set_read_timeout(Some(DEADLINE)).expect("a wait");
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).expect("asks");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    answer
}

/// The series of `name`; those of a histogram by their sums.
fn series<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let of_name = |line: &&str| {
        let rest = line.strip_prefix(name);
        let rest = rest.map(|rest| rest.strip_prefix("_sum").unwrap_or(rest));
        rest.is_some_and(|rest| rest.starts_with(['{', ' ']))
    };
    text.lines().filter(of_name).collect()
}

/// The values of `label` among the series of `name`.
fn values<'a>(text: &'a str, name: &str, label: &str) -> BTreeSet<&'a str> {
    let value = |line: &'a str| {
        let (_, rest) = line.split_once(&format!("{label}=\""))?;
        Some(rest.split_once('"')?.0)
    };
    series(text, name).into_iter().filter_map(value).collect()
}

/// Nobody has sent an order, nothing was refused, and no actor has failed: what has not happened is
/// shown as nothing, and not left out.
#[test]
fn a_quiet_node_shows_every_name_that_is_promised() {
    let place = Place::new();
    let mut slow = place.command(&["demo", "--json", "--speed", "1"]);
    let running = Running::start(slow.arg("--data").arg(&place.file));
    let ready = json_lines(&running.line().expect("ready")).remove(0);
    let url = ready["url"].as_str().expect("an address");
    // The read models show the account a moment after it was opened.
    until("the account is shown", || {
        metrics(url).contains("blotter_equity{")
    });
    let text = metrics(url);
    for (name, labels) in PROMISED {
        let series = series(&text, name);
        assert!(!series.is_empty(), "{name} is not in {text}");
        for line in series {
            let has = |label: &&&str| line.contains(&format!("{label}=\""));
            let missing: Vec<_> = labels.iter().filter(|label| !has(label)).collect();
            assert!(missing.is_empty(), "{line} lacks {missing:?}");
        }
    }
    let actors = values(&text, "blotter_mailbox_depth", "actor");
    assert_eq!(
        actors,
        values(&text, "blotter_actor_restarts_total", "actor")
    );
    let expected = ["execution", "notifier", "risk", "strategy:sma-cross-1"];
    assert!(actors.iter().eq(&expected), "{actors:?}");
    running.terminate();
    assert_eq!(running.finish().code(), Some(0));
}
