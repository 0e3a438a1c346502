//! A node's actors without the rest of the node. A [`World`] is what outlives a run: log, venue and
//! clock. Time is paused, so that waiting costs nothing and a deadlock fails at once.

use std::future::{Future, pending};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::System;
use blotter::actors::messages::{AskRisk, CommandResult};
#[cfg(feature = "failpoints")]
use blotter::actors::messages::{AskStrategy, Asked, StrategyCommand};
use blotter::actors::node_log::NodeLog;
use blotter::actors::risk::RiskSettings;
use blotter::actors::settle::Settle;
use blotter::app::snapshots::Folds;
use blotter::app::staff::{Means, Staff};
use blotter::domain::ledger::Ledger;
#[cfg(feature = "failpoints")]
use blotter::domain::strategy::RegisterStrategy;
#[cfg(feature = "failpoints")]
use blotter::events::catalogue::StrategyRule;
use blotter::events::catalogue::{Bar, InstrumentListed, PriceMarked};
use blotter::events::envelope::Origin;
use blotter::events::{Commit, Event, EventStore, Journal, Meta, Recorded, Snapshots, Who};
use blotter::runtime::{DataClock, Runtime, SystemRandomness, SystemTasks};
use blotter::values::{Instrument, InstrumentKind, Position, StrategyId, StreamName, Version};
use tokio::sync::oneshot;
use tokio::time::timeout;
use uuid::Uuid;

use crate::faulty::FaultyStore;
use crate::support::*;
use crate::venue::ScriptedVenue;

/// Longer than every wait of the product together.
const PATIENCE: Duration = Duration::from_secs(24 * 3_600);

/// What outlives a run of the node.
pub struct World {
    pub store: Arc<FaultyStore>,
    pub venue: Arc<ScriptedVenue>,
    pub clock: Arc<DataClock>,
    strategies: Vec<StrategyId>,
    snapshots: Option<tempfile::TempDir>,
}

/// One run of the node.
pub struct Desk {
    pub store: Arc<FaultyStore>,
    pub venue: Arc<ScriptedVenue>,
    pub clock: Arc<DataClock>,
    pub runtime: Runtime,
    pub journal: Journal,
    pub snapshots: Snapshots,
    folds: Folds,
    pub staff: Staff,
}

/// An answer that may not be there yet.
pub struct Pending(oneshot::Receiver<CommandResult>);

/// Runs `work` in an actix system of its own with paused time; whatever it started ends with it.
pub fn in_system<T>(work: impl Future<Output = T>) -> T {
    let system = System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime")
    });
    let done = system.block_on(async { timeout(PATIENCE, work).await });
    done.expect("nobody waits for ever")
}

/// Lets everything happen that does not have to wait for time, or waits less than `time`.
pub async fn pass(time: Duration) {
    let _ = timeout(time, pending::<()>()).await;
}

/// Lets everything happen that does not have to wait for time.
pub async fn quiet() {
    pass(Duration::from_millis(1)).await;
}

impl World {
    /// An account with 10,000 USD, an instrument and its price of 100.
    pub fn new() -> Self {
        let world = Self {
            store: FaultyStore::new([]),
            venue: ScriptedVenue::new(),
            clock: Arc::new(DataClock::default()),
            strategies: Vec::new(),
            snapshots: None,
        };
        world.clock.advance_to(at_second(0));
        world.run(async |desk| {
            desk.list_and_mark().await;
            for ask in opening() {
                receipt(&desk.staff.risk.command(ask).await);
            }
        });
        world
    }

    /// Snapshots may be kept from now on.
    pub fn with_snapshots(mut self) -> Self {
        self.snapshots = Some(tempfile::tempdir().expect("a directory"));
        self
    }

    #[cfg(feature = "failpoints")]
    pub fn with_strategy(mut self, id: &StrategyId) -> Self {
        self.strategies.push(id.clone());
        let register = AskStrategy {
            asked: Asked::by(Who::system("test"), command_id(id.as_str())),
            command: StrategyCommand::Register(RegisterStrategy {
                strategy: id.clone(),
                name: id.to_string(),
                rule: StrategyRule::SmaCross {
                    fast_bars: 2,
                    slow_bars: 4,
                    equity_fraction: "0.5".parse().expect("a ratio"),
                },
                account: account(),
                venue: venue_id(),
                symbols: vec![aapl()],
            }),
        };
        self.run(async |desk| {
            let registered = desk.staff.strategies[0].commands.ask(register).await;
            receipt(&registered.expect("an answer"));
            desk.settled().await;
        });
        self
    }

    /// One run of the node over what there is.
    pub fn run<T>(&self, test: impl AsyncFnOnce(&Desk) -> T) -> T {
        in_system(async {
            let desk = self.start().await;
            test(&desk).await
        })
    }

    pub fn runtime(&self) -> Runtime {
        Runtime {
            wall: self.clock.clone(),
            business: self.clock.clone(),
            randomness: Arc::new(SystemRandomness),
            tasks: Rc::new(SystemTasks),
        }
    }

    /// A journal of this log, fencing the one before.
    pub async fn journal(&self, runtime: &Runtime) -> Journal {
        let lease = self.store.acquire_lease(&node()).await.expect("a lease");
        let origin = Origin {
            node: node(),
            build: "test".to_owned(),
        };
        let journal = Journal::start(self.store.clone(), lease, origin, runtime).await;
        journal.expect("starts")
    }

    /// None are kept, unless they may.
    pub async fn snapshots(&self) -> Snapshots {
        let folder = self.snapshots.as_ref().map(|dir| dir.path().to_owned());
        let snapshots = Snapshots::of(self.store.clone(), folder).await;
        snapshots.expect("an identity")
    }

