//! Somebody with write access drops the triggers and changes the log; verification says where.

use std::path::PathBuf;

use blotter::events::merkle::leaf_hash;
use blotter::events::verify::{VerifyError, verify_log};
use blotter::events::{EventStore, StoreError};
use blotter::values::Position;
use tempfile::TempDir;

use crate::postgres;
use crate::postgres::server::Server;
use crate::sqlite;
use crate::support::*;

/// Makes each function below a test of each engine.
macro_rules! on_disk_and_in_a_database {
    ($($test:ident)+) => {
        mod on_sqlite {
            $(#[tokio::test] async fn $test() { super::$test(super::Engine::Sqlite).await; })+
        }
        mod on_postgres {
            $(#[tokio::test] async fn $test() {
                super::$test(super::Engine::Postgres(crate::postgres::server::Server::start())).await;
            })+
        }
    };
}

on_disk_and_in_a_database! {
    an_edited_record_is_found
    an_edited_leaf_is_found
    a_record_edited_with_its_leaf_is_narrowed_down
    a_deleted_commit_is_found
    a_deleted_commit_does_not_go_unread
    an_edited_record_does_not_go_unread
    reordered_commits_are_found
    edited_columns_are_found
    an_edited_head_is_found
}

enum Engine {
    Sqlite,
    Postgres(Server),
}

/// A log that somebody can get at.
enum Log {
    File { _dir: TempDir, path: PathBuf },
    Database { url: String },
}

/// What the statements below take from SQLite.
const AS_IN_SQLITE: &str = "
    CREATE FUNCTION zeroblob(bytes bigint) RETURNS bytea LANGUAGE sql AS
        $$ SELECT decode(repeat('00', bytes::int), 'hex') $$;
    CREATE FUNCTION unhex(digits text) RETURNS bytea LANGUAGE sql AS
        $$ SELECT decode(digits, 'hex') $$;
    CREATE FUNCTION after_first_line(text) RETURNS text LANGUAGE sql AS
        $$ SELECT substr($1, strpos($1, chr(10))) $$;";

impl Engine {
    /// Commits at positions 1, 2-3, 4-6, 7-10, 11, 12-13, 14-16, 17-20.
    async fn log(&self) -> Log {
        let log = match self {
            Self::Sqlite => {
                let (dir, path) = place();
                Log::File { _dir: dir, path }
            }
            Self::Postgres(server) => {
                let url = server.owner_url();
                postgres::clear(&url).await;
                Log::Database { url }
            }
        };
        let store = log.open().await;
        let lease = store.acquire_lease(&node()).await.expect("a lease");
        fill(&*store, &lease, 8).await;
        verify_log(&*store, |_, _| ()).await.expect("holds");
        store.close().await.expect("closes");
        log
    }
}

impl Log {
    async fn open(&self) -> Box<dyn EventStore> {
        match self {
            Self::File { path, .. } => Box::new(open(path).await),
            Self::Database { url } => Box::new(open_postgres(url).await),
        }
    }

    /// Runs statements with nothing in their way; each has to change something.
    async fn change(&self, sqls: &[&str]) {
        match self {
            Self::File { path, .. } => {
                let mut stranger = sqlite::stranger(path).await;
                for trigger in [
                    "commits_no_update",
                    "commits_no_delete",
                    "head_no_return",
                    "log_no_update",
                ] {
                    let drop = format!("DROP TRIGGER {trigger}");
                    sqlite::run(&mut stranger, &drop).await.expect("drops");
                }
                let unchecked = "PRAGMA ignore_check_constraints = ON";
                sqlite::run(&mut stranger, unchecked).await.expect("sets");
                for sql in sqls {
                    let sql = sql.replace(
                        "after_first_line(records)",
                        "substr(records, instr(records, char(10)))",
                    );
                    let changed = sqlite::run(&mut stranger, &sql).await.expect("runs");
                    assert!(changed > 0, "{sql}");
                }
            }
            Self::Database { url } => {
                let mut stranger = postgres::stranger(url).await;
                let open = "ALTER TABLE commits DISABLE TRIGGER ALL;
                    ALTER TABLE head DISABLE TRIGGER ALL;
                    ALTER TABLE log DISABLE TRIGGER ALL;
                    ALTER TABLE commits DROP CONSTRAINT commits_check;
                    ALTER TABLE commits DROP CONSTRAINT commits_first_position_check;";
                postgres::run(&mut stranger, open).await.expect("opens up");
                postgres::run(&mut stranger, AS_IN_SQLITE)
                    .await
                    .expect("prepares");
                for sql in sqls {
                    let sql = sql.replace("AS BLOB", "AS BYTEA");
                    let changed = postgres::run(&mut stranger, &sql).await.expect("runs");
                    assert!(changed > 0, "{sql}");
                }
            }
        }
    }
}

