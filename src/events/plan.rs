//! The rules of appending, the same for every engine.
//!
//! An engine looks up [`Facts`] inside its transaction, asks for a [`Plan`], and writes what the
//! plan says. Idempotency comes before the version: a repeated commit gets its first receipt even
//! though its stream has moved on.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::commit::{COMMIT_EVENTS_MAX, Commit, CommitError, CommitId, Receipt};
use super::envelope::{Envelope, Origin, Recorded};
use super::merkle::Frontier;
use super::seeded::Bug;
use super::store::{StoreError, StoredCommit};
use crate::values::canonical::Hash;
use crate::values::{Position, StreamName, Timestamp, Version};

/// The end of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    pub position: Position,
    pub frontier: Frontier,
}

/// What the log says about a batch before it is appended.
#[derive(Debug, Default)]
pub struct Facts {
    pub head: Head,
    /// Current version of the batch's streams; a stream not named is new.
    pub versions: HashMap<StreamName, Version>,
    /// Those of the batch's commit ids that are in the log already.
    pub known: HashMap<CommitId, (Hash, Receipt)>,
}

/// Who records, and when.
#[derive(Debug, Clone)]
pub struct Stamp {
    pub origin: Origin,
    pub recorded_at: Timestamp,
}

/// A commit that is in the log.
#[derive(Debug, Clone)]
pub struct Appended {
    pub receipt: Receipt,
    /// The events just recorded; empty when the commit had been recorded before.
    pub records: Vec<Arc<Recorded>>,
}

impl Appended {
    /// The commit was in the log before: nothing new was recorded.
    pub fn is_repeat(&self) -> bool {
        self.records.is_empty()
    }
}

/// One row to write.
#[derive(Debug)]
pub struct PlannedCommit {
    pub fingerprint: Hash,
    pub appended: Appended,
}

#[derive(Debug)]
pub struct Plan {
    /// To be written, in order.
    pub rows: Vec<PlannedCommit>,
    /// One answer for each commit of the batch, valid once the rows are durable.
    pub answers: Vec<Result<Appended, CommitError>>,
    /// The log's end once the rows are durable.
    pub head: Head,
}

/// Decides what of `batch` is recorded where.
pub fn plan(mut facts: Facts, stamp: &Stamp, batch: &[Commit]) -> Plan {
    let mut rows = Vec::with_capacity(batch.len());
    let mut answers = Vec::with_capacity(batch.len());
    let mut failed_writers = HashSet::new();
    for commit in batch {
        let superseded = commit
            .writer
            .is_some_and(|writer| failed_writers.contains(&writer));
        let answer = match superseded {
            true => Err(CommitError::WriterSuperseded),
            false => plan_one(&mut facts, stamp, commit),
        };
        if breaks_look_ahead(&answer) {
            failed_writers.extend(commit.writer);
        }
        if let Ok(appended) = &answer
            && !appended.is_repeat()
        {
            rows.push(PlannedCommit {
                fingerprint: commit.fingerprint,
                appended: appended.clone(),
            });
        }
        answers.push(answer);
    }
    Plan {
        rows,
        answers,
        head: facts.head,
    }
}

/// Whether a writer that decided on top of this commit has seen something that did not happen. A
/// repetition counts: what it decided this time is not what was recorded the first time.
pub fn breaks_look_ahead(answer: &Result<Appended, CommitError>) -> bool {
    match answer {
        Ok(appended) => appended.is_repeat(),
        Err(_) => true,
    }
}

/// What writing `commits` takes, which another log with the same history has stored behind `head`.
/// Nothing may be written when they do not follow it, or are not what their hashes say.
pub fn imported(mut head: Head, commits: &[StoredCommit]) -> Result<Plan, StoreError> {
    let mut rows = Vec::with_capacity(commits.len());
    let mut answers = Vec::with_capacity(commits.len());
    for commit in commits {
        let appended = import_one(&mut head, commit)?;
        answers.push(Ok(appended.clone()));
        rows.push(PlannedCommit {
            fingerprint: commit.fingerprint,
            appended,
        });
    }
    Ok(Plan {
        rows,
        answers,
        head,
    })
}

