//! The one connection that writes, and its transactions.
//!
//! Entry points: [`Writer::append`], [`Writer::import`] and [`Writer::take_lease`].
//! Invariants: whatever happened before, a transaction begins on a clean connection; after the
//! medium has failed once nothing is written any more, because a later fsync that passes proves
//! nothing about the pages an earlier one lost.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, DropBehavior, Transaction, TransactionBehavior};

use super::append;
use super::errors::{commit_error, store_error};
use crate::events::commit::Commit;
use crate::events::plan::{Plan, Stamp};
use crate::events::seeded::Bug;
use crate::events::store::{Lease, StoreError, StoredCommit};
use crate::sqlite::{Failure, code_of, open_for_writing};
use crate::values::NodeId;

/// The write-ahead log is copied into the database file after this many pages of 4 KiB.
const WAL_CHECKPOINT_PAGES: i32 = 8_000;
/// Page cache of the writing connection; negative means KiB.
const CACHE_KIB: i64 = -65_536;
/// How long a statement waits for another process' lock before it counts as busy.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(2);

thread_local! {
    /// Pages in the write-ahead log after the last COMMIT on this thread; SQLite tells only then.
    static WAL_PAGES: Cell<i32> = const { Cell::new(0) };
}

pub(super) struct Writer {
    path: PathBuf,
    /// `None` after a failure that left something open on it.
    connection: Option<Connection>,
    /// Most pages of the file, where that is limited.
    pages_max: Option<u32>,
    /// Why nothing may be written any more.
    failed: Option<StoreError>,
}

/// A connection that writes to the log at `path`, which is there.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open_for_writing(path, BUSY_WAIT)?;
    connection.wal_hook(Some(|_, pages| {
        WAL_PAGES.set(pages);
        Ok(())
    }));
    connection.pragma_update(None, "cache_size", CACHE_KIB)?;
    Ok(connection)
}

/// Copies the write-ahead log into the database file. SQLite does that by itself in some COMMITs,
/// and again when the last connection is closed, but keeps every failure to itself.
fn checkpoint(connection: &Connection) -> Result<(), StoreError> {
    let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    match copied {
        Err(error) if is_of_the_medium(&error) => Err(store_error(error)),
        // Somebody reads, or there is no room: what is in the write-ahead log is durable there, and
        // the next transaction tries again.
        Err(_) | Ok(()) => Ok(()),
    }
}

fn is_of_the_medium(error: &rusqlite::Error) -> bool {
    code_of(error).is_some_and(|code| Failure::of_code(code).is_of_the_medium())
}

impl Writer {
    pub(super) fn new(path: PathBuf, connection: Connection) -> Self {
        Self {
            path,
            connection: Some(connection),
            pages_max: None,
            failed: None,
        }
    }

    /// Records a batch; on disk when it returns.
    pub(super) fn append(
        &mut self,
        lease: &Lease,
        stamp: &Stamp,
        batch: &[Commit],
    ) -> Result<Plan, StoreError> {
        self.transact(|transaction| append::append(transaction, lease, stamp, batch))
    }

    /// Records what another log has recorded; on disk when it returns.
    pub(super) fn import(
        &mut self,
        lease: &Lease,
        commits: &[StoredCommit],
    ) -> Result<Plan, StoreError> {
        self.transact(|transaction| append::import(transaction, lease, commits))
    }

    pub(super) fn take_lease(&mut self, holder: &NodeId) -> Result<Lease, StoreError> {
        self.transact(|transaction| append::take_lease(transaction, holder))
    }

