//! A store whose appends fail now and then, by a seed, over any engine.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use blotter::events::plan::{Appended, Head, Stamp};
use blotter::events::store::StoredCommit;
use blotter::events::{
    Commit, CommitError, CommitId, EventStore, Lease, Receipt, Recorded, StoreError,
};
use blotter::values::canonical::Hash;
use blotter::values::{NodeId, Position, StreamName, Version};
use uuid::Uuid;

use crate::torture::Random;

/// One append of so many fails.
const ONE_IN: u64 = 12;

pub struct Troubled {
    inner: Arc<dyn EventStore>,
    state: Mutex<State>,
}

struct State {
    random: Random,
    /// Troubles that are still to come.
    left: usize,
    /// An append that is on its way, and arrives right before the next one.
    late: Option<(Stamp, Arc<[Commit]>)>,
}

impl Troubled {
    pub fn over(inner: Arc<dyn EventStore>, seed: u64, troubles: usize) -> Arc<Self> {
        let state = State {
            random: Random(seed),
            left: troubles,
            late: None,
        };
        Arc::new(Self {
            inner,
            state: Mutex::new(state),
        })
    }
}

#[async_trait]
impl EventStore for Troubled {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    async fn log_id(&self) -> Result<Uuid, StoreError> {
        self.inner.log_id().await
    }

    async fn acquire_lease(&self, holder: &NodeId) -> Result<Lease, StoreError> {
        self.inner.acquire_lease(holder).await
    }

    async fn append(
        &self,
        lease: &Lease,
        stamp: &Stamp,
        batch: Arc<[Commit]>,
    ) -> Result<Vec<Result<Appended, CommitError>>, StoreError> {
        let (late, trouble) = {
            let mut state = self.state.lock().expect("unpoisoned");
            let draw = state.random.below(ONE_IN * 5);
            let happens = state.left > 0 && draw < 5;
            state.left -= usize::from(happens);
            (state.late.take(), happens.then_some(draw))
        };
        if let Some((stamp, batch)) = late {
            self.inner.append(lease, &stamp, batch).await?;
        }
        let unknown = Err(StoreError::Indeterminate("drawn".to_owned()));
        match trouble {
            None => self.inner.append(lease, stamp, batch).await,
            Some(0) => Err(StoreError::Busy("drawn".to_owned())),
            Some(1) => Err(StoreError::Unavailable("drawn".to_owned())),
            Some(2) => {
                self.inner.append(lease, stamp, batch).await?;
                unknown
            }
            Some(3) => unknown,
            Some(_) => {
                self.state.lock().expect("unpoisoned").late = Some((stamp.clone(), batch));
                unknown
            }
        }
    }

    async fn lookup(&self, commit: CommitId) -> Result<Option<(Hash, Receipt)>, StoreError> {
        self.inner.lookup(commit).await
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
