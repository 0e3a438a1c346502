//! A disk that fails under the log: each call in turn, and in turn with everything a disk can say. What
//! was confirmed is there afterwards; what is not, is said.
//!
//! `shim` is the disk, `history` what is played on it, in a process of its own.

mod history;
mod shim;

use std::path::Path;
use std::process::Command;

use blotter::events::EventStore;
use blotter::events::verify::verify_log;
use blotter::values::Position;

use crate::support::*;
use crate::torture::is_torture;
use history::{PLACE, SHORT, SIZE, Size, block_on, commits, play};
use shim::Fault;

/// Seconds that a history may take, on a disk that fails or not.
const SECONDS_MAX: &str = "60";

/// What a process said.
#[derive(Debug)]
struct Said {
    lines: Vec<String>,
}

impl Said {
    /// The histories' own words only.
    fn by(fault: Fault, path: &Path, size: Size) -> Self {
        let mut command = Command::new("timeout");
        command.args(["--signal=KILL", SECONDS_MAX]);
        command.arg(std::env::current_exe().expect("a path"));
        let history = "disk::history::a_history_is_recorded_in_full";
        command.args(["--exact", history, "--nocapture", "--test-threads=1"]);
        command.env(PLACE, path);
        command.env(SIZE, format!("{}x{}", size.commits, size.bytes));
        fault.put_under(&mut command);
        let output = command.output().expect("runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{fault:?}: {text}");
        Self {
            lines: text.lines().map(str::to_owned).collect(),
        }
    }

    fn after<'a>(&'a self, word: &str) -> impl Iterator<Item = &'a str> {
        let word = format!("{word} ");
        self.lines
            .iter()
            .filter_map(move |line| line.strip_prefix(&word))
    }

    /// How many calls there were.
    fn calls(&self) -> usize {
        let counts = self
            .after("calls")
            .map(|count| count.parse().expect("a count"));
        counts.max().expect("it ended in order")
    }

    /// Command and first position of all that was confirmed.
    fn confirmed(&self) -> Vec<(&str, u64)> {
        let pairs = self.after("recorded").map(|line| {
            let (command, at) = line.split_once(' ').expect("two words");
            (command, at.parse().expect("a position"))
        });
        pairs.collect()
    }

    /// The same of what was confirmed after the disk had failed.
    fn confirmed_since(&self) -> usize {
        let since = self
            .lines
            .iter()
            .skip_while(|line| !line.starts_with("fault "));
        since.filter(|line| line.starts_with("recorded ")).count()
    }

    fn is_played(&self) -> bool {
        self.lines.iter().any(|line| line == "played")
    }

    /// Why it did not get to the end.
    fn end(&self) -> &str {
        self.after("ended:").next().unwrap_or_default()
    }
}

/// Opens what was left, on a disk that works: all that was confirmed is there, where it was said to
/// be. Gives the number of commits.
fn assert_kept(said: &Said, path: &Path, size: Size) -> u64 {
    let commits = commits(size);
    block_on(async {
        let store = open(path).await;
        let report = verify_log(&store, |_, _| ()).await.expect("holds");
        for (command, at) in said.confirmed() {
            let commit = commits
                .iter()
                .find(|commit| commit.meta.command_id.as_str() == command)
                .expect("one of ours");
            let found = store.lookup(commit.id).await.expect("looks up");
            let (fingerprint, receipt) = found.unwrap_or_else(|| panic!("{command}: {said:?}"));
            assert_eq!(fingerprint, commit.fingerprint);
            assert_eq!(receipt.first_position, Position::new(at), "{said:?}");
        }
        store.close().await.expect("closes");
        report.commits
    })
}

/// The same command again, on a disk that works: the history comes to its end, and nothing is in it
/// twice.
fn assert_goes_on(said: &Said, path: &Path, size: Size) {
    block_on(async {
        play(path, size).await.expect("goes on");
        let report = verify_log(&open(path).await, |_, _| ())
            .await
            .expect("holds");
        assert_eq!(report.commits, size.commits as u64, "{said:?}");
    });
}

/// Lets the calls of a short history fail in turn: every one under torture, else about `CALLS`.
fn each_call(fault: Fault, size: Size, assert: impl Fn(&Said)) {
    const CALLS: usize = 30;
    let (_dir, path) = place();
    let calls = Said::by(Fault { at: 0, ..fault }, &path, size).calls();
    assert!(calls > 3, "{fault:?}: only {calls} calls");
    let step = match is_torture() {
        true => 1,
        false => calls.div_ceil(CALLS),
    };
    for at in (1..=calls).step_by(step) {
        let (_dir, path) = place();
        let said = Said::by(Fault { at, ..fault }, &path, size);
        let failed = said.after("fault").count();
        assert!(failed > 0, "{fault:?}: call {at} of {calls} was not made");
        assert(&said);
        assert_kept(&said, &path, size);
        assert_goes_on(&said, &path, size);
    }
}

fn assert_ended(said: &Said) {
    assert!(!said.is_played(), "{said:?}");
    // The index of the write-ahead log is none of what has to last, and SQLite does not say why it
    // could not be made.
    let only_the_index = said.after("fault").all(|call| call.ends_with("-shm"));
    let is_said = said.end().contains("the disk ");
    assert!(
        is_said || only_the_index && said.end().contains("no room left"),
        "{said:?}"
    );
    assert_eq!(said.confirmed_since(), 0, "{said:?}");
}

const FAULT: Fault = Fault {
    files: "events.db*",
    calls: "sync",
    kind: "eio",
    at: 0,
    times: 1,
};

#[test]
fn a_sync_that_fails_is_the_end() {
    each_call(FAULT, SHORT, assert_ended);
}

#[test]
fn a_write_that_fails_is_the_end() {
    let fault = Fault {
        calls: "write",
        ..FAULT
    };
    each_call(fault, SHORT, assert_ended);
}

#[test]
fn a_read_that_fails_is_the_end() {
    let fault = Fault {
        calls: "read",
        ..FAULT
    };
    each_call(fault, SHORT, assert_ended);
}

#[test]
fn a_full_disk_is_waited_for() {
    let fault = Fault {
        calls: "write",
        kind: "full",
        times: 4,
        ..FAULT
    };
    each_call(fault, SHORT, |said| {
        let is_refused = said.end().contains("no room left");
        assert!(said.is_played() || is_refused, "{said:?}");
    });
}

#[test]
fn a_write_that_stops_short_goes_on() {
    let fault = Fault {
        calls: "write",
        kind: "short",
        ..FAULT
    };
    each_call(fault, SHORT, |said| assert!(said.is_played(), "{said:?}"));
}

/// SQLite's own checkpoint in a COMMIT would keep this to itself.
#[test]
fn a_sync_that_fails_in_a_checkpoint_is_the_end_too() {
    // The first half is longer than the write-ahead log may get.
    let size = Size {
        commits: 36,
        bytes: 1_000_000,
    };
    // The first sync of this file makes it one with a write-ahead log.
    let fault = Fault {
        files: "events.db",
        at: 2,
        ..FAULT
    };
    let (_dir, path) = place();
    let said = Said::by(fault, &path, size);
    assert_ended(&said);
    let recorded = assert_kept(&said, &path, size);
    let confirmed = said.confirmed().len() as u64;
    assert!(confirmed > 1, "{said:?}");
    assert_eq!(
        recorded,
        confirmed + 1,
        "it was in the write-ahead log: {said:?}"
    );
    if is_torture() {
        assert_goes_on(&said, &path, size);
    }
}
