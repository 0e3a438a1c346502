//! Connections for reading, lent to one thread at a time.
//!
//! Entry point: [`Readers::read`].
//! Invariant: a connection that met an error is closed, not lent again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::errors::store_error;
use super::on_a_thread;
use super::writer::BUSY_WAIT;
use crate::events::store::StoreError;
use crate::sqlite::open_for_reading;

/// Connections that read at the same time.
const READERS_MAX: u32 = 4;

pub(super) struct Readers {
    permits: Arc<Semaphore>,
    idle: Arc<Idle>,
}

struct Idle {
    path: PathBuf,
    connections: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn of(path: &Path) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(READERS_MAX as usize)),
            idle: Arc::new(Idle {
                path: path.to_owned(),
                connections: Mutex::default(),
            }),
        }
    }

    /// Lends `work` a connection, on a thread that may wait for the disk.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| closed())?;
        let idle = Arc::clone(&self.idle);
        on_a_thread(move || {
            let _until_it_is_back = permit;
            let taken = idle.locked().pop();
            let connection = match taken {
                Some(connection) => connection,
                None => open_for_reading(&idle.path, BUSY_WAIT).map_err(store_error)?,
            };
            let answer = work(&connection)?;
            idle.locked().push(connection);
            Ok(answer)
        })
        .await
    }

    /// Waits for those that read, then closes. Later calls answer `Unavailable`.
    pub(super) async fn close(&self) {
        // Closed by an earlier call, none of them is lent.
        let all = self.permits.acquire_many(READERS_MAX).await;
        self.permits.close();
        drop(all);
        self.idle.locked().clear();
    }
}

impl Idle {
    fn locked(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the event store was closed".into())
}
