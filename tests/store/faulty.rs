//! A store that fails as the script says, over one in memory that never does.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use blotter::events::memory::MemoryStore;
use blotter::events::plan::{Appended, Head, Stamp};
use blotter::events::store::StoredCommit;
use blotter::events::{
    Commit, CommitError, CommitId, EventStore, Lease, Receipt, Recorded, StoreError,
};
use blotter::values::canonical::Hash;
use blotter::values::{NodeId, Position, StreamName, Version};
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use crate::support::LOG_ID;

/// What becomes of one append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Busy,
    Unavailable,
    Fatal,
    /// The outcome is unknown: it was recorded.
    UnknownRecorded,
    /// The outcome is unknown: it was not recorded.
    UnknownLost,
    /// The outcome is unknown: it is recorded just before the next append.
    UnknownLate,
}

pub struct FaultyStore {
    inner: MemoryStore,
    appends: Mutex<VecDeque<Fault>>,
    lookups: Mutex<VecDeque<StoreError>>,
    /// Every lookup fails.
    is_unreadable: AtomicBool,
    late: Mutex<Option<(Stamp, Arc<[Commit]>)>>,
    /// Sizes of all batches so far.
    pub batches: watch::Sender<Vec<usize>>,
    /// How many lookups there have been.
    #[allow(dead_code, reason = "not every binary that shares this file needs it")]
    pub lookups_made: watch::Sender<u64>,
    /// An append takes one; none are left while the store is held.
    gate: Semaphore,
}

const PLENTY: usize = 1 << 20;

impl FaultyStore {
    pub fn new(faults: impl IntoIterator<Item = Fault>) -> Arc<Self> {
        Arc::new(Self {
            inner: MemoryStore::new(LOG_ID),
            appends: Mutex::new(faults.into_iter().collect()),
            lookups: Mutex::default(),
            is_unreadable: AtomicBool::new(false),
            late: Mutex::default(),
            batches: watch::Sender::new(Vec::new()),
            lookups_made: watch::Sender::new(0),
            gate: Semaphore::new(PLENTY),
        })
    }

    pub fn fail_next(&self, fault: Fault) {
        self.appends.lock().expect("unpoisoned").push_back(fault);
    }

    pub fn fail_lookup(&self, error: StoreError) {
        self.lookups.lock().expect("unpoisoned").push_back(error);
    }

    /// Whether every lookup fails from now on.
    #[allow(dead_code, reason = "not every binary that shares this file needs it")]
    pub fn fail_lookups(&self, fail: bool) {
        self.is_unreadable.store(fail, Ordering::SeqCst);
    }

    /// Appends wait from now on.
    pub fn hold(&self) {
        self.gate.forget_permits(PLENTY);
    }

    /// Lets that many appends through while the store is held.
    #[allow(dead_code, reason = "not every binary that shares this file needs it")]
    pub fn allow(&self, appends: usize) {
        self.gate.add_permits(appends);
    }

    pub fn let_go(&self) {
        self.gate.add_permits(PLENTY);
    }
}

#[async_trait]
impl EventStore for FaultyStore {
    fn describe(&self) -> String {
        "faulty".to_owned()
    }

    async fn log_id(&self) -> Result<Uuid, StoreError> {
        self.inner.log_id().await
    }

    async fn acquire_lease(&self, holder: &NodeId) -> Result<Lease, StoreError> {
        // What an earlier holder still has under way is fenced.
        self.late.lock().expect("unpoisoned").take();
        self.inner.acquire_lease(holder).await
    }

    async fn append(
        &self,
        lease: &Lease,
        stamp: &Stamp,
        batch: Arc<[Commit]>,
    ) -> Result<Vec<Result<Appended, CommitError>>, StoreError> {
        self.batches
            .send_modify(|batches| batches.push(batch.len()));
        self.gate.acquire().await.expect("never closed").forget();
        let late = self.late.lock().expect("unpoisoned").take();
        if let Some((stamp, batch)) = late {
            self.inner.append(lease, &stamp, batch).await?;
        }
        let fault = self.appends.lock().expect("unpoisoned").pop_front();
        let unknown = Err(StoreError::Indeterminate("scripted".to_owned()));
        match fault {
            None => self.inner.append(lease, stamp, batch).await,
            Some(Fault::Busy) => Err(StoreError::Busy("scripted".to_owned())),
            Some(Fault::Unavailable) => Err(StoreError::Unavailable("scripted".to_owned())),
            Some(Fault::Fatal) => Err(StoreError::Fatal("scripted".to_owned())),
            Some(Fault::UnknownRecorded) => {
                self.inner.append(lease, stamp, batch).await?;
                unknown
            }
            Some(Fault::UnknownLost) => unknown,
            Some(Fault::UnknownLate) => {
                *self.late.lock().expect("unpoisoned") = Some((stamp.clone(), batch));
                unknown
            }
        }
    }

    async fn lookup(&self, commit: CommitId) -> Result<Option<(Hash, Receipt)>, StoreError> {
        self.lookups_made.send_modify(|made| *made += 1);
        let fault = self.lookups.lock().expect("unpoisoned").pop_front();
        let unreadable = || StoreError::Unavailable("scripted".to_owned());
        let is_unreadable = self.is_unreadable.load(Ordering::SeqCst);
        match fault.or_else(|| is_unreadable.then(unreadable)) {
            Some(error) => Err(error),
            None => self.inner.lookup(commit).await,
        }
    }

    async fn head(&self) -> Result<Head, StoreError> {
        self.inner.head().await
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        self.inner.read(after, limit).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        after: Version,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        self.inner.read_stream(stream, after, limit).await
    }

    async fn read_stored(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.inner.read_stored(after, limit).await
    }

    async fn import(
        &self,
        lease: &Lease,
        commits: Arc<[StoredCommit]>,
    ) -> Result<Head, StoreError> {
        self.inner.import(lease, commits).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}
