//! Snapshots of a fold that tells what it did: used when they can be, and otherwise not.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blotter::events::memory::MemoryStore;
use blotter::events::snapshot::{AnyFold, FoldLogError};
use blotter::events::{EventStore, Fold, Lease, Recorded, Snapshots};
use blotter::values::Position;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::support::*;

/// Remembers every record, and how many it has folded since it was made or brought back. The number
/// is the version of the fold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Seen<const V: u32> {
    folded_to: Position,
    event_ids: BTreeSet<String>,
    /// Folds nothing any more.
    is_stuck: bool,
    #[serde(skip)]
    folded_here: u64,
}

impl<const V: u32> Fold for Seen<V> {
    const VERSION: u32 = V;

    fn name(&self) -> String {
        "seen".to_owned()
    }

    fn empty(&self) -> Self {
        Self::default()
    }

    fn folded_to(&self) -> Position {
        self.folded_to
    }

    fn fold(&mut self, recorded: &Recorded) -> Result<(), String> {
        if self.is_stuck {
            return Err("stuck".to_owned());
        }
        assert_eq!(recorded.position(), self.folded_to.next(), "in order");
        self.folded_to = recorded.position();
        self.event_ids
            .insert(recorded.envelope.event_id.to_string());
        self.folded_here += 1;
        Ok(())
    }
}

type One = Seen<1>;

/// A log, and a folder for its snapshots.
struct Given {
    dir: tempfile::TempDir,
    store: Arc<MemoryStore>,
    lease: Lease,
}

async fn given(commits: usize) -> Given {
    let store = Arc::new(MemoryStore::new(LOG_ID));
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    fill(&*store, &lease, commits).await;
    Given {
        dir: tempfile::tempdir().expect("a directory"),
        store,
        lease,
    }
}

impl Given {
    fn folder(&self) -> PathBuf {
        self.dir.path().join("snapshots")
    }

    async fn snapshots(&self) -> Snapshots {
        of(self.store.clone(), &self.folder()).await
    }

    async fn head(&self) -> Position {
        self.store.head().await.expect("a head").position
    }

    /// Keeps a snapshot at the head.
    async fn keep(&self) {
        self.keep_of(One::default()).await;
    }

    async fn keep_of(&self, empty: impl Fold) {
        let folds: Vec<Box<dyn AnyFold>> = vec![Box::new(empty)];
        let kept = self.snapshots().await.keep(self.head().await, folds).await;
        kept.expect("keeps");
    }

    async fn grow(&self, command: &str) {
        let grown = append_one(&*self.store, &self.lease, commit(command, command, 0, 4)).await;
        grown.expect("recorded");
    }

    /// The fold at the head, from whatever there is.
    async fn folded(&self) -> One {
        let folded = self
            .snapshots()
            .await
            .fold_to(self.head().await, One::default())
            .await;
        let folded = folded.expect("folds");
        assert_eq!(folded.folded_to, self.head().await);
        assert_eq!(folded.event_ids.len() as u64, folded.folded_to.get());
        folded
    }

    /// The fold does without snapshots.
    async fn assert_unused(&self, why: &str) {
        let folded = self.folded().await;
        assert_eq!(folded.folded_here, folded.folded_to.get(), "{why}");
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = std::fs::read_dir(self.folder())
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        files
    }

    fn file(&self) -> PathBuf {
        let mut files = self.files();
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }
}

async fn of(store: Arc<dyn EventStore>, folder: &Path) -> Snapshots {
    let snapshots = Snapshots::of(store, Some(folder.to_owned())).await;
    snapshots.expect("an identity")
}

#[tokio::test]
async fn only_what_came_after_a_snapshot_is_folded() {
    let given = given(10).await;
    let all = given.folded().await;
    given.keep().await;
    let restored = given.folded().await;
    assert_eq!(restored.folded_here, 0);
    assert_eq!(restored.event_ids, all.event_ids);
    given.grow("market-a").await;
    let gone_on = given.folded().await;
    assert_eq!(gone_on.folded_here, 4);
    let mut without = given.folded().await.empty();
    for recorded in read_all(&*given.store).await {
        Fold::fold(&mut without, &recorded).expect("folds");
    }
    assert_eq!(gone_on.event_ids, without.event_ids);
    // Kept again, it goes on from the one before.
    given.keep().await;
    assert_eq!(given.folded().await.folded_here, 0);
}

