//! Several writers at one log, and sessions that end in the middle of an append: nothing is skipped,
//! lost, recorded twice or called what it is not.

use blotter::events::postgres::PostgresStore;
use blotter::events::verify::verify_log;
use blotter::events::{EventStore, StoreError};
use blotter::values::{NodeId, Position};

use super::place::{IS_HELD, Place, append, hold, new_commit, release, terminate};
use super::proxy::Proxy;
use super::{run, until, yes};
use crate::support::*;

#[tokio::test]
async fn nothing_is_skipped_while_one_writer_is_slow() {
    let mut place = Place::new().await;
    let other = place.other().await;
    let reading = place.other().await;
    hold(&mut place.stranger).await;
    let node_2 = NodeId::new("node-2").expect("a node");
    let (slow, late) = ([new_commit()], [commit("late", "order-8", 0, 1)]);
    let first = append(&place.store, &place.lease, &slow);
    // The one that takes over waits for the one that is recording.
    let second = async {
        let lease = other.acquire_lease(&node_2).await.expect("a lease");
        append(&other, &lease, &late).await
    };
    let watch = async {
        until(&mut place.stranger, IS_HELD).await;
        until(
            &mut place.stranger,
            "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted",
        )
        .await;
        let polled = reading.read(Position::ZERO, 100).await.expect("reads");
        assert_eq!(polled.len(), 3, "what is not committed is not there");
        release(&mut place.stranger).await;
        reading
    };
    let (first, second, reading) = tokio::join!(first, second, watch);
    assert_eq!((first, second), (Ok(1), Ok(1)));
    let polled = reading.read(Position::new(3), 100).await.expect("reads");
    let streams: Vec<_> = polled
        .iter()
        .map(|event| event.envelope.stream.as_str())
        .collect();
    assert_eq!(
        streams,
        ["order-9", "order-9", "order-8"],
        "in the order of commits"
    );
    let fenced = place.append(&[commit("x", "order-9", 2, 1)]).await;
    assert!(
        matches!(fenced, Err(StoreError::Fenced { .. })),
        "{fenced:?}"
    );
    place.assert_holds(&new_commit(), true).await;
}

#[tokio::test]
async fn a_writer_that_leaves_its_transaction_open_means_busy() {
    let mut place = Place::new().await;
    let sql = "BEGIN;
        UPDATE head SET position = position + 1, transactions = transactions + 1;
        INSERT INTO commits SELECT 4, 1, 'order-9', 1, decode(repeat('01', 16), 'hex'),
            fingerprint, records, substr(leaves, 1, 32) FROM commits WHERE first_position = 1";
    run(&mut place.stranger, sql).await.expect("stays open");
    let refused = place.append(&[new_commit()]).await;
    assert!(matches!(refused, Err(StoreError::Busy(_))), "{refused:?}");
    assert_eq!(place.positions().await, [1, 2, 3], "reading goes on");
    run(&mut place.stranger, "ROLLBACK")
        .await
        .expect("rolls back");
    assert_eq!(place.append(&[new_commit()]).await, Ok(1));
    assert_eq!(
        place.positions().await,
        [1, 2, 3, 4, 5],
        "and leaves no gap"
    );
    place.assert_holds(&new_commit(), true).await;
}

