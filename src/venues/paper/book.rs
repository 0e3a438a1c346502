//! The paper venue's durable book: its file, its one connection, its transactions.
//!
//! Entry points: [`Book::open`], then [`Book::write`] or [`Book::read`] for each call; what is
//! written and read is in `records`.
//!
//! Invariants:
//! - A commit is on disk when [`Work::commit`] returns (WAL, `synchronous=FULL`).
//! - A connection that met an error, or whose caller went away, is closed and never used again:
//!   after some errors SQLite has rolled back by itself, and only a fresh connection is certain of
//!   what is in the file.
//! - Once the disk or the file has failed nothing is read or written any more: a later fsync that
//!   passes proves nothing about the pages that an earlier one lost.
//! - A fresh connection starts after the one before it has let go: it takes the write lock once.
//!   So what is not in the book then is not on its way into it either.
//! - The number in `last_report` is never ahead of the disk.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::{Mutex, MutexGuard, watch};

use super::error::{self, PaperError, opening};
use super::schema::{self, Found, Identity};
use crate::venues::VenueError;

/// Longest wait for another process (a backup) or a predecessor to let go of the write lock.
const LOCK_WAIT: Duration = Duration::from_secs(5);

pub(super) struct Book {
    path: PathBuf,
    identity: Identity,
    /// Empty while a call works with it, and after a call that failed or was dropped.
    connection: Mutex<Option<SqliteConnection>>,
    last_report: watch::Sender<u64>,
    /// Why the file cannot be trusted any more.
    failed: OnceLock<String>,
}

impl Book {
    /// Opens the book at `path`, making it where there is none. A file that is not this book is
    /// left as it is.
    pub async fn open(path: &Path, identity: Identity) -> Result<Self, PaperError> {
        make_file(path).map_err(|failure| PaperError::Failed {
            path: path.to_owned(),
            reason: failure.to_string(),
        })?;
        let book = Self {
            path: path.to_owned(),
            identity,
            connection: Mutex::default(),
            last_report: watch::Sender::new(0),
            failed: OnceLock::new(),
        };
        if book.look().await? == Found::Empty {
            let mut connection = book.dial().await?;
            let made = schema::create(&mut connection, &book.identity).await;
            made.map_err(|failure| opening(path, &failure))?;
            close(connection).await;
        }
        let connection = book.connect().await?;
        *book.connection.lock().await = Some(connection);
        Ok(book)
    }

    pub fn last_report(&self) -> watch::Receiver<u64> {
        self.last_report.subscribe()
    }

    /// Starts a transaction that may write. Waits for the call before it.
    pub async fn write(&self) -> Result<Work<'_>, VenueError> {
        let mut work = self.read().await?;
        work.begin().await?;
        Ok(work)
    }

    /// Lends the connection for reading. Waits for the call before it.
    pub async fn read(&self) -> Result<Work<'_>, VenueError> {
        let mut slot = self.connection.lock().await;
        if let Some(reason) = self.failed.get() {
            return Err(error::untrusted(reason));
        }
        let connection = match slot.take() {
            Some(connection) => connection,
            None => self.reconnect().await?,
        };
        Ok(Work {
            connection,
            slot,
            book: self,
            last_report: *self.last_report.borrow(),
        })
    }

    /// What the file is, without writing to it.
    async fn look(&self) -> Result<Found, PaperError> {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .read_only(true)
            .busy_timeout(LOCK_WAIT)
            .disable_statement_logging();
        let connected = options.connect().await;
        let mut connection = connected.map_err(|failure| opening(&self.path, &failure))?;
        let found = schema::identify(&mut connection, &self.path, &self.identity).await;
        close(connection).await;
        found
    }

    async fn reconnect(&self) -> Result<SqliteConnection, VenueError> {
        self.connect().await.map_err(|error| match &error {
            PaperError::Damaged { reason, .. } | PaperError::NotABook { reason, .. } => {
                self.fail(reason.clone());
                error::untrusted(reason)
            }
            _ => VenueError::Unavailable(error.to_string()),
        })
    }

    /// Ends all use of the book. The first reason stands.
    fn fail(&self, reason: String) {
        tracing::error!(%reason, "paper.db cannot be trusted any more");
        let _ = self.failed.set(reason);
    }

    /// A fresh connection to the book, after whoever held it before.
    async fn connect(&self) -> Result<SqliteConnection, PaperError> {
        let failed = |failure: sqlx::Error| opening(&self.path, &failure);
        let mut connection = self.dial().await?;
        let found = schema::identify(&mut connection, &self.path, &self.identity).await?;
        if found == Found::Empty {
            return Err(PaperError::NotABook {
                path: self.path.clone(),
                reason: "it was emptied while in use".to_owned(),
            });
        }
        sqlx::query("BEGIN IMMEDIATE")
            .execute(&mut connection)
            .await
            .map_err(failed)?;
        let last = last_report(&mut connection).await.map_err(failed)?;
        sqlx::query("ROLLBACK")
            .execute(&mut connection)
            .await
            .map_err(failed)?;
        self.announce(last);
        Ok(connection)
    }

    async fn dial(&self) -> Result<SqliteConnection, PaperError> {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            // Never: a book that vanished must not come back empty, counting from 1 again.
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(LOCK_WAIT)
            .disable_statement_logging();
        options
            .connect()
            .await
            .map_err(|failure| opening(&self.path, &failure))
    }

    fn announce(&self, last: u64) {
        self.last_report.send_if_modified(|seen| {
            let more = last > *seen;
            *seen = last.max(*seen);
            more
        });
    }
}

