//! What a restart finds: everything that was answered, and whose book it is.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::*;
use crate::sqlite::open_for_writing;
use crate::venues::Venue;

#[tokio::test]
async fn killed_after_any_call_everything_answered_is_there_and_repeating_adds_nothing() {
    let bench = Bench::new().await;
    let steps = 6;
    for killed_after in 0..=steps {
        if killed_after > 0 {
            step(&bench, killed_after).await;
        }
        let before = bench.reports().await;
        let restarted = bench.after_a_kill().await;
        assert_eq!(
            restarted.reports().await,
            before,
            "after step {killed_after}"
        );
        assert_eq!(*restarted.venue.last_report().borrow(), before.len() as u64);
        // Whoever does not know how far it came repeats all of it.
        for again in 1..=killed_after {
            step(&restarted, again).await;
        }
        assert_eq!(
            restarted.reports().await,
            before,
            "after step {killed_after}"
        );
        // And goes on as if nothing had happened.
        for rest in killed_after + 1..=steps {
            step(&restarted, rest).await;
        }
        assert_eq!(
            restarted.told().await,
            [
                "a: new",
                "b: new",
                "a: trade 10 at 10 for 0",
                "b: canceled",
                "c: new",
                "c: trade 10 at 11 for 0",
            ]
        );
    }
}

async fn step(bench: &Bench, number: u32) {
    match number {
        1 => bench.submit("a", terms("buy 10 market day")).await,
        2 => bench.submit("b", terms("buy 10 5 gtc")).await,
        3 => drop(bench.play(1, ["10", "12", "9"]).await),
        4 => bench.cancel("b", "cancel-b").await,
        5 => bench.submit("c", terms("sell 10 market gtc")).await,
        _ => drop(bench.play(2, ["11", "12", "9"]).await),
    }
}

/// A caller that goes away in the middle leaves all or nothing, and what `knows` then says stays.
#[tokio::test]
async fn a_dropped_call_leaves_all_or_nothing_and_knows_is_certain() {
    let bench = Bench::new().await;
    let mut cut_short = 0;
    // How far a call gets with one poll is the database thread's affair: many rounds meet it at
    // many places, some still at work and some done but not heard.
    for round in 0..60 {
        let id = format!("o{round}");
        let pause = Duration::from_millis(u64::from(round % 2) * 2);
        if !submit_and_drop(&bench, &id, round % 12, pause).await {
            cut_short += 1;
        }
        let id = client_order_id(&id);
        let known = bench.venue.knows(&id).await.expect("an answer");
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(
            bench.venue.knows(&id).await,
            Ok(known),
            "changed its mind on {id}"
        );
        let reports = bench.reports().await;
        let told = reports.iter().any(|report| report.client_order_id == id);
        assert_eq!(told, known, "{id}");
        assert_eq!(*bench.venue.last_report().borrow(), reports.len() as u64);
    }
    assert!(cut_short > 0, "no call was cut short");
}

/// Polls a call `polls` times, lets `pause` pass and drops it. Whether it got to its end.
async fn submit_and_drop(bench: &Bench, id: &str, polls: u32, pause: Duration) -> bool {
    let mut call = pin!(bench.venue.submit(order(id, terms("buy 1 market day"))));
    for number in 0..polls {
        if number > 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let polled = std::future::poll_fn(|context| Poll::Ready(call.as_mut().poll(context)));
        if let Poll::Ready(done) = polled.await {
            done.expect("arrived");
            return true;
        }
    }
    tokio::time::sleep(pause).await;
    false
}

/// What is not in the book when it is opened afresh is not on its way into it either.
#[tokio::test]
async fn an_answer_waits_for_whoever_still_writes() {
    let bench = Bench::new().await;
    *bench.venue.book.turn().await.connection = None;
    let path = bench.directory.path().join("paper.db");
    let predecessor = open_for_writing(&path, Duration::ZERO).expect("connected");
    let entered = predecessor.execute_batch(
        "BEGIN IMMEDIATE;
         INSERT INTO orders VALUES (1, 'a', 'AAPL', '{}', 0, 'open')",
    );
    entered.expect("entered");
    let commit = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        predecessor.execute_batch("COMMIT").expect("committed");
    };
    let id = client_order_id("a");
    let (known, ()) = futures_util::join!(bench.venue.knows(&id), commit);
    assert_eq!(known, Ok(true));
}

