//! Writes a history down while it happens.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use blotter::events::plan::Appended;
use blotter::events::{Commit, CommitError, EventStore, Lease, StoreError};
use blotter::values::{NodeId, Position, StreamName, Version};

use super::history::*;
use crate::torture::Random;

/// What all clients of a history share.
#[derive(Default)]
pub struct Recorder {
    ticks: AtomicU64,
    history: Mutex<History>,
    /// Last versions as far as anybody has been told.
    versions: Mutex<HashMap<StreamName, u64>>,
    /// Commits that were asked for, to be asked for again.
    sent: Mutex<Vec<Commit>>,
    numbers: AtomicU64,
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("unpoisoned")
}

impl Recorder {
    pub fn tick(&self) -> Tick {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    /// A number that nobody else gets.
    pub fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::SeqCst)
    }

    pub fn version(&self, stream: &StreamName) -> u64 {
        locked(&self.versions).get(stream).copied().unwrap_or(0)
    }

    /// Some commit that was asked for before.
    pub fn some_commit(&self, random: &mut Random) -> Option<Commit> {
        let sent = locked(&self.sent);
        let count = sent.len() as u64;
        (count > 0).then(|| sent[usize::try_from(random.below(count)).expect("a length")].clone())
    }

    pub fn remember(&self, commit: &Commit) {
        locked(&self.sent).push(commit.clone());
    }

    pub fn call(&self, call: Call) {
        let version = match &call.answer {
            Answer::Conflict { actual } => Some(*actual),
            answer => answer.receipt().map(|receipt| receipt.last_version().get()),
        };
        if let Some(version) = version {
            let mut versions = locked(&self.versions);
            let known = versions.entry(call.stream.clone()).or_default();
            *known = version.max(*known);
        }
        locked(&self.history).calls.push(call);
    }

    pub fn failure(&self, failure: String) {
        locked(&self.history).failures.push(failure);
    }

    pub fn sight(&self, sight: Sight) {
        locked(&self.history).sights.push(sight);
    }

    pub async fn take_lease(
        &self,
        client: &str,
        store: &dyn EventStore,
    ) -> Result<Lease, StoreError> {
        let from = self.tick();
        let holder = NodeId::new(client).expect("a node");
        let lease = store.acquire_lease(&holder).await?;
        let to = self.tick();
        locked(&self.history).leases.push(LeaseTaken {
            client: client.to_owned(),
            span: Span { from, to },
            epoch: lease.epoch,
        });
        Ok(lease)
    }

    pub async fn look_up(&self, store: &dyn EventStore, commit: &Commit) {
        let from = self.tick();
        let found = store.lookup(commit.id).await;
        let to = self.tick();
        let span = Span { from, to };
        match found {
            Ok(found) => locked(&self.history).lookups.push(Lookup {
                span,
                commit: commit.id,
                found,
            }),
            Err(error) => self.failure(format!("a lookup failed: {error}")),
        }
    }

    pub fn page(&self, page: Page) {
        locked(&self.history).pages.push(page);
    }

    /// Reads a page; whoever asks for it keeps it or not.
    pub async fn read(
        &self,
        store: &dyn EventStore,
        stream: Option<StreamName>,
        after: u64,
        limit: usize,
    ) -> Page {
        let from = self.tick();
        let events = match &stream {
            None => store.read(Position::new(after), limit).await,
            Some(stream) => store.read_stream(stream, Version::new(after), limit).await,
        };
        let to = self.tick();
        let events = events.map_err(|error| error.to_string()).map(|events| {
            let events = events.iter();
            events
                .map(|event| (event.position().get(), event.leaf))
                .collect()
        });
        Page {
            span: Span { from, to },
            stream,
            after,
            limit,
            events,
        }
    }

    /// The history, with the log as it is in the end.
    pub async fn finish(&self, store: &dyn EventStore) -> History {
        let mut history = std::mem::take(&mut *locked(&self.history));
        let stored = store.read_stored(Position::ZERO, usize::MAX >> 1).await;
        let stored = stored.expect("the log can be read");
        history.log = stored
            .into_iter()
            .map(|commit| Logged {
                receipt: commit.receipt,
                fingerprint: commit.fingerprint,
                leaves: commit.leaves,
            })
            .collect();
        history.head = store.head().await.expect("a head").position.get();
        history
    }
}

pub fn answer_of(answer: Result<Appended, CommitError>) -> Answer {
    match answer {
        Ok(appended) if appended.is_repeat() => Answer::Repeated(appended.receipt),
        Ok(appended) => Answer::Recorded(appended.receipt),
        Err(CommitError::Conflict { actual, .. }) => Answer::Conflict {
            actual: actual.get(),
        },
        Err(CommitError::IdempotencyMismatch(_)) => Answer::Mismatch,
        Err(CommitError::WriterSuperseded) => Answer::Superseded,
        Err(CommitError::Indeterminate(_)) => Answer::Unknown,
        Err(error) => Answer::NotRecorded(error.to_string()),
    }
}
