//! Commits, stores and a runtime to test with.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use blotter::events::OpenMode;
use blotter::events::catalogue::ActorRestarted;
use blotter::events::envelope::Origin;
use blotter::events::kurrent::KurrentStore;
use blotter::events::memory::MemoryStore;
use blotter::events::plan::{Appended, Stamp};
use blotter::events::postgres::PostgresStore;
use blotter::events::sqlite::SqliteStore;
use blotter::events::{Commit, CommitError, Event, EventStore, Lease, Meta, Recorded, Who};
use blotter::runtime::{DataClock, Runtime, SystemRandomness, SystemTasks};
use blotter::values::{CommandId, NodeId, Position, StreamName, Timestamp, Version};
use uuid::Uuid;

use crate::kurrent_double::Double;
use crate::postgres::server::Server;
use crate::seeded::arm;

pub const LOG_ID: Uuid = Uuid::from_u128(0x1090_1090);

pub fn node() -> NodeId {
    NodeId::new("node-1").expect("a node")
}

pub fn origin() -> Origin {
    Origin {
        node: node(),
        build: "test".to_owned(),
    }
}

pub fn stamp() -> Stamp {
    Stamp {
        origin: origin(),
        recorded_at: Timestamp::from_micros(1_700_000_000_000_000).expect("a time"),
    }
}

pub fn stream(name: &str) -> StreamName {
    StreamName::new(name).expect("a stream")
}

/// Some event with a text of `bytes` bytes in it.
pub fn event(bytes: usize) -> Event {
    Event::from(ActorRestarted {
        actor: "risk".to_owned(),
        cause: "x".repeat(bytes),
        restarts_in_window: 1,
    })
}

pub fn commit_of(command: &str, on: &str, expected: u64, events: Vec<Event>) -> Commit {
    let meta = Meta {
        command_id: CommandId::new(command).expect("a command id"),
        correlation_id: Uuid::from_u128(7),
        causation_id: None,
        who: Who::system("test"),
        occurred_at: Timestamp::default(),
    };
    Commit::new(&command, stream(on), Version::new(expected), meta, events).expect("a commit")
}

/// `events` events of different lengths, so that no two records are equal by accident.
pub fn commit(command: &str, on: &str, expected: u64, events: usize) -> Commit {
    commit_of(command, on, expected, (0..events).map(event).collect())
}

pub async fn append_one(
    store: &dyn EventStore,
    lease: &Lease,
    commit: Commit,
) -> Result<Appended, CommitError> {
    let mut answers = store
        .append(lease, &stamp(), [commit].into())
        .await
        .expect("appends");
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}

/// 1, 2, 3 ... events in turn on three streams.
pub async fn fill(store: &dyn EventStore, lease: &Lease, commits: usize) -> Vec<Recorded> {
    let mut versions = [0; 3];
    let mut all = Vec::new();
    for index in 0..commits {
        let events = index % 4 + 1;
        let version = &mut versions[index % 3];
        let on = format!("order-{}", index % 3);
        let appended = append_one(
            store,
            lease,
            commit(&format!("fill-{index}"), &on, *version, events),
        )
        .await
        .expect("recorded");
        *version += events as u64;
        all.extend(appended.records.iter().map(|recorded| (**recorded).clone()));
    }
    all
}

pub async fn read_all(store: &dyn EventStore) -> Vec<Recorded> {
    store.read(Position::ZERO, 1 << 20).await.expect("reads")
}

/// A store with the directory its file is in.
pub struct Fixture {
    pub store: Arc<dyn EventStore>,
    pub lease: Lease,
    _dir: Option<tempfile::TempDir>,
    _server: Option<Server>,
    _double: Option<Double>,
}

pub async fn memory() -> Fixture {
    arm();
    let store = Arc::new(MemoryStore::new(LOG_ID));
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    Fixture {
        store,
        lease,
        _dir: None,
        _server: None,
        _double: None,
    }
}

pub async fn sqlite() -> Fixture {
    arm();
    let dir = tempfile::tempdir().expect("a directory");
    let store = Arc::new(open(&dir.path().join("events.db")).await);
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    Fixture {
        store,
        lease,
        _dir: Some(dir),
        _server: None,
        _double: None,
    }
}

pub async fn postgres() -> Fixture {
    let server = Server::start();
    let store = Arc::new(open_postgres(&server.owner_url()).await);
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    Fixture {
        store,
        lease,
        _dir: None,
        _server: Some(server),
        _double: None,
    }
}

pub async fn kurrent() -> Fixture {
    let double = Double::start();
    let store = Arc::new(open_kurrent(&double.url()).await);
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    Fixture {
        store,
        lease,
        _dir: None,
        _server: None,
        _double: Some(double),
    }
}

pub async fn open_kurrent(url: &str) -> KurrentStore {
    let mode = OpenMode::CreateOrOpen { new_log_id: LOG_ID };
    let url = url.parse().expect("an address");
    KurrentStore::open(&url, mode).await.expect("opens")
}

pub async fn open_postgres(url: &str) -> PostgresStore {
    let mode = OpenMode::CreateOrOpen { new_log_id: LOG_ID };
    let url = url.parse().expect("an address");
    PostgresStore::open(&url, mode).await.expect("opens")
}

pub async fn open(path: &Path) -> SqliteStore {
    let mode = OpenMode::CreateOrOpen { new_log_id: LOG_ID };
    SqliteStore::open(path, mode).await.expect("opens")
}

/// A directory and the path of a log in it.
pub fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("events.db");
    (dir, path)
}

/// A clock that stands still and tasks on the current `LocalSet`.
pub fn runtime() -> Runtime {
    let clock = Arc::new(DataClock::default());
    Runtime {
        wall: clock.clone(),
        business: clock,
        randomness: Arc::new(SystemRandomness),
        tasks: Rc::new(SystemTasks),
    }
}