#[tokio::test]
async fn another_logs_book_is_refused_and_left_as_it_is() {
    let bench = Bench::new().await;
    bench.submit("a", terms("buy 1 5 gtc")).await;
    let killed = bench.copy();
    for directory in [bench.directory.path(), killed.path()] {
        let path = directory.join("paper.db");
        let before = files(directory);
        let other = Uuid::from_u128(2);
        let refused = open_as(&path, other, PaperModel::default(), bench.clock.clone()).await;
        let error = refused.err().expect("refused");
        assert!(matches!(error, PaperError::ForeignLog { .. }), "{error}");
        let told = error.to_string();
        assert!(told.contains("belongs to another log"), "{told}");
        assert!(
            told.contains("move it away or use another data directory"),
            "{told}"
        );

        let venue = VenueId::new("paper-2").expect("an id");
        let model = PaperModel::default();
        let refused = PaperVenue::open(&path, venue, LOG, model, bench.clock.clone()).await;
        assert!(matches!(
            refused.err(),
            Some(PaperError::ForeignVenue { .. })
        ));
        assert!(files(directory) == before, "the files were changed");
    }
}

/// The book and its write-ahead log, byte by byte.
fn files(directory: &Path) -> [Vec<u8>; 2] {
    ["paper.db", "paper.db-wal"].map(|name| std::fs::read(directory.join(name)).expect(name))
}

#[tokio::test]
async fn a_newer_format_is_refused_and_left_as_it_is() {
    let bench = Bench::new().await;
    // A newer program may have renamed all but the format.
    let newer = "UPDATE identity SET format = 2; ALTER TABLE identity RENAME log_id TO log";
    let turn = bench.venue.book.turn().await;
    let connection = turn.connection.as_ref().expect("a connection");
    connection.execute_batch(newer).expect("changed");
    drop(turn);
    let (path, clock) = (bench.directory.path().join("paper.db"), bench.clock.clone());
    let directory = bench.directory;
    drop(bench.venue);

    let before = std::fs::read(&path).expect("the file");
    let refused = open_as(&path, LOG, PaperModel::default(), clock).await;
    let error = refused.err().expect("refused");
    let newer = matches!(
        error,
        PaperError::Format {
            found: 2,
            supported: 1,
            ..
        }
    );
    assert!(newer, "{error}");
    assert_eq!(std::fs::read(&path).expect("the file"), before);
    drop(directory);
}

#[tokio::test]
async fn a_file_that_is_no_book_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("paper.db");
    let text = "these are not the pages of a database ".repeat(100);
    std::fs::write(&path, &text).expect("written");
    let clock = Arc::new(DataClock::default());
    let refused = open_as(&path, LOG, PaperModel::default(), clock).await;
    assert!(matches!(refused.err(), Some(PaperError::NotABook { .. })));
    assert_eq!(std::fs::read(&path).expect("the file"), text.as_bytes());
}

#[tokio::test]
async fn a_file_left_empty_by_a_crash_becomes_the_book() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("paper.db");
    std::fs::write(&path, "").expect("written");
    let clock = Arc::new(DataClock::default());
    let venue = open_as(&path, LOG, PaperModel::default(), clock)
        .await
        .expect("a venue");
    assert_eq!(venue.reports(0).await, Ok(vec![]));
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_may_read_the_book() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new().await;
    bench.submit("a", terms("buy 1 5 gtc")).await;
    let mut files = 0;
    for file in std::fs::read_dir(bench.directory.path()).expect("the files") {
        let metadata = file.expect("a file").metadata().expect("its metadata");
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        files += 1;
    }
    assert!(files >= 2, "the book and its write-ahead log");
}
