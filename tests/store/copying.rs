//! A whole log taken into another store: the same bytes, whatever cuts it short, and nothing written
//! where the target is not the beginning of the source.

use std::path::{Path, PathBuf};

use blotter::events::copy::{Copied, CopyError, Progress, Step, check_source, copy_log};
use blotter::events::memory::MemoryStore;
use blotter::events::plan::Head;
use blotter::events::sqlite::SqliteStore;
use blotter::events::store::StoredCommit;
use blotter::events::verify::VerifyError;
use blotter::events::{EventStore, OpenMode, StoreError};
use blotter::values::{NodeId, Position};
use futures_util::FutureExt;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::sqlite::{run, stranger};
use crate::support::*;

/// More than two pages of commits.
const COMMITS: usize = 700;

struct Logs {
    _dir: tempfile::TempDir,
    source_path: PathBuf,
    target_path: PathBuf,
    source: SqliteStore,
}

fn holder() -> NodeId {
    NodeId::new("copy").expect("a node")
}

/// Appends commits `from` to `to` to three streams, two events each, in one transaction.
async fn grow(store: &dyn EventStore, from: usize, to: usize) {
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    let on = |index: usize| format!("order-{}", index % 3);
    let batch = (from..to).map(|index| {
        let version = (index / 3 * 2) as u64;
        commit(&format!("grow-{index}"), &on(index), version, 2)
    });
    let answers = store.append(&lease, &stamp(), batch.collect()).await;
    for answer in answers.expect("appends") {
        answer.expect("recorded");
    }
}

async fn logs(commits: usize) -> Logs {
    let dir = tempfile::tempdir().expect("a directory");
    let (source_path, target_path) = (dir.path().join("a.db"), dir.path().join("b.db"));
    let source = open(&source_path).await;
    grow(&source, 0, commits).await;
    Logs {
        _dir: dir,
        source_path,
        target_path,
        source,
    }
}

impl Logs {
    async fn target(&self) -> SqliteStore {
        open(&self.target_path).await
    }

    async fn copy_to(&self, target: &dyn EventStore) -> Result<Copied, CopyError> {
        copy(&self.source, target).await
    }
}

async fn copy(source: &dyn EventStore, target: &dyn EventStore) -> Result<Copied, CopyError> {
    let checked = check_source(source, |_| ()).await?;
    copy_log(source, &checked, target, &holder(), |_| ()).await
}

async fn stored(store: &dyn EventStore) -> Vec<StoredCommit> {
    let all = store.read_stored(Position::ZERO, 1 << 20).await;
    all.expect("reads")
}

async fn assert_same(ours: &dyn EventStore, theirs: &dyn EventStore) {
    assert_eq!(ours.log_id().await, theirs.log_id().await);
    assert_eq!(ours.head().await, theirs.head().await);
    assert!(stored(ours).await == stored(theirs).await, "other commits");
}

/// Everything in a log that is refused, to see that nothing was written.
async fn everything(store: &dyn EventStore) -> (Head, Vec<StoredCommit>) {
    (store.head().await.expect("a head"), stored(store).await)
}

#[tokio::test]
async fn every_byte_arrives() {
    let logs = logs(COMMITS).await;
    let target = logs.target().await;
    let copied = logs.copy_to(&target).await.expect("copies");
    assert_eq!(copied.before, Position::ZERO);
    assert_eq!(copied.target.head, Position::new(2 * COMMITS as u64));
    assert_eq!(copied.target.commits, COMMITS as u64);
    assert_same(&target, &logs.source).await;
    // Again, there is nothing left to do, and nobody's lease is taken for it.
    let lease = target.acquire_lease(&node()).await.expect("a lease");
    let again = logs.copy_to(&target).await.expect("copies");
    assert_eq!(again.before, again.target.head);
    let next = append_one(&target, &lease, commit("next", "order-9", 0, 1)).await;
    next.expect("the lease still holds");
}

#[tokio::test]
async fn an_empty_log_is_copied_with_its_identity() {
    let logs = logs(0).await;
    let target = MemoryStore::new(LOG_ID);
    let copied = logs.copy_to(&target).await.expect("copies");
    assert_eq!(copied.target.log_id, LOG_ID);
    assert_eq!(copied.target.commits, 0);
}

