//! The event store in one SQLite file: the engine that needs nothing installed.
//!
//! Entry point: [`SqliteStore::open`]. [`schema`] holds the tables, `writer` the one connection
//! that writes and its transactions, `readers` those that read, `append` and `read` the
//! statements, `errors` what a failure means.
//!
//! Invariants: one row a commit, written with the head in one `BEGIN IMMEDIATE` transaction under
//! the writer's lease; an append returns after its fsync; no row is ever changed.

mod append;
mod errors;
mod read;
mod readers;
pub mod schema;
mod writer;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use self::errors::store_error;
use self::readers::Readers;
use self::schema::Contents;
use self::writer::{BUSY_WAIT, Writer};
use super::commit::{Commit, CommitError, CommitId, Receipt};
use super::envelope::Recorded;
use super::plan::{Appended, Head, Stamp};
use super::store::{EventStore, Lease, OpenMode, StoreError, StoredCommit};
use crate::sqlite::{Desk, DeskError, open_for_reading};
use crate::values::canonical::Hash;
use crate::values::{NodeId, Position, StreamName, Version};

/// See the module.
pub struct SqliteStore {
    path: PathBuf,
    log_id: Uuid,
    /// `None` when opened for reading.
    writer: Option<Desk<Writer>>,
    readers: Readers,
}

impl SqliteStore {
    /// Opens the log at `path`. A file that is no log, or of another format, is left untouched.
    pub async fn open(path: &Path, mode: OpenMode) -> Result<Self, StoreError> {
        let owned = path.to_owned();
        let opened = on_a_thread(move || Self::open_at(&owned, mode)).await;
        opened.map_err(|error| error.at(path.display()))
    }

    fn open_at(path: &Path, mode: OpenMode) -> Result<Self, StoreError> {
        if let OpenMode::CreateOrOpen { .. } = mode {
            create_file(path)?;
        }
        let looking = open_for_reading(path, BUSY_WAIT).map_err(store_error)?;
        let contents = schema::inspect(&looking);
        looking.close().map_err(|(_, error)| store_error(error))?;
        let (log_id, writer) = match (contents?, mode) {
            (Contents::Nothing, OpenMode::ReadOnly) => {
                return Err(StoreError::Unavailable("the file holds no log yet".into()));
            }
            (Contents::Log(log_id), OpenMode::ReadOnly) => (log_id, None),
            (contents, OpenMode::CreateOrOpen { new_log_id }) => {
                let mut connection = writer::connect(path).map_err(store_error)?;
                let log_id = match contents {
                    Contents::Log(log_id) => log_id,
                    Contents::Nothing => schema::create(&mut connection, new_log_id)?,
                };
                let writer = Writer::new(path.to_owned(), connection);
                let desk = Desk::start("event-store", writer).map_err(|error| {
                    StoreError::Unavailable(format!("no thread for it could be started: {error}"))
                })?;
                (log_id, Some(desk))
            }
        };
        Ok(Self {
            path: path.to_owned(),
            log_id,
            writer,
            readers: Readers::of(path),
        })
    }

    /// Lets the file grow to `pages` pages of 4 KiB and no further; appends that need more answer
    /// `Unavailable`, as with a full disk.
    pub async fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        self.write(move |writer| writer.limit_pages(pages)).await
    }

    /// Works with the writer on its thread.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let Some(writer) = &self.writer else {
            return Err(StoreError::Unavailable(
                "it was opened for reading; open it for writing".into(),
            ));
        };
        writer.run(work).await.unwrap_or_else(|error| match error {
            DeskError::Full => Err(StoreError::Busy(error.to_string())),
            DeskError::Dead => Err(StoreError::Fatal(format!(
                "{error}; this is a defect, please report it"
            ))),
        })
    }
}

/// Runs what may wait for the disk away from the event loop.
async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(StoreError::Fatal(format!(
            "its thread ended: {error}; this is a defect, please report it"
        )))
    })
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

#[async_trait]
impl EventStore for SqliteStore {
    fn describe(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }

    async fn log_id(&self) -> Result<Uuid, StoreError> {
        Ok(self.log_id)
    }

    async fn acquire_lease(&self, holder: &NodeId) -> Result<Lease, StoreError> {
        let holder = holder.clone();
        self.write(move |writer| writer.take_lease(&holder)).await
    }

    async fn append(
        &self,
        lease: &Lease,
        stamp: &Stamp,
        batch: Arc<[Commit]>,
    ) -> Result<Vec<Result<Appended, CommitError>>, StoreError> {
        let (lease, stamp) = (lease.clone(), stamp.clone());
        let append = move |writer: &mut Writer| writer.append(&lease, &stamp, &batch);
        self.write(append).await.map(|plan| plan.answers)
    }

    async fn lookup(&self, commit: CommitId) -> Result<Option<(Hash, Receipt)>, StoreError> {
        let lookup = move |connection: &_| read::lookup(connection, commit);
        self.readers.read(lookup).await
    }

    async fn head(&self) -> Result<Head, StoreError> {
        let row = self.readers.read(append::read_head).await?;
        Ok(row.head)
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let events = move |connection: &_| read::events(connection, after, limit);
        self.readers.read(events).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        after: Version,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        let stream = stream.clone();
        let events = move |connection: &_| read::stream_events(connection, &stream, after, limit);
        self.readers.read(events).await
    }

    async fn read_stored(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let stored = move |connection: &_| read::stored(connection, after, limit);
        self.readers.read(stored).await
    }

    async fn check_structure(&self) -> Result<(), StoreError> {
        self.readers.read(read::check_structure).await
    }

    async fn import(
        &self,
        lease: &Lease,
        commits: Arc<[StoredCommit]>,
    ) -> Result<Head, StoreError> {
        let lease = lease.clone();
        let import = move |writer: &mut Writer| writer.import(&lease, &commits);
        self.write(import).await.map(|plan| plan.head)
    }

    /// Also folds the write-ahead log into the file.
    async fn close(&self) -> Result<(), StoreError> {
        self.readers.close().await;
        match &self.writer {
            Some(_) => self.write(Writer::close).await,
            None => Ok(()),
        }
    }
}