#[tokio::test]
async fn without_a_folder_nothing_is_kept() {
    let given = given(3).await;
    let none = Snapshots::of(given.store.clone(), None)
        .await
        .expect("an identity");
    let folds: Vec<Box<dyn AnyFold>> = vec![Box::new(One::default())];
    none.keep(given.head().await, folds)
        .await
        .expect("nothing to do");
    let folded = none.fold_to(given.head().await, One::default()).await;
    assert_eq!(folded.expect("folds").folded_here, given.head().await.get());
    assert!(!given.folder().exists());
    assert!(none.kept().await.is_empty());
}

#[tokio::test]
async fn a_position_before_the_head_is_reached_and_not_passed() {
    let given = given(10).await;
    let goal = Position::new(5);
    let snapshots = given.snapshots().await;
    let folds: Vec<Box<dyn AnyFold>> = vec![Box::new(One::default())];
    snapshots.keep(goal, folds).await.expect("keeps");
    let folded = snapshots
        .fold_to(goal, One::default())
        .await
        .expect("folds");
    assert_eq!((folded.folded_to, folded.folded_here), (goal, 0));
    let past = Position::new(1_000);
    let ends = snapshots.fold_to(past, One::default()).await;
    assert!(matches!(ends, Err(FoldLogError::Ends { goal, .. }) if goal == past));
}

#[tokio::test]
async fn a_changed_byte_anywhere_is_noticed() {
    let given = given(2).await;
    given.keep().await;
    let path = given.file();
    let whole = std::fs::read(&path).expect("reads");
    for index in 0..whole.len() {
        let mut changed = whole.clone();
        changed[index] ^= 0x10;
        std::fs::write(&path, &changed).expect("writes");
        given.assert_unused(&format!("byte {index}")).await;
    }
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).expect("writes");
        given.assert_unused(&format!("{length} bytes")).await;
    }
    std::fs::write(&path, [whole.as_slice(), b"x"].concat()).expect("writes");
    given.assert_unused("one byte more").await;
    std::fs::write(&path, &whole).expect("writes");
    assert_eq!(given.folded().await.folded_here, 0);
}

#[tokio::test]
async fn a_snapshot_of_another_log_is_not_used() {
    let (given, other) = (given(4).await, given(4).await);
    let foreign = Arc::new(MemoryStore::new(Uuid::from_u128(3)));
    let lease = foreign.acquire_lease(&node()).await.expect("a lease");
    fill(&*foreign, &lease, 4).await;
    let folds: Vec<Box<dyn AnyFold>> = vec![Box::new(One::default())];
    let foreign = of(foreign, &given.folder()).await;
    foreign.keep(Position::new(10), folds).await.expect("keeps");
    given.assert_unused("another log id").await;
    assert!(
        given.snapshots().await.kept().await.is_empty(),
        "it proves nothing"
    );
    // The same log id, another history.
    std::fs::remove_file(given.file()).expect("removes");
    other.grow("market-b").await;
    other.keep().await;
    std::fs::copy(
        other.file(),
        given
            .folder()
            .join(other.file().file_name().expect("a name")),
    )
    .expect("copies");
    given.grow("market-a").await;
    assert_eq!(given.head().await, other.head().await);
    given.assert_unused("another record").await;
}

#[tokio::test]
async fn a_snapshot_ahead_of_the_log_is_not_used_and_told_of() {
    let (older, newer) = (given(4).await, given(6).await);
    newer.keep().await;
    std::fs::create_dir(older.folder()).expect("makes");
    let path = older
        .folder()
        .join(newer.file().file_name().expect("a name"));
    std::fs::copy(newer.file(), &path).expect("copies");
    older.assert_unused("ahead").await;
    let kept = older.snapshots().await.kept().await;
    assert_eq!(kept.len(), 1);
    assert_eq!((&kept[0].path, kept[0].fold.as_str()), (&path, "seen"));
    assert_eq!(kept[0].mark.position, newer.head().await);
    assert!(
        kept[0]
            .mark
            .check(&*older.store)
            .await
            .expect("reads")
            .is_some()
    );
    // The next one that is kept takes its place.
    older.keep().await;
    assert!(!path.exists());
    assert_eq!(older.folded().await.folded_here, 0);
}

