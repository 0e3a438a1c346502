//! The event store in KurrentDB (EventStoreDB): for more than one machine.
//!
//! Entry point: [`KurrentStore::open`]. `address` reads where, `connection` is the client held at
//! arm's length, `record` an event as KurrentDB has it, `read` the physical stream, `index` what
//! is folded from it, `lease` who may write, `append` and `writer` how, `retention` what must not
//! be set, `errors` what a failure means.
//!
//! The log is one physical stream: revision r holds position r + 1. Domain streams, versions,
//! commit ids and the Merkle frontier are an index in memory, folded at opening.
//!
//! Invariants: one append is atomic and states the revision that the log ends at; the index says
//! what the log says, or is known not to; after an append without an answer nothing is written
//! before the log was read again.

mod address;
mod append;
mod connection;
mod errors;
mod index;
mod lease;
mod read;
mod record;
mod retention;
mod writer;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use tokio::sync::Mutex;
use uuid::Uuid;

pub use self::address::{KurrentUrl, is_scheme};
use self::connection::{Connection, PAGE_EVENTS};
use self::errors::damaged;
use self::index::Index;
use self::read::Cursor;
use self::writer::Unsettled;
use super::commit::{Commit, CommitError, CommitId, Receipt};
use super::envelope::Recorded;
use super::plan::{Appended, Head, Stamp};
use super::store::{EventStore, Lease, OpenMode, StoreError, StoredCommit};
use crate::values::canonical::Hash;
use crate::values::{NodeId, Position, StreamName, Version};

/// Every event of the log.
const LOG_STREAM: &str = "blotter-log";
/// The log's identity and its leases.
const LEASE_STREAM: &str = "blotter-lease";
/// Progress of a long fold is logged after so many events.
const PROGRESS_EVENTS: u64 = 100_000;

/// See the module.
pub struct KurrentStore {
    url: KurrentUrl,
    connection: Connection,
    log_id: Uuid,
    may_write: bool,
    index: RwLock<Index>,
    /// Whether `index` holds the whole log: only under this store's own lease, and with no append
    /// under way or in doubt.
    is_whole: AtomicBool,
    is_closed: AtomicBool,
    /// Held by whoever extends the index; also what it has to make certain first.
    turn: Mutex<Option<Unsettled>>,
}

impl KurrentStore {
    /// Opens the log there and folds its index. A database that holds no log, or one that cannot
    /// be used, is left untouched.
    pub async fn open(url: &KurrentUrl, mode: OpenMode) -> Result<Self, StoreError> {
        let opened = Self::open_at(url, mode).await;
        opened.map_err(|error| error.at(url))
    }

    async fn open_at(url: &KurrentUrl, mode: OpenMode) -> Result<Self, StoreError> {
        let connection = Connection::new(url.clone());
        retention::check(&connection).await?;
        let log_id = match (lease::identity(&connection).await?, mode) {
            (Some(log_id), _) => log_id,
            (None, OpenMode::ReadOnly) => {
                return Err(StoreError::Unavailable("it holds no log yet".to_owned()));
            }
            (None, OpenMode::CreateOrOpen { new_log_id }) => {
                lease::create(&connection, new_log_id).await?
            }
        };
        let store = Self {
            url: url.clone(),
            connection,
            log_id,
            may_write: mode != OpenMode::ReadOnly,
            index: RwLock::default(),
            is_whole: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            turn: Mutex::default(),
        };
        let taken = lease::current(&store.connection).await?;
        store.fold(taken.head).await?;
        Ok(store)
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Folds what the index has not seen yet. `reached` says where the log ended once, and with
    /// which root.
    async fn fold(&self, reached: Option<(Position, String)>) -> Result<(), StoreError> {
        let seen = Position::new(self.index().next().get() - 1);
        let mut cursor = Cursor::after(&self.connection, seen, seen);
        while let Some(entry) = cursor.next(PAGE_EVENTS).await? {
            let mut index = self.index_mut();
            let position = entry.position;
            index.fold(entry)?;
            if let Some((_, root)) = reached.as_ref().filter(|(at, _)| *at == position)
                && hex::encode(index.head().frontier.root()) != *root
            {
                let reason = "the log up to here is not the one that the last lease was taken over";
                return Err(damaged(position, reason));
            }
            if position.get().is_multiple_of(PROGRESS_EVENTS) {
                tracing::info!(%position, end = %cursor.known(), "folding the index of the log");
            }
        }
        let index = self.index();
        index.check_end()?;
        let end = index.head().position;
        match reached.filter(|(at, _)| *at > end) {
            None => Ok(()),
            Some((at, _)) => Err(damaged(
                end.next(),
                format!("it is missing; the log went up to {at} when the last lease was taken"),
            )),
        }
    }

    /// Sees to it that the index holds the whole log.
    async fn refresh(&self) -> Result<(), StoreError> {
        if self.is_whole.load(Ordering::SeqCst) {
            return self.check_open();
        }
        let mut turn = self.turn.lock().await;
        self.check_open()?;
        // What was in the way may have been an append that has ended.
        if self.is_whole.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.settle(&mut turn).await
    }

    fn check_open(&self) -> Result<(), StoreError> {
        match self.is_closed.load(Ordering::SeqCst) {
            false => Ok(()),
            true => Err(StoreError::Unavailable(
                "the event store was closed".to_owned(),
            )),
        }
    }
}

#[async_trait]
impl EventStore for KurrentStore {
    fn describe(&self) -> String {
        self.url.to_string()
    }

    async fn log_id(&self) -> Result<Uuid, StoreError> {
        Ok(self.log_id)
    }

    async fn acquire_lease(&self, holder: &NodeId) -> Result<Lease, StoreError> {
        self.take_lease(holder).await
    }

    async fn append(
        &self,
        lease: &Lease,
        stamp: &Stamp,
        batch: Arc<[Commit]>,
    ) -> Result<Vec<Result<Appended, CommitError>>, StoreError> {
        self.record(lease, stamp, &batch).await
    }

    async fn lookup(&self, commit: CommitId) -> Result<Option<(Hash, Receipt)>, StoreError> {
        self.refresh().await?;
        Ok(self.index().lookup(commit))
    }

    async fn head(&self) -> Result<Head, StoreError> {
        self.refresh().await?;
        Ok(self.index().head().clone())
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        self.check_open()?;
        let known = self.index().head().position;
        read::events(&self.connection, after, known, limit).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        after: Version,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.refresh().await?;
        let positions = self.index().positions(stream, after, limit);
        read::events_at(&self.connection, &positions).await
    }

    async fn read_stored(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.check_open()?;
        let known = self.index().head().position;
        read::stored(&self.connection, after, known, limit).await
    }

    async fn import(
        &self,
        lease: &Lease,
        commits: Arc<[StoredCommit]>,
    ) -> Result<Head, StoreError> {
        self.record_stored(lease, &commits).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        // Whatever is being recorded is finished first.
        let _turn = self.turn.lock().await;
        self.is_closed.store(true, Ordering::SeqCst);
        self.connection.close();
        Ok(())
    }
}
