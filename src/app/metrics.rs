//! What the log and the read models come to in figures for Prometheus, through the facade of the
//! crate `metrics`; whoever installs an exporter decides where they go.
//!
//! Entry points: [`Meter::new`], then [`Meter::run`]. It follows the feed for what is counted, from
//! the moment of its start on, and asks the read models and the clock every [`REFRESH_EVERY`]
//! for what is measured. The journal measures its appends itself. `docs/operations.md` lists all of them.
//!
//! Invariant: this is the only place where an amount becomes a floating-point number, and nothing
//! is decided by one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use rust_decimal::prelude::ToPrimitive;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::actors::notifier::CHANNEL;
use crate::events::catalogue::{CheckCode, HaltScope, Severity};
use crate::events::{Event, Feed, FeedError, Recorded};
use crate::projections::{Progress, Views, ViewsError, kill_switches, orders, standings};
use crate::runtime::Clock;
use crate::values::{Position, StreamName};

/// How often gauges are brought up to date; Prometheus asks less often.
pub const REFRESH_EVERY: Duration = Duration::from_secs(1);
/// Most accounts whose equity is shown: each is a time series of its own.
pub const ACCOUNTS_MAX: u32 = 100;
/// Most alerts under way whose severity is remembered.
const ALERTS_MAX: usize = 10_000;

/// See the module.
pub struct Meter {
    feed: Feed,
    views: Views,
    progress: watch::Receiver<Vec<Progress>>,
    wall: Arc<dyn Clock>,
    /// Of alerts raised and not delivered yet.
    severities: BTreeMap<StreamName, Severity>,
    /// Kill switches that were shown as engaged.
    engaged: BTreeSet<String>,
    /// Gauges do not show the log up to here yet.
    due: Option<Position>,
}

impl Meter {
    pub fn new(
        feed: Feed,
        views: Views,
        progress: watch::Receiver<Vec<Progress>>,
        wall: Arc<dyn Clock>,
    ) -> Self {
        show_zeros();
        Self {
            due: Some(feed.head()),
            feed,
            views,
            progress,
            wall,
            severities: BTreeMap::new(),
            engaged: BTreeSet::new(),
        }
    }

    /// Counts and measures for as long as the journal runs.
    pub async fn run(mut self) {
        let mut subscription = self.feed.subscribe(self.feed.head());
        let mut refresh = interval(REFRESH_EVERY);
        refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                batch = subscription.next() => match batch {
                    Ok(batch) => self.count(&batch),
                    Err(FeedError::Closed) => return,
                    Err(error) => {
                        tracing::warn!(%error, "metrics cannot follow the log; trying again");
                        sleep(REFRESH_EVERY).await;
                    }
                },
                _ = refresh.tick() => self.refresh().await,
            }
        }
    }

    /// Counts events, each once.
    pub fn count(&mut self, batch: &[Arc<Recorded>]) {
        let mut types = BTreeMap::<&'static str, u64>::new();
        for recorded in batch {
            *types.entry(recorded.event().name()).or_default() += 1;
            self.count_outcome(recorded);
        }
        for (name, count) in types {
            counter!("blotter_events_total", "type" => name).increment(count);
        }
        self.due = batch.last().map(|last| last.position()).or(self.due);
    }

    fn count_outcome(&mut self, recorded: &Recorded) {
        let stream = &recorded.envelope.stream;
        match recorded.event() {
            Event::OrderRefused(refused) => {
                counter!("blotter_refusals_total", "code" => word(refused.code)).increment(1);
            }
            Event::ActorRestarted(restarted) => {
                let actor = restarted.actor.clone();
                counter!("blotter_actor_restarts_total", "actor" => actor).increment(1);
            }
            Event::AlertRaised(raised) if self.severities.len() < ALERTS_MAX => {
                self.severities.insert(stream.clone(), raised.severity);
            }
            Event::AlertDelivered(delivered) => {
                // Raised before this process started, or one of very many.
                let unknown = || "unknown".to_owned();
                let severity = self.severities.remove(stream).map_or_else(unknown, word);
                let channel = delivered.channel.clone();
                counter!(
                    "blotter_alerts_total",
                    "severity" => severity, "channel" => channel, "outcome" => "delivered"
                )
                .increment(1);
            }
            _ => {}
        }
    }

    /// Brings the gauges up to date.
    pub async fn refresh(&mut self) {
        // Not known is worst: an alarm on the error must not keep silent about it.
        let clock_error = self.wall.error_max().map(|most| most.as_secs_f64());
        gauge!("blotter_clock_error_seconds").set(clock_error.unwrap_or(f64::INFINITY));
        let (head, progress) = (self.feed.head(), self.progress.borrow().clone());
        for one in &progress {
            let lag = head.get().saturating_sub(one.position.get());
            gauge!("blotter_projection_lag_events", "projection" => one.projection).set(whole(lag));
        }
        let folded = progress.iter().map(|one| one.position).min();
        if self.due.is_none() {
            return;
        }
        match self.measure().await {
            // What the read models had not folded yet is measured next time.
            Ok(()) => self.due = self.due.filter(|due| folded < Some(*due)),
            // Whoever folds them says what is wrong with them.
            Err(error) => tracing::debug!(%error, "gauges are not up to date"),
        }
    }

    async fn measure(&mut self) -> Result<(), ViewsError> {
        let in_doubt = orders::count_in_doubt(&self.views).await?;
        gauge!("blotter_orders_in_doubt").set(whole(in_doubt));
        for standing in standings::page(&self.views, None, ACCOUNTS_MAX).await? {
            let account = standing.account.account.to_string();
            // A figure for a chart, to 15 digits; the exact one is in the read models.
            if let Some(equity) = standing.equity.decimal().to_f64() {
                gauge!("blotter_equity", "account" => account).set(equity);
            }
        }
        let switches = kill_switches::all(&self.views).await?;
        let engaged: BTreeSet<String> = switches.iter().map(|row| label(&row.scope)).collect();
        // The firm's is always shown, so that an alert on it never lacks its series.
        let known = self
            .engaged
            .iter()
            .cloned()
            .chain([label(&HaltScope::Firm)]);
        for scope in known.filter(|scope| !engaged.contains(scope)) {
            gauge!("blotter_kill_switch", "scope" => scope).set(0);
        }
        for scope in &engaged {
            gauge!("blotter_kill_switch", "scope" => scope.clone()).set(1);
        }
        self.engaged = engaged;
        Ok(())
    }
}

/// `firm`, or the kind and whom it concerns, for example `account:demo`.
fn label(scope: &HaltScope) -> String {
    scope.to_string().replacen(' ', ":", 1)
}

/// The word that a value is in events.
fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "unknown".to_owned(),
    }
}

/// A count for a gauge.
fn whole(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Shows what has not happened yet: to Prometheus the first time a series is seen is no increase.
fn show_zeros() {
    for code in CheckCode::ALL {
        counter!("blotter_refusals_total", "code" => word(code)).increment(0);
    }
    for severity in [
        Severity::Info,
        Severity::Warning,
        Severity::Error,
        Severity::Critical,
    ] {
        counter!(
            "blotter_alerts_total",
            "severity" => word(severity), "channel" => CHANNEL, "outcome" => "delivered"
        )
        .increment(0);
    }
}
