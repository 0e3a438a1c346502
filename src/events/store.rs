//! The port to an event store engine.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::commit::{Commit, CommitError, CommitId, Receipt};
use super::envelope::Recorded;
use super::plan::{Appended, Head, Stamp};
use crate::values::canonical::Hash;
use crate::values::{NodeId, Position, StreamName, Version};

/// Why the store as a whole could not answer. What to do about each is in `docs/event-store.md`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was recorded; the same call may pass at once.
    #[error("the event store is busy: {0}; nothing was recorded, try again")]
    Busy(String),
    /// Nothing was recorded, for certain; the cause has to go away first.
    #[error("the event store is unavailable: {0}; nothing was recorded")]
    Unavailable(String),
    /// It may or may not have been recorded: look up the commit id.
    #[error("the outcome of an append is unknown: {0}; look up the commit before going on")]
    Indeterminate(String),
    /// Another node holds the log by a later lease; this one may never write again.
    #[error("another node took over the log with lease {current}; this node held lease {held}")]
    Fenced { held: u64, current: u64 },
    /// The medium cannot be trusted: the process has to end.
    #[error("the event store failed and cannot be trusted: {0}")]
    Fatal(String),
    /// Stored bytes are not what was recorded, or not by this program's rules.
    #[error("the log is damaged at position {position}: {reason}")]
    Damaged { position: Position, reason: String },
    #[error(
        "the log has format {found}; this program reads format {supported}. \
         Use the program that wrote it, or a newer one"
    )]
    Format { found: i64, supported: i64 },
}

impl StoreError {
    /// The same, saying which log it is about: for errors at opening.
    pub(super) fn at(self, place: impl fmt::Display) -> Self {
        let named = |reason: String| format!("{place}: {reason}");
        match self {
            Self::Busy(reason) => Self::Busy(named(reason)),
            Self::Unavailable(reason) => Self::Unavailable(named(reason)),
            Self::Indeterminate(reason) => Self::Indeterminate(named(reason)),
            Self::Fatal(reason) => Self::Fatal(named(reason)),
            other => other,
        }
    }
}

/// What is to be done with a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Write to it; a log that is not there is made, with `new_log_id` as its identity.
    CreateOrOpen { new_log_id: uuid::Uuid },
    /// Only read; it has to be there.
    ReadOnly,
}

/// Permission to append, held by one node at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub holder: NodeId,
    /// Higher than that of every lease before it; checked inside every append.
    pub epoch: u64,
}

/// A stored commit as it is found, for checking: nothing in it has been believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCommit {
    pub receipt: Receipt,
    pub fingerprint: Hash,
    pub records: Vec<Vec<u8>>,
    pub leaves: Vec<Hash>,
}

/// An append-only log of events with gapless positions. One writer at a time, many readers.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// What and where, for people; without credentials.
    fn describe(&self) -> String;

    /// Identity of the log, made with it; never changes.
    async fn log_id(&self) -> Result<uuid::Uuid, StoreError>;

    /// Makes `holder` the log's writer and fences every earlier one.
    async fn acquire_lease(&self, holder: &NodeId) -> Result<Lease, StoreError>;

    /// Records a batch in one transaction and returns once it is on disk. The answers stand in the
    /// order of the batch; a commit that fails leaves the others untouched.
    async fn append(
        &self,
        lease: &Lease,
        stamp: &Stamp,
        batch: Arc<[Commit]>,
    ) -> Result<Vec<Result<Appended, CommitError>>, StoreError>;

    /// Where a commit stands, if it is in the log.
    async fn lookup(&self, commit: CommitId) -> Result<Option<(Hash, Receipt)>, StoreError>;

    async fn head(&self) -> Result<Head, StoreError>;

    /// Up to `limit` events after `after`, in order; fewer only at the end. `after` may be any
    /// position, also one inside a commit.
    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, StoreError>;

    /// The same of one stream.
    async fn read_stream(
        &self,
        stream: &StreamName,
        after: Version,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError>;

    /// Up to `limit` stored commits that begin after `after`, unchecked and undecoded.
    async fn read_stored(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError>;

    /// Looks for damage that no record shows, in indexes for example; part of
    /// [`verify_log`](super::verify::verify_log). An engine whose storage has its own checks leaves
    /// it to those.
    async fn check_structure(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Writes commits of another log as they are, byte for byte, and returns the head once they
    /// are on disk. `commits` stand in order and follow this log's head; whoever calls has verified
    /// them (see [`copy`](super::copy)). Of a batch that failed, a prefix of whole commits may be
    /// there: ask for the head.
    ///
    /// An engine checks the lease as for [`append`](Self::append), plans with
    /// [`imported`](super::plan::imported) and writes that plan as it would an append's, so that
    /// [`read_stored`](Self::read_stored) gives back what went in.
    async fn import(&self, lease: &Lease, commits: Arc<[StoredCommit]>)
    -> Result<Head, StoreError>;

    /// Closes all connections; an engine that has any answers `Unavailable` from then on.
    async fn close(&self) -> Result<(), StoreError>;
}
