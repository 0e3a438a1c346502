//! What the journal and its feed make of a database that fails.

use std::sync::Arc;
use std::time::Duration;

use blotter::events::journal::Journal;
use blotter::events::{CommitError, EventStore, Recorded};
use blotter::values::{NodeId, Position};
use futures_util::future::join_all;
use proptest::prelude::*;
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::{assert_whole, impatient};
use crate::kurrent_double::{AppendFault, Double};
use crate::support::*;

/// Longest that a history may take.
const PATIENCE: Duration = Duration::from_secs(120);

fn fault() -> impl Strategy<Value = AppendFault> {
    prop_oneof![
        // Arrives twice, which is to say that nothing happens.
        4 => Just(AppendFault::Twice),
        1 => Just(AppendFault::SilentRecorded),
        1 => Just(AppendFault::SilentLost),
        1 => Just(AppendFault::SilentLate),
        2 => Just(AppendFault::BrokenRecorded),
        2 => Just(AppendFault::BrokenLost),
        1 => Just(AppendFault::OutOfTimeRecorded),
        1 => Just(AppendFault::EmptyAnswer),
        1 => Just(AppendFault::Denied),
    ]
}

/// Everything that the feed hands out up to the end of the log.
async fn published(journal: &Journal, end: Position) -> Vec<Recorded> {
    let mut events = journal.feed().subscribe(Position::ZERO);
    let mut seen = Vec::new();
    while (seen.len() as u64) < end.get() {
        let batch = events.next().await.expect("events");
        seen.extend(batch.iter().map(|event| (**event).clone()));
    }
    seen
}

/// Four writers, each on its own stream, send every commit until it is recorded.
async fn write_all(faults: Vec<AppendFault>) {
    let double = Double::start();
    let store: Arc<dyn EventStore> = Arc::new(impatient(&double).await);
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    let journal = Journal::start(Arc::clone(&store), lease, origin(), &runtime()).await;
    let journal = journal.expect("starts");
    double.state().append_faults.extend(faults);
    let writers = (0..4).map(|number| {
        let writer = journal.writer();
        async move {
            for version in 0..6 {
                let command = format!("{number}-{version}");
                let wanted = || commit(&command, &format!("order-{number}"), version, 1);
                loop {
                    match writer.submit(wanted()).await {
                        Ok(appended) => {
                            assert_eq!(appended.receipt.first_version.get(), version + 1);
                            break;
                        }
                        Err(CommitError::Unavailable(_)) => tokio::task::yield_now().await,
                        Err(error) => panic!("{command}: {error}"),
                    }
                }
            }
        }
    });
    join_all(writers).await;
    let head = store.head().await.expect("a head").position;
    assert_eq!(head, Position::new(24), "each commit once");
    assert_eq!(published(&journal, head).await, read_all(&*store).await);
    double.state().append_faults.clear();
    assert_whole(&double, 24).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_gets_lost_each_commit_is_recorded_once(faults in prop::collection::vec(fault(), 1..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let tasks = LocalSet::new();
        let history = tasks.run_until(async { timeout(PATIENCE, write_all(faults)).await });
        runtime.expect("a runtime").block_on(history).expect("in time");
    }
}

/// The new node's feed also hands out what the old one still recorded while it took over.
#[tokio::test]
async fn what_arrives_during_a_takeover_reaches_the_new_nodes_feed() {
    let takeover = async {
        let double = Double::start();
        let old = impatient(&double).await;
        let held = old.acquire_lease(&node()).await.expect("a lease");
        append_one(&old, &held, commit("a", "order-1", 0, 1))
            .await
            .expect("recorded");
        double.fail_append(AppendFault::SilentLate);
        let under_way = old
            .append(&held, &stamp(), [commit("b", "order-1", 1, 2)].into())
            .await;
        assert!(under_way.is_err());

        let newer: Arc<dyn EventStore> = Arc::new(impatient(&double).await);
        let other = NodeId::new("node-2").expect("a node");
        let lease = newer.acquire_lease(&other).await.expect("a lease");
        let journal = Journal::start(Arc::clone(&newer), lease, origin(), &runtime()).await;
        let journal = journal.expect("starts");
        let first = journal
            .writer()
            .submit(commit("c", "node-node-2", 0, 1))
            .await;
        assert_eq!(
            first.expect("recorded").receipt.first_position,
            Position::new(4)
        );
        let seen = published(&journal, Position::new(4)).await;
        assert_eq!(seen, read_all(&*newer).await);
        assert_eq!(seen.len(), 4);
    };
    let done = LocalSet::new().run_until(timeout(PATIENCE, takeover)).await;
    done.expect("in time");
}
