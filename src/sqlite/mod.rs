//! SQLite files: how one is opened, and what a failure of one means.
//!
//! Entry points: [`open_for_writing`] and [`open_for_reading`] for whoever works with a connection
//! on a thread of its own, a [`Desk`]; [`Failure`] for everybody who has a result code.
//! Invariant: a connection for writing waits for the disk in each COMMIT (WAL,
//! `synchronous=FULL`).

mod desk;
mod failure;

pub use desk::{Desk, DeskError};
pub use failure::{Failure, code_of};

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// Statements that stay prepared on one connection.
const STATEMENTS_KEPT: usize = 64;

/// Opens a file that is there; it is never made. `lock_wait` is the longest wait for another
/// process' lock.
pub fn open_for_writing(path: &Path, lock_wait: Duration) -> rusqlite::Result<Connection> {
    let connection = open(path, OpenFlags::SQLITE_OPEN_READ_WRITE, lock_wait)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// The same, without a way to change it.
pub fn open_for_reading(path: &Path, lock_wait: Duration) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, lock_wait)
}

fn open(path: &Path, access: OpenFlags, lock_wait: Duration) -> rusqlite::Result<Connection> {
    // One thread at a time uses a connection, so SQLite needs no locks of its own.
    let flags = access | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(lock_wait)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_wait_for_the_disk() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let connection = open_for_writing(file.path(), Duration::ZERO).expect("opens");
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0));
        assert_eq!(pragma("journal_mode"), Ok("wal".to_owned()));
        let synchronous = connection.pragma_query_value(None, "synchronous", |row| row.get(0));
        assert_eq!(synchronous, Ok(2), "FULL");
    }

    #[test]
    fn a_missing_file_is_not_made() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("missing.db");
        let refused = open_for_writing(&path, Duration::ZERO).expect_err("is not there");
        let code = code_of(&refused).expect("a code of SQLite");
        assert_eq!(Failure::of_code(code), Failure::CannotOpen);
        assert!(!path.exists());
    }
}
