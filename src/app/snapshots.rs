//! Keeps snapshots of every fold that a start needs, while the node runs and when it stops.
//!
//! Entry point: [`Keeping::start`]. It folds for itself, on a thread of its own and from what is
//! durable: an actor's state holds what it looks ahead on, and has better things to do.

use std::io;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::actors::notifier::Outstanding;
use crate::actors::strategy;
use crate::domain::ledger::Ledger;
use crate::domain::order::VenueOrders;
use crate::domain::risk::RiskBook;
use crate::events::snapshot::AnyFold;
use crate::events::{Feed, Snapshots};
use crate::runtime::Tasks;
use crate::values::{Position, StrategyId, VenueId};

/// Events between two snapshots, when there is time: the most that a start after a crash has to fold.
pub const EVERY_EVENTS: u64 = 20_000;
/// Keeping them takes no more than this part of the time, so that a large state does not slow down
/// those who record.
const SHARE_OF_TIME: u32 = 50;

/// What snapshots are kept of.
#[derive(Debug, Clone)]
pub struct Folds {
    pub venue: VenueId,
    pub strategies: Vec<StrategyId>,
}

impl Folds {
    /// All of them, before the first event.
    pub fn empty(&self) -> Vec<Box<dyn AnyFold>> {
        let mut folds: Vec<Box<dyn AnyFold>> = vec![
            Box::new(Ledger::default()),
            Box::new(RiskBook::default()),
            Box::new(VenueOrders::new(self.venue.clone())),
            Box::new(Outstanding::default()),
        ];
        for id in &self.strategies {
            folds.push(Box::new(strategy::View::new(id.clone())));
        }
        folds
    }
}

/// Snapshots being kept. It stops when this is dropped.
pub struct Keeping {
    stop: watch::Sender<bool>,
    kept_at: watch::Receiver<Position>,
}

impl Keeping {
    /// Goes on from what is kept already, every [`EVERY_EVENTS`] from there.
    pub fn start(
        snapshots: Snapshots,
        folds: Folds,
        feed: Feed,
        tasks: &dyn Tasks,
    ) -> io::Result<Self> {
        let (stop, stopping) = watch::channel(false);
        let (kept, kept_at) = watch::channel(Position::ZERO);
        let keeper = Keeper {
            snapshots,
            folds,
            feed,
            kept,
            rest_until: Instant::now(),
            stopping,
        };
        tasks.spawn_apart("snapshots", Box::pin(keeper.run()))?;
        Ok(Self { stop, kept_at })
    }

    /// Up to where snapshots were kept, or tried to be; closed when it has ended.
    pub fn kept_at(&self) -> watch::Receiver<Position> {
        self.kept_at.clone()
    }

    /// Keeps what the log comes to by now, and ends.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // Until the sender is dropped, at the end.
        while self.kept_at.changed().await.is_ok() {}
    }
}

struct Keeper {
    snapshots: Snapshots,
    folds: Folds,
    feed: Feed,
    kept: watch::Sender<Position>,
    rest_until: Instant,
    stopping: watch::Receiver<bool>,
}

impl Keeper {
    async fn run(mut self) {
        self.kept.send_replace(self.kept_to().await);
        while self.wait().await {
            self.keep().await;
        }
        if *self.stopping.borrow() {
            self.keep().await;
        }
    }

    /// Up to where every fold has a snapshot.
    async fn kept_to(&self) -> Position {
        let kept = self.snapshots.kept().await;
        let newest = |fold: Box<dyn AnyFold>| {
            let of_fold = kept.iter().filter(|kept| kept.fold == fold.name());
            let positions = of_fold.map(|kept| kept.mark.position);
            positions.max().unwrap_or_default()
        };
        let newest = self.folds.empty().into_iter().map(newest);
        newest.min().unwrap_or_default()
    }

    /// Waits until it is time for the next; false when it is to end.
    async fn wait(&mut self) -> bool {
        let due = self.kept.borrow().plus(EVERY_EVENTS);
        let mut feed = self.feed.clone();
        let rest = sleep_until(self.rest_until);
        tokio::select! {
            (reached, ()) = async { tokio::join!(feed.reaches(due), rest) } => reached,
            // With whoever started it gone, nothing more is kept.
            _ = self.stopping.changed() => false,
        }
    }

    async fn keep(&mut self) {
        let goal = self.feed.head();
        let began = Instant::now();
        match self.snapshots.keep(goal, self.folds.empty()).await {
            Ok(()) => tracing::debug!(position = %goal, "snapshots are kept"),
            Err(error) => tracing::warn!(%error, "snapshots could not be kept"),
        }
        self.rest_until = Instant::now() + began.elapsed() * SHARE_OF_TIME;
        // After a failure too: the next attempt comes with the next events, not at once.
        self.kept.send_replace(goal);
    }
}

#[cfg(test)]
mod tests;
