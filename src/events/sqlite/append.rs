//! The statements of one append transaction: facts in, plan, rows out.
//!
//! Entry points: [`append`], [`import`] and [`take_lease`], each inside an open transaction.
//! Invariants: the lease is checked before anything is written; every transaction changes the
//! head row, so an empty batch writes to disk too.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::errors::store_error;
use super::read::{lookup, unsigned};
use crate::events::commit::Commit;
use crate::events::merkle::Frontier;
use crate::events::page::damaged;
use crate::events::plan::{Facts, Head, Plan, PlannedCommit, Stamp, imported, plan};
use crate::events::seeded::Bug;
use crate::events::store::{Lease, StoreError, StoredCommit};
use crate::values::{NodeId, Position, StreamName, Version};

const HEAD: &str = "SELECT position, frontier, lease_epoch, transactions FROM head";
const VERSION: &str = "SELECT first_version + events - 1 FROM commits
    WHERE stream = ? ORDER BY first_version DESC LIMIT 1";
const INSERT: &str = "INSERT INTO commits (first_position, events, stream, first_version,
    commit_id, fingerprint, records, leaves) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
// The count changes with every transaction: SQLite writes nothing for a row that stays the same,
// and an empty batch has to find out whether the disk can be written.
const ADVANCE: &str = "UPDATE head SET position = ?, frontier = ?, transactions = ?";
const END: &str = "SELECT first_position + events - 1 FROM commits
    ORDER BY first_position DESC LIMIT 1";
const TAKE_LEASE: &str = "UPDATE head SET lease_epoch = lease_epoch + 1, lease_holder = ?,
    transactions = transactions + 1 RETURNING lease_epoch, transactions";

/// The head row.
pub(super) struct HeadRow {
    pub head: Head,
    pub lease_epoch: u64,
    /// Transactions so far; tells whether one of unknown outcome happened.
    pub transactions: i64,
}

pub(super) fn read_head(connection: &Connection) -> Result<HeadRow, StoreError> {
    let mut statement = connection.prepare_cached(HEAD).map_err(store_error)?;
    let mut rows = statement.query([]).map_err(store_error)?;
    match rows.next().map_err(store_error)? {
        Some(row) => head_row(row),
        None => Err(damaged(Position::ZERO, "the head row is missing")),
    }
}

fn head_row(row: &Row<'_>) -> Result<HeadRow, StoreError> {
    let position = unsigned(row, "position", Position::ZERO)?;
    let near = Position::new(position);
    let bytes: Vec<u8> = row.get("frontier").map_err(store_error)?;
    let frontier = Frontier::from_bytes(position, &bytes)
        .map_err(|error| damaged(near, format!("head: {error}")))?;
    Ok(HeadRow {
        head: Head {
            position: near,
            frontier,
        },
        lease_epoch: unsigned(row, "lease_epoch", near)?,
        transactions: row.get("transactions").map_err(store_error)?,
    })
}

/// Makes `holder` the writer, if the log ends where its head says; also returns the transaction's
/// number.
pub(super) fn take_lease(
    transaction: &Transaction<'_>,
    holder: &NodeId,
) -> Result<(Lease, i64), StoreError> {
    check_end(transaction)?;
    let taken = transaction.query_row(TAKE_LEASE, [holder.as_str()], |row| {
        Ok((row.get(0)?, row.get(1)?))
    });
    let (epoch, number): (i64, i64) = taken.map_err(store_error)?;
    let lease = Lease {
        holder: holder.clone(),
        epoch: u64::try_from(epoch)
            .map_err(|_| damaged(Position::ZERO, format!("lease_epoch is {epoch}")))?,
    };
    Ok((lease, number))
}

/// What is appended follows the head: it has to be the end.
fn check_end(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let head = read_head(transaction)?.head.position;
    let last = transaction.query_row(END, [], |row| row.get(0)).optional();
    let last: Option<i64> = last.map_err(store_error)?;
    let end = u64::try_from(last.unwrap_or(0)).map(Position::new);
    match end {
        Ok(end) if end == head => Ok(()),
        _ => Err(damaged(
            head,
            format!("the last commit ends at {}, not there", last.unwrap_or(0)),
        )),
    }
}

