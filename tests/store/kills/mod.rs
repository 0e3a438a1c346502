//! `kill -9` at any moment, beside a witness of what had been acknowledged.
//!
//! `writer` appends and is killed, again and again, on one log; `witness` is the file in which it
//! keeps what it was told. After each kill the log is opened as the next node would and must hold
//! every witnessed commit once, where its receipt says; nothing that was not asked for; and of
//! what was under way, whole commits or nothing. The next writer sends that again. With
//! PostgreSQL, some rounds kill the server, or one of its sessions, and the writer has to go on.

mod witness;
mod writer;

use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::thread::park_timeout;
use std::time::Duration;

use blotter::events::store::StoredCommit;
use blotter::events::verify::verify_log;
use blotter::events::{CommitId, Receipt};
use blotter::values::Position;
use tempfile::TempDir;
use tokio::time::Instant;

use self::witness::{Line, Witness};
use self::writer::{SEQUENCES, commit_of_sequence};
use crate::home::Home;
use crate::support::*;
use crate::torture::{Random, rounds};

const KILLS: u64 = 20;
/// Rounds of the long run, each with so many kills on a new log.
const TORTURE_ROUNDS: usize = 100;
/// Acknowledgements that a writer is left to at most, before it is killed.
const LEFT_TO_MAX: u64 = 30;
/// And so long after the last of them at most.
const PAUSE_MICROS_MAX: u64 = 3_000;
const DEADLINE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_micros(500);
const SIGKILL: i32 = 9;

/// What is killed besides the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Also {
    Nothing,
    /// All processes of the database server at once; it is started again.
    Server,
    /// The same, and the writer before the server is back.
    ServerFirst,
    /// The process of one session, after which the server starts all of them anew.
    Session,
}

impl Also {
    fn of_kill(home: &Home, kill: u64) -> Self {
        match (home, kill % 10) {
            (Home::Database(_), 3) => Self::Server,
            (Home::Database(_), 8) => Self::ServerFirst,
            (Home::Database(_), 6) => Self::Session,
            _ => Self::Nothing,
        }
    }
}

/// One log, its witness, and what came of the kills so far.
struct Loop {
    home: Home,
    _dir: TempDir,
    witness: Witness,
    random: Random,
    /// Commits that were in the log without a witness, and had to be recognised when sent again.
    unwitnessed: u64,
}

fn survives(new_home: impl Fn() -> Home) {
    for seed in 1..=rounds(1, TORTURE_ROUNDS) as u64 {
        let dir = tempfile::tempdir().expect("a directory");
        let mut all = Loop {
            home: new_home(),
            witness: Witness::open(&dir.path().join("witness")),
            _dir: dir,
            random: Random(seed),
            unwitnessed: 0,
        };
        for kill in 0..KILLS {
            all.kill(kill);
            let checked = all.check();
            checked.unwrap_or_else(|wrong| panic!("seed {seed}, kill {kill}: {wrong}"));
        }
        println!(
            "seed {seed}: {KILLS} kills, {} commits witnessed, {} unfinished ones recognised",
            all.witness.lines().len(),
            all.unwitnessed
        );
    }
}

impl Loop {
    /// Starts a writer and kills it a little later.
    fn kill(&mut self, kill: u64) {
        let mut writer = Killed(writer::start(&self.home.url(), &self.witness));
        let left_to = 1 + self.random.below(LEFT_TO_MAX);
        self.wait_for(&mut writer, left_to);
        let also = Also::of_kill(&self.home, kill);
        if let Home::Database(server) = &mut self.home {
            match also {
                Also::Nothing => {}
                Also::Server => {
                    server.kill();
                    server.start_again(&[]);
                }
                Also::ServerFirst => server.kill(),
                Also::Session => server.kill_a_session(),
            }
        }
        if matches!(also, Also::Server | Also::Session) {
            // It finds out by itself, and goes on with the server.
            self.wait_for(&mut writer, 1 + SEQUENCES);
        }
        park_timeout(Duration::from_micros(self.random.below(PAUSE_MICROS_MAX)));
        writer.0.kill().expect("is there to be killed");
        let status = writer.0.wait().expect("a status");
        assert_eq!(
            status.signal(),
            Some(SIGKILL),
            "it ended by itself: {status}"
        );
        self.witness.mend();
        if let (Home::Database(server), Also::ServerFirst) = (&mut self.home, also) {
            server.start_again(&[]);
        }
    }

    /// Waits for `more` acknowledgements.
    fn wait_for(&self, writer: &mut Killed, more: u64) {
        let enough = self.witness.lines().len() as u64 + more;
        let started = Instant::now();
        while (self.witness.lines().len() as u64) < enough {
            let ended = writer.0.try_wait().expect("a status");
            assert!(ended.is_none(), "the writer ended by itself: {ended:?}");
            assert!(started.elapsed() < DEADLINE, "the writer does not go on");
            park_timeout(LOOK_EVERY);
        }
    }

    /// Opens the log as the next node does and holds it against the witness.
    fn check(&mut self) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let log = runtime.expect("a runtime").block_on(async {
            let store = self.home.open().await;
            // What is still on its way to a server is recorded by now, or never will be.
            store.acquire_lease(&node()).await.expect("a lease");
            let verified = verify_log(&*store, |_, _| ()).await;
            let report = verified.map_err(|error| error.to_string())?;
            let log = store.read_stored(Position::ZERO, usize::MAX >> 1).await;
            let log = log.map_err(|error| error.to_string())?;
            assert_eq!(report.commits, log.len() as u64);
            store.close().await.expect("closes");
            Ok::<_, String>(log)
        })?;
        let lines = self.witness.lines();
        witnessed(&log, &lines)?;
        self.unwitnessed += sequences(&log, &lines)?;
        Ok(())
    }
}

