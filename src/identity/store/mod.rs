//! The secrets store: SQLite `secrets.db`, one writer and several readers in each process.
//!
//! Entry points: [`SecretsStore::open`], [`SecretsStore::writer`] and [`SecretsStore::readers`];
//! one file a table. A running node and the command line may have it open at the same time: each
//! change is one `BEGIN IMMEDIATE` transaction, together with the fact it leaves in the outbox.
//! Invariants: mode 600 from the first byte on; passwords, tokens and secrets stand in it only as
//! hashes, and keys of subjects nowhere else.

mod error;
pub mod keys;
pub mod log_mark;
pub mod outbox;
mod rows;
mod schema;
pub mod sessions;
pub mod subjects;
pub mod throttling;
pub mod users;

use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{
    Sqlite, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool,
    SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Transaction};
use tokio::sync::{Mutex, MutexGuard};

pub use error::SecretsError;

/// Most queries at the same time.
pub const READERS_MAX: u32 = 4;
/// Longest wait of a query for its turn.
const READER_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long SQLite itself waits for another process's lock.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(2);

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SecretsStore {
    writer: Arc<Mutex<SqliteConnection>>,
    /// Connections that cannot write.
    readers: SqlitePool,
    salt: Arc<[u8]>,
}

impl SecretsStore {
    /// Opens the store at `path`, or makes an empty one that only its owner can read. `salt` is
    /// kept by a new one.
    pub async fn open(path: &Path, salt: [u8; 32]) -> Result<Self, SecretsError> {
        make_private(path).map_err(|source| SecretsError::File {
            path: path.to_owned(),
            source,
        })?;
        let opening = |source| SecretsError::Opening {
            path: path.to_owned(),
            source,
        };
        let mut writer = options(path).connect().await.map_err(opening)?;
        let found = schema::prepare(&mut writer, &salt).await.map_err(opening)?;
        if found != schema::FORMAT {
            return Err(SecretsError::Format {
                path: path.to_owned(),
                found,
                supported: schema::FORMAT,
            });
        }
        let salt = schema::salt(&mut writer).await.map_err(opening)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(READER_WAIT_MAX)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(options(path).pragma("query_only", "ON"));
        Ok(Self {
            writer: Arc::new(Mutex::new(writer)),
            readers,
            salt: salt.into(),
        })
    }

    /// Drawn when the store was made.
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    pub fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// The one connection of this process that writes.
    pub async fn writer(&self) -> MutexGuard<'_, SqliteConnection> {
        self.writer.lock().await
    }

    /// Empties the write-ahead log into the file: what was overwritten is left in neither.
    pub async fn write_through(&self, writer: &mut SqliteConnection) {
        let done = sqlx::query_scalar::<_, i64>("PRAGMA wal_checkpoint(TRUNCATE)");
        let problem = match done.fetch_one(writer).await {
            Ok(0) => return,
            Ok(_) => "another process reads the store".to_owned(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(
            %problem,
            "what was just erased may stay in the secrets store's -wal file until no process has it open"
        );
    }
}

/// A change: seen by others as a whole or not at all.
pub async fn begin(writer: &mut SqliteConnection) -> Result<Transaction<'_, Sqlite>, sqlx::Error> {
    writer.begin_with("BEGIN IMMEDIATE").await
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // What is deleted is overwritten.
        .pragma("secure_delete", "ON")
        .busy_timeout(LOCK_WAIT_MAX)
        .disable_statement_logging()
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
