//! The paper venue's durable book: its file, its one connection, its transactions.
//!
//! Entry points: [`Book::open`], then [`Book::turn`] for each call and [`Turn::run`] with what the
//! call writes and reads, which is in `records`.
//!
//! Invariants:
//! - A transaction is on disk when [`Turn::write`] returns (WAL, `synchronous=FULL`). Once begun it
//!   is carried through, also when its caller goes away.
//! - A connection that met an error is closed and never used again: after some errors SQLite has
//!   rolled back by itself, and only a fresh connection is certain of what is in the file.
//! - Once the disk or the file has failed nothing is read or written any more: a later fsync that
//!   passes proves nothing about the pages that an earlier one lost.
//! - A fresh connection starts after the one before it has let go: it takes the write lock once.
//!   So what is not in the book then is not on its way into it either.
//! - The number in `last_report` is never ahead of the disk.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use super::error::{self, Fault, PaperError, opening};
use super::schema::{self, Found, Identity};
use crate::sqlite::{open_for_reading, open_for_writing};
use crate::venues::VenueError;

/// Longest wait for another process (a backup) or a predecessor to let go of the write lock.
const LOCK_WAIT: Duration = Duration::from_secs(5);

pub(super) struct Book {
    file: Arc<File>,
    /// Empty while a call works with it, and after a call that failed.
    connection: Arc<Mutex<Option<Connection>>>,
}

struct File {
    path: PathBuf,
    identity: Identity,
    last_report: watch::Sender<u64>,
    /// Why the file cannot be trusted any more.
    failed: OnceLock<String>,
}

impl Book {
    /// Opens the book at `path`, making it where there is none. A file that is not this book is
    /// left as it is.
    pub async fn open(path: &Path, identity: Identity) -> Result<Self, PaperError> {
        let file = Arc::new(File {
            path: path.to_owned(),
            identity,
            last_report: watch::Sender::new(0),
            failed: OnceLock::new(),
        });
        let opening = Arc::clone(&file);
        let connected = tokio::task::spawn_blocking(move || opening.open()).await;
        let connection = connected.unwrap_or_else(|died| {
            Err(PaperError::Failed {
                path: path.to_owned(),
                reason: died.to_string(),
            })
        })?;
        Ok(Self {
            file,
            connection: Arc::new(Mutex::new(Some(connection))),
        })
    }

    pub fn last_report(&self) -> watch::Receiver<u64> {
        self.file.last_report.subscribe()
    }

    /// Waits for the calls before this one.
    pub async fn turn(&self) -> Turn {
        Turn {
            connection: Arc::clone(&self.connection).lock_owned().await,
            file: Arc::clone(&self.file),
        }
    }
}

impl File {
    fn open(&self) -> Result<Connection, PaperError> {
        let failed = |failure| opening(&self.path, &failure);
        make_file(&self.path).map_err(|failure| PaperError::Failed {
            path: self.path.clone(),
            reason: failure.to_string(),
        })?;
        let looking = open_for_reading(&self.path, LOCK_WAIT).map_err(failed)?;
        let found = schema::identify(&looking, &self.path, &self.identity)?;
        drop(looking);
        if found == Found::Empty {
            let mut making = open_for_writing(&self.path, LOCK_WAIT).map_err(failed)?;
            schema::create(&mut making, &self.identity).map_err(failed)?;
        }
        self.connect()
    }

    /// A fresh connection to the book, after whoever held it before.
    fn connect(&self) -> Result<Connection, PaperError> {
        let failed = |failure| opening(&self.path, &failure);
        // The file is never made here: a book that vanished must not come back empty, counting
        // from 1 again.
        let mut connection = open_for_writing(&self.path, LOCK_WAIT).map_err(failed)?;
        if schema::identify(&connection, &self.path, &self.identity)? == Found::Empty {
            return Err(PaperError::NotABook {
                path: self.path.clone(),
                reason: "it was emptied while in use".to_owned(),
            });
        }
        let locked = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = locked.map_err(failed)?;
        let last = last_report(&transaction).map_err(failed)?;
        drop(transaction);
        self.announce(last);
        Ok(connection)
    }

