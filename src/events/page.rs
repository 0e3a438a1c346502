//! Events out of stored commits, checked on the way: the same for every engine that keeps a row a
//! commit.
//!
//! Entry points: [`events`], [`receipt`], [`so_far`], [`damaged`].
//! Invariant: bytes that are not what an append wrote never leave here as events; the reader gets
//! everything before them first, then [`StoreError::Damaged`] with the position.

use std::fmt::Display;

use super::commit::Receipt;
use super::envelope::Recorded;
use super::store::{StoreError, StoredCommit};
use crate::values::Position;
use crate::values::canonical::Hash;

/// Up to `limit` events from number `next` on; `first` gives a commit's first number in the order
/// asked for, positions or versions. `commits` begin with the one that `next` falls into.
pub(super) fn events(
    mut commits: impl Iterator<Item = Result<StoredCommit, StoreError>>,
    mut next: u64,
    limit: usize,
    first: impl Fn(&Receipt) -> u64,
) -> Result<Vec<Recorded>, StoreError> {
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(commit) = commits.next()
    {
        let commit = match commit {
            Ok(commit) => commit,
            Err(error) => return so_far(found, error),
        };
        let receipt = commit.receipt.clone();
        let start = first(&receipt);
        if start > next {
            let missing = damaged(receipt.first_position, "an event before it is missing");
            return so_far(found, missing);
        }
        let seen = next - start;
        let mut records = numbered(commit).skip(usize::try_from(seen).unwrap_or(usize::MAX));
        for index in seen..receipt.events {
            if found.len() == limit {
                break;
            }
            match decode(&receipt, index, records.next()) {
                Ok(recorded) => found.push(recorded),
                Err(error) => return so_far(found, error),
            }
        }
        next = next.max(start + receipt.events);
    }
    Ok(found)
}

/// What was read before the damage; the damage itself once nothing stands before it. Any other
/// error says nothing about the log, and a page cut short by it would pass for the log's end.
pub(super) fn so_far<T>(found: Vec<T>, error: StoreError) -> Result<Vec<T>, StoreError> {
    match error {
        StoreError::Damaged { .. } if !found.is_empty() => Ok(found),
        error => Err(error),
    }
}

/// A stored value that no append can have written.
pub(super) fn damaged(position: Position, reason: impl Display) -> StoreError {
    StoreError::Damaged {
        position,
        reason: reason.to_string(),
    }
}

/// A commit's records, each with the hash it was stored with.
fn numbered(commit: StoredCommit) -> impl Iterator<Item = (Vec<u8>, Hash)> {
    commit.records.into_iter().zip(commit.leaves)
}

/// The receipt of a stored commit, if its first record bears it out.
pub(super) fn receipt(commit: StoredCommit) -> Result<Receipt, StoreError> {
    let receipt = commit.receipt.clone();
    let count = commit.records.len();
    if count as u64 != receipt.events {
        let reason = format!(
            "its row says {} events and has {count} records",
            receipt.events
        );
        return Err(damaged(receipt.first_position, reason));
    }
    let first = decode(&receipt, 0, numbered(commit).next())?;
    let meta = &first.envelope.meta;
    if !receipt
        .commit_id
        .is_of_command(&meta.who.principal, &meta.command_id)
    {
        let reason = "its commit id is not that of its command";
        return Err(damaged(receipt.first_position, reason));
    }
    Ok(receipt)
}

/// Event number `index` of a commit.
fn decode(
    receipt: &Receipt,
    index: u64,
    stored: Option<(Vec<u8>, Hash)>,
) -> Result<Recorded, StoreError> {
    let position = receipt.first_position.plus(index);
    let Some((record, leaf)) = stored else {
        return Err(damaged(position, "its record is missing"));
    };
    let recorded = Recorded::read(record).map_err(|error| damaged(position, error))?;
    if recorded.leaf != leaf {
        return Err(damaged(
            position,
            "its record does not have the hash it was stored with",
        ));
    }
    // A damaged index leads to another row than the one it says.
    let found = &recorded.envelope;
    let version = receipt.first_version.plus(index);
    if (found.position, found.version) != (position, version) || found.stream != receipt.stream {
        let reason = format!(
            "its record says position {}, version {} of {}",
            found.position, found.version, found.stream
        );
        return Err(damaged(position, reason));
    }
    Ok(recorded)
}
