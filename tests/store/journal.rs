//! Group commit, and what the journal does when its store fails. Time is paused: waits cost
//! nothing and happen in order.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use blotter::events::journal::{BATCH_COMMITS_MAX, Journal, JournalState, QUEUE_COMMITS_MAX};
use blotter::events::plan::Appended;
use blotter::events::{CommitError, EventStore, FeedError, Recorded, StoreError};
use blotter::values::Position;
use futures_util::future::join_all;
use tokio::task::LocalSet;
use tokio::time::timeout;

use crate::faulty::{Fault, FaultyStore};
use crate::support::*;

/// Runs a test with a journal over a store that fails by script.
async fn with_journal<F: Future<Output = ()>>(
    faults: impl IntoIterator<Item = Fault>,
    test: impl FnOnce(Arc<FaultyStore>, Journal) -> F,
) {
    let store = FaultyStore::new(faults);
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    let all = async {
        let journal = Journal::start(store.clone(), lease, origin(), &runtime()).await;
        test(store.clone(), journal.expect("starts")).await;
        assert_log_matches_feed_order(&store).await;
    };
    // Paused time jumps ahead when everyone waits, so a deadlock fails here at once.
    let patience = Duration::from_secs(24 * 3_600);
    let done = LocalSet::new().run_until(timeout(patience, all)).await;
    done.expect("nobody waits for ever");
}

async fn assert_log_matches_feed_order(store: &FaultyStore) {
    for (recorded, position) in read_all(store).await.iter().zip(1..) {
        assert_eq!(recorded.position().get(), position);
    }
}

/// What the feed hands out up to the end of the log.
async fn published(store: &FaultyStore, journal: &Journal) -> Vec<Recorded> {
    let head = store.head().await.expect("a head").position;
    let mut events = journal.feed().subscribe(Position::ZERO);
    let mut seen = Vec::new();
    while (seen.len() as u64) < head.get() {
        seen.extend(
            events
                .next()
                .await
                .expect("events")
                .iter()
                .map(|event| (**event).clone()),
        );
    }
    seen
}

/// Every event of the log was published exactly once, in order.
async fn assert_published_once(store: &FaultyStore, journal: &Journal) {
    assert_eq!(published(store, journal).await, read_all(store).await);
    let head = store.head().await.expect("a head").position;
    assert_eq!(journal.feed().head(), head);
}

fn single(index: usize) -> blotter::events::Commit {
    commit(&format!("c-{index}"), &format!("order-{index}"), 0, 1)
}

fn is_unavailable(answer: &Result<Appended, CommitError>) -> bool {
    matches!(answer, Err(CommitError::Unavailable(_)))
}

