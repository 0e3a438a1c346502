//! The stream `blotter-lease`: the log's identity and who may write to it.
//!
//! Entry points: [`identity`] and [`create`] at opening, [`current`] inside every append, [`take`].
//!
//! Revision 0 says which log this is; revision e is lease e, so the stream's last revision is the
//! current epoch. A lease also says how far the log went when it was taken, with the root of its
//! Merkle tree there: a log that does not reach that far any more is found out at opening.
//! Why this, with the expected revision of `blotter-log`, fences: `docs/event-store.md`.

use kurrentdb::EventData;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::connection::{Connection, Found};
use super::errors::{CallError, damaged};
use super::{LEASE_STREAM, LOG_STREAM};
use crate::events::plan::Head;
use crate::events::store::{Lease, StoreError};
use crate::values::{NodeId, Position};

const FORMAT: i64 = 1;
/// How often a lease is asked for anew when another node was quicker, or the answer was lost.
const TRIES_MAX: u32 = 5;

#[derive(Serialize, Deserialize)]
struct LogCreated {
    format: i64,
    log_id: Uuid,
}

#[derive(Serialize, Deserialize)]
struct LeaseTaken {
    holder: NodeId,
    /// Where the log ended.
    position: Position,
    /// Root of its Merkle tree there, hexadecimal.
    root: String,
}

/// The last lease, as far as it matters.
#[derive(Debug, Default, Clone)]
pub(super) struct Taken {
    pub epoch: u64,
    /// How far the log went, and the root of its tree there.
    pub head: Option<(Position, String)>,
}

/// Which log this is; `None` when there is none yet.
pub(super) async fn identity(connection: &Connection) -> Result<Option<Uuid>, StoreError> {
    if read_last(connection).await?.is_none() {
        return Ok(None);
    }
    let first = connection.page(LEASE_STREAM, 0, 1).await;
    let first = first.map_err(CallError::reading)?.into_iter().next();
    let first = first.filter(|found| found.revision == 0).ok_or_else(|| {
        let reason = format!("the first event of stream {LEASE_STREAM} is missing");
        damaged(Position::ZERO, reason)
    })?;
    let created: LogCreated = read(&first)?;
    match created.format {
        FORMAT => Ok(Some(created.log_id)),
        found => Err(StoreError::Format {
            found,
            supported: FORMAT,
        }),
    }
}

/// Makes a log, unless somebody else was quicker; returns its identity.
pub(super) async fn create(connection: &Connection, log_id: Uuid) -> Result<Uuid, StoreError> {
    let events = connection.last(LOG_STREAM).await;
    if events.map_err(CallError::reading)?.is_some() {
        let reason = format!("there is a stream {LOG_STREAM}, but no stream {LEASE_STREAM}");
        return Err(damaged(Position::ZERO, reason));
    }
    for _ in 0..TRIES_MAX {
        let created = LogCreated {
            format: FORMAT,
            log_id,
        };
        let created = event("LogCreated", &created)?;
        match connection.append(LEASE_STREAM, None, vec![created]).await {
            Ok(_) => return Ok(log_id),
            // Somebody's log is there now; after a lost answer it may be this one.
            Err(CallError::Moved { .. } | CallError::Broken(_) | CallError::Late(_)) => {
                if let Some(found) = identity(connection).await? {
                    return Ok(found);
                }
            }
            Err(CallError::NotLeader) => {}
            Err(error) => return Err(error.appending()),
        }
    }
    Err(StoreError::Unavailable("the log cannot be made".to_owned()))
}

/// The last lease; epoch 0 when none has been taken yet.
pub(super) async fn current(connection: &Connection) -> Result<Taken, StoreError> {
    let missing = || {
        let reason = format!("the stream {LEASE_STREAM} is gone");
        damaged(Position::ZERO, reason)
    };
    let last = read_last(connection).await?.ok_or_else(missing)?;
    if last.revision == 0 {
        return Ok(Taken::default());
    }
    let taken: LeaseTaken = read(&last)?;
    Ok(Taken {
        epoch: last.revision,
        head: Some((taken.position, taken.root)),
    })
}

/// Takes the next lease for `holder` over a log that ends at `head`.
pub(super) async fn take(
    connection: &Connection,
    holder: &NodeId,
    head: &Head,
) -> Result<Lease, StoreError> {
    for _ in 0..TRIES_MAX {
        let last = current(connection).await?.epoch;
        let taken = LeaseTaken {
            holder: holder.clone(),
            position: head.position,
            root: hex::encode(head.frontier.root()),
        };
        let taken = event("LeaseTaken", &taken)?;
        match connection
            .append(LEASE_STREAM, Some(last), vec![taken])
            .await
        {
            Ok(epoch) if epoch == last + 1 => {
                return Ok(Lease {
                    holder: holder.clone(),
                    epoch,
                });
            }
            Ok(epoch) => {
                let reason = format!("lease {} was recorded as {epoch}", last + 1);
                return Err(StoreError::Fatal(reason));
            }
            // Somebody was quicker, or the answer was lost. Only a lease that is known to be
            // one's own counts, so another one is taken; one that nobody holds does no harm.
            Err(CallError::Moved { .. } | CallError::Broken(_) | CallError::Late(_)) => {}
            Err(CallError::NotLeader) => {}
            Err(error) => return Err(error.appending()),
        }
    }
    Err(StoreError::Busy("the lease could not be taken".to_owned()))
}

async fn read_last(connection: &Connection) -> Result<Option<Found>, StoreError> {
    connection
        .last(LEASE_STREAM)
        .await
        .map_err(CallError::reading)
}

fn event(name: &str, payload: &impl Serialize) -> Result<EventData, StoreError> {
    EventData::json(name, payload)
        .map_err(|error| StoreError::Fatal(format!("{name} cannot be written: {error}")))
}

fn read<'a, T: Deserialize<'a>>(found: &'a Found) -> Result<T, StoreError> {
    serde_json::from_slice(&found.data).map_err(|error| {
        let reason = format!("event {} of stream {LEASE_STREAM}: {error}", found.revision);
        damaged(Position::ZERO, reason)
    })
}
