//! Reading commits back, checked and unchecked.
//!
//! Entry points: [`events`] and [`stream_events`] (decoded, each record checked against its row),
//! [`stored`] (as found, for verification), [`lookup`].
//! Invariant: rows and the end of the log come from one statement, so from one moment. Asked for
//! apart, commits that were made in between would be skipped, or be missed.

use sqlx::postgres::{PgRow, Postgres};
use sqlx::{Decode, PgConnection, Row, Type};

use super::append::read_head;
use super::errors::Failure;
use super::server::answer;
use crate::events::commit::{CommitId, Receipt};
use crate::events::envelope::Recorded;
use crate::events::page::{self, damaged, so_far};
use crate::events::seeded::Bug;
use crate::events::store::{StoreError, StoredCommit};
use crate::values::canonical::Hash;
use crate::values::{Position, StreamName, Version};

// The commit that the first event falls into is read too, and the part of it already seen left
// out. A join promises no order. A row without a commit tells the end where nothing is found.
const EVENTS: &str = "SELECT head.position AS last, page.*
    FROM blotter.head LEFT JOIN LATERAL (
        SELECT * FROM blotter.commits
        WHERE first_position >= coalesce((SELECT max(first_position) FROM blotter.commits
                WHERE first_position <= $1), 0)
            AND first_position < $2 AND first_position <= head.position
    ) page ON true
    WHERE head.id = 1";
const STREAM_EVENTS: &str = "SELECT latest.first_version + latest.events - 1 AS last, page.*
    FROM blotter.head CROSS JOIN LATERAL (
        SELECT first_version, events FROM blotter.commits
        WHERE stream = $3 AND first_position <= head.position
        ORDER BY first_version DESC LIMIT 1
    ) latest LEFT JOIN LATERAL (
        SELECT * FROM blotter.commits
        WHERE stream = $3
            AND first_version >= coalesce((SELECT max(first_version) FROM blotter.commits
                WHERE stream = $3 AND first_version <= $1), 0)
            AND first_version < $2 AND first_position <= head.position
    ) page ON true
    WHERE head.id = 1";
const STORED: &str = "SELECT * FROM blotter.commits WHERE first_position > $1
    ORDER BY first_position LIMIT $2";
const LOOKUP: &str = "SELECT commit_id, fingerprint, stream, first_position, first_version, events
    FROM blotter.commits WHERE commit_id = $1";

/// Up to `limit` events after `after`.
pub(super) async fn events(
    connection: &mut PgConnection,
    after: Position,
    limit: usize,
) -> Result<Vec<Recorded>, Failure> {
    let next = after.get().saturating_add(1);
    let query = sqlx::query(EVENTS)
        .bind(bound(next))
        .bind(bound(next.saturating_add(limit as u64)));
    let rows = answer(query.fetch_all(&mut *connection)).await?;
    if rows.is_empty() {
        return refused(damaged(Position::ZERO, "the head row is missing"));
    }
    let mut page = Page::new(next, limit);
    if Bug::HeadApart.is_on() {
        page.end = Some(read_head(connection).await?.head.position.get());
    }
    page.of(&rows, Position::new, |receipt| receipt.first_position.get())
        .map_err(Failure::Refused)
}

/// Up to `limit` events of `stream` after `after`.
pub(super) async fn stream_events(
    connection: &mut PgConnection,
    stream: &StreamName,
    after: Version,
    limit: usize,
) -> Result<Vec<Recorded>, Failure> {
    let next = after.get().saturating_add(1);
    let query = sqlx::query(STREAM_EVENTS)
        .bind(bound(next))
        .bind(bound(next.saturating_add(limit as u64)))
        .bind(stream.as_str());
    let rows = answer(query.fetch_all(connection)).await?;
    let page = Page::new(next, limit);
    // Where in the log a version that is missing stood, nobody knows.
    page.of(
        &rows,
        |_| Position::ZERO,
        |receipt| receipt.first_version.get(),
    )
    .map_err(Failure::Refused)
}

/// What was asked for, in positions or versions.
struct Page {
    next: u64,
    limit: usize,
    /// The last number, where the rows are not to tell it.
    end: Option<u64>,
}

impl Page {
    fn new(next: u64, limit: usize) -> Self {
        Self {
            next,
            limit,
            end: None,
        }
    }

