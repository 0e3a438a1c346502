//! A journal over a store that fails by script, for recorders to write to.

use std::future::Future;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use blotter::events::envelope::Origin;
use blotter::events::{EventStore, Journal, Recorded};
use blotter::identity::{Identity, Recording};
use blotter::projections::{self, Runner, Views};
use blotter::runtime::{DataClock, Runtime, SystemRandomness, SystemTasks};
use blotter::values::{NodeId, Position};
use tokio::task::LocalSet;
use tokio::time::timeout;

use crate::faulty::FaultyStore;
use crate::support::LOG_ID;

/// Longest that a test may wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A log and whoever writes it.
pub struct Log {
    pub store: Arc<FaultyStore>,
    pub journal: Journal,
    runtime: Runtime,
}

/// Runs a test that spawns tasks.
pub async fn within<F: Future<Output = ()>>(test: F) {
    let done = LocalSet::new().run_until(timeout(PATIENCE, test)).await;
    done.expect("nobody waits for ever");
}

impl Log {
    pub async fn new() -> Self {
        Self::over(FaultyStore::new([])).await
    }

    /// As a node that starts takes over the log.
    pub async fn over(store: Arc<FaultyStore>) -> Self {
        let node = NodeId::new("node-1").expect("a node");
        let lease = store.acquire_lease(&node).await.expect("a lease");
        let origin = Origin {
            node,
            build: "test".to_owned(),
        };
        let clock = Arc::new(DataClock::default());
        let runtime = Runtime {
            wall: clock.clone(),
            business: clock,
            randomness: Arc::new(SystemRandomness),
            tasks: Rc::new(SystemTasks),
        };
        let journal = Journal::start(store.clone(), lease, origin, &runtime).await;
        Self {
            store,
            journal: journal.expect("starts"),
            runtime,
        }
    }

    pub fn record(&self, identity: &Identity) -> Recording {
        identity.record_to(self.journal.writer(), &*self.runtime.tasks)
    }

    /// Waits until so many events are recorded, and gives them.
    pub async fn events(&self, count: u64) -> Vec<Recorded> {
        let mut feed = self.journal.feed().subscribe(Position::ZERO);
        let mut seen = 0;
        while seen < count {
            seen += feed.next().await.expect("events").len() as u64;
        }
        self.all().await
    }

    /// The read models of the log, folded to its end, in a file of `dir`.
    pub async fn folded(&self, dir: &Path) -> Views {
        let path = dir.join("views.db");
        let views = Views::open(&path, LOG_ID).await.expect("opens");
        let feed = self.journal.feed().clone();
        let runner = Runner::open(&views, feed, &self.runtime, projections::all()).await;
        runner.expect("opens").catch_up().await.expect("folds");
        views
    }

    pub async fn all(&self) -> Vec<Recorded> {
        let read = self.store.read(Position::ZERO, 1 << 20).await;
        read.expect("reads")
    }
}

pub fn names(events: &[Recorded]) -> Vec<&'static str> {
    events.iter().map(|event| event.event().name()).collect()
}
