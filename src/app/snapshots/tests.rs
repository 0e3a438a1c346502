//! That every fold is known by its version, and that snapshots are kept while the log grows.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::domain::tests::story::Story;
use crate::events::envelope::Origin;
use crate::events::memory::MemoryStore;
use crate::events::{Commit, EventStore, Fold, Journal, Meta, Recorded, Who};
use crate::runtime::{DataClock, Runtime, SystemRandomness, SystemTasks};
use crate::values::canonical;
use crate::values::{CommandId, NodeId, StreamName, Timestamp, Version};

/// Name, version and SHA-256 of the state of each fold after one small history. Where a state
/// differs, an old snapshot would bring back what this program would not have folded.
const KNOWN: [(&str, u32, &str); 5] = [
    (
        "ledger",
        2,
        "7b688e671db4bc4afccbc99814df1ea48e7f42f8dd70cc85090078d6cfb762a5",
    ),
    (
        "risk",
        1,
        "d7a16dc6a5dc8687d7429bd0da66fe69fede18f3b26e1ccf3e6f204e530c720d",
    ),
    (
        "execution:paper",
        1,
        "e0bff84cf7f8197d2c77d5797ed4f2e042d4fad0e3dcb7c9c36380832ff5f49e",
    ),
    (
        "notifier",
        1,
        "25d3da1be300bac0c90be668630769e9b3342aab5b7e33c36068f6eefb0a0975",
    ),
    (
        "strategy:s1",
        1,
        "a24e74c9e79ada82f63d0d9e144b1ce8310f453e6943ab068caf8d8599f2ea6f",
    ),
];

/// The version, and the state as canonical JSON.
fn told<F: Fold>(mut fold: F, log: &[Recorded]) -> (String, u32, Value) {
    for recorded in log {
        fold.fold(recorded).expect("folds");
    }
    let state = serde_json::to_value(&fold).expect("a state");
    (fold.name(), F::VERSION, state)
}

#[test]
fn a_state_that_changes_needs_another_version() {
    let log = Story::whole().records;
    let venue = VenueId::new("paper").expect("a venue");
    let strategy = StrategyId::new("s1").expect("a strategy");
    let found = [
        told(Ledger::default(), &log),
        told(RiskBook::default(), &log),
        told(VenueOrders::new(venue), &log),
        told(Outstanding::default(), &log),
        told(strategy::View::new(strategy), &log),
    ];
    let hashes: Vec<_> = found
        .iter()
        .map(|(_, _, state)| hex::encode(canonical::hash(state).expect("canonical")))
        .collect();
    let found: Vec<_> = found
        .iter()
        .zip(&hashes)
        .map(|((name, version, _), hash)| (name.as_str(), *version, hash.as_str()))
        .collect();
    assert_eq!(
        found, KNOWN,
        "the state of a fold is not what it was: raise its VERSION, and write down the new hash"
    );
}

#[test]
fn every_fold_that_a_start_needs_is_kept() {
    let folds = Folds {
        venue: VenueId::new("paper").expect("a venue"),
        strategies: vec![StrategyId::new("s1").expect("a strategy")],
    };
    let names: Vec<_> = folds.empty().iter().map(|fold| fold.name()).collect();
    let mut known: Vec<_> = KNOWN.iter().map(|(name, ..)| *name).collect();
    known.sort_unstable();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, known);
}

fn runtime() -> Runtime {
    let clock = Arc::new(DataClock::default());
    Runtime {
        wall: clock.clone(),
        business: clock,
        randomness: Arc::new(SystemRandomness),
        tasks: std::rc::Rc::new(SystemTasks),
    }
}

fn node() -> NodeId {
    NodeId::new("n1").expect("a node")
}

/// A commit of 250 events that no fold makes anything of.
fn commit(number: u64) -> Commit {
    let restarted = crate::events::catalogue::ActorRestarted {
        actor: "risk".to_owned(),
        cause: "test".to_owned(),
        restarts_in_window: 1,
    };
    let meta = Meta {
        command_id: CommandId::derived(&["test", &number.to_string()]),
        correlation_id: uuid::Uuid::nil(),
        causation_id: None,
        who: Who::system("test"),
        occurred_at: Timestamp::default(),
    };
    let stream = StreamName::node(&node());
    let expected = Version::new(number * 250);
    let events = vec![restarted.into(); 250];
    Commit::new(&number, stream, expected, meta, events).expect("a commit")
}

#[test]
fn snapshots_are_kept_as_the_log_grows_and_at_the_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let folder = dir.path().join("snapshots");
    let events = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let work = async {
        let store = Arc::new(MemoryStore::new(uuid::Uuid::from_u128(9)));
        let lease = store.acquire_lease(&node()).await.expect("a lease");
        let origin = Origin {
            node: node(),
            build: "test".to_owned(),
        };
        let runtime = runtime();
        let journal = Journal::start(store.clone(), lease, origin, &runtime).await;
        let journal = journal.expect("starts");
        let snapshots = Snapshots::of(store, Some(folder.clone())).await;
        let snapshots = snapshots.expect("an identity");
        let folds = Folds {
            venue: VenueId::new("paper").expect("a venue"),
            strategies: Vec::new(),
        };
        let feed = journal.feed().clone();
        let keeping = Keeping::start(snapshots.clone(), folds, feed, &SystemTasks);
        let keeping = keeping.expect("a thread");
        let writer = journal.writer();
        let mut kept_at = keeping.kept_at();
        for number in 0..EVERY_EVENTS / 250 {
            assert!(snapshots.kept().await.is_empty(), "too early");
            writer.submit(commit(number)).await.expect("recorded");
        }
        let due = Position::new(EVERY_EVENTS);
        let reached = kept_at.wait_for(|kept_at| *kept_at == due).await;
        reached.expect("still keeping");
        let positions = |kept: Vec<crate::events::snapshot::Kept>| {
            let mut positions: Vec<_> = kept.iter().map(|kept| kept.mark.position.get()).collect();
            positions.sort_unstable();
            positions
        };
        assert_eq!(positions(snapshots.kept().await), [EVERY_EVENTS; 4]);
        writer
            .submit(commit(EVERY_EVENTS / 250))
            .await
            .expect("recorded");
        keeping.stop().await;
        let mut both = [[EVERY_EVENTS; 4], [EVERY_EVENTS + 250; 4]].concat();
        both.sort_unstable();
        assert_eq!(positions(snapshots.kept().await), both);
    };
    tokio::task::LocalSet::new().block_on(&events, work);
}

#[tokio::test(start_paused = true)]
async fn after_a_slow_one_it_rests_however_much_is_recorded() {
    let store = Arc::new(MemoryStore::new(uuid::Uuid::from_u128(9)));
    let (publisher, feed) = Feed::new(store.clone(), Position::new(EVERY_EVENTS));
    let (_stop, stopping) = watch::channel(false);
    let rest = Duration::from_secs(3_600);
    let mut keeper = Keeper {
        snapshots: Snapshots::of(store, None).await.expect("an identity"),
        folds: Folds {
            venue: VenueId::new("paper").expect("a venue"),
            strategies: Vec::new(),
        },
        feed,
        kept: watch::channel(Position::ZERO).0,
        rest_until: Instant::now() + rest,
        stopping,
    };
    let began = Instant::now();
    assert!(keeper.wait().await, "enough is recorded");
    assert!(began.elapsed() >= rest);
    drop(publisher);
}