    /// The events in `rows`; `position_of` tells where a number stands that is missing.
    fn of(
        &self,
        rows: &[PgRow],
        position_of: impl Fn(u64) -> Position,
        first: impl Fn(&Receipt) -> u64,
    ) -> Result<Vec<Recorded>, StoreError> {
        let Some(row) = rows.first() else {
            return Ok(Vec::new());
        };
        let last = match self.end {
            Some(end) => end,
            None => unsigned(row, "last", Position::ZERO)?,
        };
        let mut commits: Vec<_> = rows.iter().filter_map(commit_on_page).collect();
        commits.sort_by_key(|commit| commit.as_ref().map(|commit| first(&commit.receipt)).ok());
        let found = page::events(commits.into_iter(), self.next, self.limit, first)?;
        let next = self.next.saturating_add(found.len() as u64);
        if found.len() < self.limit && next <= last {
            let reason = format!("number {next} is missing; the last one is {last}");
            return so_far(found, damaged(position_of(next), reason));
        }
        Ok(found)
    }
}

/// `None` in a row that only tells the end.
fn commit_on_page(row: &PgRow) -> Option<Result<StoredCommit, StoreError>> {
    match row.try_get::<Option<i64>, _>("first_position") {
        Ok(None) => None,
        _ => Some(stored_commit(row)),
    }
}

/// Up to `limit` commits after `after` as they stand in the table.
pub(super) async fn stored(
    connection: &mut PgConnection,
    after: Position,
    limit: usize,
) -> Result<Vec<StoredCommit>, Failure> {
    // From the very start, rows with positions that cannot be are shown as well.
    let after = match after {
        Position::ZERO => i64::MIN,
        after => bound(after.get()),
    };
    let query = sqlx::query(STORED).bind(after).bind(bound(limit as u64));
    let rows = answer(query.fetch_all(connection)).await?;
    let mut found = Vec::new();
    for row in &rows {
        match stored_commit(row) {
            Ok(commit) => found.push(commit),
            Err(error) => return so_far(found, error).map_err(Failure::Refused),
        }
    }
    Ok(found)
}

pub(super) async fn lookup(
    connection: &mut PgConnection,
    commit: CommitId,
) -> Result<Option<(Hash, Receipt)>, Failure> {
    let query = sqlx::query(LOOKUP).bind(commit.as_bytes().as_slice());
    let row = answer(query.fetch_optional(connection)).await?;
    let found = row.as_ref().map(receipt_of).transpose();
    found.map_err(Failure::Refused)
}

fn refused<T>(error: StoreError) -> Result<T, Failure> {
    Err(Failure::Refused(error))
}

/// A number past what a column can hold is past every number in it.
fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn stored_commit(row: &PgRow) -> Result<StoredCommit, StoreError> {
    let (fingerprint, receipt) = receipt_of(row)?;
    let position = receipt.first_position;
    let leaves: &[u8] = value(row, "leaves", position)?;
    let (leaves, rest) = leaves.as_chunks::<{ size_of::<Hash>() }>();
    if !rest.is_empty() {
        return Err(damaged(position, "its leaf hashes are not 32 bytes each"));
    }
    let records: &str = value(row, "records", position)?;
    let records = records.split('\n').map(|record| record.as_bytes().to_vec());
    Ok(StoredCommit {
        receipt,
        fingerprint,
        records: records.collect(),
        leaves: leaves.to_vec(),
    })
}

/// The receipt and the fingerprint in a row of `commits`.
pub(super) fn receipt_of(row: &PgRow) -> Result<(Hash, Receipt), StoreError> {
    let position = Position::new(unsigned(row, "first_position", Position::ZERO)?);
    let stream: &str = value(row, "stream", position)?;
    let receipt = Receipt {
        commit_id: CommitId::from_bytes(bytes(row, "commit_id", position)?),
        stream: StreamName::new(stream).map_err(|error| damaged(position, error))?,
        first_position: position,
        first_version: Version::new(unsigned(row, "first_version", position)?),
        events: unsigned(row, "events", position)?,
    };
    if position == Position::ZERO || receipt.first_version == Version::ZERO || receipt.events == 0 {
        return Err(damaged(position, "its row counts from 0 or has no events"));
    }
    Ok((bytes(row, "fingerprint", position)?, receipt))
}

/// A column that cannot be negative.
pub(super) fn unsigned(row: &PgRow, column: &str, near: Position) -> Result<u64, StoreError> {
    let found: i64 = value(row, column, near)?;
    u64::try_from(found).map_err(|_| damaged(near, format!("{column} is {found}")))
}

/// A column of exactly so many bytes.
fn bytes<const N: usize>(row: &PgRow, column: &str, near: Position) -> Result<[u8; N], StoreError> {
    let found: &[u8] = value(row, column, near)?;
    let wrong = |_| {
        damaged(
            near,
            format!("{column} is {} bytes long, not {N}", found.len()),
        )
    };
    found.try_into().map_err(wrong)
}

pub(super) fn value<'r, T>(row: &'r PgRow, column: &str, near: Position) -> Result<T, StoreError>
where
    T: Decode<'r, Postgres> + Type<Postgres>,
{
    row.try_get(column).map_err(|error| damaged(near, error))
}
