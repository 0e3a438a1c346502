//! What others do between the two statements of an append, step by step: each order of events that could
//! lose, skip or repeat something is played on purpose.

use blotter::events::{CommitError, EventStore, StoreError};
use blotter::values::{NodeId, Position};

use super::place::{IS_HELD, Place, append, hold, new_commit, release, terminate};
use super::{run, until};
use crate::support::*;

/// Somebody waits for the row that another session has changed.
const WAITS_FOR_THE_HEAD: &str =
    "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted";
/// And somebody else behind it.
const TWO_WAIT_FOR_THE_HEAD: &str = "SELECT count(*) > 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
        AND wait_event IN ('transactionid', 'tuple')";
const TAKE_OVER: &str = "BEGIN; UPDATE head SET lease_epoch = lease_epoch + 1, \
    transactions = transactions + 1";

#[tokio::test]
async fn a_writer_fenced_between_its_two_statements_records_nothing() {
    let mut place = Place::new().await;
    run(&mut place.stranger, TAKE_OVER)
        .await
        .expect("takes over");
    let batch = [new_commit()];
    let takeover = async {
        // It has read the old lease by now.
        until(&mut place.stranger, WAITS_FOR_THE_HEAD).await;
        run(&mut place.stranger, "COMMIT").await.expect("commits");
    };
    let (answer, ()) = tokio::join!(append(&place.store, &place.lease, &batch), takeover);
    let held = place.lease.epoch;
    let fenced = StoreError::Fenced {
        held,
        current: held + 1,
    };
    assert_eq!(answer, Err(fenced));
    place.assert_holds(&new_commit(), false).await;
}

#[tokio::test]
async fn a_takeover_that_rolls_back_fences_nobody() {
    let mut place = Place::new().await;
    run(&mut place.stranger, TAKE_OVER)
        .await
        .expect("takes over");
    let batch = [new_commit()];
    let takeover = async {
        until(&mut place.stranger, WAITS_FOR_THE_HEAD).await;
        run(&mut place.stranger, "ROLLBACK")
            .await
            .expect("rolls back");
    };
    let (answer, ()) = tokio::join!(append(&place.store, &place.lease, &batch), takeover);
    assert_eq!(answer, Ok(1));
    assert_eq!(place.positions().await, [1, 2, 3, 4, 5]);
    place.assert_holds(&new_commit(), true).await;
}

/// Both planned the same positions; the one that comes second plans anew.
#[tokio::test]
async fn what_was_planned_on_an_older_head_is_planned_anew() {
    let mut place = Place::new().await;
    let (other, reading) = (place.other().await, place.other().await);
    hold(&mut place.stranger).await;
    let batch = [new_commit()];
    let same_stream = commit("rival", "order-9", 0, 1);
    let rivals = [same_stream.clone(), commit("beside", "order-8", 0, 1)];
    let second = async {
        until(&mut place.stranger, IS_HELD).await;
        let stamp = stamp();
        let appended = other.append(&place.lease, &stamp, rivals.clone().into());
        let watch = async {
            until(&mut place.stranger, WAITS_FOR_THE_HEAD).await;
            let polled = reading.read(Position::ZERO, 100).await.expect("reads");
            assert_eq!(polled.len(), 3, "neither is there yet");
            release(&mut place.stranger).await;
        };
        tokio::join!(appended, watch).0
    };
    let (first, second) = tokio::join!(append(&place.store, &place.lease, &batch), second);
    assert_eq!(first, Ok(1));
    let [refused, beside] = &second.expect("appends")[..] else {
        panic!("two answers")
    };
    assert!(
        matches!(refused, Err(CommitError::Conflict { actual, .. }) if actual.get() == 2),
        "{refused:?}"
    );
    let receipt = &beside.as_ref().expect("recorded").receipt;
    assert_eq!(receipt.first_position, Position::new(6));
    // Whoever had read up to 3 misses nothing.
    let polled = reading.read(Position::new(3), 100).await.expect("reads");
    let positions: Vec<_> = polled.iter().map(|event| event.position().get()).collect();
    assert_eq!(positions, [4, 5, 6]);
    place.assert_holds(&same_stream, false).await;
}