    pub async fn node_log(&self, journal: &Journal, runtime: &Runtime) -> NodeLog {
        let versions = self.ledger().await.node_versions;
        let version = versions.get(&node()).copied().unwrap_or_default();
        NodeLog::new(node(), version, journal.writer(), runtime.clone())
    }

    pub async fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for recorded in log_of(&self.store).await {
            ledger.apply(&recorded).expect("folds");
        }
        ledger
    }

    pub async fn start(&self) -> Desk {
        let runtime = self.runtime();
        let journal = self.journal(&runtime).await;
        let node_log = self.node_log(&journal, &runtime).await;
        let snapshots = self.snapshots().await;
        let folds = Folds {
            venue: venue_id(),
            strategies: self.strategies.clone(),
        };
        let means = Means {
            store: self.store.clone(),
            journal: journal.clone(),
            snapshots: snapshots.clone(),
            runtime: runtime.clone(),
            venue: self.venue.clone(),
            risk_settings: RiskSettings {
                commission_rate: "0.001".parse().expect("a ratio"),
                venues: [venue_id()].into(),
            },
        };
        let staff = Staff::start(means, &self.strategies, node_log).await;
        Desk {
            store: self.store.clone(),
            venue: self.venue.clone(),
            clock: self.clock.clone(),
            runtime,
            journal,
            snapshots,
            folds,
            staff: staff.expect("starts"),
        }
    }
}

async fn log_of(store: &FaultyStore) -> Vec<Recorded> {
    let read = store.read(Position::ZERO, 1 << 20).await;
    read.expect("reads")
}

impl Desk {
    /// Carries out a command and waits for the answer.
    pub async fn command(&self, ask: AskRisk) -> CommandResult {
        self.staff.risk.command(ask).await
    }

    /// Hands a command in without waiting for the answer.
    pub fn later(&self, ask: AskRisk) -> Pending {
        let risk = self.staff.risk.clone();
        let (reply, answer) = oneshot::channel();
        let work = async move {
            // A test that does not look at the answer is no concern of ours.
            let _ = reply.send(risk.command(ask).await);
        };
        self.runtime.tasks.spawn("command", Box::pin(work));
        Pending(answer)
    }

    /// Waits until risk and execution have nothing left to do.
    pub async fn settled(&self) {
        let mut head = Position::ZERO;
        while self.journal.feed().head() > head {
            head = self.journal.feed().head();
            for port in &self.staff.trading {
                port.ask(Settle { through: head }).await.expect("alive");
            }
        }
    }

    /// The whole log.
    pub async fn log(&self) -> Vec<Recorded> {
        log_of(&self.store).await
    }

    /// Keeps snapshots of what is durable by now.
    pub async fn keep_snapshots(&self) {
        let head = self.journal.feed().head();
        let kept = self.snapshots.keep(head, self.folds.empty()).await;
        kept.expect("keeps");
    }

    /// How many events satisfy `wanted`.
    pub async fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        let log = self.log().await;
        log.iter()
            .filter(|recorded| wanted(recorded.event()))
            .count()
    }

    /// The names of what happened to the order of command `of`, at its venue.
    pub async fn story(&self, of: &str) -> Vec<&'static str> {
        let stream = StreamName::order(&order_id(of));
        let log = self.log().await;
        let own = log
            .iter()
            .filter(|recorded| recorded.envelope.stream == stream);
        own.map(|recorded| recorded.event().name()).collect()
    }

    /// Causes of all restarts of `actor`.
    pub async fn restarts(&self, actor: &str) -> Vec<String> {
        let log = self.log().await;
        let restarts = log.iter().filter_map(|recorded| match recorded.event() {
            Event::ActorRestarted(restarted) if restarted.actor == actor => {
                Some(restarted.cause.clone())
            }
            _ => None,
        });
        restarts.collect()
    }

    pub async fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for recorded in self.log().await {
            ledger.apply(&recorded).expect("folds");
        }
        ledger
    }

    pub async fn reserved_cash(&self) -> String {
        self.ledger().await.accounts[&account()]
            .reserved_cash
            .to_string()
    }

    async fn list_and_mark(&self) {
        let instrument = Instrument {
            symbol: aapl(),
            kind: InstrumentKind::Equity,
            currency: "USD".to_owned(),
            price_decimals: 2,
            quantity_decimals: 0,
        };
        let listed = InstrumentListed { instrument }.into();
        let writer = self.journal.writer();
        let list = commit("list", StreamName::instrument(&aapl()), 0, vec![listed]);
        writer.submit(list).await.expect("recorded");
        let mark = commit(
            "mark-1",
            StreamName::market(&aapl()),
            0,
            vec![mark(1, "100")],
        );
        writer.submit(mark).await.expect("recorded");
    }
}

impl Pending {
    /// The answer, if it is there.
    pub fn now(&mut self) -> Option<CommandResult> {
        self.0.try_recv().ok()
    }

    pub async fn answer(self) -> CommandResult {
        self.0.await.expect("an answer")
    }
}

pub fn commit(command: &str, on: StreamName, expected: u64, events: Vec<Event>) -> Commit {
    let meta = Meta {
        command_id: command_id(command),
        correlation_id: Uuid::from_u128(7),
        causation_id: None,
        who: Who::system("test"),
        occurred_at: at_second(0),
    };
    Commit::new(&command, on, Version::new(expected), meta, events).expect("a commit")
}

/// Row `row` of the market data: AAPL closes at `close`.
pub fn mark(row: u64, close: &str) -> Event {
    let price = close.parse().expect("a price");
    PriceMarked {
        symbol: aapl(),
        bar: Bar {
            date: "2023-11-14".parse().expect("a date"),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: 1,
        },
        source: "test".to_owned(),
        row,
    }
    .into()
}
