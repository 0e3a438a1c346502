//! Files that are not what was written: a write-ahead log that was cut off, a bit that flipped anywhere. No
//! record is ever handed out that is not the one recorded; what is not found wrong is as it was, or the
//! beginning of it, and then what is remembered beside the log says that it is too short.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use blotter::events::mark::{Disagreement, LogMark};
use blotter::events::sqlite::SqliteStore;
use blotter::events::verify::verify_log;
use blotter::events::{EventStore, OpenMode, Recorded, StoreError};
use blotter::values::{Position, Version};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::sqlite::{run, stranger};
use crate::support::{LOG_ID, append_one, commit, fill, node, open, read_all, stamp};
use crate::torture::{Random, rounds};

/// Longest that anything may take with a damaged file: nothing hangs.
const IN_TIME: Duration = Duration::from_secs(60);
/// Commits of the log, two thirds of them before the checkpoint.
const COMMITS: usize = 18;
/// Sizes in the write-ahead log, by SQLite's file format.
const WAL_HEADER: usize = 32;
const WAL_FRAME: usize = 24 + 4096;

/// The files of a log while its writer still has it open, as a crash leaves them.
struct Image {
    file: Vec<u8>,
    write_ahead_log: Vec<u8>,
    all: Vec<Recorded>,
    /// Position up to which the file holds everything by itself.
    checkpointed: usize,
}

/// How a log was brought into its file before the crash.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Checkpoint {
    /// The write-ahead log began anew after it.
    InTheMiddle,
    /// And there was another at the end: what is in the write-ahead log is in the file as well.
    AndAtTheEnd,
}

impl Image {
    async fn taken(checkpoint: Checkpoint) -> Self {
        let (_dir, path) = place();
        let store = open(&path).await;
        let lease = store.acquire_lease(&node()).await.expect("a lease");
        let mut other = stranger(&path).await;
        let mut all = Vec::new();
        let mut checkpointed = 0;
        let mut versions = [0; 3];
        for index in 0..COMMITS {
            if index == COMMITS * 2 / 3 {
                copied(&mut other, "RESTART").await;
                checkpointed = all.len();
            }
            let (on, version) = (format!("order-{}", index % 3), &mut versions[index % 3]);
            let commit = commit(&format!("c-{index}"), &on, *version, index % 4 + 1);
            *version += commit.events.len() as u64;
            let appended = append_one(&store, &lease, commit).await.expect("recorded");
            all.extend(appended.records.iter().map(|record| (**record).clone()));
        }
        if checkpoint == Checkpoint::AndAtTheEnd {
            copied(&mut other, "PASSIVE").await;
            checkpointed = all.len();
        }
        Self {
            file: std::fs::read(&path).expect("reads"),
            write_ahead_log: std::fs::read(beside(&path)).expect("reads"),
            all,
            checkpointed,
        }
    }

    /// Files of a log that was closed in order.
    async fn closed() -> Self {
        let (_dir, path) = place();
        let store = open(&path).await;
        let lease = store.acquire_lease(&node()).await.expect("a lease");
        let all = fill(&store, &lease, COMMITS).await;
        store.close().await.expect("closes");
        Self {
            file: std::fs::read(&path).expect("reads"),
            write_ahead_log: Vec::new(),
            checkpointed: all.len(),
            all,
        }
    }

    /// A place with this log, but for another write-ahead log.
    fn put_with(&self, write_ahead_log: &[u8]) -> (TempDir, PathBuf) {
        let (dir, path) = place();
        std::fs::write(&path, &self.file).expect("writes");
        std::fs::write(beside(&path), write_ahead_log).expect("writes");
        (dir, path)
    }
}

/// In memory where there is room: what is looked at here does not depend on the disk.
fn place() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let dir = dir.expect("a directory");
    let path = dir.path().join("events.db");
    (dir, path)
}

fn beside(path: &Path) -> PathBuf {
    path.with_extension("db-wal")
}

async fn copied(other: &mut sqlx::SqliteConnection, mode: &str) {
    let checkpoint = format!("PRAGMA wal_checkpoint({mode})");
    run(other, &checkpoint).await.expect("copies");
}

/// What became of a log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Found {
    /// It does not open, or not as a log to write to.
    Refused,
    /// It opens; `verify` says what is wrong.
    Damaged,
    /// It verifies, and holds the first so many events.
    Beginning(usize),
    /// It verifies, and is what it was.
    Whole,
}

