//! Takes facts from the outbox to the event log: in order, each exactly once.
//!
//! Entry point: [`Identity::record_to`], by the node that writes the log. A fact keeps the command
//! id it was given when it was put into the outbox, and leaves the outbox once it is durable: when
//! that was cut short, appending it again is a repetition and records nothing. While the log cannot
//! be written, facts wait; logins go on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::store::outbox::OutboxRow;
use super::store::{begin, log_mark, outbox};
use super::{Identity, Inner, SecretsError};
use crate::events::{Commit, CommitError, LogMark, Meta, Writer};
use crate::runtime::Tasks;
use crate::values::{StreamName, Version};

/// How soon a change by another process is found.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Pause before a fact is tried again that the log could not take.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// Facts taken up at once.
const PAGE_FACTS: u32 = 256;
/// Streams whose version is remembered; beyond them all are asked for again.
const VERSIONS_MAX: usize = 4_096;

/// A recorder at work. It stops when this is dropped.
pub struct Recording {
    stop: watch::Sender<bool>,
    ended: watch::Receiver<()>,
}

impl Recording {
    /// Closed when it has ended, for whatever reason.
    pub fn ended(&self) -> watch::Receiver<()> {
        self.ended.clone()
    }

    /// Lets it record what waits, if the log can be written, and ends it.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // The sender is dropped at the end; nothing is ever sent.
        let _ = self.ended.changed().await;
    }
}

impl Identity {
    /// Records in the log of `writer` what happens here from now on, and what waits already. Only
    /// one log may be given to a secrets store.
    pub fn record_to(&self, writer: Writer, tasks: &dyn Tasks) -> Recording {
        let (stop, stopping) = watch::channel(false);
        let (alive, ended) = watch::channel(());
        let recorder = Recorder {
            inner: self.inner.clone(),
            writer,
            versions: HashMap::new(),
            stopping,
        };
        let run = async move {
            recorder.run().await;
            drop(alive);
        };
        tasks.spawn("identity recorder", Box::pin(run));
        Recording { stop, ended }
    }
}

struct Recorder {
    inner: Arc<Inner>,
    writer: Writer,
    /// Of the users' streams, which nobody else writes.
    versions: HashMap<StreamName, Version>,
    stopping: watch::Receiver<bool>,
}

/// How far recording came.
enum Pass {
    /// Nothing waits.
    Done,
    /// The rest has to wait.
    Later(String),
    /// The log takes no more from this process.
    Ended(String),
}

/// What became of one fact.
enum Outcome {
    /// Where it stands, unless it was recorded before.
    Recorded(Option<LogMark>),
    /// The log will never take it.
    Refused(String),
    Later(String),
    Ended(String),
}

impl Recorder {
    async fn run(mut self) {
        let mut said = None;
        loop {
            // With whoever started it gone, it ends as if it had been told to.
            let gone = self.stopping.has_changed().is_err();
            let stopping = gone || *self.stopping.borrow_and_update();
            self.inner.tell_overdue(stopping).await;
            let pass = match self.pass().await {
                Ok(pass) => pass,
                Err(error) => Pass::Later(error.to_string()),
            };
            let is_over = matches!(pass, Pass::Ended(_));
            let waits = match pass {
                Pass::Done => None,
                Pass::Later(reason) | Pass::Ended(reason) => Some(reason),
            };
            if let Some(reason) = waits
                .as_ref()
                .filter(|reason| said.as_ref() != Some(*reason))
            {
                // Once for each reason, not twice a second.
                tracing::warn!(%reason, "facts about users wait to be recorded");
            }
            if stopping || is_over {
                return;
            }
            let pause = if waits.is_some() {
                RETRY_PAUSE
            } else {
                LOOK_EVERY
            };
            tokio::select! {
                () = self.inner.bell.notified(), if waits.is_none() => {}
                () = sleep(pause) => {}
                _ = self.stopping.changed() => {}
            }
            said = waits;
        }
    }

