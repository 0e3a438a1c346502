//! Reading commits back, checked and unchecked.
//!
//! Entry points: [`events`] and [`stream_events`] (decoded, each record checked against its row),
//! [`stored`] (as found, for verification), [`lookup`].
//! Invariant: bytes that are not what an append wrote never leave here as events; the reader gets
//! everything before them first, then [`StoreError::Damaged`] with the position.

use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::errors::{damaged, store_error};
use crate::events::commit::{CommitId, Receipt};
use crate::events::envelope::Recorded;
use crate::events::store::{StoreError, StoredCommit};
use crate::values::canonical::Hash;
use crate::values::{Position, StreamName, Version};

// The commit that `after` falls into is read too, and the part of it already seen left out.
const EVENTS: &str = "SELECT * FROM commits WHERE first_position >=
        coalesce((SELECT max(first_position) FROM commits WHERE first_position <= ?1), 0)
    ORDER BY first_position LIMIT ?2";
const STREAM_EVENTS: &str = "SELECT * FROM commits WHERE stream = ?3 AND first_version >=
        coalesce((SELECT max(first_version) FROM commits WHERE stream = ?3 AND first_version <= ?1), 0)
    ORDER BY first_version LIMIT ?2";
const STORED: &str =
    "SELECT * FROM commits WHERE first_position > ? ORDER BY first_position LIMIT ?";
const LOOKUP: &str = "SELECT commit_id, fingerprint, stream, first_position, first_version, events
    FROM commits WHERE commit_id = ?";

/// Up to `limit` events after `after`.
pub(super) async fn events(
    connection: &mut SqliteConnection,
    after: Position,
    limit: usize,
) -> Result<Vec<Recorded>, StoreError> {
    let next = after.get().saturating_add(1);
    let rows = sqlx::query(EVENTS)
        .bind(bound(next))
        .bind(page(limit))
        .fetch(connection);
    collect(rows, next, limit, |receipt| receipt.first_position.get()).await
}

/// Up to `limit` events of `stream` after `after`.
pub(super) async fn stream_events(
    connection: &mut SqliteConnection,
    stream: &StreamName,
    after: Version,
    limit: usize,
) -> Result<Vec<Recorded>, StoreError> {
    let next = after.get().saturating_add(1);
    let rows = sqlx::query(STREAM_EVENTS)
        .bind(bound(next))
        .bind(page(limit))
        .bind(stream.as_str())
        .fetch(connection);
    collect(rows, next, limit, |receipt| receipt.first_version.get()).await
}

/// Decodes events from number `next` on; `first` gives a commit's first number in the order asked
/// for, positions or versions.
async fn collect(
    mut rows: BoxStream<'_, Result<SqliteRow, sqlx::Error>>,
    mut next: u64,
    limit: usize,
    first: fn(&Receipt) -> u64,
) -> Result<Vec<Recorded>, StoreError> {
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.try_next().await.map_err(store_error)?
    {
        let commit = match stored_commit(&row) {
            Ok(commit) => commit,
            Err(error) => return so_far(found, error),
        };
        let start = first(&commit.receipt);
        if start > next {
            let missing = damaged(
                commit.receipt.first_position,
                "an event before it is missing",
            );
            return so_far(found, missing);
        }
        for index in next - start..commit.receipt.events {
            if found.len() == limit {
                break;
            }
            match decode(&commit, index) {
                Ok(recorded) => found.push(recorded),
                Err(error) => return so_far(found, error),
            }
        }
        next = next.max(start + commit.receipt.events);
    }
    Ok(found)
}

/// A number past what SQLite can hold is past every number in it.
fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Rows that certainly hold `limit` events: one may have been seen already.
fn page(limit: usize) -> i64 {
    bound(limit as u64).saturating_add(1)
}

/// Up to `limit` commits after `after` as they stand in the file.
pub(super) async fn stored(
    connection: &mut SqliteConnection,
    after: Position,
    limit: usize,
) -> Result<Vec<StoredCommit>, StoreError> {
    // From the very start, rows with positions that cannot be are shown as well.
    let after = match after {
        Position::ZERO => i64::MIN,
        after => bound(after.get()),
    };
    let mut rows = sqlx::query(STORED)
        .bind(after)
        .bind(bound(limit as u64))
        .fetch(connection);
    let mut found = Vec::new();
    while let Some(row) = rows.try_next().await.map_err(store_error)? {
        match stored_commit(&row) {
            Ok(commit) => found.push(commit),
            Err(error) => return so_far(found, error),
        }
    }
    Ok(found)
}

