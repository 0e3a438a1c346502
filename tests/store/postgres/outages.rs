//! Servers that go away and come back, and addresses that lead elsewhere.

use std::sync::Arc;
use std::time::Duration;

use blotter::events::journal::{Journal, JournalState};
use blotter::events::postgres::PostgresStore;
use blotter::events::verify::verify_log;
use blotter::events::{CommitError, EventStore, OpenMode, StoreError};
use blotter::values::Position;
use tokio::time::timeout;
use uuid::Uuid;

use super::place::{IS_HELD, Place, append, hold, new_commit};
use super::server::Stop;
use super::{run, until};
use crate::support::*;

/// Long for an answer of this machine, and shorter than the store waits for one.
const IN_TIME: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_append_to_a_server_that_crashes_is_of_unknown_outcome() {
    let mut place = Place::new().await;
    hold(&mut place.stranger).await;
    let batch = [new_commit()];
    let append = append(&place.store, &place.lease, &batch);
    let crash = async {
        until(&mut place.stranger, IS_HELD).await;
        place.server.stop(Stop::Immediate);
    };
    let (answer, ()) = tokio::join!(append, crash);
    assert!(
        matches!(answer, Err(StoreError::Indeterminate(_))),
        "{answer:?}"
    );
    let down = place.append(&[new_commit()]).await;
    assert!(matches!(down, Err(StoreError::Unavailable(_))), "{down:?}");
    let down = place.store.lookup(new_commit().id).await;
    assert!(matches!(down, Err(StoreError::Unavailable(_))), "{down:?}");
    place.server.start_again(&[]);
    place.assert_holds(&new_commit(), false).await;
    assert_eq!(
        place.append(&[new_commit()]).await,
        Ok(1),
        "it heals by itself"
    );
    place.assert_holds(&new_commit(), true).await;
}

#[tokio::test]
async fn the_journal_survives_restarts_of_the_server() {
    let Place {
        store,
        lease,
        mut server,
        stranger: _,
    } = Place::new().await;
    let store = Arc::new(store);
    let local = tokio::task::LocalSet::new();
    let all = async {
        let journal = Journal::start(store.clone(), lease, origin(), &runtime()).await;
        let journal = journal.expect("starts");
        let mut state = journal.state();
        for round in 0..3 {
            server.stop(Stop::Immediate);
            let on = format!("order-{}", 10 + round);
            let refused = journal
                .writer()
                .submit(commit(&format!("down-{round}"), &on, 0, 1))
                .await;
            assert!(
                matches!(refused, Err(CommitError::Unavailable(_))),
                "{refused:?}"
            );
            server.start_again(&[]);
            let writable = state.wait_for(|state| *state == JournalState::Writable);
            writable.await.expect("recovers");
            let commit = commit(&format!("up-{round}"), &on, 0, 1);
            journal.writer().submit(commit).await.expect("recorded");
        }
    };
    local.run_until(all).await;
    assert_eq!(read_all(&*store).await.len(), 6);
    verify_log(&*store, |_, _| ()).await.expect("holds");
}

#[tokio::test]
async fn the_journal_looks_up_what_a_crash_left_open() {
    let Place {
        store,
        lease,
        mut stranger,
        mut server,
    } = Place::new().await;
    hold(&mut stranger).await;
    let store = Arc::new(store);
    let local = tokio::task::LocalSet::new();
    let all = async {
        let journal = Journal::start(store.clone(), lease, origin(), &runtime()).await;
        let journal = journal.expect("starts");
        let submitted = journal.writer().submit(new_commit());
        let crash = async {
            until(&mut stranger, IS_HELD).await;
            server.stop(Stop::Immediate);
            let mut state = journal.state();
            let lost = state.wait_for(|state| *state != JournalState::Writable);
            lost.await.expect("notices");
            server.start_again(&[]);
        };
        let (submitted, ()) = tokio::join!(submitted, crash);
        let appended = submitted.expect("recorded by a later attempt");
        assert_eq!(appended.receipt.first_position, Position::new(4));
    };
    local.run_until(all).await;
    assert_eq!(read_all(&*store).await.len(), 5);
    verify_log(&*store, |_, _| ()).await.expect("holds");
}

