//! One append transaction: facts in, plan, rows out.
//!
//! Entry points: [`append`] and [`take_lease`], both inside an open transaction.
//! Invariants: the lease is checked before anything is written; a batch costs three queries, a
//! few inserts of many rows and one update; an empty batch still writes to disk.

use std::collections::{HashMap, HashSet};

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::errors::{damaged, store_error};
use super::read::{receipt_of, text_of};
use crate::events::commit::{Commit, CommitId, Receipt};
use crate::events::merkle::Frontier;
use crate::events::plan::{Facts, Head, Plan, PlannedCommit, Stamp, plan};
use crate::events::store::{Lease, StoreError};
use crate::values::canonical::Hash;
use crate::values::{NodeId, Position, StreamName, Version};

const HEAD: &str = "SELECT position, frontier, lease_epoch, transactions FROM head";
const KNOWN: &str = "SELECT commit_id, fingerprint, stream, first_position, first_version, events
    FROM json_each(?) CROSS JOIN commits ON commit_id = unhex(value)";
const VERSIONS: &str = "SELECT value, (SELECT first_version + events - 1 FROM commits
    WHERE stream = value ORDER BY first_version DESC LIMIT 1) FROM json_each(?)";
const INSERT: &str = "INSERT INTO commits (first_position, events, stream, first_version,
    commit_id, fingerprint, records, leaves) ";
/// Rows of one INSERT. Few sizes make few statements, so that all of them stay prepared.
const INSERT_ROWS: [usize; 4] = [64, 16, 4, 1];
// The count changes with every transaction: SQLite writes nothing for a row that stays the same,
// and an empty batch has to find out whether the disk can be written.
const ADVANCE: &str = "UPDATE head SET position = ?, frontier = ?, transactions = ?";
const TAKE_LEASE: &str = "UPDATE head SET lease_epoch = lease_epoch + 1, lease_holder = ?,
    transactions = transactions + 1 RETURNING lease_epoch, transactions";

/// The head row.
pub(super) struct HeadRow {
    pub head: Head,
    pub lease_epoch: u64,
    pub transactions: i64,
}

pub(super) async fn read_head(connection: &mut SqliteConnection) -> Result<HeadRow, StoreError> {
    let row = sqlx::query(HEAD)
        .fetch_one(connection)
        .await
        .map_err(store_error)?;
    let position = unsigned(&row, "position", Position::ZERO)?;
    let bytes: &[u8] = row.try_get("frontier").map_err(store_error)?;
    let frontier = Frontier::from_bytes(position, bytes)
        .map_err(|error| damaged(Position::new(position), format!("head: {error}")))?;
    Ok(HeadRow {
        head: Head {
            position: Position::new(position),
            frontier,
        },
        lease_epoch: unsigned(&row, "lease_epoch", Position::new(position))?,
        transactions: row.try_get("transactions").map_err(store_error)?,
    })
}

/// Makes `holder` the writer; also returns the transaction's number.
pub(super) async fn take_lease(
    connection: &mut SqliteConnection,
    holder: &NodeId,
) -> Result<(Lease, i64), StoreError> {
    let row = sqlx::query(TAKE_LEASE)
        .bind(holder.as_str())
        .fetch_one(connection)
        .await
        .map_err(store_error)?;
    let lease = Lease {
        holder: holder.clone(),
        epoch: unsigned(&row, "lease_epoch", Position::ZERO)?,
    };
    Ok((lease, row.try_get("transactions").map_err(store_error)?))
}

/// Writes what can be recorded of `batch`; also returns the transaction's number.
pub(super) async fn append(
    connection: &mut SqliteConnection,
    lease: &Lease,
    stamp: &Stamp,
    batch: &[Commit],
) -> Result<(Plan, i64), StoreError> {
    let row = read_head(connection).await?;
    if row.lease_epoch != lease.epoch {
        return Err(StoreError::Fenced {
            held: lease.epoch,
            current: row.lease_epoch,
        });
    }
    let facts = Facts {
        head: row.head,
        known: known(connection, batch).await?,
        versions: versions(connection, batch).await?,
    };
    let plan = plan(facts, stamp, batch);
    insert(connection, &plan.rows).await?;
    let transaction = row.transactions + 1;
    sqlx::query(ADVANCE)
        .bind(signed(plan.head.position.get())?)
        .bind(plan.head.frontier.to_bytes())
        .bind(transaction)
        .execute(connection)
        .await
        .map_err(store_error)?;
    Ok((plan, transaction))
}