#[tokio::test]
async fn writers_with_the_same_lease_share_one_order() {
    const EACH: usize = 60;
    let place = Place::new().await;
    let others = [place.other().await, place.other().await];
    let reading = place.other().await;
    let write = async |name: &str, store: &PostgresStore| {
        let mut recorded = 0;
        while recorded < EACH {
            let on = format!("{name}-{}", recorded % 7);
            let expected = (recorded / 7) as u64;
            let commit = commit(&format!("{name}-{recorded}"), &on, expected, 1);
            match append(store, &place.lease, &[commit]).await {
                Ok(fresh) => recorded += fresh,
                Err(StoreError::Busy(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    };
    let poll = async {
        let mut seen = Position::ZERO;
        while seen.get() < 3 + 2 * EACH as u64 {
            for event in reading.read(seen, 7).await.expect("reads") {
                assert_eq!(event.position(), seen.next(), "nothing is skipped");
                seen = event.position();
            }
        }
    };
    tokio::join!(write("alpha", &others[0]), write("beta", &others[1]), poll);
    verify_log(&place.store, |_, _| ()).await.expect("holds");
}

#[tokio::test]
async fn an_append_whose_caller_goes_away_is_recorded_once() {
    let mut place = Place::new().await;
    hold(&mut place.stranger).await;
    let batch = [new_commit()];
    tokio::select! {
        answer = append(&place.store, &place.lease, &batch) => panic!("{answer:?}"),
        () = until(&mut place.stranger, IS_HELD) => {}
    }
    // Its session in the server goes on, and the same is sent again.
    let again = append(&place.store, &place.lease, &batch);
    let released = async {
        until(
            &mut place.stranger,
            "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted",
        )
        .await;
        release(&mut place.stranger).await;
    };
    let (again, ()) = tokio::join!(again, released);
    assert_eq!(again, Ok(0), "a repetition");
    assert_eq!(place.positions().await, [1, 2, 3, 4, 5]);
    place.assert_holds(&new_commit(), true).await;
}

#[tokio::test]
async fn a_session_killed_in_the_middle_of_an_append_recorded_nothing() {
    let mut place = Place::new().await;
    hold(&mut place.stranger).await;
    let batch = [new_commit()];
    let append = append(&place.store, &place.lease, &batch);
    let killed = async {
        until(&mut place.stranger, IS_HELD).await;
        terminate(&mut place.stranger, "advisory").await;
    };
    let (answer, ()) = tokio::join!(append, killed);
    assert!(matches!(answer, Err(StoreError::Busy(_))), "{answer:?}");
    place.assert_holds(&new_commit(), false).await;
    release(&mut place.stranger).await;
    assert_eq!(place.append(&[new_commit()]).await, Ok(1));
    place.assert_holds(&new_commit(), true).await;
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_found() {
    let mut place = Place::new().await;
    // A commit then waits for a standby that does not exist, after it has been written.
    place
        .server
        .append_settings("synchronous_standby_names = 'ghost'\n");
    until(
        &mut place.stranger,
        "SELECT current_setting('synchronous_standby_names') = 'ghost'",
    )
    .await;
    const WAITS: &str = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    let batch = [new_commit()];
    let append = append(&place.store, &place.lease, &batch);
    let killed = async {
        until(&mut place.stranger, WAITS).await;
        terminate(&mut place.stranger, "SyncRep").await;
        // What asks about it waits in the same way.
        until(&mut place.stranger, "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE 'UPDATE%'").await;
        place
            .server
            .append_settings("synchronous_standby_names = ''\n");
    };
    let (answer, ()) = tokio::join!(append, killed);
    assert_eq!(answer, Ok(1), "it was recorded, and is not recorded again");
    place.assert_holds(&new_commit(), true).await;
    assert_eq!(
        place.append(&[commit("next", "order-9", 2, 1)]).await,
        Ok(1)
    );
}

#[tokio::test]
async fn what_was_said_not_to_be_recorded_is_not_recorded_later() {
    let mut place = Place::new().await;
    let proxy = Proxy::start(place.server.port());
    let store = open_postgres(&proxy.url("postgres", "postgres")).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    let first = append(&store, &lease, &[commit("first", "order-8", 0, 1)]).await;
    assert_eq!(first, Ok(1), "its statements are prepared");
    // The append waits before it has begun, and its session outlives the connection.
    run(
        &mut place.stranger,
        "BEGIN; LOCK TABLE commits IN SHARE MODE",
    )
    .await
    .expect("locks");
    let batch = [new_commit()];
    let cut = async {
        until(
            &mut place.stranger,
            "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'relation' AND NOT granted",
        )
        .await;
        proxy.cut();
    };
    let (answer, ()) = tokio::join!(append(&store, &lease, &batch), cut);
    assert!(matches!(answer, Err(StoreError::Busy(_))), "{answer:?}");
    const IS_UNDER_WAY: &str =
        "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'relation' AND NOT granted";
    assert!(
        yes(&mut place.stranger, IS_UNDER_WAY).await,
        "the server still has it"
    );
    run(&mut place.stranger, "COMMIT").await.expect("unlocks");
    until(
        &mut place.stranger,
        "SELECT count(*) = 0 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'WITH advanced%'",
    )
    .await;
    place.assert_holds(&new_commit(), false).await;
    assert_eq!(append(&store, &lease, &batch).await, Ok(1));
}

#[tokio::test]
async fn an_append_that_fails_in_its_commit_is_not_confirmed() {
    let mut place = Place::new().await;
    // The statement has given its answer by then.
    let late = "CREATE FUNCTION too_late() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'too late' USING ERRCODE = '53100'; END $$;
        CREATE CONSTRAINT TRIGGER too_late AFTER INSERT ON commits DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION too_late()";
    run(&mut place.stranger, late).await.expect("prepares");
    let refused = place.append(&[new_commit()]).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    place.assert_holds(&new_commit(), false).await;
}
