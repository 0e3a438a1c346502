//! The statements of an append: facts first, then one that records everything or nothing.
//!
//! Entry points: [`facts`], [`record`], [`fence`], [`take_lease`].
//! Invariants: each is one statement and commits by itself, so nothing stays open between two trips
//! to the server and a node that dies holds no lock. [`record`] changes the head, which locks its
//! row until the commit, and writes only on top of exactly the head and the lease it was planned
//! on: positions are given out without gaps and in the order of commits.

use sqlx::PgConnection;
use sqlx::postgres::PgRow;

use super::errors::Failure;
use super::read::{receipt_of, unsigned, value};
use super::server::answer;
use crate::events::commit::Commit;
use crate::events::merkle::Frontier;
use crate::events::page::damaged;
use crate::events::plan::{Facts, Head, Plan};
use crate::events::store::{Lease, StoreError};
use crate::values::{NodeId, Position};

const HEAD: &str =
    "SELECT position, frontier, lease_epoch, transactions FROM blotter.head WHERE id = 1";
// Head, known commits and last commits of the streams, all of one moment.
const FACTS: &str = "SELECT position, frontier, lease_epoch, transactions, NULL::bool AS is_known,
        NULL::bytea AS commit_id, NULL::bytea AS fingerprint, NULL::text AS stream,
        NULL::bigint AS first_position, NULL::bigint AS first_version, NULL::bigint AS events
    FROM blotter.head WHERE id = 1
    UNION ALL SELECT NULL, NULL, NULL, NULL, true,
        commit_id, fingerprint, stream, first_position, first_version, events
    FROM blotter.commits WHERE commit_id = ANY($1)
    UNION ALL SELECT NULL, NULL, NULL, NULL, false,
        commit_id, fingerprint, last.stream, first_position, first_version, events
    FROM unnest($2::text[]) AS asked(stream) CROSS JOIN LATERAL (
        SELECT * FROM blotter.commits WHERE commits.stream = asked.stream
        ORDER BY first_version DESC LIMIT 1) AS last";
// The count changes with every transaction, so also an empty batch has to reach the disk.
const RECORD: &str = "WITH advanced AS (
        UPDATE blotter.head SET position = $3, frontier = $4, transactions = transactions + 1
        WHERE id = 1 AND transactions = $1 AND lease_epoch = $2
        RETURNING transactions
    ), recorded AS (
        INSERT INTO blotter.commits (first_position, events, stream, first_version, commit_id,
            fingerprint, records, leaves)
        SELECT batch.* FROM advanced, unnest($5::bigint[], $6::bigint[], $7::text[], $8::bigint[],
            $9::bytea[], $10::bytea[], $11::text[], $12::bytea[]) AS batch
    )
    SELECT transactions FROM advanced";
const FENCE: &str = "UPDATE blotter.head SET transactions = transactions + 1
    WHERE id = 1 AND lease_epoch = $1 RETURNING transactions";
const TAKE_LEASE: &str = "UPDATE blotter.head SET lease_epoch = lease_epoch + 1, lease_holder = $1,
    transactions = transactions + 1 WHERE id = 1 RETURNING lease_epoch, position, transactions";

/// The head row.
#[derive(Debug)]
pub(super) struct HeadRow {
    pub head: Head,
    pub lease_epoch: u64,
    /// Appends and leases so far: whoever read another count planned on another log.
    pub transactions: i64,
}

pub(super) async fn read_head(connection: &mut PgConnection) -> Result<HeadRow, Failure> {
    let row = answer(sqlx::query(HEAD).fetch_optional(connection)).await?;
    row.as_ref()
        .map_or_else(no_head, head_row)
        .map_err(Failure::Refused)
}

fn head_row(row: &PgRow) -> Result<HeadRow, StoreError> {
    let position = unsigned(row, "position", Position::ZERO)?;
    let near = Position::new(position);
    let bytes: &[u8] = value(row, "frontier", near)?;
    let frontier = Frontier::from_bytes(position, bytes)
        .map_err(|error| damaged(near, format!("head: {error}")))?;
    Ok(HeadRow {
        head: Head {
            position: near,
            frontier,
        },
        lease_epoch: unsigned(row, "lease_epoch", near)?,
        transactions: value(row, "transactions", near)?,
    })
}

fn no_head<T>() -> Result<T, StoreError> {
    Err(damaged(Position::ZERO, "the head row is missing"))
}

/// What planning `batch` takes; the head in it is that of the row.
pub(super) async fn facts(
    connection: &mut PgConnection,
    batch: &[Commit],
) -> Result<(HeadRow, Facts), Failure> {
    let ids: Vec<&[u8]> = batch
        .iter()
        .map(|commit| commit.id.as_bytes().as_slice())
        .collect();
    let mut streams: Vec<_> = batch.iter().map(|commit| commit.stream.as_str()).collect();
    streams.sort_unstable();
    streams.dedup();
    let query = sqlx::query(FACTS).bind(&ids).bind(&streams);
    let rows = answer(query.fetch_all(connection)).await?;
    facts_in(&rows).map_err(Failure::Refused)
}