async fn known(
    connection: &mut SqliteConnection,
    batch: &[Commit],
) -> Result<HashMap<CommitId, (Hash, Receipt)>, StoreError> {
    if batch.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<_> = batch
        .iter()
        .map(|commit| hex::encode(commit.id.as_bytes()))
        .collect();
    let rows = sqlx::query(KNOWN)
        .bind(json(&ids)?)
        .fetch_all(connection)
        .await
        .map_err(store_error)?;
    let found = rows.iter().map(|row| {
        let (fingerprint, receipt) = receipt_of(row)?;
        Ok((receipt.commit_id, (fingerprint, receipt)))
    });
    found.collect()
}

async fn versions(
    connection: &mut SqliteConnection,
    batch: &[Commit],
) -> Result<HashMap<StreamName, Version>, StoreError> {
    if batch.is_empty() {
        return Ok(HashMap::new());
    }
    let streams: HashSet<_> = batch.iter().map(|commit| commit.stream.as_str()).collect();
    let rows = sqlx::query(VERSIONS)
        .bind(json(&streams)?)
        .fetch_all(connection)
        .await
        .map_err(store_error)?;
    let mut versions = HashMap::with_capacity(rows.len());
    for row in &rows {
        let version: Option<i64> = row.try_get(1).map_err(store_error)?;
        let Some(version) = version else { continue };
        let stream = StreamName::new(&text_of(row, "value", Position::ZERO)?)
            .map_err(|error| damaged(Position::ZERO, error))?;
        let version = u64::try_from(version).map_err(|error| damaged(Position::ZERO, error))?;
        versions.insert(stream, Version::new(version));
    }
    Ok(versions)
}

async fn insert(
    connection: &mut SqliteConnection,
    rows: &[PlannedCommit],
) -> Result<(), StoreError> {
    let mut rest = rows;
    for size in INSERT_ROWS {
        let (chunks, fewer) = rest.split_at(rest.len() - rest.len() % size);
        for chunk in chunks.chunks(size) {
            insert_rows(connection, chunk).await?;
        }
        rest = fewer;
    }
    Ok(())
}

async fn insert_rows(
    connection: &mut SqliteConnection,
    rows: &[PlannedCommit],
) -> Result<(), StoreError> {
    let rows = rows
        .iter()
        .map(RowValues::of)
        .collect::<Result<Vec<_>, _>>()?;
    let inserted = QueryBuilder::<Sqlite>::new(INSERT)
        .push_values(&rows, |mut values, row| {
            values
                .push_bind(row.first_position)
                .push_bind(row.events)
                .push_bind(row.receipt.stream.as_str())
                .push_bind(row.first_version)
                .push_bind(row.receipt.commit_id.as_bytes().as_slice())
                .push_bind(row.fingerprint.as_slice())
                .push_bind(row.records.as_str())
                .push_bind(row.leaves.as_slice());
        })
        .build()
        .execute(connection)
        .await
        .map_err(store_error)?
        .rows_affected();
    match inserted == rows.len() as u64 {
        true => Ok(()),
        false => Err(StoreError::Fatal(format!(
            "{inserted} of {} commits were inserted",
            rows.len()
        ))),
    }
}

/// The columns of one row.
struct RowValues<'a> {
    receipt: &'a Receipt,
    first_position: i64,
    events: i64,
    first_version: i64,
    fingerprint: &'a Hash,
    records: String,
    leaves: Vec<u8>,
}

impl<'a> RowValues<'a> {
    fn of(row: &'a PlannedCommit) -> Result<Self, StoreError> {
        let receipt = &row.appended.receipt;
        let recorded = &row.appended.records;
        let lines: Vec<_> = recorded
            .iter()
            .map(|recorded| recorded.record.as_slice())
            .collect();
        let leaves: Vec<_> = recorded.iter().map(|recorded| recorded.leaf).collect();
        Ok(Self {
            receipt,
            first_position: signed(receipt.first_position.get())?,
            events: signed(receipt.events)?,
            first_version: signed(receipt.first_version.get())?,
            fingerprint: &row.fingerprint,
            // Canonical JSON escapes line feeds, so they can part the records.
            records: String::from_utf8(lines.join(&b'\n'))
                .map_err(|error| StoreError::Fatal(format!("a record is not UTF-8: {error}")))?,
            leaves: leaves.concat(),
        })
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| {
        StoreError::Fatal(format!("a statement's value cannot be written: {error}"))
    })
}

/// A column that cannot be negative.
pub(super) fn unsigned(row: &SqliteRow, column: &str, near: Position) -> Result<u64, StoreError> {
    let value: i64 = row.try_get(column).map_err(store_error)?;
    u64::try_from(value).map_err(|_| damaged(near, format!("{column} is {value}")))
}

fn signed(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value)
        .map_err(|_| StoreError::Fatal(format!("{value} does not fit the log's columns")))
}
