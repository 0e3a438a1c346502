//! The one connection that writes, and its transactions.
//!
//! Entry points: [`Writer::begin`], then [`Writer::commit`] or [`Writer::roll_back`].
//! Invariants: whatever happened before, a transaction begins on a clean connection; after the
//! medium has failed once nothing is written any more, because a later fsync that passes proves
//! nothing about the pages an earlier one lost.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, SqliteConnection};

use super::append::{self, Append, Found};
use super::errors::store_error;
use crate::events::commit::Commit;
use crate::events::plan::Plan;
use crate::events::store::StoreError;

/// The write-ahead log is copied into the database file after this many pages of 4 KiB.
const WAL_CHECKPOINT_PAGES: &str = "8000";
/// Page cache of the writing connection; negative means KiB.
const CACHE_KIB: &str = "-65536";
/// How long a statement waits for another process' lock before it counts as busy.
const BUSY_WAIT: Duration = Duration::from_secs(2);

pub(super) struct Writer {
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
    /// Something may be open on the connection: also true when a caller was dropped midway.
    unfinished: bool,
    /// Why nothing may be written any more.
    failed: Option<StoreError>,
}

/// Options of a connection that writes. `FULL` makes each COMMIT wait for its fsync.
pub(super) fn write_options(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_WAIT)
        .pragma("wal_autocheckpoint", WAL_CHECKPOINT_PAGES)
        .pragma("cache_size", CACHE_KIB)
        .disable_statement_logging()
}

impl Writer {
    pub(super) fn new(options: SqliteConnectOptions, connection: SqliteConnection) -> Self {
        Self {
            options,
            connection: Some(connection),
            unfinished: false,
            failed: None,
        }
    }

    /// Undoes what a caller that went away left behind; refuses after the medium has failed.
    async fn clean(&mut self) -> Result<(), StoreError> {
        if self.unfinished {
            self.roll_back().await;
        }
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Opens a transaction that holds the write lock from its start, so that nothing it reads can
    /// change before it commits.
    pub(super) async fn begin(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.clean().await?;
        self.unfinished = true;
        let begun = match self.connection().await {
            Ok(connection) => execute(connection, "BEGIN IMMEDIATE").await,
            Err(error) => Err(error),
        };
        if let Err(error) = begun {
            return Err(self.give_up(store_error(error)).await);
        }
        self.connection().await.map_err(store_error)
    }

    /// The same, with everything that planning `batch` takes.
    pub(super) async fn begin_with(
        &mut self,
        batch: &[Commit],
    ) -> Result<(&mut SqliteConnection, Found), StoreError> {
        self.clean().await?;
        self.unfinished = true;
        let found = match self.connection().await {
            Ok(connection) => append::begin(connection, batch).await,
            Err(error) => Err(store_error(error)),
        };
        match found {
            Ok(found) => Ok((self.connection().await.map_err(store_error)?, found)),
            Err(error) => Err(self.give_up(error).await),
        }
    }

    /// Runs the last statements of a transaction, COMMIT included.
    pub(super) async fn finish(&mut self, append: Append) -> Result<Plan, StoreError> {
        let Append {
            plan,
            transaction,
            mut last,
        } = append;
        let done = match self.connection().await {
            Ok(connection) => last.build().execute(connection).await.map(|_| ()),
            Err(error) => Err(error),
        };
        self.committed(done, transaction).await.map(|()| plan)
    }

    /// Makes the transaction durable. `number` is the head's transaction count inside it: should
    /// COMMIT fail, the head tells whether it happened.
    pub(super) async fn commit(&mut self, number: i64) -> Result<(), StoreError> {
        let committed = match self.connection().await {
            Ok(connection) => execute(connection, "COMMIT").await,
            Err(error) => Err(error),
        };
        self.committed(committed, number).await
    }

    async fn committed(
        &mut self,
        committed: Result<(), sqlx::Error>,
        number: i64,
    ) -> Result<(), StoreError> {
        let Err(error) = committed else {
            self.unfinished = false;
            return Ok(());
        };
        let error = self.give_up(store_error(error)).await;
        if matches!(error, StoreError::Fatal(_)) {
            return Err(error);
        }
        match self.transactions().await {
            Ok(count) if count == number => Ok(()),
            Ok(count) if count < number => Err(error),
            _ => Err(StoreError::Indeterminate(error.to_string())),
        }
    }

    /// Undoes an open transaction and hands `error` on; after a fatal one nothing is written again.
    pub(super) async fn give_up(&mut self, error: StoreError) -> StoreError {
        if matches!(error, StoreError::Fatal(_)) {
            self.failed = Some(error.clone());
        }
        self.roll_back().await;
        error
    }

    async fn roll_back(&mut self) {
        let Some(connection) = &mut self.connection else {
            self.unfinished = false;
            return;
        };
        // SQLite rolls back by itself after some errors; then there is nothing left to undo, and
        // saying so is its generic error 1.
        let clean = match execute(connection, "ROLLBACK").await {
            Ok(()) => true,
            Err(sqlx::Error::Database(error)) => error.code().as_deref() == Some("1"),
            Err(_) => false,
        };
        if !clean {
            // Closing undoes what ROLLBACK could not; the next transaction opens a new one.
            self.connection = None;
        }
        self.unfinished = false;
    }

    async fn connection(&mut self) -> Result<&mut SqliteConnection, sqlx::Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        Ok(self.connection.insert(connection))
    }