#[tokio::test]
async fn every_step_is_told_to_its_end() {
    let logs = logs(COMMITS).await;
    let target = MemoryStore::new(LOG_ID);
    let mut told: Vec<Progress> = Vec::new();
    let checked = check_source(&logs.source, |progress| told.push(progress)).await;
    let checked = checked.expect("holds");
    let holder = holder();
    let tell = |progress| told.push(progress);
    let copied = copy_log(&logs.source, &checked, &target, &holder, tell).await;
    copied.expect("copies");
    let steps = [Step::CheckingSource, Step::Copying, Step::CheckingTarget];
    for step in steps {
        let of_step: Vec<_> = told.iter().filter(|told| told.step == step).collect();
        assert!(of_step.len() > 2, "{step:?} has several pages");
        assert!(of_step.is_sorted_by_key(|told| told.reached));
        let last = of_step.last().expect("told");
        assert_eq!((last.reached, last.goal), (checked.head, checked.head));
    }
}

/// Lets a copy write one page and drops it.
async fn cut_short(logs: &Logs) {
    let target = logs.target().await;
    let checked = check_source(&logs.source, |_| ()).await.expect("holds");
    let wrote = Notify::new();
    let told = |progress: Progress| {
        if progress.step == Step::Copying {
            wrote.notify_one();
        }
    };
    let holder = holder();
    tokio::select! {
        biased;
        () = wrote.notified() => {}
        ended = copy_log(&logs.source, &checked, &target, &holder, told) => {
            panic!("it was not cut short: {ended:?}")
        }
    }
}

#[tokio::test]
async fn cut_short_it_goes_on_where_the_target_ends() {
    let logs = logs(COMMITS).await;
    cut_short(&logs).await;
    let target = logs.target().await;
    let half = target.head().await.expect("a head").position;
    assert!(half > Position::ZERO && half.get() < 2 * COMMITS as u64);
    // Meanwhile the source has grown.
    grow(&logs.source, COMMITS, COMMITS + 20).await;
    let checked = check_source(&logs.source, |_| ()).await.expect("holds");
    let mut copying = Vec::new();
    let told = |progress: Progress| {
        if progress.step == Step::Copying {
            copying.push(progress);
        }
    };
    let copied = copy_log(&logs.source, &checked, &target, &holder(), told).await;
    let copied = copied.expect("copies");
    assert!(copied.before >= half, "what is there is not written again");
    assert!(copying.iter().all(|told| told.from == copied.before));
    assert_eq!(copied.target.commits, COMMITS as u64 + 20);
    assert_same(&target, &logs.source).await;
}

#[tokio::test]
async fn what_a_log_in_use_records_meanwhile_is_left_for_the_next_run() {
    let logs = logs(300).await;
    let target = logs.target().await;
    let checked = check_source(&logs.source, |_| ()).await.expect("holds");
    grow(&logs.source, 300, 310).await;
    let copied = copy_log(&logs.source, &checked, &target, &holder(), |_| ()).await;
    assert_eq!(copied.expect("copies").target.head, Position::new(600));
    let copied = logs.copy_to(&target).await.expect("copies");
    assert_eq!(copied.before, Position::new(600));
    assert_same(&target, &logs.source).await;
}

#[tokio::test]
async fn another_log_is_no_target() {
    let logs = logs(3).await;
    let other = MemoryStore::new(Uuid::from_u128(5));
    let refused = logs.copy_to(&other).await;
    let expected = CopyError::OtherLog {
        source_log: LOG_ID,
        target: Uuid::from_u128(5),
    };
    assert_eq!(refused, Err(expected));
    assert!(stored(&other).await.is_empty());
}

#[tokio::test]
async fn a_longer_log_is_no_target() {
    let logs = logs(5).await;
    let target = logs.target().await;
    logs.copy_to(&target).await.expect("copies");
    grow(&target, 5, 6).await;
    let before = everything(&target).await;
    let refused = logs.copy_to(&target).await;
    let expected = CopyError::Ahead {
        source_head: Position::new(10),
        target: Position::new(12),
    };
    assert_eq!(refused, Err(expected));
    assert_eq!(everything(&target).await, before);
}

