//! The tables of `paper.db`, and whose book a file is.
//!
//! Invariants, kept by the database itself: reports are numbered 1, 2, 3 ... and never change or
//! go; an order that has ended stays as it ended; a cancel is answered once.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};
use uuid::Uuid;

use super::error::{PaperError, opening};
use crate::values::VenueId;

/// Number of the table layout below. Raised by every change that an older program cannot read.
pub(super) const FORMAT: i64 = 1;

/// Times are microseconds since 1970 in UTC. `terms` and `body` are JSON.
const TABLES: &str = "
CREATE TABLE identity (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    format   INTEGER NOT NULL,
    log_id   TEXT NOT NULL,
    venue    TEXT NOT NULL
) STRICT;

CREATE TABLE orders (
    entry           INTEGER PRIMARY KEY,
    client_order_id TEXT NOT NULL UNIQUE,
    symbol          TEXT NOT NULL,
    terms           TEXT NOT NULL,
    entered_at      INTEGER NOT NULL,
    state           TEXT NOT NULL
        CHECK (state IN ('open', 'filled', 'canceled', 'expired', 'rejected'))
) STRICT;
CREATE INDEX orders_resting ON orders (symbol, entry) WHERE state = 'open';
CREATE TRIGGER orders_stay BEFORE DELETE ON orders
BEGIN SELECT RAISE(ABORT, 'orders are never deleted'); END;
CREATE TRIGGER orders_end_once BEFORE UPDATE ON orders WHEN OLD.state <> 'open'
BEGIN SELECT RAISE(ABORT, 'an order that has ended does not change'); END;

CREATE TABLE reports (
    sequence        INTEGER PRIMARY KEY,
    client_order_id TEXT NOT NULL,
    transact_time   INTEGER NOT NULL,
    body            TEXT NOT NULL,
    cancel_id       TEXT
) STRICT;
CREATE UNIQUE INDEX reports_answer_once ON reports (client_order_id, cancel_id)
    WHERE cancel_id IS NOT NULL;
CREATE TRIGGER reports_count BEFORE INSERT ON reports
WHEN NEW.sequence IS NOT (SELECT COALESCE(MAX(sequence), 0) + 1 FROM reports)
BEGIN SELECT RAISE(ABORT, 'reports are numbered without gaps'); END;
CREATE TRIGGER reports_stay BEFORE DELETE ON reports
BEGIN SELECT RAISE(ABORT, 'reports are never deleted'); END;
CREATE TRIGGER reports_stand BEFORE UPDATE ON reports
BEGIN SELECT RAISE(ABORT, 'reports are never changed'); END;

CREATE TABLE bars_played (
    symbol   TEXT PRIMARY KEY,
    last_row INTEGER NOT NULL
) STRICT;
";

/// Whose book it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub log_id: Uuid,
    pub venue: VenueId,
}

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// A database without tables: a new file, or one whose making was cut short.
    Empty,
    /// The book asked for.
    Book,
}

/// Finds out whether the file at `path` is the book of `expected`. Only reads.
pub(super) fn identify(
    connection: &Connection,
    path: &Path,
    expected: &Identity,
) -> Result<Found, PaperError> {
    let failed = |failure| opening(path, &failure);
    let tables = "SELECT count(*), count(*) FILTER (WHERE name = 'identity') FROM sqlite_schema";
    let counted = connection.query_row(tables, [], |row| Ok((row.get(0)?, row.get(1)?)));
    let (objects, ours): (i64, i64) = counted.map_err(failed)?;
    if objects == 0 {
        return Ok(Found::Empty);
    }
    if ours == 0 {
        return Err(PaperError::NotABook {
            path: path.to_owned(),
            reason: "it is another program's database".to_owned(),
        });
    }
    // The format first: another format may keep everything else elsewhere.
    let format: i64 = connection
        .query_row("SELECT format FROM identity", [], |row| row.get(0))
        .map_err(failed)?;
    if format != FORMAT {
        return Err(PaperError::Format {
            path: path.to_owned(),
            found: format,
            supported: FORMAT,
        });
    }
    let whose = "SELECT log_id, venue FROM identity";
    let read = connection.query_row(whose, [], |row| Ok((row.get(0)?, row.get(1)?)));
    let (log_id, venue): (String, String) = read.map_err(failed)?;
    if log_id != expected.log_id.to_string() {
        return Err(PaperError::ForeignLog {
            path: path.to_owned(),
            found: log_id,
            expected: expected.log_id,
        });
    }
    if venue != expected.venue.as_str() {
        return Err(PaperError::ForeignVenue {
            path: path.to_owned(),
            found: venue,
            expected: expected.venue.clone(),
        });
    }
    Ok(Found::Book)
}

/// Makes an empty database the book of `identity`, wholly or not at all.
pub(super) fn create(connection: &mut Connection, identity: &Identity) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(TABLES)?;
    transaction.execute(
        "INSERT INTO identity (only_row, format, log_id, venue) VALUES (1, ?, ?, ?)",
        params![FORMAT, identity.log_id.to_string(), identity.venue.as_str()],
    )?;
    transaction.commit()
}
