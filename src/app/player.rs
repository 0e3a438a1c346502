//! Plays recorded bars: each one is recorded, then matched at the paper venue, then looked at by
//! the strategy. The data clock moves on only when risk, execution and strategy have come to rest,
//! so the outcome does not depend on how fast anything runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use crate::actors::messages::{CommandFailure, EvaluateBar};
use crate::actors::port::{Port, PortError};
use crate::actors::settle::Settle;
use crate::events::catalogue::PriceMarked;
use crate::events::commit::CommitError;
use crate::events::{Commit, Feed, Meta, Who, Writer};
use crate::market::{BarRow, Progress, Tape};
use crate::runtime::{DataClock, Runtime};
use crate::values::ids::derived_uuid;
use crate::values::{CommandId, Position, StreamName, Symbol, Version};
use crate::venues::paper::PaperVenue;

/// Pause before a step that cannot be done now is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// More events than a bar sets off by itself: beyond it others are trading, and the market does
/// not wait for them to pause.
const EVENTS_WITHOUT_REST_MAX: u64 = 4_096;
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// How fast to play.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// As fast as everything comes to rest.
    Max,
    /// Pause between two bars.
    Pause(Duration),
}

/// Why playing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlayEnd {
    DataDone,
    Stopped,
}

#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    #[error(
        "this log holds prices of {logged}, not of {given}; play the same data, or start a new \
         log with another --data-dir"
    )]
    OtherData { logged: String, given: String },
    #[error("recording row {row} of the data: {error}")]
    Record { row: u64, error: CommitError },
}

/// See the module.
pub struct Player {
    pub tape: Tape,
    pub venue: Arc<PaperVenue>,
    pub writer: Writer,
    pub feed: Feed,
    pub clock: Arc<DataClock>,
    pub runtime: Runtime,
    /// Everyone who has to come to rest after each step.
    pub settle: Vec<Port<Settle>>,
    pub strategies: Vec<Port<EvaluateBar>>,
    pub speed: Speed,
    pub stop: watch::Receiver<bool>,
    pub progress: watch::Sender<Progress>,
}

/// A log holds the prices of one set of data, under whatever file name. `source`: the set to be
/// played; `logged`: the one in the log, and its last row.
pub fn check_data(source: &str, logged: Option<&(String, u64)>) -> Result<(), PlayError> {
    let content = |source: &str| source.rsplit('@').next().map(str::to_owned);
    match logged {
        Some((logged, _)) if content(logged) != content(source) => Err(PlayError::OtherData {
            logged: logged.clone(),
            given: source.to_owned(),
        }),
        _ => Ok(()),
    }
}

impl Player {
    /// Plays on after the row last recorded (`logged`: data and row), which is finished first.
    pub async fn play(mut self, logged: Option<(String, u64)>) -> Result<PlayEnd, PlayError> {
        check_data(self.tape.source(), logged.as_ref())?;
        let done = logged.map_or(0, |(_, row)| row);
        let rows = self.tape.rows_per_pass();
        let first = done.max(1);
        let last = match self.tape.loops {
            true => u64::MAX,
            // A log that has been played over and over may stand in a later pass.
            false => rows.max(done),
        };
        let mut versions = Versions(self.tape.counts_before(first));
        let mut due = Instant::now();
        for number in first..=last {
            let Some(row) = self.tape.row(number) else {
                tracing::warn!(
                    row = number,
                    "the data cannot be played again: no later dates"
                );
                return Ok(PlayEnd::DataDone);
            };
            let version = versions.next(&row);
            if number > done {
                if let Speed::Pause(pause) = self.speed {
                    // After an outage it goes on at its pace rather than catching up in a burst.
                    due = (due + pause).max(Instant::now());
                    self.wait_until(due).await;
                }
                if *self.stop.borrow() {
                    return Ok(PlayEnd::Stopped);
                }
                if self.mark(&row, number, version).await?.is_none() {
                    return Ok(PlayEnd::Stopped);
                }
            }
            if self.finish(&row, number).await?.is_none() {
                return Ok(PlayEnd::Stopped);
            }
            self.progress.send_replace(Progress { row: number, rows });
        }
        Ok(PlayEnd::DataDone)
    }

    async fn wait_until(&mut self, due: Instant) {
        tokio::select! {
            () = sleep_until(due) => {}
            _ = self.stop.wait_for(|stop| *stop) => {}
        }
    }

