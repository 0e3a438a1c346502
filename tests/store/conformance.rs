//! What every engine does, whatever it is made of.

use std::sync::Arc;

use blotter::events::commit::{COMMIT_EVENTS_MAX, WriterToken};
use blotter::events::merkle::{Frontier, leaf_hash};
use blotter::events::store::StoredCommit;
use blotter::events::verify::verify_log;
use blotter::events::{Commit, CommitError, CommitId, StoreError};
use blotter::values::{NodeId, Position, Version};

use crate::support::*;

/// Makes each function below a test of each engine.
macro_rules! for_every_engine {
    ($($test:ident)+) => {
        mod on_memory { $(#[tokio::test] async fn $test() { super::$test(crate::support::memory().await).await; })+ }
        mod on_sqlite { $(#[tokio::test] async fn $test() { super::$test(crate::support::sqlite().await).await; })+ }
        mod on_postgres { $(#[tokio::test] async fn $test() { super::$test(crate::support::postgres().await).await; })+ }
        mod on_kurrent { $(#[tokio::test] async fn $test() { super::$test(crate::support::kurrent().await).await; })+ }
    };
}

for_every_engine! {
    a_new_log_is_empty
    positions_and_versions_have_no_gaps
    a_conflict_fails_only_its_own_commit
    a_repeated_commit_gets_its_first_receipt
    a_repeat_within_one_batch_is_recorded_once
    another_command_under_a_known_id_is_refused
    look_ahead_commits_fall_with_the_one_before
    a_repeat_breaks_a_look_ahead_writer
    sizes_out_of_bounds_are_refused
    a_newer_lease_fences_the_old_one
    commits_can_be_looked_up
    every_page_begins_right_after_its_cursor
    every_page_of_a_stream_begins_right_after_its_cursor
    the_heads_root_is_that_of_the_records
    stored_commits_show_what_was_recorded
    an_empty_batch_records_nothing
    a_log_verifies
    what_another_log_stored_is_imported_as_it_is
    an_import_goes_on_only_where_the_log_ends
    an_import_of_what_its_hashes_do_not_say_writes_nothing
    an_import_under_an_older_lease_is_fenced
}

async fn a_new_log_is_empty(f: Fixture) {
    assert_eq!(f.store.log_id().await, Ok(LOG_ID));
    let head = f.store.head().await.expect("a head");
    assert_eq!(head.position, Position::ZERO);
    assert_eq!(head.frontier, Frontier::default());
    assert!(read_all(&*f.store).await.is_empty());
    assert!(!f.store.describe().is_empty());
}

async fn positions_and_versions_have_no_gaps(f: Fixture) {
    let batch = [
        commit("a", "order-1", 0, 3),
        commit("b", "order-2", 0, 1),
        commit("c", "order-1", 3, 2),
    ];
    let answers = f
        .store
        .append(&f.lease, &stamp(), batch.clone().into())
        .await
        .expect("appends");
    let receipts: Vec<_> = answers
        .iter()
        .map(|answer| &answer.as_ref().expect("recorded").receipt)
        .map(|receipt| {
            (
                receipt.first_position.get(),
                receipt.first_version.get(),
                receipt.events,
            )
        })
        .collect();
    assert_eq!(receipts, [(1, 1, 3), (4, 1, 1), (5, 4, 2)]);
    let events = read_all(&*f.store).await;
    let positions: Vec<_> = events.iter().map(|event| event.position().get()).collect();
    assert_eq!(positions, [1, 2, 3, 4, 5, 6]);
    let versions: Vec<_> = events
        .iter()
        .map(|event| event.envelope.version.get())
        .collect();
    assert_eq!(versions, [1, 2, 3, 1, 4, 5]);
    let answered = answers
        .iter()
        .flatten()
        .flat_map(|appended| &appended.records);
    assert!(
        answered.map(|recorded| &**recorded).eq(&events),
        "what was answered is what is read"
    );
}

async fn a_conflict_fails_only_its_own_commit(f: Fixture) {
    let batch = [
        commit("a", "order-1", 0, 1),
        commit("b", "order-1", 0, 1),
        commit("c", "order-2", 5, 1),
        commit("d", "order-1", 1, 1),
    ];
    let answers = f
        .store
        .append(&f.lease, &stamp(), batch.clone().into())
        .await
        .expect("appends");
    let conflict = |on, expected, actual| CommitError::Conflict {
        stream: stream(on),
        expected: Version::new(expected),
        actual: Version::new(actual),
    };
    assert_eq!(answers[1].clone().err(), Some(conflict("order-1", 0, 1)));
    assert_eq!(answers[2].clone().err(), Some(conflict("order-2", 5, 0)));
    assert!(answers[0].is_ok());
    let last = answers[3].as_ref().expect("recorded");
    assert_eq!(last.receipt.first_position, Position::new(2));
    assert_eq!(f.store.lookup(batch[1].id).await, Ok(None));
}

async fn a_repeated_commit_gets_its_first_receipt(f: Fixture) {
    let first = append_one(&*f.store, &f.lease, commit("a", "order-1", 0, 2))
        .await
        .expect("recorded");
    append_one(&*f.store, &f.lease, commit("b", "order-1", 2, 1))
        .await
        .expect("recorded");
    // Decided anew on a stream that has moved on, as a retrying caller would.
    for expected in [0, 3] {
        let again = append_one(&*f.store, &f.lease, commit("a", "order-1", expected, 1)).await;
        let again = again.expect("the first receipt");
        assert!(again.is_repeat());
        assert_eq!(again.receipt, first.receipt);
    }
    assert_eq!(read_all(&*f.store).await.len(), 3);
}

async fn a_repeat_within_one_batch_is_recorded_once(f: Fixture) {
    let batch = [commit("a", "order-1", 0, 2), commit("a", "order-1", 0, 2)];
    let answers = f
        .store
        .append(&f.lease, &stamp(), batch.clone().into())
        .await
        .expect("appends");
    let [Ok(first), Ok(second)] = &answers[..] else {
        panic!("{answers:?}")
    };
    assert!(!first.is_repeat() && second.is_repeat());
    assert_eq!(first.receipt, second.receipt);
    assert_eq!(read_all(&*f.store).await.len(), 2);
}

async fn another_command_under_a_known_id_is_refused(f: Fixture) {
    let first = commit("a", "order-1", 0, 1);
    let other = Commit {
        fingerprint: [9; 32],
        ..commit("a", "order-1", 1, 1)
    };
    let batch = [first.clone(), other.clone()];
    let answers = f
        .store
        .append(&f.lease, &stamp(), batch.clone().into())
        .await
        .expect("appends");
    let refusal = CommitError::IdempotencyMismatch(first.id);
    assert_eq!(
        answers[1].clone().err(),
        Some(refusal.clone()),
        "within a batch"
    );
    let later = append_one(&*f.store, &f.lease, other).await;
    assert_eq!(later.err(), Some(refusal), "in a later one");
    assert_eq!(read_all(&*f.store).await.len(), 1);
}

fn by(writer: u64, commit: Commit) -> Commit {
    Commit {
        writer: Some(WriterToken(writer)),
        ..commit
    }
}

async fn look_ahead_commits_fall_with_the_one_before(f: Fixture) {
    let batch = [
        by(1, commit("a", "order-1", 0, 1)),
        by(1, commit("b", "order-1", 7, 1)),
        by(2, commit("c", "order-3", 0, 1)),
        by(1, commit("d", "order-2", 0, 1)),
        commit("e", "order-4", 0, 1),
    ];
    let answers = f
        .store
        .append(&f.lease, &stamp(), batch.clone().into())
        .await
        .expect("appends");
    assert!(
        answers[0].is_ok() && answers[2].is_ok() && answers[4].is_ok(),
        "{answers:?}"
    );
    assert!(matches!(answers[1], Err(CommitError::Conflict { .. })));
    assert_eq!(
        answers[3].clone().err(),
        Some(CommitError::WriterSuperseded)
    );
    assert_eq!(f.store.lookup(batch[3].id).await, Ok(None));
}

async fn a_repeat_breaks_a_look_ahead_writer(f: Fixture) {
    append_one(&*f.store, &f.lease, commit("a", "order-1", 0, 1))
        .await
        .expect("recorded");
    let batch = [
        by(1, commit("a", "order-1", 1, 1)),
        by(1, commit("b", "order-2", 0, 1)),
    ];
    let answers = f
        .store
        .append(&f.lease, &stamp(), batch.clone().into())
        .await
        .expect("appends");
    assert!(
        answers[0]
            .as_ref()
            .is_ok_and(|appended| appended.is_repeat())
    );
    assert_eq!(
        answers[1].clone().err(),
        Some(CommitError::WriterSuperseded)
    );
}

async fn sizes_out_of_bounds_are_refused(f: Fixture) {
    let too_large = commit_of("large", "order-1", 0, vec![event(0), event(1 << 20)]);
    let batch = [
        commit("none", "order-1", 0, 0),
        commit("many", "order-1", 0, COMMIT_EVENTS_MAX + 1),
        too_large,
        commit("most", "order-1", 0, COMMIT_EVENTS_MAX),
    ];
    let answers = f
        .store
        .append(&f.lease, &stamp(), batch.clone().into())
        .await
        .expect("appends");
    for answer in &answers[..3] {
        assert!(matches!(answer, Err(CommitError::Invalid(_))), "{answer:?}");
    }
    let most = answers[3].as_ref().expect("recorded");
    assert_eq!(
        most.receipt.first_position,
        Position::new(1),
        "a refused commit leaves nothing"
    );
    verify_log(&*f.store, |_, _| ()).await.expect("holds");
}

async fn a_newer_lease_fences_the_old_one(f: Fixture) {
    append_one(&*f.store, &f.lease, commit("a", "order-1", 0, 1))
        .await
        .expect("recorded");
    let other = NodeId::new("node-2").expect("a node");
    let newer = f.store.acquire_lease(&other).await.expect("a lease");
    assert!(newer.epoch > f.lease.epoch);
    assert_eq!(newer.holder, other);
    let fenced = StoreError::Fenced {
        held: f.lease.epoch,
        current: newer.epoch,
    };
    for batch in [vec![commit("b", "order-1", 1, 1)], vec![]] {
        let refused = f
            .store
            .append(&f.lease, &stamp(), batch.clone().into())
            .await;
        assert_eq!(refused.err(), Some(fenced.clone()));
    }
    assert_eq!(read_all(&*f.store).await.len(), 1);
    append_one(&*f.store, &newer, commit("b", "order-1", 1, 1))
        .await
        .expect("recorded");
}

async fn commits_can_be_looked_up(f: Fixture) {
    let wanted = commit("a", "order-1", 0, 2);
    assert_eq!(f.store.lookup(wanted.id).await, Ok(None));
    let appended = append_one(&*f.store, &f.lease, wanted.clone())
        .await
        .expect("recorded");
    let found = f.store.lookup(wanted.id).await.expect("looks up");
    assert_eq!(found, Some((wanted.fingerprint, appended.receipt)));
    assert_eq!(
        f.store.lookup(CommitId::from_bytes([1; 16])).await,
        Ok(None)
    );
}

async fn every_page_begins_right_after_its_cursor(f: Fixture) {
    let all = fill(&*f.store, &f.lease, 10).await;
    for after in 0..=all.len() + 1 {
        for limit in [0, 1, 2, 3, 7, 100] {
            let page = f
                .store
                .read(Position::new(after as u64), limit)
                .await
                .expect("reads");
            let expected: Vec<_> = all.iter().skip(after).take(limit).cloned().collect();
            assert_eq!(page, expected, "{limit} after {after}");
        }
    }
    assert_eq!(
        f.store.read(Position::new(u64::MAX), 5).await,
        Ok(Vec::new())
    );
}

async fn every_page_of_a_stream_begins_right_after_its_cursor(f: Fixture) {
    let all = fill(&*f.store, &f.lease, 10).await;
    let on = stream("order-1");
    let ours: Vec<_> = all
        .into_iter()
        .filter(|event| event.envelope.stream == on)
        .collect();
    for after in 0..=ours.len() + 1 {
        for limit in [0, 1, 2, 3, 100] {
            let page = f
                .store
                .read_stream(&on, Version::new(after as u64), limit)
                .await;
            let expected: Vec<_> = ours.iter().skip(after).take(limit).cloned().collect();
            assert_eq!(page, Ok(expected), "{limit} after {after}");
        }
    }
    let unknown = f
        .store
        .read_stream(&stream("order-99"), Version::ZERO, 5)
        .await;
    assert_eq!(unknown, Ok(Vec::new()));
}

async fn the_heads_root_is_that_of_the_records(f: Fixture) {
    let mut frontier = Frontier::default();
    for recorded in fill(&*f.store, &f.lease, 9).await {
        frontier.push(leaf_hash(&recorded.record));
    }
    let head = f.store.head().await.expect("a head");
    assert_eq!(head.frontier, frontier);
    assert_eq!(head.position.get(), frontier.size());
}

async fn stored_commits_show_what_was_recorded(f: Fixture) {
    let all = fill(&*f.store, &f.lease, 6).await;
    let mut stored = f.store.read_stored(Position::ZERO, 4).await.expect("reads");
    assert_eq!(stored.len(), 4);
    let after = stored[3].receipt.last_position();
    stored.extend(f.store.read_stored(after, 4).await.expect("reads"));
    let records: Vec<_> = stored
        .iter()
        .flat_map(|commit| commit.records.clone())
        .collect();
    let leaves: Vec<_> = stored
        .iter()
        .flat_map(|commit| commit.leaves.clone())
        .collect();
    assert_eq!(
        records,
        all.iter()
            .map(|event| event.record.clone())
            .collect::<Vec<_>>()
    );
    assert_eq!(
        leaves,
        all.iter().map(|event| event.leaf).collect::<Vec<_>>()
    );
}

async fn an_empty_batch_records_nothing(f: Fixture) {
    fill(&*f.store, &f.lease, 2).await;
    let before = f.store.head().await.expect("a head");
    let answers = f
        .store
        .append(&f.lease, &stamp(), Arc::default())
        .await
        .expect("appends");
    assert!(answers.is_empty());
    assert_eq!(f.store.head().await, Ok(before));
}

async fn a_log_verifies(f: Fixture) {
    let empty = verify_log(&*f.store, |_, _| ()).await.expect("holds");
    assert_eq!((empty.head, empty.commits), (Position::ZERO, 0));
    let all = fill(&*f.store, &f.lease, 300).await;
    let mut reached = Vec::new();
    let report = verify_log(&*f.store, |at, _| reached.push(at))
        .await
        .expect("holds");
    assert_eq!(report.head.get(), all.len() as u64);
    assert_eq!((report.commits, report.streams), (300, 3));
    assert_eq!(
        report.root,
        f.store.head().await.expect("a head").frontier.root()
    );
    assert_eq!(reached.len(), 2, "300 commits are two pages");
    assert_eq!(reached.last(), Some(&report.head));
}

/// What another log with the same identity holds: positions 1, 2-3, 4-6, 7-10, 11 ...
async fn elsewhere(commits: usize) -> (Fixture, Vec<StoredCommit>) {
    let other = memory().await;
    fill(&*other.store, &other.lease, commits).await;
    let stored = other.store.read_stored(Position::ZERO, commits).await;
    (other, stored.expect("reads"))
}

async fn what_another_log_stored_is_imported_as_it_is(f: Fixture) {
    let (other, stored) = elsewhere(8).await;
    let (early, late) = stored.split_at(5);
    let head = f.store.import(&f.lease, early.into()).await;
    assert_eq!(head.expect("imports").position, Position::new(11));
    let head = f.store.import(&f.lease, late.into()).await;
    assert_eq!(head, other.store.head().await);
    assert_eq!(f.store.head().await, head);
    let found = f.store.read_stored(Position::ZERO, 100).await;
    assert_eq!(found.expect("reads"), stored);
    assert_eq!(read_all(&*f.store).await, read_all(&*other.store).await);
    for commit in &stored {
        let known = f.store.lookup(commit.receipt.commit_id).await;
        let expected = (commit.fingerprint, commit.receipt.clone());
        assert_eq!(known, Ok(Some(expected)));
    }
    let verified = verify_log(&*f.store, |_, _| ()).await;
    assert_eq!(verified, verify_log(&*other.store, |_, _| ()).await);
    // And it is a log like any other: repetitions are known, streams go on.
    let repeat = append_one(&*f.store, &f.lease, commit("fill-0", "order-0", 0, 1)).await;
    assert!(repeat.expect("the first receipt").is_repeat());
    let next = commit("next", "order-9", 0, 1);
    let ours = append_one(&*f.store, &f.lease, next.clone()).await;
    let theirs = append_one(&*other.store, &other.lease, next).await;
    assert_eq!(
        ours.expect("goes on").records,
        theirs.expect("goes on").records
    );
}

async fn an_import_goes_on_only_where_the_log_ends(f: Fixture) {
    let (_other, stored) = elsewhere(4).await;
    let before = f.store.head().await;
    let (first, rest) = stored.split_at(1);
    let skipping = f.store.import(&f.lease, rest.into()).await;
    assert!(matches!(skipping, Err(StoreError::Damaged { position, .. }) if position.get() == 2));
    assert_eq!(f.store.head().await, before);
    f.store
        .import(&f.lease, first.into())
        .await
        .expect("imports");
    let again = f.store.import(&f.lease, stored.clone().into()).await;
    assert!(matches!(again, Err(StoreError::Damaged { position, .. }) if position.get() == 1));
    f.store
        .import(&f.lease, rest.into())
        .await
        .expect("imports");
    assert_eq!(read_all(&*f.store).await.len(), 10);
}

async fn an_import_of_what_its_hashes_do_not_say_writes_nothing(f: Fixture) {
    let (_other, stored) = elsewhere(4).await;
    let before = f.store.head().await;
    let mut edited = stored.clone();
    edited[3].records[1].push(b' ');
    let refused = f.store.import(&f.lease, edited.into()).await;
    assert!(matches!(refused, Err(StoreError::Damaged { position, .. }) if position.get() == 8));
    let mut short = stored.clone();
    short[2].records.pop();
    let refused = f.store.import(&f.lease, short.into()).await;
    assert!(matches!(refused, Err(StoreError::Damaged { position, .. }) if position.get() == 4));
    assert_eq!(f.store.head().await, before);
    assert!(read_all(&*f.store).await.is_empty());
}

async fn an_import_under_an_older_lease_is_fenced(f: Fixture) {
    let (_other, stored) = elsewhere(2).await;
    let newer = f.store.acquire_lease(&node()).await.expect("a lease");
    let fenced = f.store.import(&f.lease, stored.clone().into()).await;
    let expected = StoreError::Fenced {
        held: f.lease.epoch,
        current: newer.epoch,
    };
    assert_eq!(fenced, Err(expected));
    assert!(read_all(&*f.store).await.is_empty());
    f.store
        .import(&newer, stored.into())
        .await
        .expect("imports");
}
