//! The database of the read models: SQLite, one writer, several readers.
//!
//! Entry points: [`Views::open`]; the queries of each read model take a [`Views`]. Everything in
//! it can be rebuilt from the log, so `synchronous=NORMAL` is enough: a power cut may take the
//! last batches, and the checkpoints go back with them.

use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions};
use uuid::Uuid;

use crate::events::LogMark;
use crate::sqlite::Failure;
use crate::values::Position;

use super::checkpoint;

/// Most queries at the same time.
pub const READERS_MAX: u32 = 4;
/// Longest wait of a query for its turn.
const READER_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long SQLite itself waits for another process's lock before it reports `busy`.
const LOCK_WAIT_MAX: Duration = Duration::from_millis(250);
/// Layout of the checkpoints table; stands in the file as `user_version`.
const FORMAT: i64 = 1;

/// Why the read models cannot be opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum ViewsError {
    #[error("{path} cannot be made or protected: {source}; check its directory and free space")]
    File { path: PathBuf, source: io::Error },
    #[error("the read models cannot be used: {}", with_remedy(.0))]
    Database(#[from] sqlx::Error),
    #[error(
        "{path} holds read models of log {found}, but this log is {log_id}; if the log is the \
         right one, delete views.db and start again: it is rebuilt from the log"
    )]
    OtherLog {
        path: PathBuf,
        found: Uuid,
        log_id: Uuid,
    },
    #[error(
        "{path} has layout {found}, this program uses {FORMAT}; delete views.db and start again: \
         it is rebuilt from the log"
    )]
    Format { path: PathBuf, found: i64 },
    #[error(
        "the read models stand at positions {lowest} to {highest} while one of them is rebuilt; \
         ask again"
    )]
    Apart { lowest: Position, highest: Position },
}

/// What the database says, and what to do about it.
pub(super) fn with_remedy(error: &sqlx::Error) -> String {
    match Failure::of_sqlx(error) {
        Some(Failure::NoRoom) => format!("no room left ({error}); free some disk space"),
        _ => format!(
            "{error}; check the disk, and if this stays stop the program, delete views.db and \
             start again: it is rebuilt from the log"
        ),
    }
}

/// The read models of one log. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Views {
    path: PathBuf,
    log_id: Uuid,
    /// Connections that cannot write.
    readers: SqlitePool,
}

impl Views {
    /// Opens the database at `path`, or makes an empty one that only its owner can read. Refuses
    /// one that was made from another log.
    pub async fn open(path: &Path, log_id: Uuid) -> Result<Self, ViewsError> {
        make_private(path).map_err(|source| ViewsError::File {
            path: path.to_owned(),
            source,
        })?;
        let mut db = options(path).connect().await?;
        prepare(&mut db, path, log_id).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(READER_WAIT_MAX)
            .connect_with(options(path).pragma("query_only", "ON"))
            .await?;
        Ok(Self {
            path: path.to_owned(),
            log_id,
            readers,
        })
    }

    /// How far each read model is in the log, by the record it stands at.
    pub async fn marks(&self) -> Result<Vec<(String, LogMark)>, ViewsError> {
        let mut db = self.readers.acquire().await?;
        let checkpoints = checkpoint::all(&mut db).await?;
        let marks = checkpoints.into_iter().filter_map(|checkpoint| {
            let mark = checkpoint.mark()?;
            Some((checkpoint.projection, mark))
        });
        Ok(marks.collect())
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn log_id(&self) -> Uuid {
        self.log_id
    }

    /// Ends all queries; afterwards the file may be deleted.
    pub async fn close(&self) {
        self.readers.close().await;
    }

    pub(super) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// The connection of the one that writes.
    pub(super) async fn writer(&self) -> Result<SqliteConnection, sqlx::Error> {
        options(&self.path).connect().await
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(LOCK_WAIT_MAX)
}

/// Mode 600 from the first byte on; SQLite gives its side files the mode of the database.
fn make_private(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

async fn prepare(db: &mut SqliteConnection, path: &Path, log_id: Uuid) -> Result<(), ViewsError> {
    let found: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *db)
        .await?;
    if found != 0 && found != FORMAT {
        return Err(ViewsError::Format {
            path: path.to_owned(),
            found,
        });
    }
    sqlx::raw_sql(checkpoint::CREATE).execute(&mut *db).await?;
    if found == 0 {
        let mark = format!("PRAGMA user_version = {FORMAT}");
        sqlx::raw_sql(AssertSqlSafe(mark)).execute(&mut *db).await?;
    }
    let checkpoints = checkpoint::all(db).await?;
    match checkpoints
        .iter()
        .find(|checkpoint| checkpoint.log_id != log_id)
    {
        Some(other) => Err(ViewsError::OtherLog {
            path: path.to_owned(),
            found: other.log_id,
            log_id,
        }),
        None => Ok(()),
    }
}
