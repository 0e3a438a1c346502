//! What is special about a log in a file.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use blotter::events::OpenMode;
use blotter::events::journal::{Journal, JournalState};
use blotter::events::sqlite::{SqliteStore, schema};
use blotter::events::verify::verify_log;
use blotter::events::{CommitError, EventStore, StoreError};
use blotter::values::Position;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection};
use uuid::Uuid;

use crate::support::*;

/// A connection of somebody else.
pub async fn stranger(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .expect("connects")
}

pub async fn run(connection: &mut SqliteConnection, sql: &str) -> Result<u64, sqlx::Error> {
    let done = sqlx::query(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}

async fn open_error(path: &Path, mode: OpenMode) -> StoreError {
    match SqliteStore::open(path, mode).await {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error,
    }
}

const CREATE: OpenMode = OpenMode::CreateOrOpen { new_log_id: LOG_ID };

#[tokio::test]
async fn reopening_keeps_everything() {
    let (_dir, path) = place();
    let store = open(&path).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    let all = fill(&store, &lease, 12).await;
    let head = store.head().await.expect("a head");
    store.close().await.expect("closes");
    assert!(
        matches!(store.head().await, Err(StoreError::Unavailable(_))),
        "closed is closed"
    );

    let mode = OpenMode::CreateOrOpen {
        new_log_id: Uuid::from_u128(2),
    };
    let store = SqliteStore::open(&path, mode).await.expect("opens");
    assert_eq!(
        store.log_id().await,
        Ok(LOG_ID),
        "an old log keeps its identity"
    );
    assert_eq!(store.head().await, Ok(head));
    assert_eq!(read_all(&store).await, all);
    let again = append_one(&store, &lease, commit("fill-0", "order-0", 0, 1)).await;
    assert!(
        again.expect("the first receipt").is_repeat(),
        "and its commit ids"
    );
    let newer = store.acquire_lease(&node()).await.expect("a lease");
    assert_eq!(newer.epoch, lease.epoch + 1, "and its leases");
}

#[tokio::test]
async fn only_the_owner_may_read_the_files() {
    let (dir, path) = place();
    let store = open(&path).await;
    store.acquire_lease(&node()).await.expect("a lease");
    for entry in std::fs::read_dir(dir.path()).expect("lists") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("metadata").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn facts_cannot_be_edited_or_deleted() {
    let (_dir, path) = place();
    let store = open(&path).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    fill(&store, &lease, 3).await;
    let mut stranger = stranger(&path).await;
    for sql in [
        "UPDATE commits SET records = '{}' WHERE first_position = 1",
        "UPDATE commits SET fingerprint = fingerprint",
        "DELETE FROM commits",
        "DELETE FROM commits WHERE first_position = 2",
        "DELETE FROM head",
        "UPDATE head SET position = position - 1",
        "UPDATE head SET lease_epoch = 0",
        "DELETE FROM log",
        "UPDATE log SET log_id = zeroblob(16)",
    ] {
        let refused = run(&mut stranger, sql).await.expect_err(sql).to_string();
        assert!(refused.contains("never"), "{sql}: {refused}");
    }
    verify_log(&store, |_, _| ()).await.expect("holds");
}

#[tokio::test]
async fn an_empty_batch_writes_to_the_file() {
    let (_dir, path) = place();
    let store = open(&path).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    let wal = path.with_extension("db-wal");
    let size = || std::fs::metadata(&wal).expect("a write-ahead log").len();
    let before = size();
    store
        .append(&lease, &stamp(), Arc::default())
        .await
        .expect("appends");
    assert!(size() > before);
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let (_dir, path) = place();
    let error = open_error(&path, OpenMode::ReadOnly).await;
    assert!(
        matches!(&error, StoreError::Unavailable(reason) if reason.contains("events.db")),
        "{error}"
    );
    assert!(!path.exists());
    let nowhere = path.join("deeper/events.db");
    assert!(matches!(
        open_error(&nowhere, CREATE).await,
        StoreError::Unavailable(_)
    ));
}

#[tokio::test]
async fn a_file_opened_for_reading_is_not_written() {
    let (_dir, path) = place();
    let writing = open(&path).await;
    let lease = writing.acquire_lease(&node()).await.expect("a lease");
    let all = fill(&writing, &lease, 2).await;
    let store = SqliteStore::open(&path, OpenMode::ReadOnly)
        .await
        .expect("opens");
    assert_eq!(read_all(&store).await, all);
    let unavailable = |error| matches!(error, Some(StoreError::Unavailable(_)));
    assert!(unavailable(store.acquire_lease(&node()).await.err()));
    assert!(unavailable(
        store.append(&lease, &stamp(), Arc::default()).await.err()
    ));
    // It sees what is written meanwhile.
    append_one(&writing, &lease, commit("later", "order-9", 0, 1))
        .await
        .expect("recorded");
    assert_eq!(read_all(&store).await.len(), all.len() + 1);
}

#[tokio::test]
async fn a_newer_format_is_left_untouched() {
    let (_dir, path) = place();
    open(&path).await.close().await.expect("closes");
    let mut newer = stranger(&path).await;
    run(&mut newer, "DROP TRIGGER log_no_update")
        .await
        .expect("drops");
    run(
        &mut newer,
        &format!("UPDATE log SET format = {}", schema::FORMAT + 1),
    )
    .await
    .expect("updates");
    sqlx::Connection::close(newer).await.expect("closes");
    let before = std::fs::read(&path).expect("reads");
    let expected = StoreError::Format {
        found: schema::FORMAT + 1,
        supported: schema::FORMAT,
    };
    for mode in [CREATE, OpenMode::ReadOnly] {
        assert_eq!(open_error(&path, mode).await, expected);
    }
    assert_eq!(std::fs::read(&path).expect("reads"), before);
}

#[tokio::test]
async fn a_file_that_is_no_log_is_left_untouched() {
    let (_dir, path) = place();
    std::fs::write(&path, "position,stream\n1,order-1\n".repeat(100)).expect("writes");
    let before = std::fs::read(&path).expect("reads");
    let error = open_error(&path, CREATE).await;
    assert!(
        matches!(&error, StoreError::Fatal(reason) if reason.contains("not an SQLite database")),
        "{error}"
    );
    assert_eq!(std::fs::read(&path).expect("reads"), before);

    std::fs::remove_file(&path).expect("removes");
    std::fs::write(&path, "").expect("writes");
    let empty = open_error(&path, OpenMode::ReadOnly).await;
    assert!(
        matches!(&empty, StoreError::Unavailable(reason) if reason.contains("no log yet")),
        "{empty}"
    );

    let mut other = stranger(&path).await;
    run(&mut other, "CREATE TABLE recipes (name)")
        .await
        .expect("creates");
    let error = open_error(&path, CREATE).await;
    assert!(
        matches!(&error, StoreError::Fatal(reason) if reason.contains("another program")),
        "{error}"
    );
}

#[tokio::test]
async fn another_writer_at_the_file_means_busy() {
    let (_dir, path) = place();
    let store = open(&path).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    let mut stranger = stranger(&path).await;
    run(&mut stranger, "BEGIN IMMEDIATE").await.expect("begins");
    let refused = store
        .append(&lease, &stamp(), [commit("a", "order-1", 0, 1)].into())
        .await;
    assert!(matches!(refused, Err(StoreError::Busy(_))), "{refused:?}");
    assert!(read_all(&store).await.is_empty(), "reading goes on");
    run(&mut stranger, "ROLLBACK").await.expect("rolls back");
    append_one(&store, &lease, commit("a", "order-1", 0, 1))
        .await
        .expect("recorded");
}

fn large(index: usize) -> blotter::events::Commit {
    commit_of(
        &format!("large-{index}"),
        &format!("order-{index}"),
        0,
        vec![event(100_000)],
    )
}

#[tokio::test]
async fn a_full_disk_records_nothing_and_heals() {
    let (_dir, path) = place();
    let store = open(&path).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    store.limit_pages(50).await.expect("limits");
    append_one(&store, &lease, large(0))
        .await
        .expect("recorded");
    let before = store.head().await.expect("a head");
    for _ in 0..3 {
        let refused = store
            .append(&lease, &stamp(), [large(1), large(2)].into())
            .await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable(_))),
            "{refused:?}"
        );
    }
    assert_eq!(store.head().await, Ok(before));
    assert_eq!(store.lookup(large(1).id).await, Ok(None));
    store.limit_pages(6_000).await.expect("limits");
    append_one(&store, &lease, large(1))
        .await
        .expect("recorded");
    verify_log(&store, |_, _| ()).await.expect("holds");
}

