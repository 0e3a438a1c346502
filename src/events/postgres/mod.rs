//! The event store in a PostgreSQL database: the engine of a node whose log lies elsewhere.
//!
//! Entry point: [`PostgresStore::open`]. [`schema`] holds the tables, `writer` the one connection
//! that writes, `connections` those that are kept, `server` what a server has to be, `append` and
//! `read` the statements, `errors` what a failure means, [`address`] where the database is.
//!
//! Invariants: one row a commit, written with the head in one statement under the writer's lease;
//! an append returns after its commit is on the server's disk; no row is ever changed.

pub mod address;
mod append;
mod connections;
mod errors;
mod read;
pub mod schema;
mod server;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use self::address::PostgresUrl;
use self::connections::Connections;
use self::errors::of_reading;
use self::schema::Contents;
use self::server::{Access, connect};
use self::writer::Writer;
use super::commit::{Commit, CommitError, CommitId, Receipt};
use super::envelope::Recorded;
use super::plan::{Appended, Head, Stamp};
use super::store::{EventStore, Lease, OpenMode, StoreError, StoredCommit};
use crate::values::canonical::Hash;
use crate::values::{NodeId, Position, StreamName, Version};

/// Connections that read at the same time.
const READERS_MAX: u32 = 4;

/// See the module.
pub struct PostgresStore {
    url: PostgresUrl,
    log_id: Uuid,
    /// `None` when opened for reading.
    writer: Option<Writer>,
    readers: Connections,
}

impl PostgresStore {
    /// Opens the log in the database at `url`, and makes its tables where there are none and the
    /// role may. A database of another program, or of another format, is left untouched.
    pub async fn open(url: &PostgresUrl, mode: OpenMode) -> Result<Self, StoreError> {
        let access = match mode {
            OpenMode::CreateOrOpen { .. } => Access::Writing,
            OpenMode::ReadOnly => Access::Reading,
        };
        let mut connection = connect(url, access).await?;
        let log_id = async {
            match (schema::inspect(&mut connection).await, mode) {
                (Ok(Contents::Log(log_id)), _) => Ok(log_id),
                (Ok(Contents::Nothing), OpenMode::CreateOrOpen { new_log_id }) => {
                    let created = schema::create(&mut connection, new_log_id).await;
                    created.map_err(of_reading)
                }
                (Ok(Contents::Nothing), OpenMode::ReadOnly) => {
                    Err(StoreError::Unavailable("it holds no log yet".into()))
                }
                (Err(failure), _) => Err(of_reading(failure)),
            }
        };
        let log_id = log_id.await.map_err(|error| error.at(url))?;
        Ok(Self {
            url: url.clone(),
            log_id,
            writer: (access == Access::Writing).then(|| Writer::new(url, log_id)),
            readers: Connections::new(url, Access::Reading, log_id, READERS_MAX),
        })
    }

    /// Lets the database role `role` append to the log and read it, and nothing else.
    pub async fn grant(&self, role: &str) -> Result<(), StoreError> {
        self.writer()?.grant(role).await
    }

    fn writer(&self) -> Result<&Writer, StoreError> {
        self.writer.as_ref().ok_or_else(|| {
            StoreError::Unavailable("it was opened for reading; open it for writing".into())
        })
    }
}

#[async_trait]
impl EventStore for PostgresStore {
    fn describe(&self) -> String {
        self.url.to_string()
    }

    async fn log_id(&self) -> Result<Uuid, StoreError> {
        Ok(self.log_id)
    }

    async fn acquire_lease(&self, holder: &NodeId) -> Result<Lease, StoreError> {
        self.writer()?.take_lease(holder).await
    }

    async fn append(
        &self,
        lease: &Lease,
        stamp: &Stamp,
        batch: Arc<[Commit]>,
    ) -> Result<Vec<Result<Appended, CommitError>>, StoreError> {
        self.writer()?.append(lease, stamp, &batch).await
    }

    async fn lookup(&self, commit: CommitId) -> Result<Option<(Hash, Receipt)>, StoreError> {
        let mut lent = self.readers.lend().await?;
        let found = read::lookup(lent.connection(), commit).await;
        lent.conclude(found).map_err(of_reading)
    }

    async fn head(&self) -> Result<Head, StoreError> {
        let mut lent = self.readers.lend().await?;
        let row = append::read_head(lent.connection()).await;
        lent.conclude(row).map(|row| row.head).map_err(of_reading)
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, StoreError> {
        let mut lent = self.readers.lend().await?;
        let found = read::events(lent.connection(), after, limit).await;
        lent.conclude(found).map_err(of_reading)
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        after: Version,
        limit: usize,
    ) -> Result<Vec<Recorded>, StoreError> {
        let mut lent = self.readers.lend().await?;
        let found = read::stream_events(lent.connection(), stream, after, limit).await;
        lent.conclude(found).map_err(of_reading)
    }

    async fn read_stored(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let mut lent = self.readers.lend().await?;
        let found = read::stored(lent.connection(), after, limit).await;
        lent.conclude(found).map_err(of_reading)
    }

    async fn import(
        &self,
        lease: &Lease,
        commits: Arc<[StoredCommit]>,
    ) -> Result<Head, StoreError> {
        self.writer()?.import(lease, &commits).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
        Ok(())
    }
}
