//! What is wrong, said by every engine in the same words: what it is, where, what is allowed; and nothing is
//! written.
//!
//! Refusals that only one engine has are beside its other tests: files and formats in `sqlite`, credentials,
//! roles, settings and formats in `postgres::opening` and `kurrent::opening`; addresses and the command line
//! in `src/events/engine.rs` and `tests/program`.

use blotter::events::commit::COMMIT_EVENTS_MAX;
use blotter::events::engine::LogUrl;
use blotter::events::sqlite::SqliteStore;
use blotter::events::{Commit, EventStore, OpenMode, StoreError};
use blotter::values::{NodeId, Position, StreamName};

use crate::postgres;
use crate::postgres::server::Server;
use crate::small_disk::SmallDisk;
use crate::support::*;

/// Every engine, with one event in its log.
async fn every_engine() -> Vec<Fixture> {
    let all = vec![
        memory().await,
        sqlite().await,
        postgres().await,
        kurrent().await,
    ];
    for f in &all {
        let first = append_one(&*f.store, &f.lease, commit("first", "order-1", 0, 1)).await;
        first.expect("recorded");
    }
    all
}

/// The log holds one commit, the first one.
async fn assert_nothing_was_written(f: &Fixture) {
    let stored = f.store.read_stored(Position::ZERO, 100).await;
    assert_eq!(stored.expect("reads").len(), 1, "{}", f.store.describe());
    let head = f.store.head().await.expect("a head");
    assert_eq!(head.position, Position::new(1), "{}", f.store.describe());
}

async fn assert_refused(wrong: Commit, parts: &[&str]) {
    for f in every_engine().await {
        let answer = append_one(&*f.store, &f.lease, wrong.clone()).await;
        let said = answer.expect_err("refused").to_string();
        for part in parts {
            assert!(said.contains(part), "{}: {said}", f.store.describe());
        }
        assert_nothing_was_written(&f).await;
        let next = append_one(&*f.store, &f.lease, commit("next", "order-1", 1, 1)).await;
        assert!(next.is_ok(), "{}: it goes on", f.store.describe());
    }
}

#[tokio::test]
async fn an_event_that_is_too_large() {
    let large = commit_of("large", "order-1", 1, vec![event(0), event(1 << 20)]);
    let parts = [
        "event ActorRestarted is 1049049 bytes",
        "at most 1048576 are allowed",
    ];
    assert_refused(large, &parts).await;
}

#[tokio::test]
async fn a_commit_of_no_events_or_too_many() {
    assert_refused(
        commit("none", "order-1", 1, 0),
        &["it has 0 events", "1 to 256 are allowed"],
    )
    .await;
    let many = vec![event(0); COMMIT_EVENTS_MAX + 1];
    assert_refused(
        commit_of("many", "order-1", 1, many),
        &["it has 257 events", "1 to 256 are allowed"],
    )
    .await;
}

#[tokio::test]
async fn a_stream_that_has_moved_on() {
    let parts = ["stream order-1 is at version 1, not 7", "fold it again"];
    assert_refused(commit("late", "order-1", 7, 1), &parts).await;
}

#[tokio::test]
async fn a_command_id_that_was_another_commands() {
    let other = Commit {
        fingerprint: [9; 32],
        ..commit("first", "order-1", 1, 1)
    };
    let id = other.id.to_string();
    let parts = [&*id, "for a different command", "use a new command id"];
    assert_refused(other, &parts).await;
}

#[tokio::test]
async fn a_lease_that_another_node_holds() {
    for f in every_engine().await {
        let other = NodeId::new("node-2").expect("a node");
        let newer = f.store.acquire_lease(&other).await.expect("a lease");
        let batch = [commit("late", "order-1", 1, 1)];
        let refused = f.store.append(&f.lease, &stamp(), batch.into()).await;
        let said = refused.expect_err("refused").to_string();
        let (held, current) = (f.lease.epoch, newer.epoch);
        let expected = format!(
            "another node took over the log with lease {current}; this node held lease {held}"
        );
        assert_eq!(said, expected, "{}", f.store.describe());
        assert_nothing_was_written(&f).await;
    }
}

