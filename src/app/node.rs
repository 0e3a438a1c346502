//! A whole node: the log, the actors, the paper venue, the read models.
//!
//! [`Node::start`] follows the order that makes a restart safe: lock, fold, hold what is kept beside
//! the log against it, lease, read models, NodeStarted, risk at the head, execution reconciles what may have been sent, and only then
//! the data plays on.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::build;
use super::config::NodeConfig;
use super::demo_login::DemoLogin;
use super::error::NodeError;
use super::lock::{self, DirLock};
use super::opening::{
    Beside, ReadModels, demo_setup, fold, fold_views, load, open_beside, open_journal,
    record_start, strategies,
};
use super::player::{self, PlayEnd, Player};
use super::setup::DemoSetup;
use super::snapshots::{Folds, Keeping};
use super::staff::{Means, Staff};
use super::summary::{self, Summary};
use crate::actors::node_log::NodeLog;
use crate::actors::risk::RiskSettings;
use crate::actors::settle::Settle;
use crate::domain::ledger::Ledger;
use crate::events::catalogue::NodeStopped;
use crate::events::journal::JournalState;
use crate::events::{EventStore, Journal, OpenMode, Snapshots};
use crate::http::{self, Listening, NodeInfo, Services};
use crate::identity::{Identity, Recording};
use crate::market::{Dataset, Progress, Tape};
use crate::runtime::{Clock, DataClock, Runtime, SystemClock, SystemRandomness, SystemTasks};
use crate::values::{AccountId, VenueId};
use crate::venues::Venue;
use crate::venues::paper::PaperVenue;

const VENUE: &str = "paper";
/// How long a node that stops waits for what is under way.
const STOP_WAIT: Duration = Duration::from_secs(10);

/// Why a node stopped running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunEnd {
    /// All data has been played.
    DataDone,
    /// It was told to.
    Stopped,
}

/// A running node.
pub struct Node {
    config: NodeConfig,
    store: Arc<dyn EventStore>,
    journal: Journal,
    snapshots: Snapshots,
    keeping: Keeping,
    node_log: NodeLog,
    staff: Staff,
    venue: Arc<PaperVenue>,
    dataset: Option<Dataset>,
    /// What the log held at the start: data and row.
    logged_row: Option<(String, u64)>,
    clock: Arc<DataClock>,
    runtime: Runtime,
    read_models: ReadModels,
    identity: Identity,
    /// Takes what happens to users into the log.
    recording: Recording,
    listening: Option<Listening>,
    stop: watch::Sender<bool>,
    progress: watch::Sender<Progress>,
    _lock: DirLock,
}