/// A writer, killed at the latest when the test ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Every witnessed receipt is in the log, once and as it was given.
fn witnessed(log: &[StoredCommit], lines: &[Line]) -> Result<(), String> {
    let mut found: HashMap<CommitId, &Receipt> = HashMap::new();
    let mut fingerprints = HashMap::new();
    for commit in log {
        let id = commit.receipt.commit_id;
        fingerprints.insert(id.to_string(), hex::encode(commit.fingerprint));
        if found.insert(id, &commit.receipt).is_some() {
            return Err(format!("commit {id} is in the log twice"));
        }
    }
    for line in lines {
        let commit = commit_of_sequence(line.sequence, line.index);
        let (id, position) = (commit.id, line.position);
        let Some(receipt) = found.get(&id).filter(|_| line.commit == id.to_string()) else {
            return Err(format!(
                "commit {id} was acknowledged at position {position} and is not in the log"
            ));
        };
        if receipt.first_position.get() != position {
            return Err(format!(
                "commit {id} was acknowledged at position {position} and stands at {}",
                receipt.first_position
            ));
        }
        if fingerprints.get(&line.commit) != Some(&line.fingerprint) {
            return Err(format!(
                "commit {id} has another fingerprint than its witness"
            ));
        }
    }
    Ok(())
}

/// The log holds what the writers sent, in their order: all that was witnessed and of each
/// sequence at most one commit more. Gives the number of those.
fn sequences(log: &[StoredCommit], lines: &[Line]) -> Result<u64, String> {
    let mut unwitnessed = 0;
    let mut held = 0;
    for sequence in 0..SEQUENCES {
        let of_it = lines.iter().filter(|line| line.sequence == sequence);
        let witnessed = of_it.count() as u64;
        let on = stream(&format!("order-{sequence}"));
        let ours = log.iter().filter(|commit| commit.receipt.stream == on);
        let mut count = 0;
        for commit in ours {
            let sent = commit_of_sequence(sequence, count);
            if commit.receipt.commit_id != sent.id {
                return Err(format!(
                    "commit number {count} of {on} is {}, not {}",
                    commit.receipt.commit_id, sent.id
                ));
            }
            count += 1;
        }
        if count < witnessed || count > witnessed + 1 {
            return Err(format!(
                "{on} has {count} commits; {witnessed} were acknowledged and one more may be there"
            ));
        }
        unwitnessed += count - witnessed;
        held += count;
    }
    match held == log.len() as u64 {
        true => Ok(unwitnessed),
        false => Err("the log holds commits that nobody sent".to_owned()),
    }
}

#[test]
fn killed_at_random_on_sqlite() {
    survives(Home::file);
}

#[test]
fn killed_at_random_on_postgres() {
    survives(Home::database);
}

#[test]
fn killed_at_random_on_kurrent() {
    survives(Home::kurrent);
}

/// What the witness would have to say about a log that lost, doubled or invented something.
mod wrong {
    use super::*;

    fn stored(sequence: u64, index: u64, position: u64) -> StoredCommit {
        let commit = commit_of_sequence(sequence, index);
        StoredCommit {
            receipt: Receipt {
                commit_id: commit.id,
                stream: commit.stream,
                first_position: Position::new(position),
                first_version: commit.expected.next(),
                events: commit.events.len() as u64,
            },
            fingerprint: commit.fingerprint,
            records: Vec::new(),
            leaves: Vec::new(),
        }
    }

    fn line(sequence: u64, index: u64, position: u64) -> Line {
        let commit = commit_of_sequence(sequence, index);
        Line {
            sequence,
            index,
            position,
            commit: commit.id.to_string(),
            fingerprint: hex::encode(commit.fingerprint),
        }
    }

    fn judge(log: &[StoredCommit], lines: &[Line]) -> Result<u64, String> {
        witnessed(log, lines)?;
        sequences(log, lines)
    }

    #[track_caller]
    fn refused(words: &str, log: &[StoredCommit], lines: &[Line]) {
        let sentence = judge(log, lines).expect_err("it cannot be, and is passed");
        assert!(sentence.contains(words), "{sentence}");
    }

    #[test]
    fn a_log_that_its_witness_contradicts_is_refused() {
        let log = [stored(0, 0, 1), stored(1, 0, 2), stored(0, 1, 3)];
        let lines = [line(0, 0, 1), line(1, 0, 2)];
        assert_eq!(judge(&log, &lines), Ok(1));
        refused("is not in the log", &log[1..], &lines);
        refused("stands at 2", &log, &[line(1, 0, 1)]);
        let twice = [stored(0, 0, 1), stored(0, 0, 2)];
        refused("is in the log twice", &twice, &lines[..1]);
        refused(
            "0 were acknowledged and one more may be there",
            &log,
            &lines[1..],
        );
        let skipped = [stored(0, 0, 1), stored(0, 2, 2)];
        refused("commit number 1 of order-0 is", &skipped, &lines[..1]);
        let foreign = [stored(0, 0, 1), stored(9, 0, 2)];
        refused("that nobody sent", &foreign, &lines[..1]);
        let mut other = line(0, 0, 1);
        other.fingerprint = "00".to_owned();
        refused("another fingerprint", &log, &[other]);
    }
}
