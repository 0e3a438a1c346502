//! Random histories on each engine that lasts, compared step by step with the memory engine.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;

use blotter::events::memory::MemoryStore;
use blotter::events::plan::Appended;
use blotter::events::verify::verify_log;
use blotter::events::{Commit, CommitError, EventStore};
use blotter::values::Version;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::kurrent_double::Double;
use crate::postgres;
use crate::postgres::server::Server;
use crate::support::*;

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Wanted>),
    /// Close the file and open it again.
    Reopen,
    /// Another node takes over.
    NewLease,
}

#[derive(Debug, Clone)]
struct Wanted {
    /// Few, so that repetitions happen.
    command: u8,
    stream: u8,
    events: usize,
    /// Added to the right expected version: not 0 is a conflict.
    off_by: u64,
    /// Misuse the command's id for another command.
    other_command: bool,
    writer: Option<u64>,
}

fn wanted() -> impl Strategy<Value = Wanted> {
    (
        0..40u8,
        0..4u8,
        0..4usize,
        prop_oneof![8 => Just(0), 1 => 1..3u64],
        prop::bool::weighted(0.1),
        prop::option::weighted(0.3, 0..2u64),
    )
        .prop_map(
            |(command, stream, events, off_by, other_command, writer)| Wanted {
                command,
                stream,
                events,
                off_by,
                other_command,
                writer,
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(wanted(), 0..6).prop_map(Step::Append),
        1 => Just(Step::Reopen),
        1 => Just(Step::NewLease),
    ]
}

async fn build(wanted: &Wanted, model: &MemoryStore) -> Commit {
    let on = format!("order-{}", wanted.stream);
    let known = model
        .read_stream(&stream(&on), Version::ZERO, usize::MAX)
        .await
        .expect("reads");
    let expected = known.len() as u64 + wanted.off_by;
    let mut commit = commit(
        &format!("c-{}", wanted.command),
        &on,
        expected,
        wanted.events,
    );
    commit.writer = wanted.writer.map(blotter::events::commit::WriterToken);
    if wanted.other_command {
        commit.fingerprint = [9; 32];
    }
    commit
}

type Answer = Result<Appended, CommitError>;

fn comparable(answers: &[Answer]) -> String {
    format!("{answers:?}")
}

/// Where the log under test is.
enum Place {
    File(PathBuf),
    Database(String),
    Kurrent(Double),
}

impl Place {
    async fn open(&self) -> Arc<dyn EventStore> {
        match self {
            Self::File(path) => Arc::new(open(path).await),
            Self::Database(url) => Arc::new(open_postgres(url).await),
            Self::Kurrent(double) => Arc::new(open_kurrent(&double.url()).await),
        }
    }
}

async fn play(place: Place, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut store = place.open().await;
    let model = MemoryStore::new(LOG_ID);
    let mut lease = model.acquire_lease(&node()).await.expect("a lease");
    prop_assert_eq!(store.acquire_lease(&node()).await, Ok(lease.clone()));
    for step in steps {
        match step {
            Step::Append(wanted) => {
                let mut batch = Vec::new();
                for wanted in &wanted {
                    batch.push(build(wanted, &model).await);
                }
                let batch: Arc<[_]> = batch.into();
                let expected = model
                    .append(&lease, &stamp(), Arc::clone(&batch))
                    .await
                    .expect("appends");
                let found = store
                    .append(&lease, &stamp(), Arc::clone(&batch))
                    .await
                    .expect("appends");
                prop_assert_eq!(comparable(&found), comparable(&expected));
            }
            Step::Reopen => {
                store.close().await.expect("closes");
                store = place.open().await;
            }
            Step::NewLease => {
                lease = model.acquire_lease(&node()).await.expect("a lease");
                prop_assert_eq!(store.acquire_lease(&node()).await, Ok(lease.clone()));
            }
        }
        prop_assert_eq!(store.head().await, model.head().await);
    }
    prop_assert_eq!(read_all(&*store).await, read_all(&model).await);
    let report = verify_log(&*store, |_, _| ()).await;
    prop_assert_eq!(report, verify_log(&model, |_, _| ()).await);
    Ok(())
}

/// Plays random histories, each on a new log.
fn play_all(cases: u32, new_log: impl AsyncFn() -> Place) {
    let config = ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let histories = prop::collection::vec(step(), 1..25);
    let played = TestRunner::new(config).run(&histories, |steps| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let all = async { play(new_log().await, steps).await };
        runtime.expect("a runtime").block_on(all)
    });
    played.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn sqlite_answers_as_the_memory_engine_does() {
    let dir = tempfile::tempdir().expect("a directory");
    let count = Cell::new(0);
    play_all(64, async || {
        count.set(count.get() + 1);
        Place::File(dir.path().join(format!("{}.db", count.get())))
    });
}

#[test]
fn postgres_answers_as_the_memory_engine_does() {
    let server = Server::start();
    play_all(32, async || {
        postgres::clear(&server.owner_url()).await;
        Place::Database(server.owner_url())
    });
}

#[test]
fn kurrent_answers_as_the_memory_engine_does() {
    // Each step is a request or two over a socket.
    play_all(16, async || Place::Kurrent(Double::start()));
}