fn facts_in(rows: &[PgRow]) -> Result<(HeadRow, Facts), StoreError> {
    let mut head = None;
    let mut facts = Facts::default();
    for row in rows {
        match value(row, "is_known", Position::ZERO)? {
            None => head = Some(head_row(row)?),
            Some(is_known) => {
                let (fingerprint, receipt) = receipt_of(row)?;
                if is_known {
                    facts
                        .known
                        .insert(receipt.commit_id, (fingerprint, receipt));
                } else {
                    let version = receipt.last_version();
                    facts.versions.insert(receipt.stream, version);
                }
            }
        }
    }
    let head = head.map_or_else(no_head, Ok)?;
    facts.head = head.head.clone();
    Ok((head, facts))
}

/// Records what was planned on top of `transactions`, durably; `false` where the head or the lease
/// is not that one any more, and nothing was recorded.
pub(super) async fn record(
    connection: &mut PgConnection,
    lease: &Lease,
    transactions: i64,
    plan: &Plan,
) -> Result<bool, Failure> {
    let rows = Columns::of(plan)?;
    let query = sqlx::query(RECORD)
        .bind(transactions)
        .bind(whole(lease.epoch)?)
        .bind(whole(plan.head.position.get())?)
        .bind(plan.head.frontier.to_bytes())
        .bind(rows.first_positions)
        .bind(rows.events)
        .bind(rows.streams)
        .bind(rows.first_versions)
        .bind(rows.commit_ids)
        .bind(rows.fingerprints)
        .bind(rows.records)
        .bind(rows.leaves);
    // All answers up to the last: the row comes before the commit, and says nothing about it.
    let advanced = answer(query.fetch_all(connection)).await?;
    Ok(!advanced.is_empty())
}

/// A batch by columns, as `unnest` takes it.
#[derive(Default)]
struct Columns<'a> {
    first_positions: Vec<i64>,
    events: Vec<i64>,
    streams: Vec<&'a str>,
    first_versions: Vec<i64>,
    commit_ids: Vec<&'a [u8]>,
    fingerprints: Vec<&'a [u8]>,
    records: Vec<String>,
    leaves: Vec<Vec<u8>>,
}

impl<'a> Columns<'a> {
    fn of(plan: &'a Plan) -> Result<Self, Failure> {
        let mut columns = Self::default();
        for row in &plan.rows {
            let receipt = &row.appended.receipt;
            let recorded = &row.appended.records;
            let lines: Vec<_> = recorded
                .iter()
                .map(|recorded| recorded.record.as_slice())
                .collect();
            // Canonical JSON escapes line feeds, so they can part the records.
            let records = String::from_utf8(lines.join(&b'\n')).map_err(|error| {
                Failure::Refused(StoreError::Fatal(format!("a record is not UTF-8: {error}")))
            })?;
            let leaves: Vec<_> = recorded.iter().map(|recorded| recorded.leaf).collect();
            columns
                .first_positions
                .push(whole(receipt.first_position.get())?);
            columns.events.push(whole(receipt.events)?);
            columns.streams.push(receipt.stream.as_str());
            columns
                .first_versions
                .push(whole(receipt.first_version.get())?);
            columns.commit_ids.push(receipt.commit_id.as_bytes());
            columns.fingerprints.push(&row.fingerprint);
            columns.records.push(records);
            columns.leaves.push(leaves.concat());
        }
        Ok(columns)
    }
}

/// Makes sure that nothing planned under `lease` before can still be recorded; `false` when the
/// lease is no longer the current one, which does the same.
pub(super) async fn fence(connection: &mut PgConnection, lease: &Lease) -> Result<bool, Failure> {
    let query = sqlx::query(FENCE).bind(whole(lease.epoch)?);
    Ok(!answer(query.fetch_all(connection)).await?.is_empty())
}

/// Makes `holder` the writer; also returns where the log stood.
pub(super) async fn take_lease(
    connection: &mut PgConnection,
    holder: &NodeId,
) -> Result<(Lease, Position), Failure> {
    let query = sqlx::query(TAKE_LEASE).bind(holder.as_str());
    let rows = answer(query.fetch_all(connection)).await?;
    let taken = rows.first().map_or_else(no_head, |row| {
        let position = Position::new(unsigned(row, "position", Position::ZERO)?);
        let lease = Lease {
            holder: holder.clone(),
            epoch: unsigned(row, "lease_epoch", position)?,
        };
        Ok((lease, position))
    });
    taken.map_err(Failure::Refused)
}

/// A number as a column holds it.
fn whole(number: u64) -> Result<i64, Failure> {
    i64::try_from(number)
        .map_err(|_| Failure::Refused(StoreError::Fatal(format!("{number} is out of range"))))
}
