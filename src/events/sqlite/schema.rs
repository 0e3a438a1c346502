//! Tables of an event store file, and the check that a file is one.
//!
//! Entry points: [`inspect`] before a file is opened for good, [`create`] for a new one.
//! Invariant: `inspect` changes nothing, so a file of another program or of a newer format stays
//! exactly as it was found. Tables and columns are described in `docs/event-store.md`.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::errors::store_error;
use crate::events::store::StoreError;

/// Log format this program reads and writes.
pub const FORMAT: i64 = 1;

/// The triggers keep slips of the hand out. Whoever drops them is found by the Merkle tree.
const CREATE: &str = "
CREATE TABLE log (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    log_id BLOB NOT NULL CHECK (length(log_id) = 16),
    format INTEGER NOT NULL
) STRICT;
CREATE TABLE head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    position INTEGER NOT NULL,
    frontier BLOB NOT NULL,
    lease_epoch INTEGER NOT NULL,
    lease_holder TEXT NOT NULL,
    transactions INTEGER NOT NULL
) STRICT;
CREATE TABLE commits (
    first_position INTEGER PRIMARY KEY CHECK (first_position > 0),
    events INTEGER NOT NULL CHECK (events > 0),
    stream TEXT NOT NULL,
    first_version INTEGER NOT NULL CHECK (first_version > 0),
    commit_id BLOB NOT NULL UNIQUE CHECK (length(commit_id) = 16),
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    records TEXT NOT NULL,
    leaves BLOB NOT NULL CHECK (length(leaves) = 32 * events),
    UNIQUE (stream, first_version)
) STRICT;
CREATE TRIGGER commits_no_update BEFORE UPDATE ON commits
    BEGIN SELECT RAISE(ABORT, 'facts are never edited: record a correction as a new fact'); END;
CREATE TRIGGER commits_no_delete BEFORE DELETE ON commits
    BEGIN SELECT RAISE(ABORT, 'facts are never deleted'); END;
CREATE TRIGGER head_no_delete BEFORE DELETE ON head
    BEGIN SELECT RAISE(ABORT, 'the head of the log is never deleted'); END;
CREATE TRIGGER head_no_return BEFORE UPDATE ON head
    WHEN NEW.position < OLD.position OR NEW.lease_epoch < OLD.lease_epoch
    BEGIN SELECT RAISE(ABORT, 'the head of the log never goes back'); END;
CREATE TRIGGER log_no_update BEFORE UPDATE ON log
    BEGIN SELECT RAISE(ABORT, 'the identity of the log never changes'); END;
CREATE TRIGGER log_no_delete BEFORE DELETE ON log
    BEGIN SELECT RAISE(ABORT, 'the identity of the log is never deleted'); END;
INSERT INTO head VALUES (1, 0, x'', 0, '', 0);
";

/// What a database file holds.
pub(super) enum Contents {
    Nothing,
    Log(Uuid),
}

/// Finds out what is in the file without changing it.
pub(super) fn inspect(connection: &Connection) -> Result<Contents, StoreError> {
    let tables = "SELECT count(*), count(*) FILTER (WHERE name = 'log') FROM sqlite_master";
    let counted = connection.query_row(tables, [], |row| Ok((row.get(0)?, row.get(1)?)));
    let (all, ours): (i64, i64) = counted.map_err(store_error)?;
    match (all, ours) {
        (0, _) => Ok(Contents::Nothing),
        (_, 0) => Err(StoreError::Fatal(
            "the file is a database of another program; check its path".into(),
        )),
        _ => identity(connection).map(Contents::Log),
    }
}

fn identity(connection: &Connection) -> Result<Uuid, StoreError> {
    // The format first: a newer one may keep its identity elsewhere.
    let format: i64 = connection
        .query_row("SELECT format FROM log", [], |row| row.get(0))
        .map_err(store_error)?;
    if format != FORMAT {
        return Err(StoreError::Format {
            found: format,
            supported: FORMAT,
        });
    }
    let id: Vec<u8> = connection
        .query_row("SELECT log_id FROM log", [], |row| row.get(0))
        .map_err(store_error)?;
    Uuid::from_slice(&id)
        .map_err(|error| StoreError::Fatal(format!("the identity of the log is damaged: {error}")))
}

/// Makes the tables, all or none, unless another process has just done so.
pub(super) fn create(connection: &mut Connection, log_id: Uuid) -> Result<Uuid, StoreError> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(store_error)?;
    if let Contents::Log(existing) = inspect(&transaction)? {
        return Ok(existing);
    }
    write_identity(&transaction, log_id).map_err(store_error)?;
    transaction.commit().map_err(store_error)?;
    Ok(log_id)
}

fn write_identity(transaction: &Transaction<'_>, log_id: Uuid) -> rusqlite::Result<()> {
    transaction.execute_batch(CREATE)?;
    let insert = "INSERT INTO log VALUES (1, ?, ?)";
    transaction.execute(insert, params![log_id.as_bytes(), FORMAT])?;
    Ok(())
}