#[tokio::test]
async fn a_log_that_went_another_way_is_no_target() {
    let logs = logs(4).await;
    let target = logs.target().await;
    logs.copy_to(&target).await.expect("copies");
    // Both go on by themselves, the source further.
    let lease = target.acquire_lease(&node()).await.expect("a lease");
    let own = append_one(&target, &lease, commit("own", "order-9", 0, 1)).await;
    own.expect("recorded");
    grow(&logs.source, 4, 9).await;
    let before = everything(&target).await;
    let refused = logs.copy_to(&target).await;
    let expected = CopyError::Different {
        first: Position::new(9),
        last: Position::new(9),
    };
    assert_eq!(refused, Err(expected));
    assert_eq!(everything(&target).await, before);
}

async fn edit(path: &Path, trigger: &str, sql: &str) {
    let mut stranger = stranger(path).await;
    let drop = format!("DROP TRIGGER {trigger}");
    run(&mut stranger, &drop).await.expect("drops");
    assert!(run(&mut stranger, sql).await.expect("runs") > 0, "{sql}");
}

#[tokio::test]
async fn a_damaged_source_is_not_copied() {
    let logs = logs(COMMITS).await;
    let edited = "UPDATE commits SET records = replace(records, 'risk', 'rusk')
        WHERE first_position = 1001";
    edit(&logs.source_path, "commits_no_update", edited).await;
    let target = logs.target().await;
    match logs.copy_to(&target).await {
        Err(CopyError::Source(VerifyError::Broken { position, .. })) => {
            assert_eq!(position, Position::new(1_001));
        }
        other => panic!("{other:?}"),
    }
    assert!(stored(&target).await.is_empty());
}

#[tokio::test]
async fn a_source_that_changes_under_the_copy_is_found_out() {
    let logs = logs(COMMITS).await;
    let checked = check_source(&logs.source, |_| ()).await.expect("holds");
    // Consistent in itself: another record with its own hash.
    let other = MemoryStore::new(LOG_ID);
    let mut changed = stored(&logs.source).await;
    let record = String::from_utf8(changed[400].records[0].clone()).expect("text");
    changed[400].records[0] = record.replace("risk", "rusk").into_bytes();
    changed[400].leaves[0] = blotter::events::merkle::leaf_hash(&changed[400].records[0]);
    let lease = other.acquire_lease(&node()).await.expect("a lease");
    other.import(&lease, changed.into()).await.expect("imports");
    let target = logs.target().await;
    let refused = copy_log(&other, &checked, &target, &holder(), |_| ()).await;
    let expected = CopyError::Changed { head: checked.head };
    assert_eq!(refused, Err(expected));
}

#[tokio::test]
async fn whoever_takes_the_target_over_ends_the_copy() {
    let logs = logs(COMMITS).await;
    let target = MemoryStore::new(LOG_ID);
    let checked = check_source(&logs.source, |_| ()).await.expect("holds");
    let take_over = |progress: Progress| {
        if progress.step == Step::Copying {
            let node = node();
            let lease = target.acquire_lease(&node).now_or_never();
            lease.expect("at once").expect("a lease");
        }
    };
    let ended = copy_log(&logs.source, &checked, &target, &holder(), take_over).await;
    let fenced = StoreError::Fenced {
        held: 1,
        current: 2,
    };
    assert_eq!(ended, Err(CopyError::Write(fenced)));
    let written = target.head().await.expect("a head").position;
    assert_eq!(written, Position::new(512), "one page");
}

#[tokio::test]
async fn a_target_that_may_only_be_read_is_refused() {
    let logs = logs(3).await;
    logs.target().await.close().await.expect("closes");
    let mode = OpenMode::ReadOnly;
    let target = SqliteStore::open(&logs.target_path, mode).await;
    let refused = logs.copy_to(&target.expect("opens")).await;
    assert!(
        matches!(
            refused,
            Err(CopyError::Write(StoreError::Unavailable(ref reason))) if reason.contains("for reading")
        ),
        "{refused:?}"
    );
}
