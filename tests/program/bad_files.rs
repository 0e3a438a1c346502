//! Files that are not what they should be: each refused in one clear sentence, none of them
//! changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::*;

/// Every file below the data directory that holds something to lose, with its bytes.
fn contents(place: &Place) -> BTreeMap<String, Vec<u8>> {
    let files_in = |dir: PathBuf| {
        let entries = std::fs::read_dir(dir).into_iter().flatten();
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| path.is_file())
    };
    files_in(place.data_dir())
        .chain(files_in(place.data_dir().join("snapshots")))
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy();
            (name.into_owned(), std::fs::read(&path).expect("reads"))
        })
        // The lock is made by looking; write-ahead logs hold nothing after an orderly stop.
        .filter(|(name, _)| name != "blotter.lock" && !name.ends_with("-shm"))
        .filter(|(name, _)| !name.ends_with("-wal"))
        .collect()
}

/// The log as listed, write-ahead log included; `None` when it cannot be read.
fn listed(place: &Place) -> Option<String> {
    let ran = finish(&mut place.command(&["events", "--json"]));
    (ran.code() == Some(0)).then_some(ran.stdout)
}

/// A place with a finished log, its write-ahead logs folded in.
fn finished() -> Place {
    let place = Place::new();
    finish(&mut place.demo()).done();
    for database in ["events.db", "paper.db", "views.db"] {
        tamper(
            &place.data_dir().join(database),
            &["PRAGMA wal_checkpoint(TRUNCATE)"],
        );
    }
    place
}

/// The demo refuses with `parts`, in one line, and leaves everything as it is.
pub fn assert_refused(place: &Place, parts: &[&str]) {
    let before = contents(place);
    let listed_before = listed(place);
    let ran = finish(&mut place.demo());
    ran.refused(1, parts);
    assert_eq!(ran.stdout, "", "{ran:?}");
    let errors: Vec<_> = ran
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(errors.len(), 1, "{ran:?}");
    assert!(listed(place) == listed_before, "the log grew: {ran:?}");
    let after = contents(place);
    assert_eq!(
        after.keys().collect::<Vec<_>>(),
        before.keys().collect::<Vec<_>>(),
        "{ran:?}"
    );
    for (name, bytes) in &before {
        assert!(after[name] == *bytes, "{name} was changed: {ran:?}");
    }
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::copy(from, to).expect("copies");
}

#[test]
fn a_second_node_on_the_same_directory_is_refused() {
    let place = Place::new();
    let mut slow = place.command(&["demo", "--json", "--speed", "5"]);
    let first = Running::start(slow.arg("--data").arg(&place.file));
    first.line().expect("ready");
    let second = finish(&mut place.demo());
    second.refused(1, &["is in use by another blotter process", "--data-dir"]);
    assert_eq!(second.stderr.lines().count(), 1, "{second:?}");
    assert_eq!(second.stdout, "");
    first.terminate();
    assert_eq!(first.finish().code(), Some(0));
    let starts = place.events_of("NodeStarted").len();
    assert_eq!(starts, 1, "the second never started");
}

#[test]
fn a_log_that_is_no_database_is_refused() {
    let place = finished();
    std::fs::write(place.log(), "date,price\n".repeat(1_000)).expect("writes");
    assert_refused(
        &place,
        &["events.db", "not an SQLite database", "check its path"],
    );
    for command in ["events", "verify"] {
        let ran = finish(&mut place.command(&[command]));
        let code = if command == "verify" { 2 } else { 1 };
        ran.refused(code, &["events.db", "not an SQLite database"]);
    }
}

#[test]
fn a_log_of_a_newer_format_is_refused() {
    let place = finished();
    let newer = ["DROP TRIGGER log_no_update", "UPDATE log SET format = 2"];
    tamper(&place.log(), &newer);
    tamper(&place.log(), &["PRAGMA wal_checkpoint(TRUNCATE)"]);
    assert_refused(&place, &["format 2", "format 1"]);
    let ran = finish(&mut place.command(&["verify"]));
    ran.refused(2, &["format 2", "format 1"]);
}

#[test]
fn a_log_of_another_program_is_refused() {
    let place = finished();
    std::fs::remove_file(place.log()).expect("removes");
    copy(&place.data_dir().join("views.db"), &place.log());
    assert_refused(
        &place,
        &["events.db", "database of another program", "check its path"],
    );
}

#[test]
fn a_book_of_another_log_is_refused() {
    let (place, other) = (finished(), finished());
    copy(
        &other.data_dir().join("paper.db"),
        &place.data_dir().join("paper.db"),
    );
    assert_refused(&place, &["paper.db belongs to another log", "move it away"]);
}

#[test]
fn a_lost_book_is_refused() {
    let place = finished();
    let book = place.data_dir().join("paper.db");
    let aside = place.dir.path().join("aside.db");
    std::fs::rename(&book, &aside).expect("moves");
    for ending in ["-wal", "-shm"] {
        // There only if the last connection left it.
        let _ = std::fs::remove_file(place.data_dir().join(format!("paper.db{ending}")));
    }
    assert_refused(
        &place,
        &[
            "paper",
            "lost or replaced",
            "bring back the one that belongs",
        ],
    );
    std::fs::rename(&aside, &book).expect("moves back");
    assert_same(&finish(&mut place.demo()).summary(), undisturbed());
}

#[test]
fn read_models_ahead_of_the_log_are_refused() {
    let place = Place::new();
    let running = place.run_to(150);
    running.terminate();
    assert_eq!(running.finish().code(), Some(0));
    let older = tempfile::tempdir().expect("a directory");
    for database in ["events.db", "paper.db"] {
        tamper(
            &place.data_dir().join(database),
            &["PRAGMA wal_checkpoint(TRUNCATE)"],
        );
        copy(
            &place.data_dir().join(database),
            &older.path().join(database),
        );
    }
    finish(&mut place.demo()).done();
    for database in ["events.db", "paper.db", "views.db"] {
        tamper(
            &place.data_dir().join(database),
            &["PRAGMA wal_checkpoint(TRUNCATE)"],
        );
    }
    for database in ["events.db", "paper.db"] {
        copy(
            &older.path().join(database),
            &place.data_dir().join(database),
        );
    }
    std::fs::remove_dir_all(place.data_dir().join("snapshots")).expect("removes");
    assert_refused(&place, &["views.db", "delete views.db"]);
    std::fs::remove_file(place.data_dir().join("views.db")).expect("removes");
    assert_same(&finish(&mut place.demo()).summary(), undisturbed());
}