#[test]
fn a_name_that_is_no_stream() {
    let long = format!("order-{}", "x".repeat(500));
    for (name, part) in [
        ("", "stream name"),
        ("order", "\"order\""),
        ("-1", "\"-1\""),
        ("order-", "\"order-\""),
        ("order-1\n", "stream name"),
        ("order-ü", "stream name"),
        (&long, "stream name"),
    ] {
        let said = StreamName::new(name).expect_err(name).to_string();
        assert!(said.contains(part), "{name:?}: {said}");
    }
}

#[test]
fn an_address_that_names_no_log() {
    for (address, part) in [
        ("mysql://u:hunter2@h/db", "unknown engine \"mysql\""),
        ("events.db", "no engine is named"),
        ("sqlite:", "the path is missing"),
        ("postgres://u:hunter2@h", "the database is missing"),
        (
            "postgres://u:hunter2@h/db?ssl=on",
            "unknown parameter \"ssl\"",
        ),
    ] {
        let said = address.parse::<LogUrl>().expect_err(address);
        assert!(said.contains(part), "{address}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let file: LogUrl = "sqlite:events.db".parse().expect("an address");
    let said = file.with_password("hunter2").expect_err("refused");
    assert_eq!(said, "a file takes no password");
}

#[tokio::test]
async fn a_file_on_a_medium_that_may_only_be_read() {
    let Some(disk) = SmallDisk::of_kib(4_096) else {
        return;
    };
    let path = disk.path().join("events.db");
    let store = open(&path).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    append_one(&store, &lease, commit("first", "order-1", 0, 1))
        .await
        .expect("recorded");
    store.close().await.expect("closes");
    drop(store);
    let before = std::fs::read(&path).expect("reads");
    disk.make_read_only();
    let new = disk.path().join("new.db");
    let mode = OpenMode::CreateOrOpen { new_log_id: LOG_ID };
    for (path, parts) in [
        (&path, ["events.db", "check"]),
        (
            &new,
            ["new.db", "check that its directory exists and is writable"],
        ),
    ] {
        let refused = SqliteStore::open(path, mode).await.err();
        let refused = refused.unwrap_or_else(|| panic!("{} was opened", path.display()));
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
        let said = refused.to_string();
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    }
    assert_eq!(std::fs::read(&path).expect("reads"), before);
    assert!(!new.exists());
}

#[tokio::test]
async fn a_role_that_may_only_read() {
    let server = Server::start();
    let owner = open_postgres(&server.owner_url()).await;
    let lease = owner.acquire_lease(&node()).await.expect("a lease");
    fill(&owner, &lease, 1).await;
    server.sql(
        "CREATE ROLE looker LOGIN; GRANT USAGE ON SCHEMA blotter TO looker; \
         GRANT SELECT ON ALL TABLES IN SCHEMA blotter TO looker",
    );
    let store = open_postgres(&server.url("looker", "postgres")).await;
    assert_eq!(read_all(&store).await.len(), 1);
    let batch = [commit("late", "order-9", 0, 1)];
    let refusals = [
        store.acquire_lease(&node()).await.err(),
        store.append(&lease, &stamp(), batch.into()).await.err(),
    ];
    for refused in refusals {
        let refused = refused.expect("refused");
        assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
        let said = refused.to_string();
        let parts = ["permission denied", "blotter migrate --grant"];
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    }
    assert_eq!(read_all(&owner).await.len(), 1);
    let mut stranger = postgres::stranger(&server.owner_url()).await;
    let is_same = format!("SELECT lease_epoch = {} FROM head", lease.epoch);
    assert!(
        postgres::yes(&mut stranger, &is_same).await,
        "the lease too"
    );
}
