//! Reading commits back, checked and unchecked.
//!
//! Entry points: [`events`] and [`stream_events`] (decoded, each record checked against its row),
//! [`stored`] (as found, for verification), [`lookup`].
//! What becomes of them on the way out is in [`page`].

use rusqlite::types::FromSql;
use rusqlite::{Connection, OptionalExtension, Row, Rows, params};

use super::errors::store_error;
use crate::events::commit::{CommitId, Receipt};
use crate::events::envelope::Recorded;
use crate::events::page::{self, damaged, so_far};
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
pub(super) fn events(
    connection: &Connection,
    after: Position,
    limit: usize,
) -> Result<Vec<Recorded>, StoreError> {
    let next = after.get().saturating_add(1);
    let mut statement = connection.prepare_cached(EVENTS).map_err(store_error)?;
    let rows = statement.query(params![bound(next), page(limit)]);
    let first = |receipt: &Receipt| receipt.first_position.get();
    page::events(commits(rows.map_err(store_error)?), next, limit, first)
}

/// Up to `limit` events of `stream` after `after`.
pub(super) fn stream_events(
    connection: &Connection,
    stream: &StreamName,
    after: Version,
    limit: usize,
) -> Result<Vec<Recorded>, StoreError> {
    let next = after.get().saturating_add(1);
    let mut statement = connection
        .prepare_cached(STREAM_EVENTS)
        .map_err(store_error)?;
    let rows = statement.query(params![bound(next), page(limit), stream.as_str()]);
    let first = |receipt: &Receipt| receipt.first_version.get();
    page::events(commits(rows.map_err(store_error)?), next, limit, first)
}

/// The commits in `rows`, one at a time.
fn commits(mut rows: Rows<'_>) -> impl Iterator<Item = Result<StoredCommit, StoreError>> {
    std::iter::from_fn(move || match rows.next() {
        Ok(row) => row.map(stored_commit),
        Err(error) => Some(Err(store_error(error))),
    })
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
pub(super) fn stored(
    connection: &Connection,
    after: Position,
    limit: usize,
) -> Result<Vec<StoredCommit>, StoreError> {
    // From the very start, rows with positions that cannot be are shown as well.
    let after = match after {
        Position::ZERO => i64::MIN,
        after => bound(after.get()),
    };
    let mut statement = connection.prepare_cached(STORED).map_err(store_error)?;
    let rows = statement.query(params![after, bound(limit as u64)]);
    let mut found = Vec::new();
    for commit in commits(rows.map_err(store_error)?) {
        match commit {
            Ok(commit) => found.push(commit),
            Err(error) => return so_far(found, error),
        }
    }
    Ok(found)
}

pub(super) fn lookup(
    connection: &Connection,
    commit: CommitId,
) -> Result<Option<(Hash, Receipt)>, StoreError> {
    let mut statement = connection.prepare_cached(LOOKUP).map_err(store_error)?;
    let found = statement.query_row([commit.as_bytes()], |row| Ok(receipt_of(row)));
    found.optional().map_err(store_error)?.transpose()
}

fn stored_commit(row: &Row<'_>) -> Result<StoredCommit, StoreError> {
    let (fingerprint, receipt) = receipt_of(row)?;
    let position = receipt.first_position;
    let column = |name| {
        let value = row
            .get_ref(name)
            .map_err(|error| damaged(position, error))?;
        value.as_bytes().map_err(|error| damaged(position, error))
    };
    let (leaves, rest) = column("leaves")?.as_chunks::<{ size_of::<Hash>() }>();
    if !rest.is_empty() {
        return Err(damaged(position, "its leaf hashes are not 32 bytes each"));
    }
    let records = column("records")?.split(|byte| *byte == b'\n');
    Ok(StoredCommit {
        receipt,
        fingerprint,
        records: records.map(<[u8]>::to_vec).collect(),
        leaves: leaves.to_vec(),
    })
}

/// The receipt and the fingerprint in a row of `commits`.
fn receipt_of(row: &Row<'_>) -> Result<(Hash, Receipt), StoreError> {
    let position = Position::new(unsigned(row, "first_position", Position::ZERO)?);
    let stream: String = value(row, "stream", position)?;
    let receipt = Receipt {
        commit_id: CommitId::from_bytes(value(row, "commit_id", position)?),
        stream: StreamName::new(&stream).map_err(|error| damaged(position, error))?,
        first_position: position,
        first_version: Version::new(unsigned(row, "first_version", position)?),
        events: unsigned(row, "events", position)?,
    };
    if position == Position::ZERO || receipt.first_version == Version::ZERO || receipt.events == 0 {
        return Err(damaged(position, "its row counts from 0 or has no events"));
    }
    Ok((value(row, "fingerprint", position)?, receipt))
}

/// A column that cannot be negative.
pub(super) fn unsigned(row: &Row<'_>, column: &str, near: Position) -> Result<u64, StoreError> {
    let found: i64 = value(row, column, near)?;
    u64::try_from(found).map_err(|_| damaged(near, format!("{column} is {found}")))
}

fn value<T: FromSql>(row: &Row<'_>, column: &str, near: Position) -> Result<T, StoreError> {
    row.get(column).map_err(|error| damaged(near, error))
}