impl Node {
    /// Starts everything; afterwards the node is reconciled, ready to trade and answers HTTP.
    pub async fn start(config: NodeConfig) -> Result<Self, NodeError> {
        // Before anything is measured.
        http::metrics::install();
        let dataset = config.data.as_ref().map(load).transpose()?;
        let lock = lock::take(&config.data_dir)?;
        let listener = http::bind(config.bind)?;
        let clock = Arc::new(DataClock::default());
        let runtime = runtime(&clock, dataset.is_some());
        let new_log_id = runtime.new_id();
        let mode = OpenMode::CreateOrOpen { new_log_id };
        let store = config.event_store.open(mode).await?;
        let (snapshots, mut ledger) = fold(&config, &store).await?;
        if let Some(dataset) = &dataset {
            // Before anything is recorded.
            player::check_data(&dataset.source, ledger.last_row.as_ref())?;
        }
        clock.advance_to(ledger.marked_at);
        if let Some(first) = dataset.as_ref().and_then(|dataset| dataset.rows.first()) {
            // What is set up before the first bar happens on its day.
            clock.advance_to(first.bar.date.midnight());
        }
        let venue_id = VenueId::new(VENUE)?;
        let beside = open_beside(&config, &venue_id, &store, &ledger, &runtime).await?;
        let Beside {
            venue,
            views,
            identity,
        } = beside;

        let opened = open_journal(&config, &store, &snapshots, &mut ledger, &runtime).await;
        let (journal, lease_epoch) = opened?;
        clock.advance_to(ledger.marked_at);
        let read_models = fold_views(views, &journal, &runtime).await?;
        // From here on the log says that the node runs: everything it needs has been opened.
        let node_log = record_start(&config, lease_epoch, &journal, &ledger, &runtime).await?;
        // A log beyond this machine may have taken the last append of the holder before until then.
        let head = store.head().await?.position;
        snapshots.follow(head, &mut ledger).await?;
        clock.advance_to(ledger.marked_at);
        identity.forget_again(&ledger.forgotten).await?;
        let recording = identity.record_to(journal.writer(), &*runtime.tasks);
        let demo = demo_setup(&config, dataset.as_ref(), venue_id)?;
        let means = Means {
            store: Arc::clone(&store),
            journal: journal.clone(),
            snapshots: snapshots.clone(),
            runtime: runtime.clone(),
            venue: venue.clone(),
            risk_settings: RiskSettings {
                commission_rate: config.commission_rate,
                venues: BTreeSet::from([VenueId::new(VENUE)?]),
            },
        };
        let strategies = strategies(&ledger, demo.as_ref());
        let folds = Folds {
            venue: venue.id().clone(),
            strategies: strategies.clone(),
        };
        let staff = Staff::start(means, &strategies, node_log.clone()).await;
        let feed = journal.feed().clone();
        let keeping = Keeping::start(snapshots.clone(), folds, feed, &*runtime.tasks);
        let keeping = keeping
            .map_err(|error| NodeError::Fatal(format!("snapshots get no thread: {error}")))?;
        let mut node = Self {
            config,
            store,
            journal,
            snapshots,
            keeping,
            node_log,
            staff: staff.map_err(NodeError::Actor)?,
            venue,
            dataset,
            logged_row: ledger.last_row.clone(),
            clock,
            runtime,
            read_models,
            identity,
            recording,
            listening: None,
            stop: watch::Sender::new(false),
            progress: watch::Sender::default(),
            _lock: lock,
        };
        if let Some(demo) = demo {
            tokio::select! {
                done = node.set_up(&demo, &ledger) => done?,
                end = node.forced_end() => return Err(end),
            }
        }
        node.listening = Some(http::serve(
            listener,
            node.services()?,
            &node.runtime.tasks,
        )?);
        Ok(node)
    }

    /// What HTTP works with.
    fn services(&self) -> Result<Services, NodeError> {
        Ok(Services {
            info: Arc::new(NodeInfo {
                node: self.config.node.clone(),
                version: env!("CARGO_PKG_VERSION"),
                build: build::version(),
            }),
            risk: self.staff.risk.clone(),
            preview: self.staff.preview.clone(),
            default_venue: VenueId::new(VENUE)?,
            identity: self.identity.clone(),
            views: self.read_models.views.clone(),
            viewed: self.read_models.viewed.clone(),
            views_progress: self.read_models.progress.clone(),
            actors: self.staff.actors.clone(),
            views_state: self.read_models.state.clone(),
            feed: self.journal.feed().clone(),
            journal: self.journal.state(),
            wall: self.runtime.wall.clone(),
            business: self.runtime.business.clone(),
            randomness: self.runtime.randomness.clone(),
            market: self.dataset.is_some().then(|| self.progress.subscribe()),
            settings: Arc::new(self.config.http.clone()),
            fatal: self.staff.fatal.clone(),
        })
    }

