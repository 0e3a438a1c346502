//! An older copy of the log put in the place of a newer one: refused, whichever file beside it knows
//! better, and nothing is written.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::bad_files::{assert_refused, copy};
use crate::support::*;

const DATABASES: [&str; 4] = ["events.db", "paper.db", "views.db", "secrets.db"];

/// A place whose log has been played to its end, and its files as they were half-way.
struct Restored {
    place: Place,
    older: TempDir,
}

/// Folds the write-ahead logs into the files.
fn fold_in(place: &Place) {
    for database in DATABASES {
        let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
        tamper(&place.data_dir().join(database), &[truncate]);
    }
}

impl Restored {
    fn new() -> Self {
        let place = Place::new();
        let running = place.run_to(150);
        running.terminate();
        assert_eq!(running.finish().code(), Some(0));
        fold_in(&place);
        let older = tempfile::tempdir().expect("a directory");
        for database in DATABASES {
            let (from, to) = (place.data_dir().join(database), older.path().join(database));
            copy(&from, &to);
        }
        // From here on there is something about users that the older log lacks.
        let add = ["users", "add", "alice", "--role", "trader"];
        finish(&mut place.command(&add)).done();
        finish(&mut place.demo()).done();
        fold_in(&place);
        Self { place, older }
    }

    fn file(&self, database: &str) -> PathBuf {
        self.place.data_dir().join(database)
    }

    /// Brings back the older files, without snapshots.
    fn restore(&self, databases: &[&str]) {
        // There until the first call.
        let _ = std::fs::remove_dir_all(self.file("snapshots"));
        self.restore_beside_snapshots(databases);
    }

    fn restore_beside_snapshots(&self, databases: &[&str]) {
        for database in databases {
            copy(&self.older.path().join(database), &self.file(database));
        }
    }

    fn head(&self) -> u64 {
        Watch::default().head(&self.file("events.db"))
    }

    /// Refused, and the log is what it was: not even its lease was taken.
    fn assert_refused(&self, parts: &[&str]) {
        assert_refused(&self.place, parts);
        let unwritten = self.place.data_dir().join("events.db-wal");
        let bytes = std::fs::metadata(unwritten).map_or(0, |wal| wal.len());
        assert_eq!(bytes, 0, "the log was written to");
    }
}

#[test]
fn a_log_older_than_everything_beside_it_is_refused() {
    let restored = Restored::new();
    let newer = restored.head();
    restored.restore(&["events.db"]);
    let older = restored.head();
    assert!(older < newer);
    restored.assert_refused(&[
        "paper.db has played row",
        &format!("ends at position {older},"),
        "an older copy of the log",
        "bring back the log that belongs",
    ]);
    // Everything of the same moment goes on from there.
    restored.restore(&DATABASES);
    let done = finish(&mut restored.place.demo()).summary();
    assert_same(&done, undisturbed());
}

#[test]
fn an_older_log_is_known_by_the_orders_in_the_book() {
    let restored = Restored::new();
    restored.restore(&["events.db"]);
    // As with a market that is not played from data.
    tamper(&restored.file("paper.db"), &["DELETE FROM bars_played"]);
    restored.assert_refused(&[
        "paper.db holds order ",
        "which the log, which ends at position",
        "never sent",
        "bring back the log that belongs",
    ]);
}

#[test]
fn an_older_log_is_known_by_the_read_models() {
    let restored = Restored::new();
    let newer = restored.head();
    restored.restore(&["events.db", "paper.db", "secrets.db"]);
    let older = restored.head();
    restored.assert_refused(&[
        "views.db: projection ",
        &format!(" is at position {newer}, but the log ends at {older}"),
        "delete views.db",
    ]);
    std::fs::remove_file(restored.file("views.db")).expect("removes");
    assert_same(&finish(&mut restored.place.demo()).summary(), undisturbed());
}

#[test]
fn an_older_log_is_known_by_what_was_recorded_about_users() {
    let restored = Restored::new();
    let added = &restored.place.events_of("UserRegistered")[1];
    let position = added["position"].as_u64().expect("a position");
    restored.restore(&["events.db", "paper.db", "views.db"]);
    let older = restored.head();
    assert!(older < position);
    restored.assert_refused(&[
        "secrets.db: what happened to users is at position ",
        &format!("but the log ends at {older}"),
        "backed up together",
    ]);
}

#[test]
fn an_older_log_is_known_by_snapshots() {
    let restored = Restored::new();
    let newer = restored.head();
    restored.restore_beside_snapshots(&DATABASES);
    let older = restored.head();
    restored.assert_refused(&[
        "snapshots/",
        "the snapshot of fold ",
        &format!(" is at position {newer}, but the log ends at {older}"),
        "delete the folder of snapshots",
    ]);
    std::fs::remove_dir_all(restored.file("snapshots")).expect("removes");
    assert_same(&finish(&mut restored.place.demo()).summary(), undisturbed());
}

#[test]
fn another_record_at_the_same_position_is_refused() {
    let place = Place::new();
    finish(&mut place.demo()).done();
    fold_in(&place);
    let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
    let views = place.data_dir().join("views.db");
    let other =
        "UPDATE checkpoints SET leaf_hash = upper(hex(zeroblob(32))) WHERE projection = 'orders'";
    for (path, edit, parts) in [
        (
            views,
            other,
            [
                "views.db: projection orders is at position ",
                "another record",
            ],
        ),
        (
            place.data_dir().join("secrets.db"),
            "UPDATE log_mark SET leaf_hash = zeroblob(32)",
            [
                "secrets.db: what happened to users is at position ",
                "another record",
            ],
        ),
    ] {
        let bytes = std::fs::read(&path).expect("reads");
        tamper(&path, &[edit, truncate]);
        assert_refused(&place, &parts);
        std::fs::write(&path, &bytes).expect("writes");
    }
    assert_same(&finish(&mut place.demo()).summary(), undisturbed());
}

#[test]
fn a_book_whose_last_recorded_report_is_another_is_refused() {
    let place = Place::new();
    finish(&mut place.demo()).done();
    fold_in(&place);
    let book = place.data_dir().join("paper.db");
    let edits = [
        "DROP TRIGGER reports_stand",
        "UPDATE reports SET client_order_id = 'somebody-elses'
            WHERE sequence = (SELECT max(sequence) FROM reports)",
        "PRAGMA wal_checkpoint(TRUNCATE)",
    ];
    tamper(&book, &edits);
    assert_refused(
        &place,
        &[
            "paper.db: report ",
            "somebody-elses",
            "in the log, which ends at position",
        ],
    );
}

/// A book may be ahead by reports: they are recorded at the next start.
#[test]
fn reports_that_were_not_recorded_yet_are_no_reason_to_refuse() {
    let place = Place::new();
    let mut running = place.run_to(200);
    running.kill();
    running.finish();
    assert_same(&finish(&mut place.demo()).summary(), undisturbed());
}
