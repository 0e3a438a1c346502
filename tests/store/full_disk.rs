//! A disk that is really full, under each engine that has one: nothing is confirmed meanwhile, and once there
//! is room the journal goes on by itself. Nothing that was confirmed is lost, nothing is recorded twice.

use std::sync::Arc;
use std::time::Duration;

use blotter::events::catalogue::ActorRestarted;
use blotter::events::journal::{Journal, JournalState};
use blotter::events::verify::verify_log;
use blotter::events::{Commit, CommitError, Event, EventStore, Lease, Receipt};
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio::time::timeout;

use crate::postgres::server::{Server, Stop};
use crate::small_disk::SmallDisk;
use crate::support::*;
use crate::torture::{Random, is_torture};

const IN_TIME: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Room for everything.
const ENOUGH_KIB: u32 = 128 << 10;

/// 60 kB that no engine can make smaller.
fn large(index: usize) -> Commit {
    let mut random = Random(index as u64);
    let text = (0..3_750).map(|_| format!("{:016x}", random.below(u64::MAX)));
    let event = Event::from(ActorRestarted {
        actor: "risk".to_owned(),
        cause: text.collect(),
        restarts_in_window: 1,
    });
    commit_of(
        &format!("large-{index}"),
        &format!("order-{index}"),
        0,
        vec![event],
    )
}

type State = watch::Receiver<JournalState>;

/// Records `commits` commits on a disk that cannot take them; `make_room` is called once it is full
/// and returns when the journal can write again.
async fn fill_up(
    store: Arc<dyn EventStore>,
    lease: Lease,
    commits: usize,
    make_room: impl AsyncFnOnce(State),
) {
    let journal = Journal::start(store.clone(), lease, origin(), &runtime()).await;
    let journal = journal.expect("starts");
    let mut receipts = Vec::new();
    let recording = async {
        for index in 0..commits {
            receipts.push(record(&journal, large(index)).await);
        }
    };
    let room = async {
        let mut state = journal.state();
        let full = state.wait_for(|state| *state != JournalState::Writable);
        full.await.expect("a state");
        make_room(state).await;
    };
    tokio::join!(recording, room);
    let head = store.head().await.expect("a head");
    assert_eq!(head.position.get(), commits as u64, "each once");
    for (index, receipt) in receipts.into_iter().enumerate() {
        let found = store.lookup(large(index).id).await.expect("looks up");
        assert_eq!(found.expect("is there").1, receipt);
    }
    let report = verify_log(&*store, |_, _| ()).await.expect("holds");
    assert_eq!(report.commits, commits as u64);
}

/// Submits until it is recorded; a full disk may say no other than that it is full.
async fn record(journal: &Journal, commit: Commit) -> Receipt {
    loop {
        match journal.writer().submit(commit.clone()).await {
            Ok(appended) => return appended.receipt,
            Err(CommitError::Unavailable(_)) => {}
            Err(error) => panic!("{error}; {:?}", *journal.state().borrow()),
        }
        let mut state = journal.state();
        let writable = state.wait_for(|state| *state == JournalState::Writable);
        writable.await.expect("recovers");
    }
}

/// Sizes of the disk in KiB: more of them under torture.
fn sizes(normal: &[u32], from: u32, to: u32, step: usize) -> Vec<u32> {
    match is_torture() {
        true => (from..to).step_by(step).collect(),
        false => normal.to_vec(),
    }
}

async fn in_time(what: &str, work: impl Future<Output = ()>) {
    let done = timeout(IN_TIME, LocalSet::new().run_until(work)).await;
    done.unwrap_or_else(|_| panic!("{what}: it hangs, or never fills up"));
}

#[tokio::test]
async fn a_file_on_a_full_disk() {
    for kib in sizes(&[1_000, 4_096], 300, 6_000, 300) {
        let Some(disk) = SmallDisk::of_kib(kib) else {
            return;
        };
        let what = format!("{kib} KiB");
        let full = async {
            let store = Arc::new(open(&disk.path().join("events.db")).await);
            let lease = store.acquire_lease(&node()).await.expect("a lease");
            let room = async |mut state: State| {
                disk.enlarge(ENOUGH_KIB);
                let writable = state.wait_for(|state| *state == JournalState::Writable);
                writable.await.expect("recovers");
            };
            fill_up(store, lease, 120, room).await;
        };
        in_time(&what, full).await;
    }
}

/// The tables do not fit: the server says so, and goes on.
#[tokio::test]
async fn tables_on_a_full_disk() {
    for kib in sizes(&[24_000], 20_000, 27_000, 1_000) {
        let Some(disk) = SmallDisk::of_kib(kib) else {
            return;
        };
        let server = Server::start_in(disk.path(), &["max_wal_size=8MB"]);
        let what = format!("{kib} KiB");
        let said = "No space left on device";
        in_time(&what, through_a_server_on(&disk, server, said)).await;
    }
}

/// The server's own log does not fit: the server ends in the middle of a commit, and cannot start
/// before there is room.
#[tokio::test]
async fn a_servers_own_log_on_a_full_disk() {
    for kib in sizes(&[6_000], 6_000, 9_000, 500) {
        let Some(disk) = SmallDisk::of_kib(kib) else {
            return;
        };
        let mut server = Server::start();
        server.stop(Stop::Fast);
        server.move_own_log(&disk.path().join("wal"));
        server.start_again(&[]);
        let what = format!("{kib} KiB");
        let said = "PANIC:  could not write to file";
        in_time(&what, through_a_server_on(&disk, server, said)).await;
    }
}

/// `said` is what the server says of the full disk.
async fn through_a_server_on(disk: &SmallDisk, mut server: Server, said: &str) {
    let store = Arc::new(open_postgres(&server.owner_url()).await);
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    let mut log = String::new();
    let room = async |mut state: State| {
        disk.enlarge(ENOUGH_KIB);
        loop {
            if server.has_ended() {
                log = server.log();
                server.start_again(&[]);
            }
            let writable = state.wait_for(|state| *state == JournalState::Writable);
            if let Ok(recovered) = timeout(LOOK_EVERY, writable).await {
                break drop(recovered.expect("recovers"));
            }
        }
    };
    fill_up(store, lease, 200, room).await;
    log.push_str(&server.log());
    assert!(log.contains(said), "{log}");
}
