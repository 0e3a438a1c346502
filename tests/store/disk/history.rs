//! A short history on a log in a file, and what was answered, line by line on stderr. The tests run it
//! as a process of its own, on a disk that fails.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use blotter::events::journal::{Journal, JournalState};
use blotter::events::sqlite::SqliteStore;
use blotter::events::verify::verify_log;
use blotter::events::{Commit, CommitError, EventStore, OpenMode};
use tokio::task::LocalSet;

use crate::support::*;

/// Where the history is played; set by whoever runs it as a process of its own.
pub const PLACE: &str = "FAULTY_DISK_PLACE";
/// How many commits, and bytes of each one's largest event.
pub const SIZE: &str = "FAULTY_DISK_SIZE";

/// How much is recorded.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub commits: usize,
    pub bytes: usize,
}

pub const SHORT: Size = Size {
    commits: 4,
    bytes: 1_500,
};

/// Commits in turn on three streams, of one event to three.
pub fn commits(size: Size) -> Vec<Commit> {
    let mut versions = [0; 3];
    let commit = |index: usize| {
        let events: Vec<_> = (0..=index % 3).map(|n| event(size.bytes - n)).collect();
        let version = &mut versions[index % 3];
        let expected = *version;
        *version += events.len() as u64;
        let on = format!("order-{}", index % 3);
        commit_of(&format!("h-{index}"), &on, expected, events)
    };
    (0..size.commits).map(commit).collect()
}

/// A line in one write: the disk that fails says its own, from any thread.
fn say(line: &str) {
    let whole = format!("{line}\n");
    std::io::stderr()
        .write_all(whole.as_bytes())
        .expect("stderr");
}

/// Plays it to its end, closing and opening the log in the middle; else why that was not possible.
pub async fn play(path: &Path, size: Size) -> Result<(), String> {
    let commits = commits(size);
    for half in commits.chunks(size.commits.div_ceil(2)) {
        let mode = OpenMode::CreateOrOpen { new_log_id: LOG_ID };
        let opened = SqliteStore::open(path, mode).await;
        let store = Arc::new(opened.map_err(|error| format!("not opened: {error}"))?);
        let lease = store.acquire_lease(&node()).await;
        let lease = lease.map_err(|error| format!("no lease: {error}"))?;
        let journal = Journal::start(store.clone(), lease, origin(), &runtime()).await;
        let journal = journal.map_err(|error| format!("not started: {error}"))?;
        for commit in half {
            record(&journal, commit).await?;
        }
        let closed = store.close().await;
        closed.map_err(|error| format!("not closed: {error}"))?;
    }
    Ok(())
}

/// Submits until it is recorded, or nothing can be any more.
async fn record(journal: &Journal, commit: &Commit) -> Result<(), String> {
    let mut state = journal.state();
    loop {
        match journal.writer().submit(commit.clone()).await {
            Ok(appended) => {
                let at = appended.receipt.first_position;
                say(&format!("recorded {} {at}", commit.meta.command_id));
                return Ok(());
            }
            Err(CommitError::Unavailable(reason)) => say(&format!("unavailable: {reason}")),
            Err(error) => say(&format!("failed: {error}")),
        }
        let settled = state
            .wait_for(|state| matches!(state, JournalState::Writable | JournalState::Stopped(_)));
        let settled = settled.await.map_err(|_| "the journal is gone")?.clone();
        if let JournalState::Stopped(reason) = settled {
            let later = journal.writer().submit(commit.clone()).await;
            let is_refused = matches!(later, Err(CommitError::Stopped(_)));
            assert!(is_refused, "a stopped journal answers {later:?}");
            return Err(format!("stopped: {reason}"));
        }
    }
}

/// Runs it on a clock that jumps over pauses.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().start_paused(true).build();
    LocalSet::new().block_on(&runtime.expect("a runtime"), work)
}

/// By itself on a disk that does not fail; as the process of another test, where that one says.
#[test]
fn a_history_is_recorded_in_full() {
    if let Some(path) = std::env::var_os(PLACE) {
        let size = std::env::var(SIZE).expect("a size");
        let (commits, bytes) = size.split_once('x').expect("two numbers");
        let size = Size {
            commits: commits.parse().expect("a number"),
            bytes: bytes.parse().expect("a number"),
        };
        match block_on(play(&PathBuf::from(path), size)) {
            Ok(()) => say("played"),
            Err(reason) => say(&format!("ended: {reason}")),
        }
        return;
    }
    let (_dir, path) = place();
    let report = block_on(async {
        play(&path, SHORT).await.expect("played");
        verify_log(&open(&path).await, |_, _| ()).await
    });
    let recorded = report.expect("holds").commits;
    assert_eq!(recorded, SHORT.commits as u64);
}
