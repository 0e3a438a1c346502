//! Folds the feed into the read models.
//!
//! Entry points: [`Runner::open`] checks the checkpoints against the log and makes or rebuilds
//! what has to be; then [`Runner::run`] follows the feed, or [`Runner::catch_up`] folds what is
//! there. One runner drives all projections, each with a checkpoint of its own.
//!
//! Invariants: rows and checkpoint of a batch are one transaction, and the checkpoint must still
//! stand where it was left; events up to a checkpoint are never folded again, so redelivery is
//! harmless; nothing is skipped.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::watch;
use tokio::time::sleep;

use super::checkpoint::{self, Checkpoint};
use super::slot::Slot;
use super::views::with_remedy;
use super::{Projection, Views};
use crate::events::feed::BATCH_EVENTS_MAX;
use crate::events::{Feed, FeedError, Recorded};
use crate::runtime::{Randomness, Runtime};
use crate::sqlite::Failure;
use crate::values::Position;

const RETRY_PAUSE_FIRST: Duration = Duration::from_millis(50);
const RETRY_PAUSE_MAX: Duration = Duration::from_secs(5);
/// Pause after a batch that took all there was: the first event is folded at once, those close
/// behind it together in one transaction.
const GATHER_PAUSE: Duration = Duration::from_millis(25);

/// Why folding stops, or never starts.
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    #[error(
        "projection {projection} has folded up to position {checkpoint}, but the log ends at \
         {head}: an older log was restored. If the log is the right one, delete views.db and \
         start again: it is rebuilt from the log"
    )]
    PastTheEnd {
        projection: String,
        checkpoint: Position,
        head: Position,
    },
    #[error(
        "projection {projection} folded another record at position {checkpoint} than the log \
         holds: the log was replaced or changed. If the log is the right one, delete views.db and \
         start again: it is rebuilt from the log"
    )]
    OtherHistory {
        projection: String,
        checkpoint: Position,
    },
    #[error(
        "the checkpoint of projection {projection} no longer stands at {expected}: another \
         process folds into the same views.db; stop one of them"
    )]
    CheckpointMoved {
        projection: &'static str,
        expected: Position,
    },
    #[error(
        "projection {projection} cannot fold {event} at position {position}: {reason}. Nothing is \
         skipped: run a program that can fold this event, after checking the log"
    )]
    Poison {
        projection: &'static str,
        event: &'static str,
        position: Position,
        reason: String,
    },
    #[error("the feed jumps from position {cursor} to {found}; check the log")]
    Gap { cursor: Position, found: Position },
    #[error("the read models cannot be written: {}", with_remedy(.0))]
    Database(#[from] sqlx::Error),
    #[error("the log cannot be read: {0}")]
    Feed(#[from] FeedError),
}

/// What the runner is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunnerState {
    Folding,
    /// Rows cannot be written now; the same batch is tried again.
    Retrying(String),
    /// Will fold nothing more; reads go on, but grow stale.
    Stopped(String),
}

/// How far one projection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub projection: &'static str,
    pub position: Position,
}

/// See the module.
pub struct Runner {
    views: Views,
    feed: Feed,
    randomness: Arc<dyn Randomness>,
    db: SqliteConnection,
    slots: Vec<Slot>,
    positions: watch::Sender<Position>,
    progress: watch::Sender<Vec<Progress>>,
    state: watch::Sender<RunnerState>,
}

impl Runner {
    /// Takes over the folding of `projections`, usually [`all`](super::all). Refuses a log that is
    /// not the one folded before; rebuilds a projection whose fingerprint changed.
    pub async fn open(
        views: &Views,
        feed: Feed,
        runtime: &Runtime,
        projections: Vec<Box<dyn Projection>>,
    ) -> Result<Self, RunnerError> {
        let mut db = views.writer().await?;
        let checkpoints = checkpoint::all(&mut db).await?;
        for checkpoint in &checkpoints {
            check_against_log(checkpoint, &feed).await?;
        }
        let mut slots = Vec::with_capacity(projections.len());
        for projection in projections {
            let name = projection.name();
            let stored = checkpoints
                .iter()
                .find(|checkpoint| checkpoint.projection == name);
            slots.push(Slot::take_up(&mut db, views, projection, stored).await?);
        }
        let lowest = lowest(&slots, &feed);
        let progress = progress(&slots);
        Ok(Self {
            views: views.clone(),
            feed,
            randomness: runtime.randomness.clone(),
            db,
            slots,
            positions: watch::Sender::new(lowest),
            progress: watch::Sender::new(progress),
            state: watch::Sender::new(RunnerState::Folding),
        })
    }

    /// The position up to which every read model is complete. Closed once the runner is gone.
    pub fn positions(&self) -> watch::Receiver<Position> {
        self.positions.subscribe()
    }

    /// How far each read model is.
    pub fn progress(&self) -> watch::Receiver<Vec<Progress>> {
        self.progress.subscribe()
    }

    pub fn state(&self) -> watch::Receiver<RunnerState> {
        self.state.subscribe()
    }

