//! What is counted and measured, as an exporter renders it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use blotter::app::metrics::Meter;
use blotter::events::catalogue::*;
use blotter::projections::Runner;
use blotter::runtime::Clock;
use blotter::values::*;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use uuid::Uuid;

use crate::bench::Bench;
use crate::log::{Log, run, v};
use crate::story::story;

/// Runs a test whose metrics are its own, and hands it what reads them.
fn measured(test: impl AsyncFnOnce(&PrometheusHandle)) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::with_local_recorder(&recorder, || run(test(&handle)));
}

/// The value of the series that is written like `series`.
fn value(handle: &PrometheusHandle, series: &str) -> Option<String> {
    let text = handle.render();
    text.lines().find_map(|line| {
        let (name, value) = line.rsplit_once(' ')?;
        (name == series).then(|| value.to_owned())
    })
}

fn assert_values(handle: &PrometheusHandle, expected: &[(&str, &str)]) {
    for (series, expected) in expected {
        let found = value(handle, series);
        assert_eq!(
            found.as_deref(),
            Some(*expected),
            "{series} of\n{}",
            handle.render()
        );
    }
}

async fn new_meter(log: &Log, bench: &Bench, runner: &Runner) -> Meter {
    let wall = crate::log::runtime().wall;
    Meter::new(log.feed(), bench.views().await, runner.progress(), wall)
}

/// A meter over a log that the read models have folded so far, and the log's events counted.
async fn meter(log: &Log, bench: &Bench) -> Meter {
    let runner = {
        let mut runner = bench.runner(log.feed()).await;
        runner.catch_up().await.expect("folded");
        runner
    };
    let mut meter = new_meter(log, bench, &runner).await;
    runner.close().await.expect("closed");
    meter.count(&log.events().await);
    meter.refresh().await;
    meter
}

