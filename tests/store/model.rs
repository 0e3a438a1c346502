//! Random histories on each engine that lasts, compared step by step with the memory engine.

use std::sync::Arc;

use blotter::events::memory::MemoryStore;
use blotter::events::plan::Appended;
use blotter::events::verify::verify_log;
use blotter::events::{Commit, CommitError, EventStore};
use blotter::values::Version;
use proptest::prelude::*;

use crate::kurrent_double::Double;
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

/// Where a log outlives its store.
enum Medium {
    Sqlite(tempfile::TempDir),
    Kurrent(Double),
}

impl Medium {
    async fn open(&self) -> Arc<dyn EventStore> {
        match self {
            Self::Sqlite(dir) => Arc::new(open(&dir.path().join("events.db")).await),
            Self::Kurrent(double) => Arc::new(open_kurrent(&double.url()).await),
        }
    }
}

async fn play(steps: Vec<Step>, medium: Medium) -> Result<(), TestCaseError> {
    let mut store = medium.open().await;
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
                store = medium.open().await;
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_answers_as_the_memory_engine_does(steps in prop::collection::vec(step(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let medium = Medium::Sqlite(tempfile::tempdir().expect("a directory"));
        runtime.expect("a runtime").block_on(play(steps, medium))?;
    }
}

proptest! {
    // Each step is a request or two over a socket.
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn kurrent_answers_as_the_memory_engine_does(steps in prop::collection::vec(step(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let medium = Medium::Kurrent(Double::start());
        runtime.expect("a runtime").block_on(play(steps, medium))?;
    }
}