    fn announce(&self, last: u64) {
        self.last_report.send_if_modified(|seen| {
            let more = last > *seen;
            *seen = last.max(*seen);
            more
        });
    }

    /// Ends all use of the book. The first reason stands.
    fn fail(&self, reason: String) {
        tracing::error!(%reason, "paper.db cannot be trusted any more");
        let _ = self.failed.set(reason);
    }

    /// What a statement's failure says about its call; ends all use when the medium failed.
    fn answer(&self, fault: Fault) -> VenueError {
        match fault {
            Fault::Answer(error) => error,
            Fault::Database(failure) => {
                self.distrust_after(&failure);
                error::statement(&failure)
            }
        }
    }

    fn distrust_after(&self, failure: &rusqlite::Error) {
        if let Some(reason) = error::medium_failure(failure) {
            self.fail(reason);
        }
    }
}

/// One call's hold on the book.
pub(super) struct Turn {
    pub(super) connection: OwnedMutexGuard<Option<Connection>>,
    file: Arc<File>,
}

/// The book within one call.
pub(super) struct Work<'c> {
    pub(super) connection: &'c Connection,
    /// Number of the last report, this transaction's own included.
    pub(super) last_report: u64,
}

impl Turn {
    /// Does `job` on a thread that may wait for the disk.
    pub async fn run<T: Send + 'static>(
        self,
        job: impl FnOnce(&mut Turn) -> Result<T, VenueError> + Send + 'static,
    ) -> Result<T, VenueError> {
        let mut turn = self;
        let done = tokio::task::spawn_blocking(move || job(&mut turn)).await;
        done.unwrap_or_else(|died| {
            Err(VenueError::Unknown(format!(
                "the thread of paper.db ended: {died}"
            )))
        })
    }

    /// Does `work` in one transaction; gives the number of the last report beside its result.
    pub fn write<T>(
        &mut self,
        work: impl FnOnce(&mut Work<'_>) -> Result<T, Fault>,
    ) -> Result<(T, u64), VenueError> {
        // Put back only after a good end; closed before the next call may have the book.
        let mut connection = self.take()?;
        let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let transaction = begun.map_err(|failure| self.file.answer(failure.into()))?;
        let worked = last_report(&transaction).map_err(Fault::Database);
        let worked = worked.and_then(|last_report| {
            let mut within = Work {
                connection: &transaction,
                last_report,
            };
            let value = work(&mut within)?;
            Ok((value, within.last_report))
        });
        let (value, last) = worked.map_err(|fault| self.file.answer(fault))?;
        transaction.commit().map_err(|failure| {
            self.file.distrust_after(&failure);
            error::commit(&failure)
        })?;
        self.file.announce(last);
        *self.connection = Some(connection);
        Ok((value, last))
    }

    /// Does `work`, which only reads.
    pub fn read<T>(
        &mut self,
        work: impl FnOnce(&Work<'_>) -> Result<T, Fault>,
    ) -> Result<T, VenueError> {
        let connection = self.take()?;
        let within = Work {
            connection: &connection,
            last_report: *self.file.last_report.borrow(),
        };
        let value = work(&within).map_err(|fault| self.file.answer(fault))?;
        *self.connection = Some(connection);
        Ok(value)
    }

    fn take(&mut self) -> Result<Connection, VenueError> {
        if let Some(reason) = self.file.failed.get() {
            return Err(error::untrusted(reason));
        }
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        self.file.connect().map_err(|error| match &error {
            PaperError::Damaged { reason, .. } | PaperError::NotABook { reason, .. } => {
                self.file.fail(reason.clone());
                error::untrusted(reason)
            }
            _ => VenueError::Unavailable(error.to_string()),
        })
    }
}

fn last_report(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT COALESCE(MAX(sequence), 0) FROM reports")?
        .query_row([], |row| row.get(0))
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