/// What verification says after `sqls` were run on an unprotected log.
async fn verdict(engine: &Engine, sqls: &[&str]) -> (u64, String) {
    let log = engine.log().await;
    log.change(sqls).await;
    match verify_log(&*log.open().await, |_, _| ()).await {
        Err(VerifyError::Broken { position, reason }) => (position.get(), reason),
        other => panic!("not found: {sqls:?}: {other:?}"),
    }
}

async fn found(engine: &Engine, expected: u64, part: &str, sqls: &[&str]) {
    let (position, reason) = verdict(engine, sqls).await;
    assert_eq!(position, expected, "{sqls:?}: {reason}");
    assert!(reason.contains(part), "{sqls:?}: {reason}");
}

async fn an_edited_record_is_found(engine: Engine) {
    let edit = "UPDATE commits SET records = replace(records, 'xx', 'yy') WHERE first_position = 4";
    // Event 6 is the first of the commit with two x in it.
    found(&engine, 6, "hash", &[edit]).await;
    let later =
        "UPDATE commits SET records = replace(records, 'risk', 'rusk') WHERE first_position >= 7";
    found(&engine, 7, "hash", &[later]).await;
    let unreadable = "UPDATE commits SET records = '{' WHERE first_position = 11";
    found(&engine, 11, "cannot be read", &[unreadable]).await;
    if let Engine::Sqlite = engine {
        // PostgreSQL keeps no text that is none.
        let binary = "UPDATE commits SET records = CAST(x'ff' AS TEXT) WHERE first_position = 11";
        found(&engine, 11, "", &[binary]).await;
    }
}

async fn an_edited_leaf_is_found(engine: Engine) {
    let edit = "UPDATE commits SET leaves = zeroblob(length(leaves)) WHERE first_position = 12";
    found(&engine, 12, "hash", &[edit]).await;
    let cut = "UPDATE commits SET leaves = substr(leaves, 1, 33) WHERE first_position = 12";
    found(&engine, 12, "32 bytes", &[cut]).await;
    let fewer = "UPDATE commits SET leaves = substr(leaves, 1, 32) WHERE first_position = 12";
    found(&engine, 12, "2 records and 1 leaf", &[fewer]).await;
}

async fn a_record_edited_with_its_leaf_is_narrowed_down(engine: Engine) {
    let log = engine.log().await;
    let store = log.open().await;
    let event = store
        .read(Position::new(16), 1)
        .await
        .expect("reads")
        .remove(0);
    let record = String::from_utf8(event.record)
        .expect("text")
        .replace("risk", "rusk");
    let leaf = hex::encode(leaf_hash(record.as_bytes()));
    store.close().await.expect("closes");
    let edit = format!(
        "UPDATE commits SET records = '{record}' || after_first_line(records), \
         leaves = CAST(unhex('{leaf}') || substr(leaves, 33) AS BLOB) WHERE first_position = 17"
    );
    // 20 leaves are subtrees of 16 and 4: it is one of the last four.
    found(&engine, 17, "to position 20", &[&edit]).await;
}

async fn a_deleted_commit_is_found(engine: Engine) {
    found(
        &engine,
        1,
        "2 does",
        &["DELETE FROM commits WHERE first_position = 1"],
    )
    .await;
    found(
        &engine,
        7,
        "11 does",
        &["DELETE FROM commits WHERE first_position = 7"],
    )
    .await;
    found(
        &engine,
        17,
        "missing",
        &["DELETE FROM commits WHERE first_position = 17"],
    )
    .await;
    found(
        &engine,
        11,
        "missing",
        &["DELETE FROM commits WHERE first_position > 10"],
    )
    .await;
    found(&engine, 1, "missing", &["DELETE FROM commits"]).await;
}

