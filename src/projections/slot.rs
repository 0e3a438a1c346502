//! One projection being folded: its place in the log, and its part in the transaction of a batch.

use std::sync::Arc;

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use super::checkpoint::{self, Checkpoint};
use super::runner::RunnerError;
use super::{FoldError, Projection, Views, fingerprint};
use crate::events::Recorded;
use crate::values::Position;

/// A projection and where it stands.
pub(super) struct Slot {
    projection: Box<dyn Projection>,
    pub position: Position,
    /// A rolled-back batch is still in its memory.
    stale: bool,
}

impl Slot {
    /// Makes, rebuilds or continues a projection.
    pub async fn take_up(
        db: &mut SqliteConnection,
        views: &Views,
        mut projection: Box<dyn Projection>,
        stored: Option<&Checkpoint>,
    ) -> Result<Self, RunnerError> {
        let name = projection.name();
        let fingerprint = fingerprint(projection.as_ref());
        let position = match stored {
            Some(checkpoint) if checkpoint.fingerprint == fingerprint => checkpoint.position,
            outdated => {
                start_over(db, views, projection.as_ref(), outdated).await?;
                Position::ZERO
            }
        };
        let loaded = projection.load(db).await;
        loaded.map_err(|error| unreadable(name, position, error))?;
        Ok(Self {
            projection,
            position,
            stale: false,
        })
    }

    pub fn name(&self) -> &'static str {
        self.projection.name()
    }

    /// The part of a batch after the checkpoint.
    pub fn unseen<'a>(
        &self,
        batch: &'a [Arc<Recorded>],
    ) -> Result<&'a [Arc<Recorded>], RunnerError> {
        let seen = batch.partition_point(|recorded| recorded.position() <= self.position);
        let unseen = &batch[seen..];
        let mut cursor = self.position;
        for recorded in unseen {
            if recorded.position() != cursor.next() {
                return Err(RunnerError::Gap {
                    cursor,
                    found: recorded.position(),
                });
            }
            cursor = recorded.position();
        }
        Ok(unseen)
    }

    /// Rows and checkpoint of a batch, inside an open transaction. [`Slot::committed`] after it.
    pub async fn write(
        &mut self,
        db: &mut SqliteConnection,
        batch: &[Arc<Recorded>],
    ) -> Result<(), RunnerError> {
        let Some(last) = batch.last() else {
            return Ok(());
        };
        let name = self.name();
        if self.stale {
            let loaded = self.projection.load(db).await;
            loaded.map_err(|error| unreadable(name, self.position, error))?;
        }
        // Until the commit memory is ahead of the tables.
        self.stale = true;
        let leaf = hex::encode(last.leaf);
        let (from, to) = (self.position, last.position());
        if !checkpoint::advance(db, name, from, to, &leaf).await? {
            return Err(RunnerError::CheckpointMoved {
                projection: name,
                expected: from,
            });
        }
        for recorded in batch {
            let applied = self.projection.apply(db, recorded).await;
            applied.map_err(|error| at(name, recorded, error))?;
        }
        let flushed = self.projection.flush(db).await;
        flushed.map_err(|error| at(name, last, error))
    }

    /// What was written up to `position` is in the tables.
    pub fn committed(&mut self, position: Position) {
        self.stale = false;
        self.position = position;
    }
}

/// Empty tables and a checkpoint before the first event, in place of what there was.
async fn start_over(
    db: &mut SqliteConnection,
    views: &Views,
    projection: &dyn Projection,
    outdated: Option<&Checkpoint>,
) -> Result<(), RunnerError> {
    let mut transaction = db.begin_with("BEGIN IMMEDIATE").await?;
    if let Some(outdated) = outdated {
        tracing::info!(projection = projection.name(), "rebuilding a read model");
        outdated.drop_with_tables(&mut transaction).await?;
    }
    let tables = projection.tables();
    for table in tables {
        sqlx::raw_sql(table.create)
            .execute(&mut *transaction)
            .await?;
    }
    let names: Vec<_> = tables.iter().map(|table| table.name).collect();
    let start = Checkpoint {
        projection: projection.name().to_owned(),
        position: Position::ZERO,
        fingerprint: fingerprint(projection),
        log_id: views.log_id(),
        leaf_hash: String::new(),
        tables: names.join(" "),
    };
    start.insert(&mut transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// Its own tables cannot be folded on from.
fn unreadable(projection: &'static str, position: Position, error: FoldError) -> RunnerError {
    match error {
        FoldError::Database(error) => RunnerError::Database(error),
        FoldError::Poison(reason) => RunnerError::Poison {
            projection,
            event: "its own tables",
            position,
            reason,
        },
    }
}

fn at(projection: &'static str, recorded: &Recorded, error: FoldError) -> RunnerError {
    match error {
        FoldError::Database(error) => RunnerError::Database(error),
        FoldError::Poison(reason) => RunnerError::Poison {
            projection,
            event: recorded.event().name(),
            position: recorded.position(),
            reason,
        },
    }
}
