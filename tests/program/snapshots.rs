//! Snapshots save time and change nothing else: with them, without them, with damaged ones.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use blotter::events::sqlite::SqliteStore;
use blotter::events::{EventStore, OpenMode, Recorded};
use blotter::values::{Position, StrategyId, VenueId};
use proptest::prelude::*;

use crate::cuts::assert_cuts_do_not_show;
use crate::support::*;

impl Place {
    fn snapshots(&self) -> PathBuf {
        self.data_dir().join("snapshots")
    }

    fn snapshot_files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = std::fs::read_dir(self.snapshots())
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        files
    }

    /// Plays half of the data and stops.
    fn half_way() -> Self {
        let place = Self::new();
        let running = place.run_to(200);
        running.terminate();
        assert_eq!(running.finish().code(), Some(0));
        place
    }
}

/// The folds in the names of files, with how many there are.
fn folds(files: &[PathBuf]) -> Vec<String> {
    let name = |path: &PathBuf| {
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        name.split('@').next().expect("a fold").to_owned()
    };
    files.iter().map(name).collect()
}

#[test]
fn a_stop_leaves_a_snapshot_of_every_fold_for_the_owner_alone() {
    let place = Place::half_way();
    let files = place.snapshot_files();
    let expected = [
        "execution:paper",
        "ledger",
        "notifier",
        "risk",
        "strategy:sma-cross-1",
    ];
    assert_eq!(folds(&files), expected);
    let last = place.events().len();
    for path in &files {
        let name = path.file_name().expect("a name").to_string_lossy();
        assert!(name.ends_with(&format!("@{last:020}.snapshot")), "{name}");
        let mode = std::fs::metadata(path)
            .expect("metadata")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    // The next stop keeps one before it, the one after that no more.
    for _ in 0..2 {
        assert_same(&finish(&mut place.demo()).summary(), undisturbed());
        assert_eq!(place.snapshot_files().len(), 2 * expected.len());
    }
}

#[test]
fn going_on_from_snapshots_comes_to_the_same_as_without() {
    let place = Place::half_way();
    let ran = finish(&mut place.demo());
    assert!(!ran.stderr.contains("snapshot"), "{ran:?}");
    assert_same(&ran.summary(), undisturbed());
    // Everything that there is now is in the snapshots, and it is the same without them.
    let with = finish(&mut place.demo()).summary();
    std::fs::remove_dir_all(place.snapshots()).expect("removes");
    let without = finish(&mut place.demo()).summary();
    assert_same(&without, &with);
    assert_same(&without, undisturbed());
}

#[test]
fn damaged_and_foreign_snapshots_are_named_and_not_used() {
    let (place, other) = (Place::half_way(), Place::half_way());
    let files = place.snapshot_files();
    // Cut short, changed, of another log, no snapshot at all, and gone.
    let bytes = std::fs::read(&files[0]).expect("reads");
    std::fs::write(&files[0], &bytes[..bytes.len() - 1]).expect("writes");
    let mut bytes = std::fs::read(&files[1]).expect("reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&files[1], bytes).expect("writes");
    std::fs::copy(&other.snapshot_files()[2], &files[2]).expect("copies");
    std::fs::write(&files[3], "price,quantity\n").expect("writes");
    std::fs::remove_file(&files[4]).expect("removes");
    let ran = finish(&mut place.demo());
    for (path, reason) in [
        (&files[0], "it is damaged"),
        (&files[1], "it is damaged"),
        (&files[2], "it is of log "),
        (&files[3], "it has no header"),
    ] {
        let path = path.display().to_string();
        let named = ran.stderr.lines().find(|line| line.contains(&path));
        let line = named.unwrap_or_else(|| panic!("{path} is not named: {ran:?}"));
        assert!(line.contains("WARN") && line.contains(reason), "{line}");
    }
    assert_same(&ran.summary(), undisturbed());
    place.assert_verifies();
}

/// The records of an undisturbed run that was stopped and started in between.
fn demo_log() -> Vec<Recorded> {
    let place = Place::half_way();
    finish(&mut place.demo()).summary();
    let read = async {
        let store = SqliteStore::open(&place.log(), OpenMode::ReadOnly).await;
        let store: Arc<dyn EventStore> = Arc::new(store.expect("opens"));
        store.read(Position::ZERO, 1 << 20).await.expect("reads")
    };
    runtime().block_on(read)
}

#[test]
fn a_cut_in_a_real_history_does_not_show() {
    let log = demo_log();
    let venue = VenueId::new("paper").expect("a venue");
    let strategy = StrategyId::new("sma-cross-1").expect("a strategy");
    let length = log.len();
    let mut cases = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let cuts = prop::collection::vec(0..=length, 1..3);
    let checked = cases.run(&cuts, |cuts| {
        assert_cuts_do_not_show(&log, &cuts, &venue, std::slice::from_ref(&strategy));
        Ok(())
    });
    checked.unwrap_or_else(|failed| panic!("{failed}"));
}