pub(super) async fn lookup(
    connection: &mut SqliteConnection,
    commit: CommitId,
) -> Result<Option<(Hash, Receipt)>, StoreError> {
    let row = sqlx::query(LOOKUP)
        .bind(commit.as_bytes().as_slice())
        .fetch_optional(connection)
        .await
        .map_err(store_error)?;
    row.as_ref().map(receipt_of).transpose()
}

/// What was read before the damage; the damage itself once nothing stands before it.
fn so_far<T>(found: Vec<T>, error: StoreError) -> Result<Vec<T>, StoreError> {
    match found.is_empty() {
        true => Err(error),
        false => Ok(found),
    }
}

/// Event number `index` of a commit, from 0.
fn decode(commit: &StoredCommit, index: u64) -> Result<Recorded, StoreError> {
    let position = commit.receipt.first_position.plus(index);
    let at = usize::try_from(index).unwrap_or(usize::MAX);
    let (Some(record), Some(leaf)) = (commit.records.get(at), commit.leaves.get(at)) else {
        return Err(damaged(position, "its record is missing"));
    };
    let recorded = Recorded::read(record.clone()).map_err(|error| damaged(position, error))?;
    if recorded.leaf != *leaf {
        return Err(damaged(
            position,
            "its record does not have the hash it was stored with",
        ));
    }
    if recorded.position() != position {
        let reason = format!("its record says position {}", recorded.position());
        return Err(damaged(position, reason));
    }
    Ok(recorded)
}

fn stored_commit(row: &SqliteRow) -> Result<StoredCommit, StoreError> {
    let (fingerprint, receipt) = receipt_of(row)?;
    let position = receipt.first_position;
    let records: Vec<u8> = row
        .try_get("records")
        .map_err(|error| damaged(position, error))?;
    let leaves: &[u8] = row
        .try_get("leaves")
        .map_err(|error| damaged(position, error))?;
    let (leaves, rest) = leaves.as_chunks::<{ size_of::<Hash>() }>();
    if !rest.is_empty() {
        return Err(damaged(position, "its leaf hashes are not 32 bytes each"));
    }
    Ok(StoredCommit {
        receipt,
        fingerprint,
        records: records
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect(),
        leaves: leaves.to_vec(),
    })
}

/// The receipt and the fingerprint in a row of `commits`.
pub(super) fn receipt_of(row: &SqliteRow) -> Result<(Hash, Receipt), StoreError> {
    let position = Position::new(unsigned(row, "first_position", Position::ZERO)?);
    let stream = text_of(row, "stream", position)?;
    let receipt = Receipt {
        commit_id: CommitId::from_bytes(bytes_of(row, "commit_id", position)?),
        stream: StreamName::new(&stream).map_err(|error| damaged(position, error))?,
        first_position: position,
        first_version: Version::new(unsigned(row, "first_version", position)?),
        events: unsigned(row, "events", position)?,
    };
    if position == Position::ZERO || receipt.first_version == Version::ZERO || receipt.events == 0 {
        return Err(damaged(position, "its row counts from 0 or has no events"));
    }
    Ok((bytes_of(row, "fingerprint", position)?, receipt))
}

/// A column that cannot be negative.
pub(super) fn unsigned(row: &SqliteRow, column: &str, near: Position) -> Result<u64, StoreError> {
    let value: i64 = row.try_get(column).map_err(store_error)?;
    u64::try_from(value).map_err(|_| damaged(near, format!("{column} is {value}")))
}

pub(super) fn text_of(row: &SqliteRow, column: &str, near: Position) -> Result<String, StoreError> {
    row.try_get(column).map_err(|error| damaged(near, error))
}

fn bytes_of<const N: usize>(
    row: &SqliteRow,
    column: &str,
    near: Position,
) -> Result<[u8; N], StoreError> {
    let bytes: &[u8] = row.try_get(column).map_err(|error| damaged(near, error))?;
    bytes.try_into().map_err(|_| {
        damaged(
            near,
            format!("{column} is {} bytes long, not {N}", bytes.len()),
        )
    })
}