    /// Where HTTP is answered.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listening.as_ref().map(|listening| listening.address)
    }

    async fn set_up(&self, demo: &DemoSetup, ledger: &Ledger) -> Result<(), NodeError> {
        let writer = self.journal.writer();
        let listed = |symbol: &_| ledger.instruments.contains(symbol);
        demo.list_instruments(&writer, &listed, self.runtime.business.now())
            .await?;
        demo.open_account(&self.staff.risk).await?;
        for strategy in self
            .staff
            .strategies
            .iter()
            .filter(|ports| ports.id == demo.strategy)
        {
            demo.start_strategy(&strategy.commands, &self.runtime)
                .await?;
        }
        Ok(())
    }

    /// Tells the node to stop, from anywhere.
    pub fn stopper(&self) -> watch::Sender<bool> {
        self.stop.clone()
    }

    /// How far the data has been played.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// The demonstration's account, if there is one.
    pub fn account(&self) -> Option<AccountId> {
        self.config
            .demo
            .then(|| AccountId::new("demo").ok())
            .flatten()
    }

    /// What a newcomer logs in with, if this is a demonstration; made at its first start.
    pub async fn demo_login(&self) -> Result<Option<DemoLogin>, NodeError> {
        if !self.config.demo {
            return Ok(None);
        }
        let randomness = &*self.runtime.randomness;
        let login = DemoLogin::of(&self.identity, randomness, &self.config.data_dir);
        Ok(Some(login.await?))
    }

    /// Plays the configured data, if any, and runs until told to stop, or for an `exit_when_done`
    /// until the data ends.
    pub async fn run(&mut self) -> Result<RunEnd, NodeError> {
        let forced_end = self.forced_end();
        let exit_when_done = self.config.exit_when_done;
        let mut stop = self.stop.subscribe();
        let player = self.player();
        let logged = self.logged_row.take();
        let work = async move {
            if let Some(player) = player {
                let end = player.play(logged).await?;
                if end == PlayEnd::DataDone && exit_when_done {
                    return Ok(RunEnd::DataDone);
                }
            }
            // Only an error could end this wait, and the sender is ours.
            let _ = stop.wait_for(|stop| *stop).await;
            Ok(RunEnd::Stopped)
        };
        tokio::select! {
            end = work => end,
            end = forced_end => Err(end),
        }
    }

    /// Waits until the node cannot go on, and says why.
    fn forced_end(&self) -> impl Future<Output = NodeError> + use<> {
        let mut fatal = self.staff.fatal.clone();
        let mut journal = self.journal.state();
        async move {
            tokio::select! {
                reason = fatal.wait_for(Option::is_some) => {
                    let reason = reason.ok().and_then(|reason| reason.clone());
                    NodeError::Fatal(reason.unwrap_or_else(|| "the guardian is gone".to_owned()))
                }
                state = journal.wait_for(|state| matches!(state, JournalState::Stopped(_))) => {
                    NodeError::Fatal(match state.as_deref() {
                        Ok(JournalState::Stopped(reason)) => reason.clone(),
                        _ => "the journal is gone".to_owned(),
                    })
                }
            }
        }
    }

    fn player(&mut self) -> Option<Player> {
        Some(Player {
            tape: Tape::new(self.dataset.take()?, self.config.loops),
            venue: self.venue.clone(),
            writer: self.journal.writer(),
            feed: self.journal.feed().clone(),
            clock: self.clock.clone(),
            runtime: self.runtime.clone(),
            settle: self.staff.trading.clone(),
            strategies: self
                .staff
                .strategies
                .iter()
                .map(|ports| ports.evaluate.clone())
                .collect(),
            speed: self.config.speed,
            stop: self.stop.subscribe(),
            progress: self.progress.clone(),
        })
    }

    /// Waits, within bounds, for what is under way, records the stop and closes the log. Returns
    /// the figures over it.
    pub async fn stop(mut self, reason: &str) -> Result<Summary, NodeError> {
        if let Some(listening) = &self.listening {
            listening.stop().await;
        }
        let through = self.journal.feed().head();
        let everyone = self.staff.trading.iter().chain([&self.staff.notifier]);
        for port in everyone {
            // Whatever is still under way is finished by the next start.
            let _ = timeout(STOP_WAIT, port.ask(Settle { through })).await;
        }
        // What it cannot record now waits in the secrets store.
        let _ = timeout(STOP_WAIT, self.recording.stop()).await;
        let stopped = self.node_log.record(NodeStopped {
            node: self.config.node.clone(),
            reason: reason.to_owned(),
        });
        match timeout(STOP_WAIT, stopped).await {
            Ok(recorded) => recorded?,
            Err(_) => {
                let reason = "its stop could not be recorded in time; the log has an open end";
                return Err(NodeError::Fatal(reason.to_owned()));
            }
        }
        let head = self.journal.feed().head();
        let viewed = self.read_models.viewed.wait_for(|viewed| *viewed >= head);
        if !matches!(timeout(STOP_WAIT, viewed).await, Ok(Ok(_))) {
            tracing::warn!("the read models are behind; the next start goes on with them");
        }
        if timeout(STOP_WAIT, self.keeping.stop()).await.is_err() {
            tracing::warn!("snapshots were not kept in time; the next start folds more of the log");
        }
        let summary = summary::summarise(&*self.store, &self.snapshots).await?;
        self.store.close().await?;
        Ok(summary)
    }
}

/// A market played from data has the data's time; without data, time is the machine's.
fn runtime(data_clock: &Arc<DataClock>, plays_data: bool) -> Runtime {
    let wall: Arc<dyn Clock> = Arc::new(SystemClock);
    Runtime {
        business: match plays_data {
            true => data_clock.clone(),
            false => wall.clone(),
        },
        wall,
        randomness: Arc::new(SystemRandomness),
        tasks: Rc::new(SystemTasks),
    }
}
