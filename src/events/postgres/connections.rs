//! Connections that are kept open, lent to one task at a time.
//!
//! Entry points: [`Connections::lend`], [`Lent::conclude`].
//! Invariants: a connection that met an error, or whose borrower went away in the middle of a
//! statement, is closed and not lent again; each new one is checked to lead to the same log; a
//! connection is only used on the event loop it was made on, whose end would be its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlx::{Connection, PgConnection};
use tokio::runtime::{Handle, Id};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::address::PostgresUrl;
use super::errors::{Failure, of_reading};
use super::schema::{self, Contents};
use super::server::{Access, answer, connect};
use crate::events::store::StoreError;

pub(super) struct Connections {
    url: PostgresUrl,
    access: Access,
    log_id: Uuid,
    max: u32,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<(Id, PgConnection)>>,
}

/// A connection on loan; dropped, it is closed.
pub(super) struct Lent<'a> {
    from: &'a Connections,
    connection: PgConnection,
    /// The server may have closed it since it was last used.
    pub is_used: bool,
    _until_it_is_back: OwnedSemaphorePermit,
}

impl Connections {
    /// To the log `log_id` at `url`, up to `max` at a time.
    pub(super) fn new(url: &PostgresUrl, access: Access, log_id: Uuid, max: u32) -> Self {
        Self {
            url: url.clone(),
            access,
            log_id,
            max,
            permits: Arc::new(Semaphore::new(max as usize)),
            idle: Mutex::default(),
        }
    }

    /// A connection that was alive a moment ago.
    pub(super) async fn lend(&self) -> Result<Lent<'_>, StoreError> {
        loop {
            let mut lent = self.lend_unasked().await?;
            if !lent.is_used {
                return Ok(lent);
            }
            let ping = answer(lent.connection.ping()).await;
            if ping.is_ok() {
                return Ok(lent);
            }
        }
    }

    /// The same without a trip to the server: for a borrower that asks it something harmless first.
    pub(super) async fn lend_unasked(&self) -> Result<Lent<'_>, StoreError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|_| closed())?;
        let (connection, is_used) = match self.take_idle() {
            Some(connection) => (connection, true),
            None => (self.open().await?, false),
        };
        Ok(Lent {
            from: self,
            connection,
            is_used,
            _until_it_is_back: permit,
        })
    }

    /// One of this event loop; those of others stay.
    fn take_idle(&self) -> Option<PgConnection> {
        let here = Handle::current().id();
        let mut idle = self.idle();
        let index = idle.iter().rposition(|(home, _)| *home == here)?;
        Some(idle.swap_remove(index).1)
    }

    async fn open(&self) -> Result<PgConnection, StoreError> {
        let mut connection = connect(&self.url, self.access).await?;
        let contents = schema::inspect(&mut connection).await;
        match contents.map_err(of_reading)? {
            Contents::Log(found) if found == self.log_id => Ok(connection),
            Contents::Log(found) => Err(StoreError::Fatal(format!(
                "{} now leads to log {found}, and this one is {}; check where the address leads",
                self.url, self.log_id
            ))),
            Contents::Nothing => Err(StoreError::Fatal(format!(
                "{} holds no log any more; check where the address leads",
                self.url
            ))),
        }
    }

    /// Waits for those on loan, then closes. Later calls answer `Unavailable`.
    pub(super) async fn close(&self) {
        // Closed by an earlier call, none of them is lent.
        let all = self.permits.acquire_many(self.max).await;
        self.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        for (home, connection) in idle {
            if home == Handle::current().id() {
                // A courtesy to the server; the connection is gone either way.
                let _ = answer(connection.close()).await;
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Id, PgConnection)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent<'_> {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Hands the answer of a statement on; after an error the connection is closed.
    pub(super) fn conclude<T>(self, answer: Result<T, Failure>) -> Result<T, Failure> {
        if answer.is_ok() {
            self.give_back();
        }
        answer
    }

    pub(super) fn give_back(self) {
        let home = Handle::current().id();
        let mut idle = self.from.idle();
        // Room is made for those in use; connections of an event loop that ended go first.
        while idle.len() >= self.from.max as usize {
            idle.remove(0);
        }
        idle.push((home, self.connection));
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the event store was closed".into())
}