async fn a_deleted_commit_does_not_go_unread(engine: Engine) {
    let log = engine.log().await;
    log.change(&["DELETE FROM commits WHERE first_position = 7"])
        .await;
    let store = log.open().await;
    let before = store
        .read(Position::ZERO, 100)
        .await
        .expect("what stands before it");
    assert_eq!(before.len(), 6);
    let at = store.read(Position::new(6), 100).await;
    assert!(matches!(at, Err(StoreError::Damaged { .. })), "{at:?}");
    assert_eq!(
        store
            .read(Position::new(10), 100)
            .await
            .expect("what stands after it")
            .len(),
        10
    );
}

async fn an_edited_record_does_not_go_unread(engine: Engine) {
    let log = engine.log().await;
    let edit =
        "UPDATE commits SET records = replace(records, 'risk', 'rusk') WHERE first_position = 2";
    log.change(&[edit]).await;
    let store = log.open().await;
    let at = store.read(Position::new(1), 10).await;
    assert!(
        matches!(at, Err(StoreError::Damaged { position, .. }) if position == Position::new(2)),
        "{at:?}"
    );
    assert_eq!(
        store
            .read(Position::ZERO, 10)
            .await
            .expect("what stands before it")
            .len(),
        1
    );
}

async fn reordered_commits_are_found(engine: Engine) {
    // 1 and 11 are commits of one event each, on different streams.
    found(
        &engine,
        1,
        "",
        &[
            "UPDATE commits SET first_position = 1000 WHERE first_position = 1",
            "UPDATE commits SET first_position = 1 WHERE first_position = 11",
            "UPDATE commits SET first_position = 11 WHERE first_position = 1000",
        ],
    )
    .await;
    let hidden = "UPDATE commits SET first_position = -5 WHERE first_position = 11";
    found(&engine, 0, "first_position is -5", &[hidden]).await;
}

async fn edited_columns_are_found(engine: Engine) {
    found(
        &engine,
        4,
        "stream",
        &["UPDATE commits SET stream = 'order-7', first_version = 1 WHERE first_position = 4"],
    )
    .await;
    found(
        &engine,
        7,
        "version",
        &["UPDATE commits SET first_version = 40 WHERE first_position = 7"],
    )
    .await;
    found(
        &engine,
        7,
        "events",
        &["UPDATE commits SET events = 3 WHERE first_position = 7"],
    )
    .await;
    found(
        &engine,
        7,
        "command",
        &["UPDATE commits SET commit_id = zeroblob(16) WHERE first_position = 7"],
    )
    .await;
}

#[tokio::test]
async fn a_replaced_commit_is_found() {
    let engine = Engine::Sqlite;
    // REPLACE does not fire the triggers that refuse DELETE.
    let replace = "INSERT OR REPLACE INTO commits SELECT first_position, events, stream, first_version, \
        commit_id, fingerprint, replace(records, 'risk', 'rusk'), leaves FROM commits WHERE first_position = 4";
    found(&engine, 4, "hash", &[replace]).await;
}

async fn an_edited_head_is_found(engine: Engine) {
    found(
        &engine,
        17,
        "ends at position 16",
        &["UPDATE head SET position = 16, frontier = zeroblob(32)"],
    )
    .await;
    found(
        &engine,
        21,
        "missing",
        &["UPDATE head SET position = 21, frontier = zeroblob(96)"],
    )
    .await;
    found(
        &engine,
        19,
        "inside a commit",
        &["UPDATE head SET position = 18, frontier = zeroblob(64)"],
    )
    .await;
    found(
        &engine,
        1,
        "Merkle",
        &["UPDATE head SET frontier = zeroblob(64)"],
    )
    .await;
    found(
        &engine,
        20,
        "head",
        &["UPDATE head SET frontier = zeroblob(65)"],
    )
    .await;
}