/// One call's hold on the book. Dropped without an end, it rolls back and closes the connection.
pub(super) struct Work<'b> {
    // Before `slot`: the connection is let go before the next call may have the book.
    pub(super) connection: SqliteConnection,
    slot: MutexGuard<'b, Option<SqliteConnection>>,
    book: &'b Book,
    /// Number of the last report, this transaction's own included.
    pub(super) last_report: u64,
}

impl Work<'_> {
    /// Starts a transaction that may write. Outside of one a single statement is a transaction of
    /// its own.
    pub async fn begin(&mut self) -> Result<(), VenueError> {
        if let Err(failure) = self.run("BEGIN IMMEDIATE").await {
            return Err(self.failed(failure));
        }
        self.last_report = match last_report(&mut self.connection).await {
            Ok(last) => last,
            Err(failure) => return Err(self.failed(failure)),
        };
        Ok(())
    }

    /// Ends the transaction; on disk when it returns. Gives the number of the last report.
    pub async fn commit(mut self) -> Result<u64, VenueError> {
        if let Err(failure) = self.run("COMMIT").await {
            if let Some(reason) = error::medium_failure(&failure) {
                self.book.fail(reason);
            }
            return Err(error::commit(&failure));
        }
        let last = self.last_report;
        self.book.announce(last);
        self.give_back();
        Ok(last)
    }

    /// Ends a call that only read.
    pub fn give_back(mut self) {
        *self.slot = Some(self.connection);
    }

    /// What a statement's failure says about this call; the book is told as well.
    pub fn failed(&self, failure: sqlx::Error) -> VenueError {
        if let Some(reason) = error::medium_failure(&failure) {
            self.book.fail(reason);
        }
        error::statement(&failure)
    }

    async fn run(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        sqlx::query(statement)
            .execute(&mut self.connection)
            .await
            .map(|_| ())
    }
}

async fn last_report(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let last: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(sequence), 0) FROM reports")
        .fetch_one(connection)
        .await?;
    // The column starts at 1 (see the schema), so there is nothing to lose.
    Ok(last.max(0).unsigned_abs())
}

/// Makes an empty file that only its owner may read, where there is none. SQLite gives the files
/// beside it (`-wal`, `-shm`) the same permissions.
fn make_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(failure) if failure.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(|_| ()),
    }
}

/// Closes in order. A failure to is not ours to handle: nothing is open that was promised.
async fn close(connection: SqliteConnection) {
    if let Err(failure) = connection.close().await {
        tracing::debug!(%failure, "paper.db was not closed in order");
    }
}
