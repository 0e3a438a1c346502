//! The program that is killed: it appends through the journal and, for each acknowledgement,
//! writes the receipt to the witness before it goes on.
//!
//! It is this test binary, started anew for the one test below with its settings in the
//! environment. In an ordinary run that test says so and does nothing.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use blotter::events::journal::{Journal, JournalState};
use blotter::events::{Commit, CommitError};
use futures_util::future::join_all;
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::witness::{Witness, read};
use crate::home::open;
use crate::support::*;

/// Sequences of commits that are written side by side.
pub const SEQUENCES: u64 = 4;
/// A writer that nobody kills ends by itself.
const COMMITS_MAX: u64 = 20_000;
const PATIENCE: Duration = Duration::from_secs(60);

const LOG: &str = "BLOTTER_TEST_LOG";
const WITNESS: &str = "BLOTTER_TEST_WITNESS";

/// Starts a writer on a log; it goes on where the witness ends.
pub fn start(log: &str, witness: &Witness) -> Child {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args(["kills::writer::a_writer_that_is_killed", "--exact"]);
    command.arg("--nocapture").env(LOG, log);
    command.env(WITNESS, witness.path());
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().expect("starts")
}

/// Commit number `index` of a sequence, always the same: its stream has had the ones before.
pub fn commit_of_sequence(sequence: u64, index: u64) -> Commit {
    let events = |index: u64| index % 3 + 1;
    let expected: u64 = (0..index % 3).map(events).sum::<u64>() + index / 3 * 6;
    let command = format!("s-{sequence}-{index}");
    let on = format!("order-{sequence}");
    commit(
        &command,
        &on,
        expected,
        usize::try_from(events(index)).expect("few"),
    )
}

#[test]
fn a_writer_that_is_killed() {
    let (Ok(log), Some(witness)) = (std::env::var(LOG), std::env::var_os(WITNESS)) else {
        println!("skipped: this is what the tests in `kills` start and kill");
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let work = write(log, PathBuf::from(witness));
    LocalSet::new().block_on(&runtime.expect("a runtime"), work);
}

async fn write(log: String, witness: PathBuf) {
    let store = open(&log).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    let journal = Journal::start(store, lease, origin(), &runtime()).await;
    let journal = journal.expect("starts");
    let known = read(&witness);
    let sequences = (0..SEQUENCES).map(|sequence| {
        let of_it = known.iter().filter(|line| line.sequence == sequence);
        let next = of_it.map(|line| line.index + 1).max().unwrap_or(0);
        write_sequence(&journal, Witness::open(&witness), sequence, next)
    });
    join_all(sequences).await;
}

/// Each commit until it is acknowledged, one after the other. The first may be in the log: its
/// answer was lost with the writer before.
async fn write_sequence(journal: &Journal, mut witness: Witness, sequence: u64, next: u64) {
    let writer = journal.writer();
    for index in next..next + COMMITS_MAX {
        loop {
            let commit = commit_of_sequence(sequence, index);
            let fingerprint = commit.fingerprint;
            let answer = timeout(PATIENCE, writer.submit(commit)).await;
            match answer.expect("an answer in time") {
                Ok(appended) => {
                    witness.record(sequence, index, &appended.receipt, &fingerprint);
                    break;
                }
                // The server is gone for a while.
                Err(CommitError::Unavailable(_)) => {
                    let mut state = journal.state();
                    let settled = |state: &JournalState| {
                        matches!(state, JournalState::Writable | JournalState::Stopped(_))
                    };
                    let settled = timeout(PATIENCE, state.wait_for(settled)).await;
                    settled.expect("in time").expect("a last state");
                }
                Err(error) => panic!(
                    "commit {index} of sequence {sequence}: {error}; the journal: {:?}",
                    *journal.state().borrow()
                ),
            }
        }
    }
}
