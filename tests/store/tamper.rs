//! Somebody with write access to the file drops the triggers and changes the log; verification
//! says where.

use std::path::PathBuf;

use blotter::events::merkle::leaf_hash;
use blotter::events::verify::{VerifyError, verify_log};
use blotter::events::{EventStore, StoreError};
use blotter::values::Position;

use crate::sqlite::{run, stranger};
use crate::support::*;

/// Commits at positions 1, 2-3, 4-6, 7-10, 11, 12-13, 14-16, 17-20.
async fn log() -> (tempfile::TempDir, PathBuf) {
    let (dir, path) = place();
    let store = open(&path).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    fill(&store, &lease, 8).await;
    verify_log(&store, |_, _| ()).await.expect("holds");
    store.close().await.expect("closes");
    (dir, path)
}

/// What verification says after `sqls` were run on an unprotected log.
async fn verdict(sqls: &[&str]) -> (u64, String) {
    let (_dir, path) = log().await;
    let mut stranger = stranger(&path).await;
    for trigger in [
        "commits_no_update",
        "commits_no_delete",
        "head_no_return",
        "log_no_update",
    ] {
        run(&mut stranger, &format!("DROP TRIGGER {trigger}"))
            .await
            .expect("drops");
    }
    run(&mut stranger, "PRAGMA ignore_check_constraints = ON")
        .await
        .expect("sets");
    for sql in sqls {
        let changed = run(&mut stranger, sql).await.expect("runs");
        assert!(changed > 0, "{sql}");
    }
    let store = open(&path).await;
    match verify_log(&store, |_, _| ()).await {
        Err(VerifyError::Broken { position, reason }) => (position.get(), reason),
        other => panic!("not found: {sqls:?}: {other:?}"),
    }
}

async fn found(expected: u64, part: &str, sqls: &[&str]) {
    let (position, reason) = verdict(sqls).await;
    assert_eq!(position, expected, "{sqls:?}: {reason}");
    assert!(reason.contains(part), "{sqls:?}: {reason}");
}

#[tokio::test]
async fn an_edited_record_is_found() {
    let edit = "UPDATE commits SET records = replace(records, 'xx', 'yy') WHERE first_position = 4";
    // Event 6 is the first of the commit with two x in it.
    found(6, "hash", &[edit]).await;
    let later =
        "UPDATE commits SET records = replace(records, 'risk', 'rusk') WHERE first_position >= 7";
    found(7, "hash", &[later]).await;
    let unreadable = "UPDATE commits SET records = '{' WHERE first_position = 11";
    found(11, "cannot be read", &[unreadable]).await;
    let binary = "UPDATE commits SET records = CAST(x'ff' AS TEXT) WHERE first_position = 11";
    found(11, "", &[binary]).await;
}

#[tokio::test]
async fn an_edited_leaf_is_found() {
    let edit = "UPDATE commits SET leaves = zeroblob(length(leaves)) WHERE first_position = 12";
    found(12, "hash", &[edit]).await;
    let cut = "UPDATE commits SET leaves = substr(leaves, 1, 33) WHERE first_position = 12";
    found(12, "32 bytes", &[cut]).await;
    let fewer = "UPDATE commits SET leaves = substr(leaves, 1, 32) WHERE first_position = 12";
    found(12, "2 records and 1 leaf", &[fewer]).await;
}

#[tokio::test]
async fn a_record_edited_with_its_leaf_is_narrowed_down() {
    let (_dir, path) = log().await;
    let store = open(&path).await;
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
        "UPDATE commits SET records = '{record}' || substr(records, instr(records, char(10))), \
         leaves = CAST(unhex('{leaf}') || substr(leaves, 33) AS BLOB) WHERE first_position = 17"
    );
    // 20 leaves are subtrees of 16 and 4: it is one of the last four.
    found(17, "to position 20", &[&edit]).await;
}

#[tokio::test]
async fn a_deleted_commit_is_found() {
    found(
        1,
        "2 does",
        &["DELETE FROM commits WHERE first_position = 1"],
    )
    .await;
    found(
        7,
        "11 does",
        &["DELETE FROM commits WHERE first_position = 7"],
    )
    .await;
    found(
        17,
        "missing",
        &["DELETE FROM commits WHERE first_position = 17"],
    )
    .await;
    found(
        11,
        "missing",
        &["DELETE FROM commits WHERE first_position > 10"],
    )
    .await;
    found(1, "missing", &["DELETE FROM commits"]).await;
}

#[tokio::test]
async fn a_deleted_commit_does_not_go_unread() {
    let (_dir, path) = log().await;
    let mut stranger = stranger(&path).await;
    run(&mut stranger, "DROP TRIGGER commits_no_delete")
        .await
        .expect("drops");
    run(
        &mut stranger,
        "DELETE FROM commits WHERE first_position = 7",
    )
    .await
    .expect("deletes");
    let store = open(&path).await;
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

#[tokio::test]
async fn an_edited_record_does_not_go_unread() {
    let (_dir, path) = log().await;
    let mut stranger = stranger(&path).await;
    run(&mut stranger, "DROP TRIGGER commits_no_update")
        .await
        .expect("drops");
    let edit =
        "UPDATE commits SET records = replace(records, 'risk', 'rusk') WHERE first_position = 2";
    run(&mut stranger, edit).await.expect("updates");
    let store = open(&path).await;
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

#[tokio::test]
async fn reordered_commits_are_found() {
    // 1 and 11 are commits of one event each, on different streams.
    found(
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
    found(0, "first_position is -5", &[hidden]).await;
}

#[tokio::test]
async fn edited_columns_are_found() {
    found(
        4,
        "stream",
        &["UPDATE commits SET stream = 'order-7', first_version = 1 WHERE first_position = 4"],
    )
    .await;
    found(
        7,
        "version",
        &["UPDATE commits SET first_version = 40 WHERE first_position = 7"],
    )
    .await;
    found(
        7,
        "events",
        &["UPDATE commits SET events = 3 WHERE first_position = 7"],
    )
    .await;
    found(
        7,
        "command",
        &["UPDATE commits SET commit_id = zeroblob(16) WHERE first_position = 7"],
    )
    .await;
}

#[tokio::test]
async fn a_replaced_commit_is_found() {
    // REPLACE does not fire the triggers that refuse DELETE.
    let replace = "INSERT OR REPLACE INTO commits SELECT first_position, events, stream, first_version, \
        commit_id, fingerprint, replace(records, 'risk', 'rusk'), leaves FROM commits WHERE first_position = 4";
    found(4, "hash", &[replace]).await;
}

#[tokio::test]
async fn an_edited_head_is_found() {
    found(
        17,
        "ends at position 16",
        &["UPDATE head SET position = 16, frontier = zeroblob(32)"],
    )
    .await;
    found(
        21,
        "missing",
        &["UPDATE head SET position = 21, frontier = zeroblob(96)"],
    )
    .await;
    found(
        19,
        "inside a commit",
        &["UPDATE head SET position = 18, frontier = zeroblob(64)"],
    )
    .await;
    found(1, "Merkle", &["UPDATE head SET frontier = zeroblob(64)"]).await;
    found(20, "head", &["UPDATE head SET frontier = zeroblob(65)"]).await;
}