/// Plans a batch on top of what the log says and writes its rows; also returns the transaction's
/// number.
pub(super) fn append(
    transaction: &Transaction<'_>,
    lease: &Lease,
    stamp: &Stamp,
    batch: &[Commit],
) -> Result<(Plan, i64), StoreError> {
    let found = head_under(transaction, lease)?;
    let plan = plan(facts(transaction, found.head, batch)?, stamp, batch);
    let number = write(transaction, &plan, found.transactions)?;
    Ok((plan, number))
}

/// Writes the rows of another log as they are; also returns the transaction's number.
pub(super) fn import(
    transaction: &Transaction<'_>,
    lease: &Lease,
    commits: &[StoredCommit],
) -> Result<(Plan, i64), StoreError> {
    let found = head_under(transaction, lease)?;
    let plan = imported(found.head, commits)?;
    let number = write(transaction, &plan, found.transactions)?;
    Ok((plan, number))
}

/// The head, if `lease` is the current one.
fn head_under(transaction: &Transaction<'_>, lease: &Lease) -> Result<HeadRow, StoreError> {
    let found = read_head(transaction)?;
    match found.lease_epoch == lease.epoch || Bug::LeaseUnchecked.is_on() {
        true => Ok(found),
        false => Err(StoreError::Fenced {
            held: lease.epoch,
            current: found.lease_epoch,
        }),
    }
}

/// Writes a plan in the transaction after `transactions` others; returns its number.
fn write(transaction: &Transaction<'_>, plan: &Plan, transactions: i64) -> Result<i64, StoreError> {
    let unwritten = usize::from(Bug::HeadWithoutRows.is_on());
    for row in plan.rows.iter().skip(unwritten) {
        insert(transaction, row)?;
    }
    if Bug::TornBatch.is_on() {
        let in_two = transaction.execute_batch("COMMIT; BEGIN IMMEDIATE");
        in_two.map_err(store_error)?;
    }
    let number = transactions + 1;
    transaction
        .prepare_cached(ADVANCE)
        .and_then(|mut statement| {
            statement.execute(params![
                plan.head.position.get(),
                plan.head.frontier.to_bytes(),
                number
            ])
        })
        .map_err(store_error)?;
    Ok(number)
}

/// What planning `batch` takes.
fn facts(connection: &Connection, head: Head, batch: &[Commit]) -> Result<Facts, StoreError> {
    let mut facts = Facts {
        head,
        ..Facts::default()
    };
    for commit in batch {
        if let Some(known) = lookup(connection, commit.id)? {
            facts.known.insert(commit.id, known);
        }
        if !facts.versions.contains_key(&commit.stream)
            && let Some(version) = version_of(connection, &commit.stream)?
        {
            facts.versions.insert(commit.stream.clone(), version);
        }
    }
    Ok(facts)
}

fn version_of(connection: &Connection, stream: &StreamName) -> Result<Option<Version>, StoreError> {
    let version: Option<i64> = connection
        .prepare_cached(VERSION)
        .and_then(|mut statement| {
            let found = statement.query_row([stream.as_str()], |row| row.get(0));
            found.optional()
        })
        .map_err(store_error)?;
    let checked = |version| {
        u64::try_from(version)
            .map(Version::new)
            .map_err(|error| damaged(Position::ZERO, error))
    };
    version.map(checked).transpose()
}

fn insert(transaction: &Transaction<'_>, row: &PlannedCommit) -> Result<(), StoreError> {
    let receipt = &row.appended.receipt;
    let recorded = &row.appended.records;
    let lines: Vec<_> = recorded
        .iter()
        .map(|recorded| recorded.record.as_slice())
        .collect();
    // Canonical JSON escapes line feeds, so they can part the records.
    let records = String::from_utf8(lines.join(&b'\n'))
        .map_err(|error| StoreError::Fatal(format!("a record is not UTF-8: {error}")))?;
    let leaves: Vec<_> = recorded.iter().map(|recorded| recorded.leaf).collect();
    transaction
        .prepare_cached(INSERT)
        .and_then(|mut statement| {
            statement.execute(params![
                receipt.first_position.get(),
                receipt.events,
                receipt.stream.as_str(),
                receipt.first_version.get(),
                receipt.commit_id.as_bytes(),
                row.fingerprint,
                records,
                leaves.concat(),
            ])
        })
        .map_err(store_error)?;
    Ok(())
}
