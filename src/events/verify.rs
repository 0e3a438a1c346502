//! The check of a whole log against its own rules and its Merkle tree.
//!
//! Entry point: [`verify_log`]. It believes nothing but the store's ability to hand out rows:
//! every number, id and hash is computed again. What this proves, and what it cannot without a
//! checkpoint kept elsewhere, is in `docs/event-store.md`.
//! Invariants: the first bad position is the one named; memory grows with the number of streams,
//! not of events; a log that is being written to can be verified.

use std::collections::HashMap;

use uuid::Uuid;

use super::commit::{COMMIT_EVENTS_MAX, RECORD_BYTES_MAX};
use super::envelope::{Envelope, Recorded};
use super::merkle::Frontier;
use super::plan::Head;
use super::store::{EventStore, StoreError, StoredCommit};
use crate::values::canonical::Hash;
use crate::values::{Position, StreamName, Version};

/// Commits read at once.
const PAGE_COMMITS: usize = 256;

/// What was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub log_id: Uuid,
    /// The last position verified.
    pub head: Position,
    pub commits: u64,
    pub streams: u64,
    /// Root of the Merkle tree over all records up to `head`.
    pub root: Hash,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The log does not hold. Nothing before `position` was found wrong.
    #[error("the log is broken at position {position}: {reason}")]
    Broken { position: Position, reason: String },
    /// It could not be read, which says nothing about it.
    #[error("the log could not be checked: {0}")]
    Unchecked(StoreError),
}

impl From<StoreError> for VerifyError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged { position, reason } => Self::Broken { position, reason },
            other => Self::Unchecked(other),
        }
    }
}

/// Verifies the log as far as its head stands when this begins. `progress` is told the position
/// reached and that head, page by page.
pub async fn verify_log(
    store: &dyn EventStore,
    mut progress: impl FnMut(Position, Position),
) -> Result<Report, VerifyError> {
    let log_id = store.log_id().await?;
    let head = store.head().await?;
    let mut check = Check::default();
    'log: loop {
        let page = store.read_stored(check.position, PAGE_COMMITS).await?;
        if page.is_empty() {
            break;
        }
        for commit in &page {
            if check.position == head.position {
                check.beyond(store, commit).await?;
                break 'log;
            }
            check.commit(commit)?;
            if check.position > head.position {
                break 'log;
            }
        }
        progress(check.position, head.position);
    }
    check.end(&head)?;
    store.check_structure().await?;
    Ok(Report {
        log_id,
        head: check.position,
        commits: check.commits,
        streams: check.versions.len() as u64,
        root: check.frontier.root(),
    })
}

/// What has been verified so far.
#[derive(Default)]
struct Check {
    position: Position,
    versions: HashMap<StreamName, Version>,
    frontier: Frontier,
    commits: u64,
}

fn broken<T>(position: Position, reason: impl Into<String>) -> Result<T, VerifyError> {
    Err(VerifyError::Broken {
        position,
        reason: reason.into(),
    })
}

impl Check {
    fn commit(&mut self, stored: &StoredCommit) -> Result<(), VerifyError> {
        let receipt = &stored.receipt;
        let next = self.position.next();
        if receipt.first_position != next {
            let found = receipt.first_position;
            return broken(
                next.min(found),
                format!("position {next} should follow; {found} does"),
            );
        }
        let version = self
            .versions
            .get(&receipt.stream)
            .copied()
            .unwrap_or_default();
        if receipt.first_version != version.next() {
            return broken(
                next,
                format!(
                    "stream {} is at version {version} here; this commit begins with version {}",
                    receipt.stream, receipt.first_version
                ),
            );
        }
        let count = stored.records.len();
        if receipt.events != count as u64
            || count != stored.leaves.len()
            || count > COMMIT_EVENTS_MAX
        {
            return broken(
                next,
                format!(
                    "the commit says {} events; it has {count} records and {} leaf hashes",
                    receipt.events,
                    stored.leaves.len()
                ),
            );
        }
        let mut first: Option<Envelope> = None;
        for (index, (record, leaf)) in stored.records.iter().zip(&stored.leaves).enumerate() {
            let envelope = self.record(stored, index, record, leaf)?;
            match &first {
                Some(first) if !same_commit(first, &envelope) => {
                    return broken(
                        self.position,
                        "it differs from the first event of its commit in command, cause, who or when",
                    );
                }
                Some(_) => {}
                None => first = Some(envelope),
            }
        }
        self.versions
            .insert(receipt.stream.clone(), receipt.last_version());
        self.commits += 1;
        Ok(())
    }

