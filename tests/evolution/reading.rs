//! A log that holds every shape ever stored, as earlier programs left it, through every way there
//! is of reading it.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use blotter::events::catalogue::{ApiKeyIssued, LoginFailed, LoginSucceeded, Personal};
use blotter::events::merkle::{Frontier, leaf_hash};
use blotter::events::sqlite::SqliteStore;
use blotter::events::verify::verify_log;
use blotter::events::{CommitId, Event, EventStore, Feed, OpenMode, Recorded};
use blotter::values::canonical;
use blotter::values::{CommandId, Position, StreamName, Version};
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use uuid::Uuid;

use crate::golden;

/// Every golden record in a log of its own, a commit each; gives them as they stand there.
async fn old_log(path: &Path) -> Vec<Vec<u8>> {
    let mode = OpenMode::CreateOrOpen {
        new_log_id: Uuid::from_u128(7),
    };
    let made = SqliteStore::open(path, mode).await.expect("opens");
    made.close().await.expect("closes");
    drop(made);
    let options = SqliteConnectOptions::new().filename(path);
    let mut db = options.connect().await.expect("opens");
    let mut frontier = Frontier::default();
    let mut versions: HashMap<String, u64> = HashMap::new();
    let mut records = Vec::new();
    for (_, _, record) in golden::records() {
        let mut record: Value = serde_json::from_str(&record).expect("JSON");
        let stream = record["stream"].as_str().expect("text").to_owned();
        let version = versions.entry(stream).or_default();
        *version += 1;
        record["position"] = (records.len() as u64 + 1).into();
        record["version"] = (*version).into();
        frontier.push(insert(&mut db, &record).await);
        records.push(canonical::to_bytes(&record).expect("canonical"));
    }
    sqlx::query("UPDATE head SET position = ?, frontier = ?")
        .bind(records.len() as i64)
        .bind(frontier.to_bytes())
        .execute(&mut db)
        .await
        .expect("moves the head");
    db.close().await.expect("closes");
    records
}

/// Writes a commit of one record and gives its leaf hash.
async fn insert(db: &mut SqliteConnection, record: &Value) -> [u8; 32] {
    let bytes = canonical::to_bytes(record).expect("canonical");
    let text = |name: &str| record[name].as_str().expect("text");
    let principal = record["who"]["principal"].as_str().expect("text");
    let command = CommandId::new(text("command_id")).expect("an id");
    let leaf = leaf_hash(&bytes);
    sqlx::query("INSERT INTO commits VALUES (?, 1, ?, ?, ?, ?, ?, ?)")
        .bind(record["position"].as_i64())
        .bind(text("stream"))
        .bind(record["version"].as_i64())
        .bind(&CommitId::of_command(principal, &command).as_bytes()[..])
        .bind(&[0; 32][..])
        .bind(String::from_utf8(bytes).expect("text"))
        .bind(&leaf[..])
        .execute(db)
        .await
        .expect("is written");
    leaf
}

/// Same bytes, same hash, the stored version, and the event of today.
fn assert_read(found: &[Recorded], stored: &[Vec<u8>]) {
    assert_eq!(found.len(), stored.len());
    for (recorded, stored) in found.iter().zip(stored) {
        assert_eq!(&recorded.record, stored);
        assert_eq!(recorded.leaf, leaf_hash(stored));
        let record: Value = serde_json::from_slice(stored).expect("JSON");
        assert_eq!(recorded.schema_version, record["schema_version"]);
        assert_eq!(recorded.event().name(), record["type"]);
        let payload = recorded.stored_payload().expect("a payload");
        let payload: Value = serde_json::from_str(payload.get()).expect("JSON");
        assert_eq!(payload, record["payload"]);
    }
}

/// The facts that were stored as version 1 and are version 2 today.
fn assert_converted(found: &[Recorded]) {
    let plain = |text: &str| Personal::Plain(text.to_owned());
    let first = found.iter().filter(|recorded| recorded.schema_version == 1);
    let converted = first.filter(|recorded| recorded.event().schema_version() == 2);
    let seen: Vec<Personal> = converted
        .map(|recorded| match recorded.event().clone() {
            Event::LoginSucceeded(LoginSucceeded { peer, .. }) => peer,
            Event::LoginFailed(LoginFailed { peer, .. }) => peer,
            Event::ApiKeyIssued(ApiKeyIssued { label, .. }) => label,
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = ["report", "", "2001:db8::7", "various", "192.0.2.7"];
    assert!(seen == expected.map(plain), "{}", seen.len());
}

#[tokio::test]
async fn every_shape_is_read_on_every_way_and_stays_as_it_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("events.db");
    let stored = old_log(&path).await;
    let store = SqliteStore::open(&path, OpenMode::ReadOnly).await;
    let store: Arc<dyn EventStore> = Arc::new(store.expect("opens"));

    let all = store.read(Position::ZERO, 1_000).await.expect("reads");
    assert_read(&all, &stored);
    assert_converted(&all);

    let alice = StreamName::new("user-alice").expect("a stream");
    let of_alice = store.read_stream(&alice, Version::ZERO, 1_000).await;
    let expected: Vec<_> = all
        .iter()
        .filter(|recorded| recorded.envelope.stream == alice)
        .cloned()
        .collect();
    assert_eq!(of_alice.expect("reads"), expected);

    let head = Position::new(stored.len() as u64);
    let (_publisher, feed) = Feed::new(store.clone(), head);
    let fed = feed.subscribe(Position::ZERO).next().await.expect("events");
    let fed: Vec<Recorded> = fed.iter().map(|recorded| (**recorded).clone()).collect();
    assert_eq!(fed, all);

    let report = verify_log(&*store, |_, _| ()).await.expect("it holds");
    assert_eq!(report.head, head);
    store.close().await.expect("closes");

    let listed = Command::new(env!("CARGO_BIN_EXE_blotter"))
        .args(["events", "--json", "--data-dir"])
        .arg(dir.path())
        .output()
        .expect("runs");
    let records: Vec<_> = listed.stdout.split(|byte| *byte == b'\n').collect();
    assert_eq!(records[..stored.len()], stored[..]);
}

/// A record that says more than its shape holds is found, in an old shape as in one of today.
#[tokio::test]
async fn what_does_not_belong_into_an_old_record_is_found() {
    let mut found = 0;
    for (file, line, record) in golden::records() {
        let mut record: Value = serde_json::from_str(&record).expect("JSON");
        record["payload"]["more"] = "x".into();
        let bytes = canonical::to_bytes(&record).expect("canonical");
        let Ok(recorded) = Recorded::read(bytes.clone()) else {
            continue;
        };
        let again = recorded.rewrite().expect("writes");
        assert_ne!(again, bytes, "{file}:{line}");
        found += 1;
    }
    assert!(found > 50, "{found}");
}
