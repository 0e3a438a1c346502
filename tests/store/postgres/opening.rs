//! How a log in a database is opened, what is refused, who may do what.

use std::fs;
use std::sync::Arc;

use blotter::events::OpenMode;
use blotter::events::postgres::PostgresStore;
use blotter::events::postgres::schema::FORMAT;
use blotter::events::verify::verify_log;
use blotter::events::{EventStore, StoreError};
use blotter::values::Position;
use uuid::Uuid;

use super::server::{Server, Stop};
use super::{run, stranger, yes};
use crate::support::*;

const CREATE: OpenMode = OpenMode::CreateOrOpen { new_log_id: LOG_ID };

async fn try_open(url: &str, mode: OpenMode) -> Result<PostgresStore, StoreError> {
    PostgresStore::open(&url.parse().expect("an address"), mode).await
}

async fn open_error(url: &str, mode: OpenMode) -> StoreError {
    match try_open(url, mode).await {
        Ok(_) => panic!("{url} was opened"),
        Err(error) => error,
    }
}

/// Asserts that opening is refused for the time being, and what is said.
async fn assert_unavailable(url: &str, mode: OpenMode, parts: &[&str]) {
    let error = open_error(url, mode).await;
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    for part in parts {
        assert!(
            error.to_string().contains(part),
            "{part:?} is not in {error}"
        );
    }
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn reopening_keeps_everything() {
    let server = Server::start();
    let store = open_postgres(&server.owner_url()).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    let all = fill(&store, &lease, 12).await;
    let head = store.head().await.expect("a head");
    store.close().await.expect("closes");
    let closed = |error| matches!(error, Some(StoreError::Unavailable(_)));
    assert!(closed(store.head().await.err()), "closed is closed");
    let refused = store.append(&lease, &stamp(), Arc::default()).await;
    assert!(closed(refused.err()), "also for writing");

    let mode = OpenMode::CreateOrOpen {
        new_log_id: Uuid::from_u128(2),
    };
    let store = try_open(&server.owner_url(), mode).await.expect("opens");
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
async fn two_nodes_that_make_the_log_at_once_make_one() {
    let server = Server::start();
    let url = server.owner_url();
    let open = |id| {
        let mode = OpenMode::CreateOrOpen {
            new_log_id: Uuid::from_u128(id),
        };
        try_open(&url, mode)
    };
    let opened = futures_util::future::join_all((1..=6).map(open)).await;
    let mut ids = Vec::new();
    for store in opened {
        ids.push(store.expect("opens").log_id().await.expect("an identity"));
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

#[tokio::test]
async fn records_are_stored_as_they_were_hashed() {
    let server = Server::start();
    let store = open_postgres(&server.owner_url()).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    let odd = "quote \" back \\ feed \n zero \u{0} umlaut ü face 🦀 combining e\u{301}";
    let event = blotter::events::Event::from(blotter::events::catalogue::ActorRestarted {
        actor: odd.to_owned(),
        cause: odd.to_owned(),
        restarts_in_window: 1,
    });
    let commit = commit_of("odd", "order-1", 0, vec![event.clone(), event]);
    let appended = append_one(&store, &lease, commit).await.expect("recorded");
    let written: Vec<_> = appended
        .records
        .iter()
        .map(|recorded| recorded.record.clone())
        .collect();
    let mut stranger = stranger(&server.owner_url()).await;
    let stored: Vec<u8> = sqlx::query_scalar("SELECT convert_to(records, 'UTF8') FROM commits")
        .fetch_one(&mut stranger)
        .await
        .expect("a row");
    assert_eq!(stored, written.join(&b'\n'));
    let read = read_all(&store).await;
    assert!(read.iter().map(|recorded| &recorded.record).eq(&written));
    verify_log(&store, |_, _| ()).await.expect("holds");
}

#[tokio::test]
async fn facts_cannot_be_edited_or_deleted() {
    let server = Server::start();
    let store = open_postgres(&server.owner_url()).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    fill(&store, &lease, 3).await;
    let mut stranger = stranger(&server.owner_url()).await;
    // Pretending to be a replica switches ordinary triggers off.
    for role in ["origin", "replica"] {
        run(
            &mut stranger,
            &format!("SET session_replication_role = {role}"),
        )
        .await
        .expect("sets");
        for sql in [
            "UPDATE commits SET records = '{}' WHERE first_position = 1",
            "UPDATE commits SET fingerprint = fingerprint",
            "DELETE FROM commits",
            "DELETE FROM commits WHERE first_position = 2",
            "TRUNCATE commits",
            "TRUNCATE commits, head, log",
            "DELETE FROM head",
            "TRUNCATE head",
            "UPDATE head SET position = position - 1",
            "UPDATE head SET lease_epoch = 0",
            "UPDATE head SET transactions = 0",
            "DELETE FROM log",
            "TRUNCATE log",
            "UPDATE log SET log_id = decode(repeat('00', 16), 'hex')",
            "INSERT INTO commits SELECT * FROM commits ON CONFLICT (first_position) \
                DO UPDATE SET records = ''",
        ] {
            let refused = run(&mut stranger, sql).await.expect_err(sql).to_string();
            assert!(refused.contains("never"), "{role}: {sql}: {refused}");
        }
    }
    verify_log(&store, |_, _| ()).await.expect("holds");
}

#[tokio::test]
async fn an_empty_batch_reaches_the_servers_disk() {
    let server = Server::start();
    let store = open_postgres(&server.owner_url()).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    let mut stranger = stranger(&server.owner_url()).await;
    let flushed = "SELECT pg_current_wal_flush_lsn()::text";
    let before: String = sqlx::query_scalar(flushed)
        .fetch_one(&mut stranger)
        .await
        .expect("asks");
    store
        .append(&lease, &stamp(), Arc::default())
        .await
        .expect("appends");
    let moved = format!("SELECT pg_current_wal_flush_lsn() > '{before}'::pg_lsn");
    assert!(yes(&mut stranger, &moved).await);
}

#[tokio::test]
async fn what_was_answered_outlives_a_crash_of_a_server_that_would_not_wait() {
    let lazy = ["synchronous_commit=off", "wal_writer_delay=10s"];
    let mut server = Server::start_with(&lazy);
    let store = open_postgres(&server.owner_url()).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    let all = fill(&store, &lease, 5).await;
    server.stop(Stop::Immediate);
    server.start_again(&lazy);
    assert_eq!(read_all(&store).await, all);
    let again = append_one(&store, &lease, commit("later", "order-9", 0, 1)).await;
    again.expect("recorded");
}

#[tokio::test]
async fn a_log_opened_for_reading_is_not_written() {
    let server = Server::start();
    let url = server.owner_url();
    assert_unavailable(
        &url,
        OpenMode::ReadOnly,
        &["no log yet", "127.0.0.1", "/postgres"],
    )
    .await;
    let mut stranger = stranger(&url).await;
    assert!(yes(&mut stranger, "SELECT to_regnamespace('blotter') IS NULL").await);
    let writing = open_postgres(&url).await;
    let lease = writing.acquire_lease(&node()).await.expect("a lease");
    let all = fill(&writing, &lease, 2).await;
    let store = try_open(&url, OpenMode::ReadOnly).await.expect("opens");
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
    let server = Server::start();
    let url = server.owner_url();
    open_postgres(&url).await.close().await.expect("closes");
    let mut stranger = stranger(&url).await;
    let newer = format!(
        "ALTER TABLE log DISABLE TRIGGER log_no_update; UPDATE log SET format = {}",
        FORMAT + 1
    );
    run(&mut stranger, &newer).await.expect("updates");
    let expected = StoreError::Format {
        found: FORMAT + 1,
        supported: FORMAT,
    };
    for mode in [CREATE, OpenMode::ReadOnly] {
        assert_eq!(open_error(&url, mode).await, expected);
    }
}

#[tokio::test]
async fn tables_of_another_program_are_left_untouched() {
    let server = Server::start();
    let mut stranger = stranger(&server.owner_url()).await;
    run(
        &mut stranger,
        "CREATE SCHEMA blotter; CREATE TABLE blotter.recipes (name text)",
    )
    .await
    .expect("creates");
    let error = open_error(&server.owner_url(), CREATE).await;
    assert!(
        matches!(&error, StoreError::Fatal(reason) if reason.contains("another program")),
        "{error}"
    );
    assert!(
        yes(
            &mut stranger,
            "SELECT to_regclass('blotter.commits') IS NULL"
        )
        .await
    );
}

#[tokio::test]
async fn who_is_not_let_in_is_told_why_without_the_password() {
    let mut server = Server::start();
    server.sql("CREATE ROLE guarded LOGIN PASSWORD 'right'");
    let wrong = server.url("guarded:hunter2", "postgres");
    let place = server.url("guarded", "postgres");
    let parts = [
        place.as_str(),
        "password authentication failed",
        "pg_hba.conf",
    ];
    assert_unavailable(&wrong, CREATE, &parts).await;
    let nowhere = server.url("postgres:hunter2", "nowhere");
    let parts = ["/nowhere", "does not exist", "create the database"];
    assert_unavailable(&nowhere, CREATE, &parts).await;
    let nobody = server.url("nobody:hunter2", "postgres");
    assert_unavailable(&nobody, CREATE, &["nobody", "does not exist"]).await;
    server.stop(Stop::Fast);
    let parts = [place.as_str(), "refused", "check the address"];
    assert_unavailable(&wrong, CREATE, &parts).await;
    let unknown = "postgres://desk:hunter2@host.invalid:5432/orders";
    assert_unavailable(
        unknown,
        OpenMode::ReadOnly,
        &["host.invalid", "check the address"],
    )
    .await;
}

#[tokio::test]
async fn a_server_that_may_lose_what_it_confirms_is_refused() {
    let mut server = Server::start_with(&["fsync=off"]);
    for (setting, next) in [
        ("fsync", "full_page_writes=off"),
        ("full_page_writes", "fsync=on"),
    ] {
        let error = open_error(&server.owner_url(), CREATE).await;
        let StoreError::Fatal(reason) = error else {
            panic!("{error:?}")
        };
        assert!(
            reason.contains(&format!("setting {setting} is off")),
            "{reason}"
        );
        server.stop(Stop::Fast);
        server.start_again(&[next]);
    }
    let store = open_postgres(&server.owner_url()).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    fill(&store, &lease, 1).await;
    // Nor is it trusted when it comes back with such a setting.
    server.stop(Stop::Fast);
    server.start_again(&["fsync=off"]);
    for _ in 0..2 {
        let refused = store.append(&lease, &stamp(), Arc::default()).await;
        assert!(
            matches!(&refused, Err(StoreError::Fatal(reason)) if reason.contains("fsync")),
            "{refused:?}"
        );
    }
    assert_eq!(read_all(&store).await.len(), 1, "it can be read");
}

#[tokio::test]
async fn a_standby_is_read_and_not_written() {
    let mut server = Server::start();
    let store = open_postgres(&server.owner_url()).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    let all = fill(&store, &lease, 4).await;
    server.stop(Stop::Fast);
    fs::write(server.data().join("standby.signal"), "").expect("writes");
    server.start_again(&[]);
    assert_unavailable(&server.owner_url(), CREATE, &["standby", "primary"]).await;
    let refused = store.append(&lease, &stamp(), Arc::default()).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    let reading = try_open(&server.owner_url(), OpenMode::ReadOnly)
        .await
        .expect("opens");
    assert_eq!(read_all(&reading).await, all);
    verify_log(&reading, |_, _| ()).await.expect("holds");
}

#[tokio::test]
async fn a_role_that_was_given_the_schema_makes_the_tables() {
    let server = Server::start();
    server.sql("CREATE ROLE desk LOGIN; CREATE SCHEMA blotter AUTHORIZATION desk");
    let store = open_postgres(&server.url("desk", "postgres")).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    fill(&store, &lease, 2).await;
}

#[tokio::test]
async fn a_role_that_may_only_run_a_node_runs_one() {
    let server = Server::start();
    let owner = server.owner_url();
    let mut stranger = stranger(&owner).await;
    run(
        &mut stranger,
        "CREATE ROLE \"run\"\"time\" LOGIN; CREATE ROLE outsider LOGIN",
    )
    .await
    .expect("creates");
    let runtime = server.url("run%22time", "postgres");
    let parts = ["permission denied for database", "blotter migrate"];
    assert_unavailable(&runtime, CREATE, &parts).await;

    let store = open_postgres(&owner).await;
    assert_unavailable(
        &runtime,
        CREATE,
        &["permission denied for schema", "--grant"],
    )
    .await;
    let unknown = store.grant("nobody").await;
    assert!(
        matches!(unknown, Err(StoreError::Unavailable(_))),
        "{unknown:?}"
    );
    store.grant("run\"time").await.expect("grants");
    let store = try_open(&runtime, CREATE).await.expect("opens");
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    let all = fill(&store, &lease, 5).await;
    assert_eq!(read_all(&store).await, all);
    verify_log(&store, |_, _| ()).await.expect("holds");

    let mut own = super::stranger(&runtime).await;
    for sql in [
        "UPDATE commits SET records = ''",
        "DELETE FROM commits",
        "TRUNCATE commits",
        "DELETE FROM head",
        "TRUNCATE head",
        "INSERT INTO head VALUES (1, 0, '', 0, '', 0)",
        "UPDATE log SET format = 2",
        "DELETE FROM log",
        "ALTER TABLE commits DISABLE TRIGGER ALL",
        "DROP TRIGGER commits_no_update ON commits",
        "CREATE TABLE blotter.mine (x int)",
        "SET session_replication_role = replica",
    ] {
        let refused = run(&mut own, sql).await.expect_err(sql).to_string();
        let is_refused = refused.contains("permission denied") || refused.contains("must be owner");
        assert!(is_refused, "{sql}: {refused}");
    }
    let outside = server.url("outsider", "postgres");
    assert_unavailable(&outside, OpenMode::ReadOnly, &["permission denied"]).await;
    assert_eq!(
        store.head().await.expect("a head").position,
        Position::new(all.len() as u64)
    );
}
