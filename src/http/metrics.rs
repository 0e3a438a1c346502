//! What is measured, in Prometheus's text format.
//!
//! Everybody measures through the `metrics` facade; [`install`] puts one recorder behind it, once
//! a process and before anything is measured. Invariant: every name is in [`DESCRIBED`].

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::{MissedTickBehavior, interval};

use super::commands;

/// How often what was measured is put together; in between it only grows.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// From 100 µs to 10 s.
const SECONDS: [f64; 16] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];
/// Events of one transaction.
const EVENTS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1_024.0];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

use Kind::{Counter, Gauge, Histogram};

/// Every metric, with its help text.
pub const DESCRIBED: &[(&str, Kind, &str)] = &[
    (
        "http_requests_total",
        Counter,
        "Requests answered, by method, route and status.",
    ),
    (
        "http_request_duration_seconds",
        Histogram,
        "From a request's head to its answer, by method and route.",
    ),
    (
        "blotter_commands_total",
        Counter,
        "Commands to risk, by kind and outcome.",
    ),
    (
        "blotter_append_duration_seconds",
        Histogram,
        "One transaction of the log, until it is on disk.",
    ),
    (
        "blotter_append_batch_events",
        Histogram,
        "Events of one transaction of the log.",
    ),
    (
        "blotter_order_ack_seconds",
        Histogram,
        "From an order's arrival until its decision is on disk.",
    ),
    (
        "blotter_events_total",
        Counter,
        "Events recorded by this process, by type.",
    ),
    (
        "blotter_projection_lag_events",
        Gauge,
        "Events that a read model is behind the log, by projection.",
    ),
    (
        "blotter_actor_restarts_total",
        Counter,
        "Restarts of an actor, by actor.",
    ),
    (
        "blotter_mailbox_depth",
        Gauge,
        "Messages sent to an actor that it has not taken up yet, by actor.",
    ),
    (
        "blotter_refusals_total",
        Counter,
        "Orders refused by risk, by check.",
    ),
    (
        "blotter_orders_in_doubt",
        Gauge,
        "Orders of which it is not known whether they reached the venue.",
    ),
    (
        "blotter_kill_switch",
        Gauge,
        "1 while the kill switch is engaged, 0 once it is released, by scope.",
    ),
    (
        "blotter_equity",
        Gauge,
        "Equity of an account in its currency, by account.",
    ),
    (
        "blotter_alerts_total",
        Counter,
        "Alerts, by severity, channel and outcome.",
    ),
    (
        "blotter_clock_error_seconds",
        Gauge,
        "Most that this machine's clock can be off UTC; infinite while nobody keeps it.",
    ),
    (
        "blotter_stream_clients",
        Gauge,
        "Clients connected to the stream that have said who they are.",
    ),
    (
        "process_resident_memory_bytes",
        Gauge,
        "Memory of this process that is in RAM.",
    ),
    (
        "process_open_fds",
        Gauge,
        "Files and sockets that this process has open.",
    ),
];

static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Measures from now on. Later calls change nothing: several nodes of one process share it.
pub fn install() {
    RECORDER.get_or_init(|| match recorder() {
        Ok(handle) => {
            describe();
            metrics::gauge!("blotter_stream_clients").set(0.0);
            let _ = metrics::histogram!("blotter_order_ack_seconds");
            commands::show_zeros();
            Some(handle)
        }
        Err(error) => {
            tracing::error!(error, "nothing is measured");
            None
        }
    });
}

fn recorder() -> Result<PrometheusHandle, String> {
    let mut builder = PrometheusBuilder::new();
    for (name, kind, _) in DESCRIBED {
        if *kind != Histogram {
            continue;
        }
        let buckets: &[f64] = match name.ends_with("_seconds") {
            true => &SECONDS,
            false => &EVENTS,
        };
        let matcher = Matcher::Full((*name).to_owned());
        builder = builder
            .set_buckets_for_metric(matcher, buckets)
            .map_err(|error| error.to_string())?;
    }
    builder
        .install_recorder()
        .map_err(|error| error.to_string())
}

