//! One append transaction: facts in, plan, rows out.
//!
//! Entry points: [`begin`] and then [`append`]; [`take_lease`] inside an open transaction.
//! Invariants: the lease is checked before anything is written; a batch of up to 64 commits of a
//! round number costs two trips to SQLite; an empty batch still writes to disk.

use std::collections::HashSet;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::errors::{damaged, store_error};
use super::read::{receipt_of, text_of, unsigned};
use crate::events::commit::{Commit, Receipt};
use crate::events::merkle::Frontier;
use crate::events::plan::{Facts, Head, Plan, PlannedCommit, Stamp, plan};
use crate::events::store::{Lease, StoreError};
use crate::values::canonical::Hash;
use crate::values::{NodeId, Position, StreamName, Version};

// Each statement sent alone costs a trip to SQLite's thread and back, which is as dear as a third
// of an fsync; so what can be known beforehand travels together.
const HEAD: &str = "SELECT position, frontier, lease_epoch, transactions FROM head";
const BEGIN_AT_HEAD: &str =
    "BEGIN IMMEDIATE; SELECT position, frontier, lease_epoch, transactions FROM head";
/// The same; then the batch's commit ids that are known, and the version of each of its streams
/// that exists.
const BEGIN_WITH_FACTS: &str = "BEGIN IMMEDIATE;
    SELECT position, frontier, lease_epoch, transactions FROM head;
    SELECT NULL AS version, commit_id, fingerprint, stream, first_position,
    first_version, events
    FROM json_each(?) CROSS JOIN commits ON commit_id = unhex(value)
    UNION ALL
    SELECT (SELECT first_version + events - 1 FROM commits
    WHERE stream = value ORDER BY first_version DESC LIMIT 1), NULL, NULL, value, NULL, NULL, NULL
    FROM json_each(?)";
const INSERT: &str = "INSERT INTO commits (first_position, events, stream, first_version,
    commit_id, fingerprint, records, leaves) ";
/// Rows of one INSERT. Few sizes make few statements, so that all of them stay prepared.
const INSERT_ROWS: [usize; 4] = [64, 16, 4, 1];
// The count changes with every transaction: SQLite writes nothing for a row that stays the same,
// and an empty batch has to find out whether the disk can be written.
const ADVANCE_AND_COMMIT: [&str; 4] = [
    "UPDATE head SET position = ",
    ", frontier = ",
    ", transactions = ",
    "; COMMIT",
];
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
    head_row(&row)
}