fn import_one(head: &mut Head, commit: &StoredCommit) -> Result<Appended, StoreError> {
    let receipt = &commit.receipt;
    let damaged = |position, reason| StoreError::Damaged { position, reason };
    if receipt.first_position != head.position.next() {
        let reason = format!("it does not follow the log's end at {}", head.position);
        return Err(damaged(receipt.first_position, reason));
    }
    let count = commit.records.len();
    if receipt.events != count as u64 || count != commit.leaves.len() {
        let reason = format!("its commit says {} events, it has {count}", receipt.events);
        return Err(damaged(receipt.first_position, reason));
    }
    let mut records = Vec::with_capacity(count);
    for (record, leaf) in commit.records.iter().zip(&commit.leaves) {
        head.position = head.position.next();
        let recorded = Recorded::read(record.clone())
            .map_err(|error| damaged(head.position, error.to_string()))?;
        if recorded.leaf != *leaf {
            let reason = "its record does not have the hash it was stored with".to_owned();
            return Err(damaged(head.position, reason));
        }
        head.frontier.push(*leaf);
        records.push(Arc::new(recorded));
    }
    Ok(Appended {
        receipt: receipt.clone(),
        records,
    })
}

fn plan_one(facts: &mut Facts, stamp: &Stamp, commit: &Commit) -> Result<Appended, CommitError> {
    let actual = facts
        .versions
        .get(&commit.stream)
        .copied()
        .unwrap_or_default();
    let conflict = || CommitError::Conflict {
        stream: commit.stream.clone(),
        expected: commit.expected,
        actual,
    };
    if Bug::VersionBeforeCommitId.is_on() && actual != commit.expected {
        return Err(conflict());
    }
    if let Some((fingerprint, receipt)) = facts.known.get(&commit.id) {
        if *fingerprint != commit.fingerprint && !Bug::FingerprintIgnored.is_on() {
            return Err(CommitError::IdempotencyMismatch(commit.id));
        }
        return Ok(Appended {
            receipt: receipt.clone(),
            records: Vec::new(),
        });
    }
    let count = commit.events.len();
    if count == 0 || count > COMMIT_EVENTS_MAX {
        return Err(CommitError::Invalid(format!(
            "it has {count} events; 1 to {COMMIT_EVENTS_MAX} are allowed"
        )));
    }
    if actual != commit.expected && !Bug::VersionUnchecked.is_on() {
        if Bug::PositionGap.is_on() {
            facts.head.position = facts.head.position.next();
        }
        return Err(conflict());
    }
    let records = seal(&facts.head, actual, stamp, commit)?;
    let receipt = Receipt {
        commit_id: commit.id,
        stream: commit.stream.clone(),
        first_position: facts.head.position.next(),
        first_version: actual.next(),
        events: count as u64,
    };
    for recorded in &records {
        facts.head.frontier.push(recorded.leaf);
    }
    facts.head.position = receipt.last_position();
    facts
        .versions
        .insert(commit.stream.clone(), receipt.last_version());
    facts
        .known
        .insert(commit.id, (commit.fingerprint, receipt.clone()));
    Ok(Appended { receipt, records })
}

fn seal(
    head: &Head,
    version: Version,
    stamp: &Stamp,
    commit: &Commit,
) -> Result<Vec<Arc<Recorded>>, CommitError> {
    let numbered = commit.events.iter().enumerate();
    numbered
        .map(|(index, event)| {
            let envelope = Envelope {
                position: head.position.plus(index as u64 + 1),
                stream: commit.stream.clone(),
                version: version.plus(index as u64 + 1),
                event_id: commit.id.event_id(index),
                event: event.clone(),
                meta: commit.meta.clone(),
                recorded_at: stamp.recorded_at,
                origin: stamp.origin.clone(),
            };
            let sealed = envelope.seal();
            sealed
                .map(Arc::new)
                .map_err(|error| CommitError::Invalid(error.to_string()))
        })
        .collect()
}
