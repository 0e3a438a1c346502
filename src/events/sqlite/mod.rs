//! The event store in one SQLite file: the engine that needs nothing installed.
//!
//! Entry point: [`SqliteStore::open`]. [`schema`] holds the tables, `writer` the one connection
//! that writes and its transactions, `append` and `read` the statements, `errors` what a failure
//! means.
//!
//! Invariants: one row a commit, written with the head in one `BEGIN IMMEDIATE` transaction under
//! the writer's lease; an append returns after its fsync; no row is ever changed.

mod append;
mod errors;
mod read;
pub mod schema;
mod writer;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection, Sqlite, SqlitePool};
use tokio::sync::Mutex;
use uuid::Uuid;

use self::errors::store_error;
use self::schema::Contents;
use self::writer::Writer;
use super::commit::{Commit, CommitError, CommitId, Receipt};
use super::envelope::Recorded;
use super::plan::{Appended, Head, Stamp};
use super::store::{EventStore, Lease, StoreError, StoredCommit};
use crate::values::canonical::Hash;
use crate::values::{NodeId, Position, StreamName, Version};

/// Connections that read at the same time.
const READERS_MAX: u32 = 4;

/// What to do with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Write to it; a file that is not there is made, with `new_log_id` as its log's identity.
    CreateOrOpen { new_log_id: Uuid },
    /// Only read; the file has to be there.
    ReadOnly,
}

/// See the module.
pub struct SqliteStore {
    path: PathBuf,
    log_id: Uuid,
    /// `None` when opened for reading.
    writer: Option<Mutex<Writer>>,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens the log at `path`. A file that is no log, or of another format, is left untouched.
    pub async fn open(path: &Path, mode: OpenMode) -> Result<Self, StoreError> {
        let opened = Self::open_at(path, mode).await;
        opened.map_err(|error| naming(path, error))
    }

    async fn open_at(path: &Path, mode: OpenMode) -> Result<Self, StoreError> {
        if let OpenMode::CreateOrOpen { .. } = mode {
            create_file(path)?;
        }
        let options = SqliteConnectOptions::new().filename(path);
        let reading = options.clone().read_only(true).disable_statement_logging();
        let mut looking = reading.connect().await.map_err(store_error)?;
        let contents = schema::inspect(&mut looking).await;
        looking.close().await.map_err(store_error)?;
        let (log_id, writer) = match (contents?, mode) {
            (Contents::Nothing, OpenMode::ReadOnly) => {
                return Err(StoreError::Unavailable("the file holds no log yet".into()));
            }
            (Contents::Log(log_id), OpenMode::ReadOnly) => (log_id, None),
            (contents, OpenMode::CreateOrOpen { new_log_id }) => {
                let options = writer::write_options(options);
                let mut connection = options.connect().await.map_err(store_error)?;
                let log_id = match contents {
                    Contents::Log(log_id) => log_id,
                    Contents::Nothing => schema::create(&mut connection, new_log_id).await?,
                };
                (log_id, Some(Mutex::new(Writer::new(options, connection))))
            }
        };
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_lazy_with(reading);
        Ok(Self {
            path: path.to_owned(),
            log_id,
            writer,
            readers,
        })
    }

    /// Closes all connections and folds the write-ahead log into the file. Later calls answer
    /// `Unavailable`.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.readers.close().await;
        match &self.writer {
            Some(writer) => writer.lock().await.close().await.map_err(store_error),
            None => Ok(()),
        }
    }

    /// Lets the file grow to `pages` pages of 4 KiB and no further; appends that need more answer
    /// `Unavailable`, as with a full disk.
    pub async fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        let mut writer = self.writer()?.lock().await;
        writer.limit_pages(pages).await.map_err(store_error)
    }

    fn writer(&self) -> Result<&Mutex<Writer>, StoreError> {
        self.writer.as_ref().ok_or_else(|| {
            StoreError::Unavailable("it was opened for reading; open it for writing".into())
        })
    }

    async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.readers.acquire().await.map_err(store_error)
    }
}

/// Makes an empty file that only its owner may read, if there is none. SQLite gives its
/// write-ahead log the same permissions.
fn create_file(path: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::Unavailable(format!(
            "it cannot be created ({error}); check that its directory exists and is writable"
        ))),
    }
}

/// Says which file an error at opening is about.
fn naming(path: &Path, error: StoreError) -> StoreError {
    let named = |reason: String| format!("{}: {reason}", path.display());
    match error {
        StoreError::Busy(reason) => StoreError::Busy(named(reason)),
        StoreError::Unavailable(reason) => StoreError::Unavailable(named(reason)),
        StoreError::Fatal(reason) => StoreError::Fatal(named(reason)),
        other => other,
    }
}

#[async_trait]
impl EventStore for SqliteStore {
    fn describe(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    async fn log_id(&self) -> Result<Uuid, StoreError> {
        Ok(self.log_id)
    }

    async fn acquire_lease(&self, holder: &NodeId) -> Result<Lease, StoreError> {
        let mut writer = self.writer()?.lock().await;
        let connection = writer.begin().await?;
        match append::take_lease(connection, holder).await {
            Ok((lease, transaction)) => writer.commit(transaction).await.map(|()| lease),
            Err(error) => Err(writer.give_up(error).await),
        }
    }

    async fn append(
        &self,
        lease: &Lease,
        stamp: &Stamp,
        batch: &[Commit],
    ) -> Result<Vec<Result<Appended, CommitError>>, StoreError> {
        let mut writer = self.writer()?.lock().await;
        let (connection, found) = writer.begin_with(batch).await?;
        match append::append(connection, found, lease, stamp, batch).await {
            Ok(append) => writer.finish(append).await.map(|plan| plan.answers),
            Err(error) => Err(writer.give_up(error).await),
        }
    }

    async fn lookup(&self, commit: CommitId) -> Result<Option<(Hash, Receipt)>, StoreError> {
        read::lookup(&mut *self.reader().await?, commit).await
    }

    async fn head(&self) -> Result<Head, StoreError> {
        let row = append::read_head(&mut *self.reader().await?).await?;
        Ok(row.head)
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        read::events(&mut *self.reader().await?, after, limit).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        after: Version,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        read::stream_events(&mut *self.reader().await?, stream, after, limit).await
    }

    async fn read_stored(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        read::stored(&mut *self.reader().await?, after, limit).await
    }
}