fn head_row(row: &SqliteRow) -> Result<HeadRow, StoreError> {
    let position = unsigned(row, "position", Position::ZERO)?;
    let bytes: &[u8] = row.try_get("frontier").map_err(store_error)?;
    let frontier = Frontier::from_bytes(position, bytes)
        .map_err(|error| damaged(Position::new(position), format!("head: {error}")))?;
    Ok(HeadRow {
        head: Head {
            position: Position::new(position),
            frontier,
        },
        lease_epoch: unsigned(row, "lease_epoch", Position::new(position))?,
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

/// A planned append whose last statements, COMMIT included, are still to be run.
pub(super) struct Append {
    pub plan: Plan,
    /// Of the head inside this transaction.
    pub transaction: i64,
    /// The last rows, the head, COMMIT.
    pub last: QueryBuilder<Sqlite>,
}

/// What a transaction finds in the log at its start.
pub(super) struct Found {
    pub lease_epoch: u64,
    pub transactions: i64,
    /// The head, and what the log says about the batch.
    pub facts: Facts,
}

/// Opens a transaction and looks up everything that planning `batch` takes.
pub(super) async fn begin(
    connection: &mut SqliteConnection,
    batch: &[Commit],
) -> Result<Found, StoreError> {
    let rows = match batch.is_empty() {
        true => sqlx::query(BEGIN_AT_HEAD).fetch_all(connection).await,
        false => {
            let ids: Vec<_> = batch
                .iter()
                .map(|commit| hex::encode(commit.id.as_bytes()))
                .collect();
            let streams: HashSet<_> = batch.iter().map(|commit| commit.stream.as_str()).collect();
            sqlx::query(BEGIN_WITH_FACTS)
                .bind(json(&ids)?)
                .bind(json(&streams)?)
                .fetch_all(connection)
                .await
        }
    };
    let rows = rows.map_err(store_error)?;
    let Some((head, rest)) = rows.split_first() else {
        return Err(damaged(Position::ZERO, "the head row is missing"));
    };
    let row = head_row(head)?;
    let mut facts = Facts {
        head: row.head,
        ..Facts::default()
    };
    for row in rest {
        add_fact(&mut facts, row)?;
    }
    Ok(Found {
        lease_epoch: row.lease_epoch,
        transactions: row.transactions,
        facts,
    })
}

/// A commit of the batch that is known, or the version of one of its streams.
fn add_fact(facts: &mut Facts, row: &SqliteRow) -> Result<(), StoreError> {
    let commit: Option<&[u8]> = row.try_get("commit_id").map_err(store_error)?;
    if commit.is_some() {
        let (fingerprint, receipt) = receipt_of(row)?;
        facts
            .known
            .insert(receipt.commit_id, (fingerprint, receipt));
        return Ok(());
    }
    let version: Option<i64> = row.try_get("version").map_err(store_error)?;
    let Some(version) = version else {
        return Ok(());
    };
    let stream = StreamName::new(&text_of(row, "stream", Position::ZERO)?)
        .map_err(|error| damaged(Position::ZERO, error))?;
    let version = u64::try_from(version).map_err(|error| damaged(Position::ZERO, error))?;
    facts.versions.insert(stream, Version::new(version));
    Ok(())
}

/// Plans a batch on top of what was found and writes all but the last of it.
pub(super) async fn append(
    connection: &mut SqliteConnection,
    found: Found,
    lease: &Lease,
    stamp: &Stamp,
    batch: &[Commit],
) -> Result<Append, StoreError> {
    if found.lease_epoch != lease.epoch {
        return Err(StoreError::Fenced {
            held: lease.epoch,
            current: found.lease_epoch,
        });
    }
    let plan = plan(found.facts, stamp, batch);
    let mut last = insert(connection, &plan.rows).await?;
    let transaction = found.transactions + 1;
    let [position, frontier, transactions, commit] = ADVANCE_AND_COMMIT;
    last.push(position)
        .push_bind(signed(plan.head.position.get())?)
        .push(frontier)
        .push_bind(plan.head.frontier.to_bytes())
        .push(transactions)
        .push_bind(transaction)
        .push(commit);
    Ok(Append {
        plan,
        transaction,
        last,
    })
}

/// Inserts all rows but those of the last statement, which is returned.
async fn insert(
    connection: &mut SqliteConnection,
    rows: &[PlannedCommit],
) -> Result<QueryBuilder<Sqlite>, StoreError> {
    let mut last: Option<&[PlannedCommit]> = None;
    let mut rest = rows;
    for size in INSERT_ROWS {
        let (chunks, fewer) = rest.split_at(rest.len() - rest.len() % size);
        for chunk in chunks.chunks(size) {
            if let Some(before) = last.replace(chunk) {
                let mut statement = insert_statement(before)?;
                let inserted = statement.build().execute(&mut *connection).await;
                inserted.map_err(store_error)?;
            }
        }
        rest = fewer;
    }
    match last {
        None => Ok(QueryBuilder::new("")),
        Some(chunk) => {
            let mut statement = insert_statement(chunk)?;
            statement.push("; ");
            Ok(statement)
        }
    }
}

fn insert_statement(rows: &[PlannedCommit]) -> Result<QueryBuilder<Sqlite>, StoreError> {
    let rows = rows
        .iter()
        .map(RowValues::of)
        .collect::<Result<Vec<_>, _>>()?;
    let mut statement = QueryBuilder::<Sqlite>::new(INSERT);
    statement.push_values(rows, |mut values, row| {
        values
            .push_bind(row.first_position)
            .push_bind(row.events)
            .push_bind(row.receipt.stream.as_str().to_owned())
            .push_bind(row.first_version)
            .push_bind(row.receipt.commit_id.as_bytes().to_vec())
            .push_bind(row.fingerprint.to_vec())
            .push_bind(row.records)
            .push_bind(row.leaves);
    });
    Ok(statement)
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

fn signed(value: u64) -> Result<i64, StoreError> {
    i64::try_from(value)
        .map_err(|_| StoreError::Fatal(format!("{value} does not fit the log's columns")))
}