#[test]
fn events_refusals_restarts_and_alerts_are_counted_by_their_labels() {
    measured(async |handle| {
        let mut log = story(2).await;
        let restarted = ActorRestarted {
            actor: "execution".to_owned(),
            cause: "it panicked".to_owned(),
            restarts_in_window: 1,
        };
        let stream = StreamName::node(&v("node-1"));
        log.commit(stream, vec![restarted.into()]).await;
        let alert = |number: u32| StreamName::new(&format!("alert-{number}")).expect("a stream");
        let raised = AlertRaised {
            severity: Severity::Warning,
            summary: "refused".to_owned(),
            about: EventId(Uuid::nil()),
            about_position: Position::new(1),
        };
        let delivered = AlertDelivered {
            channel: "log".to_owned(),
        };
        log.commit(alert(1), vec![raised.into()]).await;
        log.commit(alert(1), vec![delivered.clone().into()]).await;
        // Raised in a run before this one.
        log.commit(alert(2), vec![delivered.into()]).await;
        let bench = Bench::new();
        meter(&log, &bench).await;
        assert_values(
            handle,
            &[
                (r#"blotter_events_total{type="FillBooked"}"#, "6"),
                (r#"blotter_events_total{type="OrderRefused"}"#, "2"),
                (r#"blotter_refusals_total{code="buying_power"}"#, "2"),
                (r#"blotter_actor_restarts_total{actor="execution"}"#, "1"),
                (
                    r#"blotter_alerts_total{severity="warning",channel="log",outcome="delivered"}"#,
                    "1",
                ),
                (
                    r#"blotter_alerts_total{severity="unknown",channel="log",outcome="delivered"}"#,
                    "1",
                ),
            ],
        );
        assert_eq!(
            value(handle, r#"blotter_events_total{type="NodeStarted"}"#),
            None
        );
    });
}

#[test]
fn gauges_show_equity_switches_doubts_and_lag() {
    measured(async |handle| {
        let mut log = Log::new().await;
        log.open_account("alpha", "100.25").await;
        log.approve("alpha", "one", 1).await;
        log.route("alpha", "one").await;
        let doubt = OrderInDoubt {
            order_id: v("one"),
            reason: "silence".to_owned(),
        };
        log.order("one", doubt).await;
        let scope = HaltScope::Account(v("alpha"));
        let engaged = KillSwitchEngaged {
            scope: scope.clone(),
            mode: HaltMode::Halt,
            cause: "drill".to_owned(),
        };
        log.halts(engaged).await;
        let bench = Bench::new();
        let mut runner = bench.runner(log.feed()).await;
        let mut meter = new_meter(&log, &bench, &runner).await;
        meter.refresh().await;
        let head = log.feed().head().to_string();
        let lag = r#"blotter_projection_lag_events{projection="orders"}"#;
        assert_values(handle, &[(lag, &head), ("blotter_orders_in_doubt", "0")]);
        runner.catch_up().await.expect("folded");
        // It remembers that it measured before the read models were there.
        meter.refresh().await;
        let (firm, account) = (
            r#"blotter_kill_switch{scope="firm"}"#,
            r#"blotter_kill_switch{scope="account:alpha"}"#,
        );
        assert_values(
            handle,
            &[
                (lag, "0"),
                (r#"blotter_equity{account="alpha"}"#, "100.25"),
                ("blotter_orders_in_doubt", "1"),
                (firm, "0"),
                (account, "1"),
            ],
        );
        let cause = "drill over".to_owned();
        log.halts(KillSwitchReleased { scope, cause }).await;
        log.acknowledge("one").await;
        let last = log.events().await;
        meter.count(&last[last.len() - 2..]);
        runner.catch_up().await.expect("folded");
        meter.refresh().await;
        let released = [(account, "0"), ("blotter_orders_in_doubt", "0")];
        assert_values(handle, &released);
    });
}

/// A clock that somebody keeps, for as long as there is a bound.
struct Kept(Mutex<Option<Duration>>);

impl Clock for Kept {
    fn now(&self) -> Timestamp {
        Timestamp::default()
    }

    fn error_max(&self) -> Option<Duration> {
        *self.0.lock().expect("a bound")
    }
}

#[test]
fn a_clock_that_nobody_keeps_may_be_off_by_anything() {
    measured(async |handle| {
        let (log, bench) = (Log::new().await, Bench::new());
        let runner = bench.runner(log.feed()).await;
        let clock = Arc::new(Kept(Mutex::new(None)));
        let views = bench.views().await;
        let mut meter = Meter::new(log.feed(), views, runner.progress(), clock.clone());
        for (bound, shown) in [
            (None, "inf"),
            (Some(Duration::from_micros(12_500)), "0.0125"),
            (None, "inf"),
        ] {
            *clock.0.lock().expect("a bound") = bound;
            meter.refresh().await;
            assert_values(handle, &[("blotter_clock_error_seconds", shown)]);
        }
    });
}

#[test]
fn the_journal_measures_each_append() {
    measured(async |handle| {
        let mut log = Log::new().await;
        log.open_account("alpha", "1").await;
        log.mark("AAPL", "5").await;
        assert_values(
            handle,
            &[
                ("blotter_append_duration_seconds_count", "2"),
                ("blotter_append_batch_events_count", "2"),
                ("blotter_append_batch_events_sum", "3"),
            ],
        );
    });
}

/// From the moment it runs, whatever is recorded is counted, and the gauges follow by themselves.
#[test]
fn a_running_meter_follows_the_log() {
    measured(async |handle| {
        let mut log = Log::new().await;
        log.open_account("alpha", "7").await;
        let bench = Bench::new();
        let runner = bench.runner(log.feed()).await;
        let tasks = crate::log::runtime().tasks;
        let meter = new_meter(&log, &bench, &runner).await;
        tasks.spawn("metrics", Box::pin(meter.run()));
        let folding = async move {
            runner.run().await;
        };
        tasks.spawn("projections", Box::pin(folding));
        tokio::task::yield_now().await;
        log.mark("AAPL", "5").await;
        let both = || {
            let marks = value(handle, r#"blotter_events_total{type="PriceMarked"}"#);
            let equity = value(handle, r#"blotter_equity{account="alpha"}"#);
            marks.as_deref() == Some("1") && equity.as_deref() == Some("7")
        };
        let followed = async {
            while !both() {
                tokio::task::yield_now().await;
            }
        };
        let followed = tokio::time::timeout(Duration::from_secs(20), followed);
        followed.await.expect("in time");
        let opened = value(handle, r#"blotter_events_total{type="AccountOpened"}"#);
        assert_eq!(opened, None, "recorded before it ran");
    });
}