    fn record(
        &mut self,
        stored: &StoredCommit,
        index: usize,
        record: &[u8],
        leaf: &Hash,
    ) -> Result<Envelope, VerifyError> {
        let position = self.position.next();
        if record.len() > RECORD_BYTES_MAX {
            return broken(
                position,
                format!("its record is {} bytes long", record.len()),
            );
        }
        let read = match Recorded::read(record.to_vec()) {
            Ok(read) => read,
            Err(error) => return broken(position, format!("its record cannot be read: {error}")),
        };
        if read.leaf != *leaf {
            return broken(
                position,
                "its record does not have the hash it was stored with",
            );
        }
        if let Some(difference) = disagreement(stored, index, position, &read.envelope) {
            return broken(position, difference);
        }
        match read.rewrite() {
            Ok(again) if again == record => {}
            Ok(_) => return broken(position, "its record is not in canonical form"),
            Err(error) => return broken(position, error.to_string()),
        }
        self.frontier.push(read.leaf);
        self.position = position;
        Ok(read.envelope)
    }

    /// There is a commit after the head this began with: right only if the head has moved since.
    async fn beyond(
        &self,
        store: &dyn EventStore,
        later: &StoredCommit,
    ) -> Result<(), VerifyError> {
        let found = later.receipt.first_position;
        if store.head().await?.position >= found && found > self.position {
            return Ok(());
        }
        broken(
            found,
            format!(
                "the head says that the log ends at position {}",
                self.position
            ),
        )
    }

    fn end(&self, head: &Head) -> Result<(), VerifyError> {
        if self.position < head.position {
            let missing = self.position.next();
            let reason = format!(
                "it is missing; the head says that the log ends at {}",
                head.position
            );
            return broken(missing, reason);
        }
        if self.position > head.position {
            let reason = format!(
                "the head says that the log ends inside a commit, at {}",
                head.position
            );
            return broken(head.position.next(), reason);
        }
        match self.frontier.first_difference(&head.frontier) {
            None => Ok(()),
            Some(leaves) => broken(
                Position::new(*leaves.start()),
                format!(
                    "the Merkle tree of the head disagrees with the records from here to position {}: \
                     one of them, or the head, was changed together with its hash",
                    leaves.end()
                ),
            ),
        }
    }
}

/// Whether two events were recorded by one commit.
fn same_commit(first: &Envelope, other: &Envelope) -> bool {
    first.meta == other.meta
        && first.recorded_at == other.recorded_at
        && first.origin == other.origin
}

/// What the record says otherwise than its row.
fn disagreement(
    stored: &StoredCommit,
    index: usize,
    position: Position,
    envelope: &Envelope,
) -> Option<String> {
    let receipt = &stored.receipt;
    let version = receipt.first_version.plus(index as u64);
    let command = &envelope.meta.command_id;
    if envelope.position != position {
        return Some(format!("its record says position {}", envelope.position));
    }
    if envelope.stream != receipt.stream {
        return Some(format!(
            "its record says stream {}, its row {}",
            envelope.stream, receipt.stream
        ));
    }
    if envelope.version != version {
        return Some(format!(
            "its record says version {}, its row {version}",
            envelope.version
        ));
    }
    let principal = &envelope.meta.who.principal;
    if !receipt.commit_id.is_of_command(principal, command) {
        return Some(format!(
            "commit {} is not that of its command {command}",
            receipt.commit_id
        ));
    }
    let event_id = receipt.commit_id.event_id(index);
    (envelope.event_id != event_id)
        .then(|| format!("its event id is {}, not {event_id}", envelope.event_id))
}