    /// Records what waits.
    async fn pass(&mut self) -> Result<Pass, SecretsError> {
        loop {
            if outbox::pending(self.inner.store.readers()).await? == 0 {
                return Ok(Pass::Done);
            }
            let facts = self.take_up().await?;
            let (mut through, mut refused, mut stuck) = (None, None, None);
            let mut mark = None;
            for fact in &facts {
                match self.record(fact).await {
                    Outcome::Recorded(at) => {
                        through = Some(fact.sequence);
                        mark = at.or(mark);
                    }
                    Outcome::Refused(reason) => refused = Some((fact.sequence, reason)),
                    Outcome::Later(reason) => stuck = Some(Pass::Later(reason)),
                    Outcome::Ended(reason) => stuck = Some(Pass::Ended(reason)),
                }
                if refused.is_some() || stuck.is_some() {
                    break;
                }
            }
            self.settle(through, mark, refused).await?;
            if let Some(stuck) = stuck {
                return Ok(stuck);
            }
        }
    }

    async fn take_up(&self) -> Result<Vec<OutboxRow>, SecretsError> {
        let mut writer = self.inner.store.writer().await;
        let mut change = begin(&mut writer).await?;
        let facts = outbox::take_up(&mut change, PAGE_FACTS).await?;
        change.commit().await?;
        Ok(facts)
    }

    /// Removes what is recorded, and leaves aside what the log will never take.
    async fn settle(
        &self,
        through: Option<i64>,
        mark: Option<LogMark>,
        refused: Option<(i64, String)>,
    ) -> Result<(), SecretsError> {
        let mut writer = self.inner.store.writer().await;
        let mut change = begin(&mut writer).await?;
        if let Some(sequence) = through {
            outbox::remove_through(&mut change, sequence).await?;
        }
        if let Some(mark) = mark {
            log_mark::set(&mut change, &mark).await?;
        }
        if let Some((sequence, reason)) = refused {
            tracing::error!(sequence, %reason, "the log refuses a fact about a user; it is left in the outbox");
            outbox::set_aside(&mut change, sequence, &reason).await?;
        }
        change.commit().await?;
        Ok(())
    }

    async fn record(&mut self, fact: &OutboxRow) -> Outcome {
        // A version that was wrong is told with the refusal; nobody else writes the stream, so the
        // second attempt passes.
        for _ in 0..2 {
            let commit = match self.commit(fact) {
                Ok(commit) => commit,
                Err(reason) => return Outcome::Refused(reason),
            };
            match self.writer.submit(commit).await {
                Ok(appended) if appended.is_repeat() => return Outcome::Recorded(None),
                Ok(appended) => {
                    self.remember(&fact.stream, appended.receipt.last_version());
                    let last = appended.records.last();
                    return Outcome::Recorded(last.map(|recorded| LogMark::at(recorded)));
                }
                Err(CommitError::Conflict { actual, .. }) => self.remember(&fact.stream, actual),
                Err(error @ (CommitError::Invalid(_) | CommitError::IdempotencyMismatch(_))) => {
                    return Outcome::Refused(error.to_string());
                }
                Err(error @ CommitError::Stopped(_)) => return Outcome::Ended(error.to_string()),
                Err(error) => return Outcome::Later(error.to_string()),
            }
        }
        Outcome::Later(format!("{} is written by somebody else too", fact.stream))
    }

    fn commit(&self, fact: &OutboxRow) -> Result<Commit, String> {
        let meta = Meta {
            command_id: fact.command_id.clone(),
            correlation_id: crate::values::ids::derived_uuid(&[
                "correlation",
                fact.command_id.as_str(),
            ]),
            causation_id: None,
            who: fact.who.clone(),
            occurred_at: fact.occurred_at,
        };
        let command = (fact.event.name(), &fact.event);
        let version = self.versions.get(&fact.stream).copied().unwrap_or_default();
        let events = vec![fact.event.clone()];
        Commit::new(&command, fact.stream.clone(), version, meta, events)
            .map_err(|error| error.to_string())
    }

    fn remember(&mut self, stream: &StreamName, version: Version) {
        if self.versions.len() >= VERSIONS_MAX {
            self.versions.clear();
        }
        self.versions.insert(stream.clone(), version);
    }
}