#[tokio::test]
async fn a_writer_that_rolls_back_leaves_its_positions_to_the_next() {
    let mut place = Place::new().await;
    let (other, reading) = (place.other().await, place.other().await);
    hold(&mut place.stranger).await;
    let (batch, next) = ([new_commit()], [commit("next", "order-8", 0, 1)]);
    let second = async {
        until(&mut place.stranger, IS_HELD).await;
        let watch = async {
            until(&mut place.stranger, WAITS_FOR_THE_HEAD).await;
            terminate(&mut place.stranger, "advisory").await;
            release(&mut place.stranger).await;
        };
        tokio::join!(append(&other, &place.lease, &next), watch).0
    };
    let (first, second) = tokio::join!(append(&place.store, &place.lease, &batch), second);
    assert!(matches!(first, Err(StoreError::Busy(_))), "{first:?}");
    assert_eq!(second, Ok(1));
    let polled = reading.read(Position::new(3), 100).await.expect("reads");
    let streams: Vec<_> = polled
        .iter()
        .map(|event| event.envelope.stream.as_str())
        .collect();
    assert_eq!(streams, ["order-8"], "at position 4: no gap");
    place.assert_holds(&new_commit(), false).await;
    assert_eq!(place.append(&[new_commit()]).await, Ok(1));
    assert_eq!(place.positions().await, [1, 2, 3, 4, 5, 6]);
}

/// The connection of an append dies while another node already waits to take over: that node comes
/// first, so the append was not recorded and never will be.
#[tokio::test]
async fn an_append_in_doubt_is_settled_behind_a_takeover() {
    let mut place = Place::new().await;
    let other = place.other().await;
    hold(&mut place.stranger).await;
    let batch = [new_commit()];
    let node_2 = NodeId::new("node-2").expect("a node");
    let takeover = async {
        until(&mut place.stranger, IS_HELD).await;
        let watch = async {
            until(&mut place.stranger, WAITS_FOR_THE_HEAD).await;
            terminate(&mut place.stranger, "advisory").await;
            release(&mut place.stranger).await;
        };
        tokio::join!(other.acquire_lease(&node_2), watch).0
    };
    let (answer, lease) = tokio::join!(append(&place.store, &place.lease, &batch), takeover);
    let lease = lease.expect("a lease");
    let fenced = StoreError::Fenced {
        held: place.lease.epoch,
        current: lease.epoch,
    };
    assert_eq!(answer, Err(fenced));
    place.assert_holds(&new_commit(), false).await;
    let taken = append(&other, &lease, &batch).await;
    assert_eq!(taken, Ok(1), "the one that took over may record it");
}

/// Two nodes take over at the same time: one after the other, and the first of them is fenced.
#[tokio::test]
async fn of_two_that_take_over_the_last_one_writes() {
    let mut place = Place::new().await;
    let others = [place.other().await, place.other().await];
    for other in &others {
        // Connected by then, they come to the lock at about the same time.
        other.acquire_lease(&node()).await.expect("a lease");
    }
    run(&mut place.stranger, "BEGIN; SELECT * FROM head FOR UPDATE")
        .await
        .expect("locks");
    let release = async {
        until(&mut place.stranger, TWO_WAIT_FOR_THE_HEAD).await;
        run(&mut place.stranger, "COMMIT").await.expect("unlocks");
    };
    let (id, other_id) = (node(), NodeId::new("node-2").expect("a node"));
    let (one, two, ()) = tokio::join!(
        others[0].acquire_lease(&id),
        others[1].acquire_lease(&other_id),
        release
    );
    let (one, two) = (one.expect("a lease"), two.expect("a lease"));
    let (first, last) = match one.epoch < two.epoch {
        true => ((&others[0], &one), (&others[1], &two)),
        false => ((&others[1], &two), (&others[0], &one)),
    };
    assert_eq!(last.1.epoch, first.1.epoch + 1);
    let fenced = append(first.0, first.1, &[commit("late", "order-8", 0, 1)]).await;
    assert!(
        matches!(fenced, Err(StoreError::Fenced { .. })),
        "{fenced:?}"
    );
    assert_eq!(append(last.0, last.1, &[new_commit()]).await, Ok(1));
    place.assert_holds(&new_commit(), true).await;
}