#[tokio::test]
async fn a_full_disk_records_nothing_and_heals() {
    let mut place = Place::new().await;
    let full = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON commits EXECUTE FUNCTION full_disk()";
    run(&mut place.stranger, full).await.expect("fills");
    for _ in 0..2 {
        let refused = place.append(&[new_commit()]).await;
        assert!(
            matches!(&refused, Err(StoreError::Unavailable(reason)) if reason.contains("no room left")),
            "{refused:?}"
        );
    }
    place.assert_holds(&new_commit(), false).await;
    run(&mut place.stranger, "DROP TRIGGER full_disk ON commits")
        .await
        .expect("frees");
    assert_eq!(place.append(&[new_commit()]).await, Ok(1));
    place.assert_holds(&new_commit(), true).await;
}

#[tokio::test]
async fn a_log_that_went_back_is_not_written() {
    let mut place = Place::new().await;
    run(
        &mut place.stranger,
        "CREATE TABLE public.before AS SELECT * FROM head",
    )
    .await
    .expect("copies");
    assert_eq!(place.append(&[new_commit()]).await, Ok(1));
    // As a failover to a standby that was behind leaves it.
    let back = "ALTER TABLE head DISABLE TRIGGER ALL; ALTER TABLE commits DISABLE TRIGGER ALL;
        DELETE FROM commits WHERE first_position > 3;
        UPDATE head SET position = b.position, frontier = b.frontier, transactions = b.transactions
            FROM public.before b";
    run(&mut place.stranger, back).await.expect("goes back");
    for _ in 0..2 {
        let refused = place.append(&[commit("next", "order-9", 0, 1)]).await;
        assert!(
            matches!(&refused, Err(StoreError::Fatal(reason)) if reason.contains("it has been at 5")),
            "{refused:?}"
        );
    }
    assert_eq!(place.positions().await, [1, 2, 3]);
}

#[tokio::test]
async fn an_address_that_leads_to_another_log_is_noticed() {
    let mut place = Place::new().await;
    let swap = "DROP SCHEMA blotter CASCADE;
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
    run(&mut place.stranger, swap).await.expect("drops");
    let gone = place.append(&[new_commit()]).await;
    assert!(
        matches!(&gone, Err(StoreError::Fatal(reason)) if reason.contains("no log any more")),
        "{gone:?}"
    );
    let url = place.server.owner_url().parse().expect("an address");
    let mode = OpenMode::CreateOrOpen {
        new_log_id: Uuid::from_u128(9),
    };
    PostgresStore::open(&url, mode).await.expect("opens");
    let other = place.store.head().await;
    assert!(
        matches!(&other, Err(StoreError::Fatal(reason)) if reason.contains("now leads to log")),
        "{other:?}"
    );
}

#[tokio::test]
async fn readers_on_another_event_loop_do_not_wait_for_this_one() {
    let place = Place::new().await;
    let store = Arc::new(place.store);
    let reads = futures_util::future::join_all((0..40).map(|_| store.read(Position::ZERO, 10)));
    for page in reads.await {
        assert_eq!(page.expect("reads").len(), 3);
    }
    let elsewhere = Arc::clone(&store);
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let read = async {
            let page = timeout(IN_TIME, elsewhere.read(Position::ZERO, 10)).await;
            page.expect("in time").expect("reads").len()
        };
        runtime.expect("a runtime").block_on(read)
    });
    // Nothing turns this loop meanwhile; and the other one ends before it.
    assert_eq!(thread.join().expect("ends"), 3);
    for _ in 0..6 {
        let page = timeout(IN_TIME, store.read(Position::ZERO, 10)).await;
        assert_eq!(page.expect("in time").expect("reads").len(), 3);
    }
}