#[tokio::test]
async fn the_journal_recovers_from_a_full_disk() {
    let (_dir, path) = place();
    let store = Arc::new(open(&path).await);
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    store.limit_pages(50).await.expect("limits");
    let local = tokio::task::LocalSet::new();
    let all = async {
        let journal = Journal::start(store.clone(), lease, origin(), &runtime())
            .await
            .expect("starts");
        let mut state = journal.state();
        let mut events = journal.feed().subscribe(Position::ZERO);
        journal.writer().submit(large(0)).await.expect("recorded");
        let mut refused = 0;
        for index in 1..4 {
            let answer = journal.writer().submit(large(index)).await;
            refused += usize::from(matches!(answer, Err(CommitError::Unavailable(_))));
        }
        assert_eq!(refused, 3, "there is room for one");
        store.limit_pages(6_000).await.expect("limits");
        state
            .wait_for(|state| *state == JournalState::Writable)
            .await
            .expect("recovers");
        journal.writer().submit(large(4)).await.expect("recorded");
        let mut seen = Vec::new();
        while seen.len() < 2 {
            seen.extend(events.next().await.expect("events"));
        }
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[1].envelope.stream, stream("order-4"));
    };
    local.run_until(all).await;
    verify_log(&*store, |_, _| ()).await.expect("holds");
}

#[tokio::test]
async fn the_busy_and_the_reading_do_not_disturb_each_other() {
    let (_dir, path) = place();
    let store = Arc::new(open(&path).await);
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let journal = Journal::start(store.clone(), lease, origin(), &runtime())
                .await
                .expect("starts");
            let submitted: Vec<_> = (0..200)
                .map(|index| {
                    journal.writer().submit(commit(
                        &format!("c-{index}"),
                        &format!("order-{index}"),
                        0,
                        2,
                    ))
                })
                .collect();
            let reading =
                futures_util::future::join_all((0..16).map(|_| store.read(Position::ZERO, 1_000)));
            let (answers, pages) = tokio::join!(futures_util::future::join_all(submitted), reading);
            assert!(answers.iter().all(Result::is_ok));
            for page in pages {
                for (event, position) in page.expect("reads").iter().zip(1..) {
                    assert_eq!(event.position().get(), position, "a page has no gaps");
                }
            }
        })
        .await;
}
