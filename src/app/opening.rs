//! The steps of opening a node's log, book and read models, and what each refuses.

use std::sync::Arc;

use tokio::sync::watch;
use uuid::Uuid;

use super::build;
use super::config::{DataFile, NodeConfig};
use super::error::NodeError;
use super::metrics::Meter;
use super::regression::{self, RegressionError};
use super::setup::DemoSetup;
use crate::actors::node_log::NodeLog;
use crate::domain::ledger::Ledger;
use crate::events::catalogue::NodeStarted;
use crate::events::envelope::Origin;
use crate::events::{EventStore, Journal, Snapshots};
use crate::identity::Identity;
use crate::market::{DataError, Dataset};
use crate::projections;
use crate::projections::{Progress, Runner, RunnerState, Views};
use crate::runtime::Runtime;
use crate::values::{IdError, Position, StrategyId, VenueId};
use crate::venues::paper::PaperVenue;

/// Data that is part of the program, see `data/README.md`.
const BUILT_IN_DATA: &[u8] = include_bytes!("../../data/us_wiki_daily.csv.gz");
const BUILT_IN_NAME: &str = "us_wiki_daily.csv.gz";

/// Reads the configured data.
pub(super) fn load(data: &DataFile) -> Result<Dataset, DataError> {
    match data {
        DataFile::BuiltIn => Dataset::parse("built-in data", BUILT_IN_NAME, BUILT_IN_DATA),
        DataFile::File(path) => Dataset::load(path),
    }
}

/// The demonstration, if it is configured and there is data for it.
pub(super) fn demo_setup(
    config: &NodeConfig,
    dataset: Option<&Dataset>,
    venue: VenueId,
) -> Result<Option<DemoSetup>, IdError> {
    let Some(dataset) = dataset.filter(|_| config.demo) else {
        return Ok(None);
    };
    let symbols = dataset.symbols().into_iter().cloned().collect();
    DemoSetup::new(venue, symbols).map(Some)
}

/// Every strategy of the log, and the one about to be set up.
pub(super) fn strategies(ledger: &Ledger, demo: Option<&DemoSetup>) -> Vec<StrategyId> {
    let mut ids: Vec<StrategyId> = ledger.strategies.keys().cloned().collect();
    if let Some(demo) = demo.filter(|demo| !ids.contains(&demo.strategy)) {
        ids.push(demo.strategy.clone());
    }
    ids
}

/// The log's snapshots, and what it comes to so far.
pub(super) async fn fold(
    config: &NodeConfig,
    store: &Arc<dyn EventStore>,
) -> Result<(Snapshots, Ledger), NodeError> {
    let folder = config.data_dir.join("snapshots");
    let snapshots = Snapshots::of(store.clone(), Some(folder)).await?;
    regression::check_snapshots(&snapshots, &**store).await?;
    let head = store.head().await?.position;
    let ledger = snapshots.fold_to(head, Ledger::default()).await?;
    Ok((snapshots, ledger))
}

/// What is kept beside the log, open and in agreement with it.
pub(super) struct Beside {
    pub venue: Arc<PaperVenue>,
    pub views: Views,
    pub identity: Identity,
}

/// Opens what is kept beside the log, unless the log lacks something that is known there.
pub(super) async fn open_beside(
    config: &NodeConfig,
    venue: &VenueId,
    store: &Arc<dyn EventStore>,
    ledger: &Ledger,
    runtime: &Runtime,
) -> Result<Beside, NodeError> {
    let log_id = store.log_id().await?;
    let venue = open_venue(config, venue, log_id, ledger, runtime).await?;
    let views = Views::open(&config.read_store, log_id).await?;
    regression::check_views(&views, &**store).await?;
    let (wall, randomness) = (runtime.wall.clone(), runtime.randomness.clone());
    let identity = Identity::open(&config.secrets_store, wall, randomness).await?;
    regression::check_secrets(&identity, &config.secrets_store, &**store).await?;
    Ok(Beside {
        venue: Arc::new(venue),
        views,
        identity,
    })
}

/// Opens the paper venue's book, unless it is not the one that the log speaks of: a new one would
/// give out numbers a second time.
async fn open_venue(
    config: &NodeConfig,
    venue: &VenueId,
    log_id: Uuid,
    ledger: &Ledger,
    runtime: &Runtime,
) -> Result<PaperVenue, NodeError> {
    let path = config.data_dir.join("paper.db");
    let last = ledger.last_reports.get(venue);
    if let Some(last) = last.filter(|_| !path.exists()) {
        return Err(NodeError::Regression(RegressionError::BookLost {
            path,
            found: 0,
            logged: last.sequence,
        }));
    }
    let (model, clock) = (config.paper.clone(), runtime.business.clone());
    let opened = PaperVenue::open(&path, venue.clone(), log_id, model, clock).await?;
    regression::check_book(&opened, &path, ledger).await?;
    Ok(opened)
}

/// Takes the lease and starts the journal. From the lease on nobody else writes; `ledger` folds
/// what another node may have written until then.
pub(super) async fn open_journal(
    config: &NodeConfig,
    events: &Arc<dyn EventStore>,
    snapshots: &Snapshots,
    ledger: &mut Ledger,
    runtime: &Runtime,
) -> Result<(Journal, u64), NodeError> {
    let lease = events.acquire_lease(&config.node).await?;
    let lease_epoch = lease.epoch;
    let head = events.head().await?.position;
    snapshots.follow(head, ledger).await?;
    let origin = Origin {
        node: config.node.clone(),
        build: build::version(),
    };
    let journal = Journal::start(events.clone(), lease, origin, runtime).await?;
    Ok((journal, lease_epoch))
}

/// Records that the node runs.
pub(super) async fn record_start(
    config: &NodeConfig,
    lease_epoch: u64,
    journal: &Journal,
    ledger: &Ledger,
    runtime: &Runtime,
) -> Result<NodeLog, NodeError> {
    let version = ledger
        .node_versions
        .get(&config.node)
        .copied()
        .unwrap_or_default();
    let node_log = NodeLog::new(
        config.node.clone(),
        version,
        journal.writer(),
        runtime.clone(),
    );
    node_log
        .record(NodeStarted {
            node: config.node.clone(),
            lease_epoch,
            head: ledger.folded_to,
            config_hash: config.hash(),
        })
        .await?;
    Ok(node_log)
}

/// The read models, and how their folding is.
pub(super) struct ReadModels {
    pub views: Views,
    pub viewed: watch::Receiver<Position>,
    pub progress: watch::Receiver<Vec<Progress>>,
    pub state: watch::Receiver<RunnerState>,
}

/// Starts folding the read models.
pub(super) async fn fold_views(
    views: Views,
    journal: &Journal,
    runtime: &Runtime,
) -> Result<ReadModels, NodeError> {
    let runner = Runner::open(&views, journal.feed().clone(), runtime, projections::all()).await?;
    let (viewed, state) = (runner.positions(), runner.state());
    let progress = runner.progress();
    // It says itself in the log when it cannot go on; trading does not depend on it.
    let run = async move {
        runner.run().await;
    };
    let apart = runtime.tasks.spawn_apart("projections", Box::pin(run));
    apart.map_err(|error| NodeError::Fatal(format!("the read models get no thread: {error}")))?;
    let (feed, wall) = (journal.feed().clone(), runtime.wall.clone());
    let meter = Meter::new(feed, views.clone(), progress.clone(), wall);
    runtime.tasks.spawn("metrics", Box::pin(meter.run()));
    Ok(ReadModels {
        views,
        viewed,
        progress,
        state,
    })
}