    /// Follows the feed until something cannot go on.
    pub async fn run(mut self) -> RunnerError {
        let stopped = match self.follow().await {
            Ok(never) => match never {},
            Err(error) => error,
        };
        match stopped {
            // The journal ends with the program, and has said so itself.
            RunnerError::Feed(FeedError::Closed) => tracing::info!("the read models are at rest"),
            _ => tracing::error!(error = %stopped, "the read models are no longer kept up to date"),
        }
        self.state
            .send_replace(RunnerState::Stopped(stopped.to_string()));
        stopped
    }

    async fn follow(&mut self) -> Result<std::convert::Infallible, RunnerError> {
        let mut subscription = self.feed.subscribe(lowest(&self.slots, &self.feed));
        loop {
            let batch = subscription.next().await?;
            self.fold(&batch).await?;
            if batch.len() < BATCH_EVENTS_MAX {
                sleep(GATHER_PAUSE).await;
            }
        }
    }

    /// Folds everything that is durable by now and returns how far that is.
    pub async fn catch_up(&mut self) -> Result<Position, RunnerError> {
        let goal = self.feed.head();
        loop {
            let reached = lowest(&self.slots, &self.feed);
            if reached >= goal {
                return Ok(reached);
            }
            let batch = self.feed.read(reached).await?;
            if batch.is_empty() {
                return Err(RunnerError::Gap {
                    cursor: reached,
                    found: goal,
                });
            }
            self.fold(&batch).await?;
        }
    }

    /// Lets go of the database; afterwards its file may be deleted.
    pub async fn close(self) -> Result<(), RunnerError> {
        Ok(self.db.close().await?)
    }

    /// Folds a batch into every projection that has not seen it. Returns once it is written,
    /// however long the database refuses; [`Runner::state`] shows that.
    pub async fn fold(&mut self, batch: &[Arc<Recorded>]) -> Result<(), RunnerError> {
        let mut pause = RETRY_PAUSE_FIRST;
        while let Err(error) = self.write(batch).await {
            if !passes_by_itself(&error) {
                return Err(error);
            }
            tracing::error!(%error, "read models cannot be written; trying again");
            self.state
                .send_replace(RunnerState::Retrying(error.to_string()));
            sleep(self.randomness.jittered(pause)).await;
            pause = (pause * 2).min(RETRY_PAUSE_MAX);
            self.db = reconnect(&self.views, &*self.randomness).await?;
        }
        if *self.state.borrow() != RunnerState::Folding {
            tracing::info!("read models can be written again");
            self.state.send_replace(RunnerState::Folding);
        }
        self.progress.send_replace(progress(&self.slots));
        self.positions.send_replace(lowest(&self.slots, &self.feed));
        Ok(())
    }
}

impl Runner {
    /// One transaction for all of them: rows and checkpoints, all or nothing.
    async fn write(&mut self, batch: &[Arc<Recorded>]) -> Result<(), RunnerError> {
        let Some(last) = batch.last() else {
            return Ok(());
        };
        let mut transaction = self.db.begin_with("BEGIN IMMEDIATE").await?;
        for slot in &mut self.slots {
            let unseen = slot.unseen(batch)?;
            slot.write(&mut transaction, unseen).await?;
        }
        transaction.commit().await?;
        let behind = |slot: &&mut Slot| slot.position < last.position();
        for slot in self.slots.iter_mut().filter(behind) {
            slot.committed(last.position());
        }
        Ok(())
    }
}

/// A fresh connection to write with: a full disk ends a transaction behind the driver's back, and
/// from then on the driver refuses to begin another on the old one.
async fn reconnect(
    views: &Views,
    randomness: &dyn Randomness,
) -> Result<SqliteConnection, RunnerError> {
    loop {
        match views.writer().await.map_err(RunnerError::Database) {
            Err(error) if passes_by_itself(&error) => {
                sleep(randomness.jittered(RETRY_PAUSE_MAX)).await;
            }
            opened => return opened,
        }
    }
}

fn progress(slots: &[Slot]) -> Vec<Progress> {
    let of = |slot: &Slot| Progress {
        projection: slot.name(),
        position: slot.position,
    };
    slots.iter().map(of).collect()
}

/// Without projections everything counts as folded.
fn lowest(slots: &[Slot], feed: &Feed) -> Position {
    let positions = slots.iter().map(|slot| slot.position);
    positions.min().unwrap_or_else(|| feed.head())
}

/// A full disk or another process's lock may pass; anything else will not.
fn passes_by_itself(error: &RunnerError) -> bool {
    let RunnerError::Database(error) = error else {
        return false;
    };
    let failure = Failure::of_sqlx(error);
    matches!(failure, Some(Failure::Locked | Failure::NoRoom))
}

async fn check_against_log(checkpoint: &Checkpoint, feed: &Feed) -> Result<(), RunnerError> {
    let position = checkpoint.position;
    let head = feed.head();
    if position > head {
        return Err(RunnerError::PastTheEnd {
            projection: checkpoint.projection.clone(),
            checkpoint: position,
            head,
        });
    }
    if position == Position::ZERO {
        return Ok(());
    }
    let records = feed.read(Position::new(position.get() - 1)).await?;
    let folded = records
        .iter()
        .find(|recorded| recorded.position() == position);
    match folded.map(|recorded| hex::encode(recorded.leaf)) {
        Some(leaf) if leaf == checkpoint.leaf_hash => Ok(()),
        _ => Err(RunnerError::OtherHistory {
            projection: checkpoint.projection.clone(),
            checkpoint: position,
        }),
    }
}