fn describe() {
    for (name, kind, help) in DESCRIBED {
        match kind {
            Counter => metrics::describe_counter!(*name, *help),
            Gauge => metrics::describe_gauge!(*name, *help),
            Histogram => metrics::describe_histogram!(*name, *help),
        }
    }
}

/// Keeps what was measured small, for as long as it is polled.
pub async fn upkeep() {
    let mut tick = interval(UPKEEP_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Some(Some(handle)) = RECORDER.get() {
            handle.run_upkeep();
        }
    }
}

/// Everything measured so far; `None` when nothing is measured.
pub fn render() -> Option<String> {
    let handle = RECORDER.get()?.as_ref()?;
    measure_process();
    Some(handle.render())
}

/// Where the system tells; elsewhere these two are absent.
fn measure_process() {
    if let Some(bytes) = resident_bytes() {
        metrics::gauge!("process_resident_memory_bytes").set(bytes);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        let count = u32::try_from(files.count()).unwrap_or(u32::MAX);
        metrics::gauge!("process_open_fds").set(f64::from(count));
    }
}

fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(f64::from(kibibytes) * 1_024.0)
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => sources(&path, into),
                false => into.push(path),
            }
        }
    }

    /// Names in calls of the facade's macros.
    fn measured() -> Vec<(String, Kind, PathBuf)> {
        let mut files = Vec::new();
        sources(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut files,
        );
        let mut found = Vec::new();
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            for (call, kind) in [
                ("counter!(", Counter),
                ("gauge!(", Gauge),
                ("histogram!(", Histogram),
            ] {
                for (at, _) in text.match_indices(call) {
                    let is_description = text[..at].ends_with("describe_");
                    let rest = text[at + call.len()..].trim_start();
                    let name = rest.strip_prefix('"').and_then(|rest| rest.split_once('"'));
                    // The calls' own names above are no measurements.
                    let is_name =
                        |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
                    let name = name.filter(|(name, _)| !is_description && is_name(name));
                    if let Some((name, _)) = name {
                        found.push((name.to_owned(), kind, file.clone()));
                    }
                }
            }
        }
        found
    }

    #[test]
    fn whatever_is_measured_is_described_and_documented() {
        let page = include_str!("../../docs/operations.md");
        let measured = measured();
        assert!(measured.len() >= 5, "{measured:?}");
        for (name, kind, file) in measured {
            let described = DESCRIBED.iter().any(|(n, k, _)| *n == name && *k == kind);
            assert!(
                described,
                "{name} of {} is not in DESCRIBED",
                file.display()
            );
            assert!(
                page.contains(&format!("`{name}")),
                "docs/operations.md lacks {name}"
            );
        }
    }

    #[test]
    fn what_was_measured_is_shown_with_its_help() {
        install();
        install();
        metrics::counter!("blotter_commands_total", "kind" => "test", "outcome" => "ok")
            .increment(2);
        metrics::histogram!("blotter_append_batch_events").record(3.0);
        let text = render().expect("a recorder");
        assert!(
            text.contains("# HELP blotter_commands_total Commands to risk"),
            "{text}"
        );
        assert!(
            text.contains("# TYPE blotter_commands_total counter"),
            "{text}"
        );
        assert!(
            text.contains("blotter_commands_total{kind=\"test\",outcome=\"ok\"} 2"),
            "{text}"
        );
        assert!(
            text.contains("blotter_append_batch_events_bucket{le=\"4\"} 1"),
            "{text}"
        );
        assert!(
            text.contains("blotter_append_batch_events_bucket{le=\"2\"} 0"),
            "{text}"
        );
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
        assert!(text.contains("blotter_stream_clients 0"), "{text}");
    }
}