    async fn transactions(&mut self) -> Result<i64, sqlx::Error> {
        let connection = self.connection().await?;
        sqlx::query_scalar("SELECT transactions FROM head")
            .fetch_one(connection)
            .await
    }

    /// Lets the file grow to `pages` pages and no further.
    pub(super) async fn limit_pages(&mut self, pages: u32) -> Result<(), sqlx::Error> {
        // Among the options, so that a connection opened later has it too.
        self.options = self
            .options
            .clone()
            .pragma("max_page_count", pages.to_string());
        self.connection = Some(self.options.connect().await?);
        Ok(())
    }

    pub(super) async fn close(&mut self) -> Result<(), sqlx::Error> {
        self.failed = Some(StoreError::Unavailable("the event store was closed".into()));
        match self.connection.take() {
            Some(connection) => sqlx::Connection::close(connection).await,
            None => Ok(()),
        }
    }
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(sql).execute(connection).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn commits_wait_for_the_disk() {
        let dir = tempfile::tempdir().expect("a directory");
        let options = SqliteConnectOptions::new().filename(dir.path().join("x.db"));
        let options = write_options(options.create_if_missing(true));
        let mut connection = options.connect().await.expect("opens");
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(&mut connection)
            .await
            .expect("a mode");
        assert_eq!(mode, "wal");
        for (pragma, expected) in [
            ("PRAGMA synchronous", 2),
            ("PRAGMA wal_autocheckpoint", 8_000),
        ] {
            let found: i64 = sqlx::query_scalar(pragma)
                .fetch_one(&mut connection)
                .await
                .expect("a number");
            assert_eq!(found, expected, "{pragma}");
        }
    }

    #[tokio::test]
    async fn a_transaction_dropped_midway_does_not_spoil_the_next() {
        let dir = tempfile::tempdir().expect("a directory");
        let options = SqliteConnectOptions::new().filename(dir.path().join("x.db"));
        let options = write_options(options.create_if_missing(true));
        let connection = options.connect().await.expect("opens");
        let mut writer = Writer::new(options, connection);
        let open = writer.begin().await.expect("begins");
        execute(open, "CREATE TABLE half_done (x)")
            .await
            .expect("creates");
        // Neither committed nor rolled back: its caller went away.
        let next = writer.begin().await.expect("begins again");
        let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master")
            .fetch_one(next)
            .await
            .expect("counts");
        assert_eq!(tables, 0);
    }

    #[tokio::test]
    async fn after_the_medium_has_failed_nothing_is_written() {
        let dir = tempfile::tempdir().expect("a directory");
        let options = SqliteConnectOptions::new().filename(dir.path().join("x.db"));
        let options = write_options(options.create_if_missing(true));
        let connection = options.connect().await.expect("opens");
        let mut writer = Writer::new(options, connection);
        let failed = StoreError::Fatal("the disk failed".to_owned());
        writer.give_up(failed.clone()).await;
        assert_eq!(writer.begin().await.map(|_| ()), Err(failed));
    }
}