/// Opens what is at `path`, reads it in every way and appends to it.
async fn looked_at(path: &Path, image: &Image, what: &str) -> Found {
    let looked = timeout(IN_TIME, look_at(path, image, what)).await;
    looked.unwrap_or_else(|_| panic!("{what}: it hangs"))
}

async fn look_at(path: &Path, image: &Image, what: &str) -> Found {
    let mode = OpenMode::CreateOrOpen { new_log_id: LOG_ID };
    let store = match SqliteStore::open(path, mode).await {
        Ok(store) => store,
        Err(error) => {
            assert_is_a_refusal(&error, what);
            return Found::Refused;
        }
    };
    assert_reads_are_true(&store, image, what).await;
    let verified = verify_log(&store, |_, _| ()).await;
    let found = match &verified {
        Err(_) => Found::Damaged,
        Ok(report) => {
            let events = read_all(&store).await;
            assert_eq!(events.len() as u64, report.head.get(), "{what}");
            match events.len() == image.all.len() {
                true => Found::Whole,
                false => Found::Beginning(events.len()),
            }
        }
    };
    assert_the_mark_tells(&store, image, &found, what).await;
    assert_goes_on_or_refuses(&store, &found, what).await;
    found
}

fn assert_is_a_refusal(error: &StoreError, what: &str) {
    let is_refusal = matches!(
        error,
        StoreError::Fatal(_)
            | StoreError::Damaged { .. }
            | StoreError::Format { .. }
            | StoreError::Unavailable(_)
    );
    assert!(is_refusal, "{what}: {error:?}");
}

/// Whatever is handed out is what was recorded there.
async fn assert_reads_are_true(store: &SqliteStore, image: &Image, what: &str) {
    for after in 0..image.all.len() {
        let Ok(page) = store.read(Position::new(after as u64), 4).await else {
            continue;
        };
        for (record, expected) in page.iter().zip(&image.all[after..]) {
            assert_eq!(record, expected, "{what}: after {after}");
        }
    }
    let mut streams: BTreeMap<_, Vec<&Recorded>> = BTreeMap::new();
    for record in &image.all {
        let of = streams.entry(record.envelope.stream.clone()).or_default();
        of.push(record);
    }
    for (stream, expected) in streams {
        for after in (0..expected.len()).step_by(4) {
            let read = store
                .read_stream(&stream, Version::new(after as u64), 5)
                .await;
            for (record, expected) in read.iter().flatten().zip(&expected[after..]) {
                assert_eq!(record, *expected, "{what}: {stream} after {after}");
            }
        }
    }
    for record in &image.all {
        let meta = &record.envelope.meta;
        let id = blotter::events::CommitId::of_command(&meta.who.principal, &meta.command_id);
        let Ok(Some((_, receipt))) = store.lookup(id).await else {
            continue;
        };
        let positions = receipt.first_position..=receipt.last_position();
        assert!(
            positions.contains(&record.position()),
            "{what}: {receipt:?}"
        );
        assert_eq!(receipt.stream, record.envelope.stream, "{what}");
    }
}

/// An append is refused, or follows what was recorded; a log that verified still does.
async fn assert_goes_on_or_refuses(store: &SqliteStore, found: &Found, what: &str) {
    let lease = match store.acquire_lease(&node()).await {
        Ok(lease) => lease,
        Err(error) => return assert_is_a_refusal(&error, what),
    };
    let before = store.head().await.expect("a head").position;
    let batch = [commit("next", "order-99", 0, 2)];
    match store
        .append(&lease, &stamp(), batch.into())
        .await
        .as_deref()
    {
        Ok([Ok(appended)]) => assert_eq!(appended.receipt.first_position, before.next(), "{what}"),
        Ok(other) => panic!("{what}: {other:?}"),
        Err(error) => assert_is_a_refusal(error, what),
    }
    let verified = verify_log(store, |_, _| ()).await;
    assert!(
        verified.is_ok() || *found == Found::Damaged,
        "{what}: {verified:?}"
    );
}

/// A log that was cut back is found by what is remembered of it elsewhere.
async fn assert_the_mark_tells(store: &SqliteStore, image: &Image, found: &Found, what: &str) {
    let mark = LogMark::at(image.all.last().expect("events"));
    let expected = match found {
        Found::Whole => None,
        Found::Beginning(events) => Some(Disagreement::Ahead {
            kept: mark.position,
            head: Position::new(*events as u64),
        }),
        Found::Refused | Found::Damaged => return,
    };
    assert_eq!(mark.check(store).await, Ok(expected), "{what}");
}

