//! Faults of the disk and the file: what is said, and that the book is whole afterwards.

use std::time::Duration;

use super::super::error::statement;
use super::*;
use crate::sqlite::open_for_writing;
use crate::venues::VenueError;

/// Runs `sql` on the venue's own connection, outside of any transaction.
async fn on_its_connection(bench: &Bench, sql: &str) -> rusqlite::Result<()> {
    let turn = bench.venue.book.turn().await;
    let connection = turn.connection.as_ref().expect("a connection");
    connection.execute_batch(sql)
}

#[tokio::test]
async fn the_database_refuses_to_change_what_was_reported() {
    let bench = Bench::new().await;
    bench.submit("a", terms("buy 1 5 gtc")).await;
    bench.cancel("a", "c").await;
    let before = bench.reports().await;
    for (sql, why) in [
        (
            "UPDATE reports SET body = '{}'",
            "reports are never changed",
        ),
        ("DELETE FROM reports", "reports are never deleted"),
        (
            "INSERT OR REPLACE INTO reports VALUES (1, 'a', 0, '{}', NULL)",
            "without gaps",
        ),
        (
            "INSERT INTO reports VALUES (7, 'a', 0, '{}', NULL)",
            "without gaps",
        ),
        ("UPDATE orders SET state = 'open'", "has ended"),
        ("DELETE FROM orders", "orders are never deleted"),
    ] {
        let refused = on_its_connection(&bench, sql)
            .await
            .expect_err(sql)
            .to_string();
        assert!(refused.contains(why), "{sql}: {refused}");
    }
    assert_eq!(bench.reports().await, before);
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_leaves_nothing_half_done() {
    let bench = Bench::new().await;
    for id in ["a", "b"] {
        bench.submit(id, terms("buy 1 market day")).await;
    }
    // As many pages as there are, for this connection: SQLite's own way of being full.
    on_its_connection(&bench, "PRAGMA max_page_count = 1")
        .await
        .expect("limited");
    let mut refused = None;
    for number in 0..1_000 {
        let order = order(&format!("full-{number}"), terms("buy 1 5 gtc"));
        if let Err(error) = bench.venue.submit(order.clone()).await {
            refused = Some((order, error));
            break;
        }
    }
    let (order, error) = refused.expect("full at some time");
    assert!(matches!(error, VenueError::Unavailable(_)), "{error}");
    assert_eq!(bench.venue.knows(&order.client_order_id).await, Ok(false));

    // With room again the same call passes, and the numbers have no gap.
    let reports = *bench.venue.last_report().borrow();
    bench.venue.submit(order).await.expect("arrived");
    assert_eq!(*bench.venue.last_report().borrow(), reports + 1);
}

#[tokio::test]
async fn an_error_in_the_commit_is_unknown_and_the_book_can_be_asked() {
    let bench = Bench::new().await;
    let before = *bench.venue.last_report().borrow();
    let mut turn = bench.venue.book.turn().await;
    // A deferred constraint fails in COMMIT itself.
    let promised = turn.write(|work| {
        let connection = work.connection;
        Ok(connection.execute_batch(
            "CREATE TABLE promise (kept TEXT REFERENCES orders (client_order_id)
                 DEFERRABLE INITIALLY DEFERRED);
             INSERT INTO promise VALUES ('nobody')",
        )?)
    });
    let error = promised.expect_err("broken");
    drop(turn);
    assert!(matches!(error, VenueError::Unknown(_)), "{error}");
    assert_eq!(bench.venue.knows(&client_order_id("a")).await, Ok(false));
    bench.submit("a", terms("buy 1 market day")).await;
    assert_eq!(*bench.venue.last_report().borrow(), before + 1);
}

#[tokio::test]
async fn a_damaged_record_is_said_to_be_damaged() {
    let bench = Bench::new().await;
    bench.submit("a", terms("buy 1 market day")).await;
    let vandal = "DROP TRIGGER reports_stand; UPDATE reports SET body = '{\"exec_type\":\"gone\"}'";
    on_its_connection(&bench, vandal).await.expect("changed");
    let error = bench.venue.reports(0).await.expect_err("damaged");
    assert!(
        matches!(&error, VenueError::Unknown(why) if why.contains("damaged")),
        "{error}"
    );
}

#[tokio::test]
async fn damaged_pages_are_unknown_with_the_reason() {
    let bench = Bench::new().await;
    for number in 0..200 {
        bench
            .submit(&format!("o{number}"), terms("buy 1 5 gtc"))
            .await;
    }
    on_its_connection(&bench, "PRAGMA wal_checkpoint(TRUNCATE)")
        .await
        .expect("written back");
    let path = bench.directory.path().join("paper.db");
    let good = std::fs::read(&path).expect("the file");
    let mut bad = good.clone();
    bad[4096..].fill(0xa5);
    std::fs::write(&path, bad).expect("damaged");
    // The connection still has good pages in memory.
    on_its_connection(&bench, "PRAGMA shrink_memory")
        .await
        .expect("forgotten");

    let new = order("new", terms("buy 1 5 gtc"));
    let error = bench.venue.submit(new.clone()).await.expect_err("damaged");
    let untrusted = |error: &VenueError| matches!(error, VenueError::Unknown(why) if why.contains("cannot be trusted"));
    assert!(untrusted(&error), "{error}");

    // A disk that lied once is not believed again, even when it now reads well.
    std::fs::write(&path, good).expect("mended");
    let error = bench
        .venue
        .knows(&new.client_order_id)
        .await
        .expect_err("no trust");
    assert!(untrusted(&error), "{error}");
}

#[tokio::test]
async fn a_lock_held_elsewhere_is_unavailable() {
    let bench = Bench::new().await;
    let path = bench.directory.path().join("paper.db");
    let other = open_for_writing(&path, Duration::ZERO).expect("connected");
    let mut turn = bench.venue.book.turn().await;
    let written = turn.write(|_| {
        let locked = other.execute_batch("BEGIN IMMEDIATE").expect_err("locked");
        assert!(matches!(statement(&locked), VenueError::Unavailable(_)));
        Ok(())
    });
    written.expect("committed");
}

/// A book that vanished must not come back empty, counting from 1 again.
#[tokio::test]
async fn a_book_that_vanished_stays_away() {
    let bench = Bench::new().await;
    bench.submit("a", terms("buy 1 5 gtc")).await;
    *bench.venue.book.turn().await.connection = None;
    let away = bench.directory.path().join("away");
    std::fs::create_dir(&away).expect("a directory");
    for name in ["paper.db", "paper.db-wal", "paper.db-shm"] {
        // The closing connection may have removed the other two already.
        let moved = std::fs::rename(bench.directory.path().join(name), away.join(name));
        assert!(moved.is_ok() || name != "paper.db");
    }
    let error = bench.venue.reports(0).await.expect_err("gone");
    assert!(matches!(error, VenueError::Unavailable(_)), "{error}");
    assert!(!bench.directory.path().join("paper.db").exists());
}
