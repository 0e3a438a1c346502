//! The journal over an engine, as a node uses it.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use blotter::events::catalogue::ActorRestarted;
use blotter::events::envelope::Origin;
use blotter::events::{Commit, Event, Journal, LogUrl, Meta, OpenMode, Who};
use blotter::runtime::{DataClock, Runtime, SystemClock, SystemRandomness, SystemTasks};
use blotter::values::{CommandId, NodeId, StreamName, Timestamp, Version};
use uuid::Uuid;

use crate::load::{Figures, drive, on_an_event_loop};
use crate::place::directory;

fn runtime() -> Runtime {
    Runtime {
        wall: Arc::new(SystemClock),
        business: Arc::new(DataClock::default()),
        randomness: Arc::new(SystemRandomness),
        tasks: Rc::new(SystemTasks),
    }
}

pub fn origin() -> Origin {
    Origin {
        node: node(),
        build: "bench".to_owned(),
    }
}

pub fn node() -> NodeId {
    NodeId::new("bench").expect("a node")
}

fn event(bytes: usize) -> Event {
    Event::from(ActorRestarted {
        actor: "risk".to_owned(),
        cause: "x".repeat(bytes.saturating_sub(60)),
        restarts_in_window: 1,
    })
}

/// `events` events with a payload of about `bytes` bytes each.
pub fn commit(command: &str, stream: &str, expected: u64, events: usize, bytes: usize) -> Commit {
    let meta = Meta {
        command_id: CommandId::new(command).expect("a command id"),
        correlation_id: Uuid::from_u128(7),
        causation_id: None,
        who: Who::system("bench"),
        occurred_at: Timestamp::default(),
    };
    let stream = StreamName::new(stream).expect("a stream");
    let events = (0..events).map(|_| event(bytes)).collect();
    Commit::new(&command, stream, Version::new(expected), meta, events).expect("a commit")
}

/// Where a new log goes, given an empty directory.
pub type Address<'a> = &'a dyn Fn(&Path) -> LogUrl;

pub fn sqlite(directory: &Path) -> LogUrl {
    LogUrl::Sqlite(directory.join("events.db"))
}

/// Makes a log, or opens the one that is there.
pub const MODE: OpenMode = OpenMode::CreateOrOpen {
    new_log_id: Uuid::from_u128(1),
};

/// A journal over a new log, for `work`.
fn with_journal(address: Address<'_>, work: impl AsyncFnOnce(Journal) -> Figures) -> Figures {
    let directory = directory();
    on_an_event_loop(async {
        let store = address(directory.path()).open(MODE).await.expect("opens");
        let lease = store.acquire_lease(&node()).await.expect("a lease");
        let runtime = runtime();
        let journal = Journal::start(Arc::clone(&store), lease, origin(), &runtime);
        let figures = work(journal.await.expect("starts")).await;
        store.close().await.expect("closes");
        figures
    })
}

/// Each commit on a stream of its own, as orders are.
pub fn unique_streams(
    address: Address<'_>,
    appenders: usize,
    bytes: usize,
    cell: Duration,
) -> Figures {
    with_journal(address, async |journal| {
        let writer = journal.writer();
        drive(appenders, cell, |appender, number| {
            let name = format!("{appender}-{number}");
            let recorded = writer.submit(commit(&name, &format!("order-{name}"), 0, 1, bytes));
            Box::pin(async move { drop(recorded.await.expect("recorded")) })
        })
        .await
    })
}

/// Every commit on one stream, 64 on their way at a time: an account in the thick of it.
pub fn hot_stream(address: Address<'_>, bytes: usize, cell: Duration) -> Figures {
    with_journal(address, async |journal| {
        let writer = journal.writer_looking_ahead();
        let version = Cell::new(0);
        drive(64, cell, |_, _| {
            let expected = version.replace(version.get() + 1);
            let recorded = writer.submit(commit(
                &expected.to_string(),
                "account-1",
                expected,
                1,
                bytes,
            ));
            Box::pin(async move { drop(recorded.await.expect("recorded")) })
        })
        .await
    })
}

/// Commits of `events` events of 250 bytes, one after the other.
pub fn batches_of(address: Address<'_>, events: usize, cell: Duration) -> Figures {
    with_journal(address, async |journal| {
        let writer = journal.writer();
        drive(1, cell, |_, number| {
            let stream = format!("order-{number}");
            let recorded = writer.submit(commit(&number.to_string(), &stream, 0, events, 250));
            Box::pin(async move { drop(recorded.await.expect("recorded")) })
        })
        .await
    })
}
