//! The event store in memory: the reference the other engines are compared with, and the engine of
//! tests that need no disk. Nothing survives the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use uuid::Uuid;

use super::commit::{Commit, CommitError, CommitId, Receipt};
use super::envelope::Recorded;
use super::plan::{Appended, Facts, Head, Stamp, imported, plan};
use super::seeded::Bug;
use super::store::{EventStore, Lease, StoreError, StoredCommit};
use crate::values::canonical::Hash;
use crate::values::{NodeId, Position, StreamName, Version};

/// See the module.
pub struct MemoryStore {
    log_id: Uuid,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    epoch: u64,
    head: Head,
    /// Event number i has position i + 1.
    events: Vec<Recorded>,
    /// Indexes into `commits`.
    by_id: HashMap<CommitId, usize>,
    commits: Vec<(Hash, Receipt)>,
    versions: HashMap<StreamName, Version>,
}

impl MemoryStore {
    pub fn new(log_id: Uuid) -> Self {
        Self {
            log_id,
            log: Mutex::default(),
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // A panic while the lock is held cannot leave a half-done append: it is done in one step
        // after planning.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn check(&self, lease: &Lease) -> Result<(), StoreError> {
        match lease.epoch == self.epoch || Bug::LeaseUnchecked.is_on() {
            true => Ok(()),
            false => Err(StoreError::Fenced {
                held: lease.epoch,
                current: self.epoch,
            }),
        }
    }

    fn facts(&self, batch: &[Commit]) -> Facts {
        let known = |commit: &Commit| {
            Some((
                commit.id,
                self.commits[*self.by_id.get(&commit.id)?].clone(),
            ))
        };
        let version = |commit: &Commit| {
            let version = self.versions.get(&commit.stream)?;
            Some((commit.stream.clone(), *version))
        };
        Facts {
            head: self.head.clone(),
            versions: batch.iter().filter_map(version).collect(),
            known: batch.iter().filter_map(known).collect(),
        }
    }

    fn add(&mut self, fingerprint: Hash, appended: &Appended) {
        let receipt = appended.receipt.clone();
        self.by_id.insert(receipt.commit_id, self.commits.len());
        self.versions
            .insert(receipt.stream.clone(), receipt.last_version());
        self.commits.push((fingerprint, receipt));
        let recorded = appended.records.iter().map(|recorded| (**recorded).clone());
        self.events.extend(recorded);
    }
}

#[async_trait]
impl EventStore for MemoryStore {
    fn describe(&self) -> String {
        "memory".to_owned()
    }

    async fn log_id(&self) -> Result<Uuid, StoreError> {
        Ok(self.log_id)
    }

    async fn acquire_lease(&self, holder: &NodeId) -> Result<Lease, StoreError> {
        let mut log = self.log();
        log.epoch += 1;
        Ok(Lease {
            holder: holder.clone(),
            epoch: log.epoch,
        })
    }

    async fn append(
        &self,
        lease: &Lease,
        stamp: &Stamp,
        batch: Arc<[Commit]>,
    ) -> Result<Vec<Result<Appended, CommitError>>, StoreError> {
        let mut log = self.log();
        log.check(lease)?;
        let plan = plan(log.facts(&batch), stamp, &batch);
        for row in &plan.rows {
            log.add(row.fingerprint, &row.appended);
        }
        log.head = plan.head;
        Ok(plan.answers)
    }

    async fn lookup(&self, commit: CommitId) -> Result<Option<(Hash, Receipt)>, StoreError> {
        let log = self.log();
        Ok(log
            .by_id
            .get(&commit)
            .map(|index| log.commits[*index].clone()))
    }

    async fn head(&self) -> Result<Head, StoreError> {
        Ok(self.log().head.clone())
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let log = self.log();
        let later = log
            .events
            .iter()
            .filter(|recorded| recorded.position() > after);
        Ok(later.take(limit).cloned().collect())
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        after: Version,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        let log = self.log();
        let wanted = log.events.iter().filter(|recorded| {
            recorded.envelope.stream == *stream && recorded.envelope.version > after
        });
        Ok(wanted.take(limit).cloned().collect())
    }

    async fn read_stored(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let log = self.log();
        let later = log
            .commits
            .iter()
            .filter(|(_, receipt)| receipt.first_position > after);
        let stored = later.take(limit).map(|(fingerprint, receipt)| {
            let first = receipt.first_position.get() as usize - 1;
            let events = &log.events[first..first + receipt.events as usize];
            StoredCommit {
                receipt: receipt.clone(),
                fingerprint: *fingerprint,
                records: events.iter().map(|event| event.record.clone()).collect(),
                leaves: events.iter().map(|event| event.leaf).collect(),
            }
        });
        Ok(stored.collect())
    }

    async fn import(
        &self,
        lease: &Lease,
        commits: Arc<[StoredCommit]>,
    ) -> Result<Head, StoreError> {
        let mut log = self.log();
        log.check(lease)?;
        let plan = imported(log.head.clone(), &commits)?;
        for row in &plan.rows {
            log.add(row.fingerprint, &row.appended);
        }
        log.head = plan.head.clone();
        Ok(plan.head)
    }

    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