    /// Runs `work` in a transaction that holds the write lock from its start, so that nothing it
    /// reads can change before it commits. `work` also gives the head's transaction count inside
    /// it: should COMMIT fail, the head tells whether it happened.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<(T, i64), StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let outcome = match self.connection() {
            Ok(connection) => run(connection, work),
            Err(error) => Outcome::NotDone(store_error(error)),
        };
        match outcome {
            Outcome::Done(value) => match self.checkpoint_a_long_log() {
                Ok(()) => Ok(value),
                Err(error) => Err(self.give_up(error)),
            },
            Outcome::NotDone(error) => Err(self.give_up(error)),
            Outcome::CommitFailed(value, number, error) => {
                let error = self.give_up(error);
                if matches!(error, StoreError::Fatal(_)) {
                    return Err(error);
                }
                match self.transactions() {
                    Ok(count) if count == number => Ok(value),
                    Ok(count) if count < number => Err(error),
                    _ => Err(StoreError::Indeterminate(error.to_string())),
                }
            }
        }
    }

    fn checkpoint_a_long_log(&self) -> Result<(), StoreError> {
        match &self.connection {
            Some(connection) if WAL_PAGES.get() >= WAL_CHECKPOINT_PAGES => checkpoint(connection),
            _ => Ok(()),
        }
    }

    /// Hands `error` on; after a fatal one nothing is written again. A connection that still has
    /// something open is closed, which undoes it; the next transaction opens a new one.
    fn give_up(&mut self, error: StoreError) -> StoreError {
        if matches!(error, StoreError::Fatal(_)) {
            self.failed = Some(error.clone());
        }
        self.connection.take_if(|open| !open.is_autocommit());
        error
    }

    fn connection(&mut self) -> rusqlite::Result<&mut Connection> {
        let connection = match self.connection.take() {
            // Something was left open when a thread died in a transaction.
            Some(connection) if connection.is_autocommit() => connection,
            Some(connection) if Bug::AckBeforeCommit.is_on() => {
                connection.execute_batch("COMMIT")?;
                connection
            }
            _ => {
                let connection = connect(&self.path)?;
                if let Some(pages) = self.pages_max {
                    connection.pragma_update(None, "max_page_count", pages)?;
                }
                connection
            }
        };
        Ok(self.connection.insert(connection))
    }

    fn transactions(&mut self) -> Result<i64, StoreError> {
        let connection = self.connection().map_err(store_error)?;
        Ok(append::read_head(connection)?.transactions)
    }

    /// Lets the file grow to `pages` pages and no further.
    pub(super) fn limit_pages(&mut self, pages: u32) -> Result<(), StoreError> {
        self.pages_max = Some(pages);
        self.connection = None;
        self.connection().map(|_| ()).map_err(store_error)
    }

    pub(super) fn close(&mut self) -> Result<(), StoreError> {
        self.failed = Some(StoreError::Unavailable("the event store was closed".into()));
        let Some(connection) = self.connection.take() else {
            return Ok(());
        };
        checkpoint(&connection)?;
        connection.close().map_err(|(_, error)| store_error(error))
    }
}

enum Outcome<T> {
    Done(T),
    /// Rolled back before COMMIT.
    NotDone(StoreError),
    /// What was to be committed, its number, and why that is not certain.
    CommitFailed(T, i64, StoreError),
}

fn run<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<(T, i64), StoreError>,
) -> Outcome<T> {
    // Dropped without its commit, a transaction rolls back.
    let mut transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate)
    {
        Ok(transaction) => transaction,
        Err(error) => return Outcome::NotDone(store_error(error)),
    };
    match work(&transaction) {
        Err(error) => Outcome::NotDone(error),
        Ok((value, _)) if Bug::AckBeforeCommit.is_on() => {
            transaction.set_drop_behavior(DropBehavior::Ignore);
            Outcome::Done(value)
        }
        Ok((value, number)) => match transaction.commit() {
            Ok(()) => Outcome::Done(value),
            Err(error) => Outcome::CommitFailed(value, number, commit_error(error)),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn writer() -> (tempfile::TempDir, Writer) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("x.db");
        std::fs::write(&path, "").expect("an empty file");
        let connection = connect(&path).expect("opens");
        (dir, Writer::new(path, connection))
    }

    fn tables(writer: &mut Writer) -> i64 {
        let count = "SELECT count(*) FROM sqlite_master";
        let connection = writer.connection().expect("a connection");
        let counted = connection.query_row(count, [], |row| row.get(0));
        counted.expect("counts")
    }

    fn half_done(transaction: &Transaction<'_>) {
        let made = transaction.execute_batch("CREATE TABLE half_done (x)");
        made.expect("creates");
    }

    #[test]
    fn a_transaction_that_fails_midway_does_not_spoil_the_next() {
        let (_dir, mut writer) = writer();
        let busy = StoreError::Busy("scripted".to_owned());
        let failed: Result<(), _> = writer.transact(|transaction| {
            half_done(transaction);
            Err(busy.clone())
        });
        assert_eq!(failed, Err(busy));
        assert_eq!(tables(&mut writer), 0);
    }

    #[test]
    fn a_thread_that_dies_in_a_transaction_does_not_spoil_the_next() {
        let (_dir, mut writer) = writer();
        let died = catch_unwind(AssertUnwindSafe(|| {
            let _: Result<(), _> = writer.transact(|transaction| {
                half_done(transaction);
                panic!("scripted");
            });
        }));
        assert!(died.is_err());
        assert_eq!(tables(&mut writer), 0);
    }

    #[test]
    fn after_the_medium_has_failed_nothing_is_written() {
        let (_dir, mut writer) = writer();
        let failed = StoreError::Fatal("the disk failed".to_owned());
        writer.give_up(failed.clone());
        let refused = writer.transact(|_| Ok(((), 1)));
        assert_eq!(refused, Err(failed));
    }
}
