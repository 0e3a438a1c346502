//! What KurrentDB cannot be asked: domain streams, commit ids and the frontier, folded in memory
//! from the one physical stream.
//!
//! Entry points: [`Index::fold`] for an event that was read, [`Index::add`] for a commit that was
//! just recorded; [`Index::facts`], [`Index::lookup`] and [`Index::positions`] to ask.
//! Invariants: events come in order, each once, whole commits only count; the lease epochs of
//! events never go back. It grows by about 150 bytes a commit, and by the name of each stream.

use std::collections::HashMap;

use super::errors::damaged;
use super::record::Entry;
use crate::events::commit::{Commit, CommitId, Receipt};
use crate::events::merkle::leaf_hash;
use crate::events::plan::{Facts, Head, PlannedCommit};
use crate::events::store::StoreError;
use crate::values::canonical::Hash;
use crate::values::{Position, StreamName, Version};

#[derive(Debug, Default)]
pub(super) struct Index {
    head: Head,
    /// The lease that the last event was recorded under.
    epoch: u64,
    commits: Vec<(Hash, Receipt)>,
    /// Numbers of `commits`.
    by_id: HashMap<CommitId, usize>,
    /// Numbers of `commits`, in order.
    by_stream: HashMap<StreamName, Vec<usize>>,
    /// A commit whose events have not all come yet.
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    first: Entry,
    /// The head with the events that have come.
    head: Head,
}

impl Index {
    pub(super) fn head(&self) -> &Head {
        &self.head
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The position that the next event has to have.
    pub(super) fn next(&self) -> Position {
        self.seen().position.next()
    }

    fn seen(&self) -> &Head {
        self.pending
            .as_ref()
            .map_or(&self.head, |pending| &pending.head)
    }

    /// What must hold when the end of the log has been reached.
    pub(super) fn check_end(&self) -> Result<(), StoreError> {
        match &self.pending {
            None => Ok(()),
            Some(pending) => Err(damaged(
                pending.head.position.next(),
                "it is missing; the log ends inside a commit",
            )),
        }
    }

    /// Takes the next event in. Its record is hashed, not decoded.
    pub(super) fn fold(&mut self, entry: Entry) -> Result<(), StoreError> {
        let position = entry.position;
        if position != self.next() {
            let next = self.next();
            return Err(damaged(next, format!("it is missing; {position} follows")));
        }
        if leaf_hash(&entry.record) != entry.leaf {
            return Err(damaged(
                position,
                "its record does not have the hash it was stored with",
            ));
        }
        if entry.epoch < self.epoch {
            return Err(damaged(
                position,
                format!(
                    "it was recorded under lease {}, after lease {} had begun to record",
                    entry.epoch, self.epoch
                ),
            ));
        }
        self.check_commit(&entry)?;
        let mut head = self.seen().clone();
        head.frontier.push(entry.leaf);
        head.position = position;
        let is_last = entry.index + 1 == entry.receipt.events;
        let first = self.pending.take().map_or(entry, |pending| pending.first);
        match is_last {
            true => self.insert(first.fingerprint, first.receipt, first.epoch, head),
            false => self.pending = Some(Pending { first, head }),
        }
        Ok(())
    }

    /// An event either begins a commit that follows on its stream, or goes on with the one begun.
    fn check_commit(&self, entry: &Entry) -> Result<(), StoreError> {
        let position = entry.position;
        if let Some(Pending { first, .. }) = &self.pending {
            let goes_on = entry.receipt == first.receipt
                && entry.fingerprint == first.fingerprint
                && entry.epoch == first.epoch;
            return match goes_on {
                true => Ok(()),
                false => Err(damaged(position, "the commit before it is not complete")),
            };
        }
        if entry.index != 0 {
            return Err(damaged(position, "the beginning of its commit is missing"));
        }
        let receipt = &entry.receipt;
        let version = self.version(&receipt.stream);
        if receipt.first_version != version.next() {
            return Err(damaged(
                position,
                format!(
                    "stream {} is at version {version} here; this commit begins with version {}",
                    receipt.stream, receipt.first_version
                ),
            ));
        }
        match self.by_id.contains_key(&receipt.commit_id) {
            true => Err(damaged(
                position,
                format!("commit {} is in the log twice", receipt.commit_id),
            )),
            false => Ok(()),
        }
    }

    /// Takes in a commit that has just been recorded under lease `epoch`.
    pub(super) fn add(&mut self, commit: &PlannedCommit, epoch: u64) {
        let mut head = self.head.clone();
        for recorded in &commit.appended.records {
            head.frontier.push(recorded.leaf);
        }
        let receipt = commit.appended.receipt.clone();
        head.position = receipt.last_position();
        self.insert(commit.fingerprint, receipt, epoch, head);
    }

    fn insert(&mut self, fingerprint: Hash, receipt: Receipt, epoch: u64, head: Head) {
        let number = self.commits.len();
        self.by_id.insert(receipt.commit_id, number);
        let on_stream = self.by_stream.entry(receipt.stream.clone()).or_default();
        on_stream.push(number);
        self.commits.push((fingerprint, receipt));
        self.epoch = epoch;
        self.head = head;
    }

    pub(super) fn lookup(&self, commit: CommitId) -> Option<(Hash, Receipt)> {
        self.commits.get(*self.by_id.get(&commit)?).cloned()
    }

    fn version(&self, stream: &StreamName) -> Version {
        let last = self
            .by_stream
            .get(stream)
            .and_then(|numbers| numbers.last());
        let last = last.and_then(|number| self.commits.get(*number));
        last.map_or(Version::ZERO, |(_, receipt)| receipt.last_version())
    }

    /// What planning `batch` takes.
    pub(super) fn facts(&self, batch: &[Commit]) -> Facts {
        let known = |commit: &Commit| Some((commit.id, self.lookup(commit.id)?));
        let version = |commit: &Commit| (commit.stream.clone(), self.version(&commit.stream));
        Facts {
            head: self.head.clone(),
            versions: batch.iter().map(version).collect(),
            known: batch.iter().filter_map(known).collect(),
        }
    }

    /// Positions of up to `limit` events of `stream` after `after`, in order.
    pub(super) fn positions(
        &self,
        stream: &StreamName,
        after: Version,
        limit: usize,
    ) -> Vec<Position> {
        let numbers = self.by_stream.get(stream).map_or(&[][..], Vec::as_slice);
        let receipt = |number: &usize| self.commits.get(*number).map(|(_, receipt)| receipt);
        let is_before =
            |number: &usize| receipt(number).is_some_and(|receipt| receipt.last_version() <= after);
        let begin = numbers.partition_point(is_before);
        let receipts = numbers.iter().skip(begin).filter_map(receipt);
        let events = receipts.flat_map(|receipt| {
            let seen = after
                .get()
                .saturating_add(1)
                .saturating_sub(receipt.first_version.get());
            (seen..receipt.events).map(|index| receipt.first_position.plus(index))
        });
        events.take(limit).collect()
    }
}