#[tokio::test]
async fn a_snapshot_of_another_version_of_the_fold_is_not_used() {
    let given = given(4).await;
    given.keep_of(Seen::<2>::default()).await;
    given.assert_unused("version 2").await;
    given.keep().await;
    assert_eq!(given.folded().await.folded_here, 0);
}

#[tokio::test]
async fn the_one_before_is_used_when_the_newest_is_damaged() {
    let given = given(4).await;
    given.keep().await;
    given.grow("market-a").await;
    given.keep().await;
    let files = given.files();
    assert_eq!(files.len(), 2);
    std::fs::write(&files[1], "").expect("writes");
    assert_eq!(given.folded().await.folded_here, 4);
}

#[tokio::test]
async fn a_snapshot_that_leads_nowhere_is_given_up() {
    let given = given(4).await;
    let stuck = Seen::<1> {
        is_stuck: true,
        folded_to: given.head().await,
        ..Seen::default()
    };
    // As it would be left by a defect: whole, of this log and fold, and of no use.
    let last = read_all(&*given.store).await.pop().expect("events");
    write_as_is(&given, stuck, &last).await;
    given.grow("market-a").await;
    given.assert_unused("stuck").await;
}

/// Keeps `state` as it is, though no log leads to it.
async fn write_as_is(given: &Given, state: One, last: &Recorded) {
    /// Comes to the state at once.
    #[derive(Clone, Serialize, Deserialize)]
    #[serde(transparent)]
    struct Given1(One);
    thread_local! {
        static STATE: std::cell::RefCell<One> = std::cell::RefCell::default();
    }
    impl Fold for Given1 {
        const VERSION: u32 = 1;
        fn name(&self) -> String {
            "seen".to_owned()
        }
        fn empty(&self) -> Self {
            Self(One::default())
        }
        fn folded_to(&self) -> Position {
            self.0.folded_to
        }
        fn fold(&mut self, recorded: &Recorded) -> Result<(), String> {
            let state = STATE.with_borrow(Clone::clone);
            self.0.folded_to = recorded.position();
            if recorded.position() == state.folded_to {
                self.0 = state;
            }
            Ok(())
        }
    }
    assert_eq!(last.position(), state.folded_to);
    STATE.replace(state);
    given.keep_of(Given1(One::default())).await;
}

#[tokio::test]
async fn files_are_their_owners_and_few() {
    let given = given(2).await;
    std::fs::create_dir(given.folder()).expect("makes");
    for name in [
        "notes.txt",
        "other@00000000000000000001.snapshot",
        "seen@1.snapshot",
    ] {
        std::fs::write(given.folder().join(name), "mine").expect("writes");
    }
    // Cut short while it was being written.
    std::fs::write(given.folder().join("seen.new"), "half").expect("writes");
    for name in ["market-a", "market-b", "market-c", "market-d"] {
        given.grow(name).await;
        given.keep().await;
    }
    let files = given.files();
    let names: Vec<_> = files
        .iter()
        .map(|path| {
            path.file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let head = given.head().await.get();
    let expected = [
        "notes.txt".to_owned(),
        "other@00000000000000000001.snapshot".to_owned(),
        format!("seen@{:020}.snapshot", head - 4),
        format!("seen@{head:020}.snapshot"),
        "seen@1.snapshot".to_owned(),
    ];
    assert_eq!(names, expected);
    for path in &files[2..4] {
        let mode = std::fs::metadata(path)
            .expect("metadata")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{path:?}");
    }
}

#[tokio::test]
async fn the_folder_is_made_for_its_owner_alone() {
    let given = given(2).await;
    given.keep().await;
    let mode = std::fs::metadata(given.folder())
        .expect("metadata")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn where_nothing_can_be_kept_the_log_is_folded() {
    let given = given(2).await;
    std::fs::write(given.folder(), "not a folder").expect("writes");
    given.keep().await;
    given.assert_unused("no folder").await;
}