    /// Records the bar; an outage of the store is waited out. `None`: stopped before it was done.
    async fn mark(
        &self,
        row: &BarRow,
        number: u64,
        version: Version,
    ) -> Result<Option<()>, PlayError> {
        let source = self.tape.source();
        let text = number.to_string();
        let parts = ["mark", source, &text];
        let at = row.bar.date.close_time();
        self.clock.advance_to(at);
        let marked = PriceMarked {
            symbol: row.symbol.clone(),
            bar: row.bar.clone(),
            source: source.to_owned(),
            row: number,
        };
        let meta = Meta {
            command_id: CommandId::derived(&parts),
            correlation_id: derived_uuid(&parts),
            causation_id: None,
            who: Who::system("market"),
            occurred_at: at,
        };
        let stream = StreamName::market(&row.symbol);
        let commit = Commit::new(&parts, stream, version, meta, vec![marked.into()])
            .map_err(|error| CommitError::Invalid(error.to_string()));
        let failed = |error| PlayError::Record { row: number, error };
        let commit = commit.map_err(failed)?;
        loop {
            match self.writer.submit(commit.clone()).await {
                Ok(_) => return Ok(Some(())),
                Err(CommitError::Unavailable(_) | CommitError::Overloaded { .. }) => {
                    if *self.stop.borrow() {
                        return Ok(None);
                    }
                    self.pause().await;
                }
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Everything that follows from a recorded bar. `None`: stopped before it was done.
    async fn finish(&self, row: &BarRow, number: u64) -> Result<Option<()>, PlayError> {
        while let Err(error) = self.venue.play_bar(&row.symbol, &row.bar, number).await {
            tracing::warn!(row = number, %error, "the paper venue cannot take a bar; trying again");
            if *self.stop.borrow() {
                return Ok(None);
            }
            self.pause().await;
        }
        for strategy in &self.strategies {
            if self.evaluate(strategy, row, number).await?.is_none() {
                return Ok(None);
            }
        }
        Ok(self.settled().await.map(|_| ()))
    }

    /// Lets a strategy look at the bar once everything has come to rest.
    async fn evaluate(
        &self,
        strategy: &Port<EvaluateBar>,
        row: &BarRow,
        number: u64,
    ) -> Result<Option<()>, PlayError> {
        loop {
            let Some(through) = self.settled().await else {
                return Ok(None);
            };
            let evaluate = EvaluateBar {
                symbol: row.symbol.clone(),
                bar: row.bar.date,
                through,
            };
            match strategy.ask(evaluate).await {
                // A strategy that was given up is halted, and the market goes on without it.
                Ok(Ok(())) | Err(PortError::Retired { .. }) => return Ok(Some(())),
                // Behind, or rebuilt on the way: settle and ask again.
                Ok(Err(CommandFailure::Unavailable(_) | CommandFailure::Unknown(_)))
                | Err(
                    PortError::Absent { .. } | PortError::NoAnswer { .. } | PortError::Full { .. },
                ) => {}
                Ok(Err(error)) => {
                    tracing::error!(row = number, %error, "a strategy could not look at a bar");
                    return Ok(Some(()));
                }
            }
            if *self.stop.borrow() {
                return Ok(None);
            }
            self.pause().await;
        }
    }

    /// Waits until everyone has folded the whole log and has nothing left to do, and the log has
    /// not grown meanwhile. `None`: stopped first.
    async fn settled(&self) -> Option<Position> {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            position = self.rest() => Some(position),
            // While playing goes on normally this never wins: rest comes in milliseconds.
            _ = async { stop.wait_for(|stop| *stop).await.ok(); sleep(STOP_GRACE).await } => None,
        }
    }

    /// While others keep trading there may be no rest: then the market goes on without it.
    async fn rest(&self) -> Position {
        let entered_at = self.feed.head();
        tokio::select! {
            biased;
            position = self.quiet() => position,
            () = self.others_trade_on(entered_at) => entered_at,
        }
    }

    async fn others_trade_on(&self, since: Position) {
        while self.feed.head().get() - since.get() < EVENTS_WITHOUT_REST_MAX {
            sleep(LOOK_PAUSE).await;
        }
    }

    async fn quiet(&self) -> Position {
        loop {
            let head = self.feed.head();
            for port in &self.settle {
                while !matches!(
                    port.ask(Settle { through: head }).await,
                    Ok(Some(_)) | Err(PortError::Retired { .. })
                ) {
                    self.pause().await;
                }
            }
            if self.feed.head() == head {
                return head;
            }
        }
    }

    async fn pause(&self) {
        sleep(self.runtime.jittered(RETRY_PAUSE)).await;
    }
}

/// How long a bar may take to finish after the node was told to stop.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// Versions of the market streams, which have one event a row.
struct Versions(BTreeMap<Symbol, u64>);

impl Versions {
    /// The version before `row`; counts the row.
    fn next(&mut self, row: &BarRow) -> Version {
        let count = self.0.entry(row.symbol.clone()).or_default();
        *count += 1;
        Version::new(*count - 1)
    }
}