#[tokio::test(start_paused = true)]
async fn commits_that_wait_share_a_transaction() {
    with_journal([], |store, journal| async move {
        store.hold();
        let first = journal.writer().submit(single(0));
        let mut batches = store.batches.subscribe();
        batches
            .wait_for(|batches| batches.len() == 1)
            .await
            .expect("the first is on its way");
        let others: Vec<_> = (1..=300)
            .map(|index| journal.writer().submit(single(index)))
            .collect();
        store.let_go();
        let first = first.await.expect("recorded");
        assert_eq!(first.receipt.first_position, Position::new(1));
        assert!(join_all(others).await.iter().all(Result::is_ok));
        assert_eq!(
            *store.batches.borrow(),
            [1, BATCH_COMMITS_MAX, 300 - BATCH_COMMITS_MAX]
        );
        assert_published_once(&store, &journal).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_seen_before_it_is_durable() {
    with_journal([], |store, journal| async move {
        store.hold();
        let answer = journal.writer().submit(single(0));
        tokio::pin!(answer);
        let mut batches = store.batches.subscribe();
        batches
            .wait_for(|batches| batches.len() == 1)
            .await
            .expect("on its way");
        tokio::task::yield_now().await;
        assert!(futures_util::poll!(&mut answer).is_pending());
        assert_eq!(journal.feed().head(), Position::ZERO);
        assert_eq!(journal.feed().read(Position::ZERO).await, Ok(Vec::new()));
        store.let_go();
        answer.await.expect("recorded");
        // The feed is told before the caller.
        assert_eq!(journal.feed().head(), Position::new(1));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_answers_at_once() {
    with_journal([], |store, journal| async move {
        store.hold();
        let writer = journal.writer();
        let mut waiting = vec![writer.submit(single(0))];
        let mut batches = store.batches.subscribe();
        batches
            .wait_for(|batches| batches.len() == 1)
            .await
            .expect("on its way");
        waiting.extend((1..=QUEUE_COMMITS_MAX).map(|index| writer.submit(single(index))));
        let refused = writer.submit(single(QUEUE_COMMITS_MAX + 1)).await;
        let overloaded = CommitError::Overloaded {
            capacity: QUEUE_COMMITS_MAX,
        };
        assert_eq!(refused.err(), Some(overloaded));
        store.let_go();
        assert!(join_all(waiting).await.iter().all(Result::is_ok));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_looked_ahead_is_dropped_and_a_new_one_goes_on() {
    with_journal([], |store, journal| async move {
        store.hold();
        let blocker = journal.writer().submit(single(100));
        let mut batches = store.batches.subscribe();
        batches
            .wait_for(|batches| batches.len() == 1)
            .await
            .expect("on its way");
        let writer = journal.writer_looking_ahead();
        let good = writer.submit(commit("a", "account-1", 0, 1));
        let conflict = writer.submit(commit("b", "account-1", 5, 1));
        let same_batch = writer.submit(commit("c", "account-2", 0, 1));
        let bystander = journal.writer().submit(single(0));
        store.let_go();
        blocker.await.expect("recorded");
        good.await.expect("recorded");
        assert!(matches!(conflict.await, Err(CommitError::Conflict { .. })));
        let superseded = Some(CommitError::WriterSuperseded);
        assert_eq!(same_batch.await.err(), superseded);
        bystander.await.expect("recorded");
        assert_eq!(
            writer.submit(commit("d", "account-3", 0, 1)).await.err(),
            superseded,
            "for good"
        );
        let rebuilt = journal.writer_looking_ahead();
        rebuilt
            .submit(commit("b", "account-1", 1, 1))
            .await
            .expect("recorded");
        assert_published_once(&store, &journal).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_busy_store_is_asked_again() {
    with_journal([Fault::Busy; 3], |store, journal| async move {
        journal.writer().submit(single(0)).await.expect("recorded");
        assert_eq!(*journal.state().borrow(), JournalState::Writable);
        assert_eq!(store.batches.borrow().len(), 4);
        assert_published_once(&store, &journal).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn while_unavailable_everyone_is_told_and_then_it_goes_on() {
    with_journal([Fault::Unavailable; 4], |store, journal| async move {
        let mut state = journal.state();
        let looking_ahead = journal.writer_looking_ahead();
        let answers = join_all([
            journal.writer().submit(single(0)),
            journal.writer().submit(single(1)),
            looking_ahead.submit(single(2)),
        ])
        .await;
        assert!(answers.iter().all(is_unavailable), "{answers:?}");
        let down = state
            .wait_for(|state| *state != JournalState::Writable)
            .await
            .expect("a state")
            .clone();
        assert_eq!(down, JournalState::Unavailable("scripted".to_owned()));
        let meanwhile = journal.writer().submit(single(3)).await;
        assert!(is_unavailable(&meanwhile), "{meanwhile:?}");
        assert!(read_all(&*store).await.is_empty());
        state
            .wait_for(|state| *state == JournalState::Writable)
            .await
            .expect("recovers");
        // One batch failed, three probes failed, one passed.
        assert_eq!(*store.batches.borrow(), [3, 0, 0, 0, 0]);
        let stale = looking_ahead.submit(single(4)).await;
        assert_eq!(stale.err(), Some(CommitError::WriterSuperseded));
        journal.writer().submit(single(0)).await.expect("recorded");
        assert_published_once(&store, &journal).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_busy_counts_as_unavailable() {
    with_journal([Fault::Busy; 8], |store, journal| async move {
        let answer = journal.writer().submit(single(0)).await;
        assert!(is_unavailable(&answer), "{answer:?}");
        let mut state = journal.state();
        state
            .wait_for(|state| *state == JournalState::Writable)
            .await
            .expect("recovers");
        journal.writer().submit(single(0)).await.expect("recorded");
        assert_published_once(&store, &journal).await;
    })
    .await;
}

/// Commits of every kind in one batch whose outcome is unknown.
async fn unknown_outcome(fault: Fault) {
    with_journal([], |store, journal| async move {
        journal
            .writer()
            .submit(commit("old", "order-old", 0, 1))
            .await
            .expect("recorded");
        store.fail_next(fault);
        store.fail_lookup(StoreError::Unavailable("still down".to_owned()));
        let looking_ahead = journal.writer_looking_ahead();
        let answers = join_all([
            journal.writer().submit(commit("new", "order-1", 0, 3)),
            journal.writer().submit(commit("new", "order-1", 0, 3)),
            journal.writer().submit(commit("old", "order-old", 1, 1)),
            journal
                .writer()
                .submit(commit("conflict", "order-old", 9, 1)),
            looking_ahead.submit(commit("ahead-1", "account-1", 0, 1)),
            looking_ahead.submit(commit("ahead-2", "account-1", 1, 2)),
        ])
        .await;
        let [new, again, old, conflict, ahead_1, ahead_2] = &answers[..] else {
            panic!("{answers:?}")
        };
        let receipt =
            |answer: &Result<Appended, CommitError>| answer.clone().expect("recorded").receipt;
        assert_eq!(receipt(new).first_position, Position::new(2));
        assert_eq!(receipt(again), receipt(new));
        assert_eq!(receipt(old).first_position, Position::new(1));
        assert!(old.as_ref().is_ok_and(Appended::is_repeat));
        assert!(matches!(
            conflict,
            Err(CommitError::Conflict { .. } | CommitError::Unavailable(_))
        ));
        assert_eq!(receipt(ahead_1).first_position, Position::new(5));
        assert_eq!(receipt(ahead_2).first_position, Position::new(6));
        assert_eq!(read_all(&*store).await.len(), 7, "one copy of each");
        assert_eq!(*journal.state().borrow(), JournalState::Writable);
        looking_ahead
            .submit(commit("ahead-3", "account-1", 3, 1))
            .await
            .expect("nothing it saw was wrong");
        assert_published_once(&store, &journal).await;
    })
    .await;
}

/// The same command twice in a batch, decided on other versions: only one of the two can have been
/// recorded, also where the answers have to be looked up.
#[tokio::test(start_paused = true)]
async fn a_receipt_is_new_to_the_one_that_was_recorded() {
    with_journal([], |store, journal| async move {
        let writer = journal.writer();
        let before = writer.submit(commit("before", "order-1", 0, 2)).await;
        before.expect("recorded");
        store.fail_next(Fault::UnknownRecorded);
        let answers = join_all([
            writer.submit(commit("twice", "order-1", 0, 1)),
            writer.submit(commit("twice", "order-1", 2, 1)),
        ])
        .await;
        let repeats: Vec<_> = answers
            .iter()
            .map(|answer| answer.as_ref().expect("a receipt").is_repeat())
            .collect();
        assert_eq!(repeats, [true, false]);
        assert_published_once(&store, &journal).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_that_was_recorded() {
    unknown_outcome(Fault::UnknownRecorded).await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_that_was_not_recorded() {
    unknown_outcome(Fault::UnknownLost).await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_that_is_recorded_after_it_was_looked_up() {
    unknown_outcome(Fault::UnknownLate).await;
}

/// The second attempt fails for certain, but by then the first has landed: saying that nothing was
/// recorded would be wrong, and its events would never be published.
#[tokio::test(start_paused = true)]
async fn a_late_batch_whose_second_attempt_fails_is_not_called_unrecorded() {
    with_journal([], |store, journal| async move {
        store.fail_next(Fault::UnknownLate);
        store.fail_next(Fault::Unavailable);
        let answer = journal.writer().submit(single(0)).await.expect("recorded");
        assert_eq!(answer.receipt.first_position.get(), 1);
        journal.writer().submit(single(1)).await.expect("recorded");
        assert_published_once(&store, &journal).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_late_batch_and_its_second_attempt_are_published_in_order() {
    with_journal([], |store, journal| async move {
        journal.writer().submit(single(0)).await.expect("recorded");
        store.fail_next(Fault::UnknownLate);
        // At the first attempt only the second commit fits; at the second attempt the first does.
        let answers = join_all([
            journal.writer().submit(commit("second", "account-1", 1, 1)),
            journal.writer().submit(commit("first", "account-1", 0, 1)),
        ])
        .await;
        let positions: Vec<_> = answers
            .iter()
            .map(|answer| {
                answer
                    .as_ref()
                    .expect("recorded")
                    .receipt
                    .first_position
                    .get()
            })
            .collect();
        assert_eq!(positions, [3, 2]);
        assert_published_once(&store, &journal).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_trusted_stops_the_journal() {
    with_journal([Fault::Fatal], |store, journal| async move {
        let mut events = journal.feed().subscribe(Position::ZERO);
        let answer = journal.writer().submit(single(0)).await;
        assert!(
            matches!(answer, Err(CommitError::Indeterminate(_))),
            "{answer:?}"
        );
        let mut state = journal.state();
        let stopped = state
            .wait_for(|state| matches!(state, JournalState::Stopped(_)))
            .await;
        assert!(stopped.is_ok());
        let later = journal.writer().submit(single(1)).await;
        assert!(matches!(later, Err(CommitError::Stopped(_))), "{later:?}");
        assert_eq!(events.next().await, Err(FeedError::Closed));
        assert_eq!(store.batches.borrow().len(), 1, "never tried again");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_fenced_journal_stops() {
    with_journal([], |store, journal| async move {
        journal.writer().submit(single(0)).await.expect("recorded");
        store
            .acquire_lease(&node())
            .await
            .expect("another node takes over");
        let answer = journal.writer().submit(single(1)).await;
        assert!(
            matches!(answer, Err(CommitError::Indeterminate(_))),
            "{answer:?}"
        );
        let mut state = journal.state();
        state
            .wait_for(|state| matches!(state, JournalState::Stopped(_)))
            .await
            .expect("stops");
        assert_eq!(read_all(&*store).await.len(), 1);
    })
    .await;
}