/// Ends of frames, and places in between: of the former every one under torture.
fn cuts(length: usize, seed: u64) -> Vec<usize> {
    let mut random = Random(seed);
    let frames = WAL_FRAME * rounds(3, 1);
    let mut cuts: Vec<_> = (WAL_HEADER..=length)
        .step_by(frames.max(WAL_FRAME))
        .collect();
    cuts.extend([0, 1, WAL_HEADER - 1, length]);
    cuts.extend((0..8 * rounds(1, 50)).map(|_| random.below(length as u64) as usize));
    cuts
}

/// What is found where the write-ahead log is cut off, and how often.
async fn found_in_cuts(image: &Image, seed: u64) -> BTreeMap<Found, usize> {
    let whole = image.write_ahead_log.len();
    let mut all_found = BTreeMap::new();
    for cut in cuts(whole, seed) {
        let what = format!("cut at {cut} of {whole}");
        let (_dir, path) = image.put_with(&image.write_ahead_log[..cut]);
        let found = looked_at(&path, image, &what).await;
        *all_found.entry(found).or_insert(0) += 1;
    }
    println!("{all_found:?}");
    all_found
}

#[tokio::test]
async fn a_write_ahead_log_cut_off_leaves_a_beginning_and_the_mark_tells() {
    let image = Image::taken(Checkpoint::InTheMiddle).await;
    let found = found_in_cuts(&image, 3).await;
    let mut lengths = Vec::new();
    for found in found.keys() {
        match found {
            Found::Beginning(events) => lengths.push(*events),
            Found::Whole => {}
            Found::Refused | Found::Damaged => panic!("{found:?}"),
        }
    }
    assert_eq!(lengths[0], image.checkpointed, "with nothing but the file");
    assert!(lengths.len() > 3, "each commit is an end: {lengths:?}");
    assert!(found.contains_key(&Found::Whole), "{found:?}");
}

/// The frames that are left are older than the file: SQLite lays them over it. What comes of it is the
/// log of an earlier moment, or of no moment at all, and then it is found.
#[tokio::test]
async fn a_write_ahead_log_cut_off_beside_a_newer_file_is_found() {
    let image = Image::taken(Checkpoint::AndAtTheEnd).await;
    let found = found_in_cuts(&image, 4).await;
    assert!(found.contains_key(&Found::Whole), "{found:?}");
    let is_found = found.contains_key(&Found::Refused) || found.contains_key(&Found::Damaged);
    assert!(is_found, "{found:?}");
}

fn flipped(bytes: &mut [u8], random: &mut Random) -> String {
    let at = random.below(bytes.len() as u64) as usize;
    let bit = random.below(8);
    bytes[at] ^= 1 << bit;
    format!("byte {at} of {}, bit {bit}", bytes.len())
}

#[tokio::test]
async fn a_flipped_bit_in_the_file_is_found_or_does_not_matter() {
    let image = Image::closed().await;
    let mut random = Random(1);
    let mut all_found = BTreeMap::new();
    for _ in 0..70 * rounds(1, 50) {
        let mut file = image.file.clone();
        let what = flipped(&mut file, &mut random);
        let (_dir, path) = place();
        std::fs::write(&path, &file).expect("writes");
        let found = looked_at(&path, &image, &what).await;
        let is_cut = matches!(found, Found::Beginning(_));
        assert!(!is_cut, "{what}: nothing can be cut off unseen: {found:?}");
        *all_found.entry(found).or_insert(0) += 1;
    }
    println!("{all_found:?}");
    for kind in [Found::Refused, Found::Damaged, Found::Whole] {
        assert!(all_found.contains_key(&kind), "{all_found:?}");
    }
}

#[tokio::test]
async fn a_flipped_bit_in_the_write_ahead_log_cuts_it_off_there() {
    let image = Image::taken(Checkpoint::InTheMiddle).await;
    let mut random = Random(2);
    let mut cut = 0;
    for _ in 0..30 * rounds(1, 50) {
        let mut write_ahead_log = image.write_ahead_log.clone();
        let what = flipped(&mut write_ahead_log, &mut random);
        let (_dir, path) = image.put_with(&write_ahead_log);
        let found = looked_at(&path, &image, &what).await;
        match found {
            Found::Beginning(events) => assert!(events >= image.checkpointed, "{what}"),
            Found::Whole => {}
            Found::Refused | Found::Damaged => panic!("{what}: {found:?}"),
        }
        cut += usize::from(found != Found::Whole);
    }
    assert!(cut > 0);
}
