//! Answers to reads that end early, repeat, break off, or lack what was truncated.

use blotter::events::kurrent::KurrentStore;
use blotter::events::verify::{VerifyError, verify_log};
use blotter::events::{EventStore, OpenMode, StoreError};
use blotter::values::{Position, Version};
use serde_json::json;

use super::{Place, place};
use crate::kurrent_double::streams::LOG;
use crate::kurrent_double::{Double, ReadFault};
use crate::support::*;

/// A log of 25 events in 10 commits, as it was recorded.
async fn filled() -> (Place, Vec<blotter::events::Recorded>) {
    let place = place().await;
    let all = fill(&*place.store, &place.lease, 10).await;
    assert_eq!(all.len(), 23);
    (place, all)
}

async fn reader(double: &Double) -> Result<KurrentStore, StoreError> {
    KurrentStore::open(
        &double.url().parse().expect("an address"),
        OpenMode::ReadOnly,
    )
    .await
}

#[tokio::test]
async fn the_clean_end_of_an_answer_is_not_the_end_of_the_log() {
    let (place, all) = filled().await;
    for events in [0, 1, 5] {
        place.double.fail_read(ReadFault::EndsAfter(events));
        place.double.fail_read(ReadFault::EndsAfter(events));
        assert_eq!(read_all(&*place.store).await, all, "{events}");
    }
    // A fold that stops early would see a shorter log.
    for events in [0, 1, 5] {
        place.double.fail_read(ReadFault::EndsAfter(events));
        let store = reader(&place.double).await.expect("opens");
        assert_eq!(store.head().await, place.store.head().await, "{events}");
    }
}

#[tokio::test]
async fn a_server_that_never_gets_to_the_end_is_given_up() {
    let (place, _) = filled().await;
    let before = place.double.arrived().reads;
    for _ in 0..100 {
        place.double.fail_read(ReadFault::EndsAfter(0));
    }
    let read = place.store.read(Position::ZERO, 10).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    let reads = place.double.arrived().reads - before;
    assert!(reads < 20, "{reads} reads for one that brought nothing");
}

#[tokio::test]
async fn a_reader_at_the_end_asks_once_and_rests() {
    let (place, all) = filled().await;
    let store = reader(&place.double).await.expect("opens");
    let before = place.double.arrived().reads;
    let end = Position::new(all.len() as u64);
    assert_eq!(store.read(end, 100).await, Ok(Vec::new()));
    assert!(place.double.arrived().reads - before <= 2);
}

#[tokio::test]
async fn a_connection_that_fails_in_the_middle_of_an_answer_is_made_anew() {
    let (place, all) = filled().await;
    for events in [0, 3] {
        place.double.fail_read(ReadFault::BreaksAfter(events));
        assert_eq!(read_all(&*place.store).await, all);
    }
    place.double.stop();
    let down = place.store.read(Position::ZERO, 5).await;
    assert!(matches!(down, Err(StoreError::Unavailable(_))), "{down:?}");
    place.double.start_again();
    assert_eq!(read_all(&*place.store).await, all);
}

#[tokio::test]
async fn events_delivered_twice_are_read_once() {
    let (place, all) = filled().await;
    place.double.fail_read(ReadFault::Twice);
    assert_eq!(read_all(&*place.store).await, all);
    place.double.fail_read(ReadFault::Twice);
    let store = reader(&place.double).await.expect("opens");
    assert_eq!(store.head().await, place.store.head().await);
}

#[tokio::test]
async fn an_answer_that_stops_in_the_middle_is_waited_for_so_long() {
    let (place, all) = filled().await;
    place.double.fail_read(ReadFault::Silent);
    let read = place.store.read(Position::ZERO, 5).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert_eq!(read_all(&*place.store).await, all);
}

/// The client unwraps the ids of events: its panic is an error, and the store goes on.
#[tokio::test]
async fn an_answer_that_makes_the_client_panic_is_an_error() {
    let (place, all) = filled().await;
    for _ in 0..3 {
        place.double.fail_read(ReadFault::NoId);
    }
    let read = place.store.read(Position::ZERO, 5).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert_eq!(read_all(&*place.store).await, all);
}

#[tokio::test]
async fn a_follower_sends_the_reader_to_its_leader() {
    let (place, all) = filled().await;
    let follower = Double::start();
    follower.state().leader = Some(place.double.address());
    let store = reader(&follower).await.expect("opens at the leader");
    assert_eq!(read_all(&store).await, all);
    let nobody = Double::start();
    nobody.state().leader = Some(nobody.address());
    let refused = reader(&nobody).await.err();
    assert!(matches!(refused, Some(StoreError::Busy(_))), "{refused:?}");
}

/// The client ends for good when it cannot reach the leader it was sent to.
#[tokio::test]
async fn a_leader_that_is_gone_takes_the_client_with_it_but_not_the_store() {
    let (place, all) = filled().await;
    let gone = Double::start();
    gone.stop();
    place.double.fail_read(ReadFault::NotLeader(gone.address()));
    let read = place.store.read(Position::ZERO, 5).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert_eq!(read_all(&*place.store).await, all);
}

#[tokio::test]
async fn truncation_behind_the_stores_back_is_damage() {
    for settings in [json!({ "$tb": 4 }), json!({ "$maxCount": 19 })] {
        let (place, all) = filled().await;
        place.double.state().set(LOG, &settings);
        let damaged = |found: Result<Vec<_>, StoreError>| matches!(found, Err(StoreError::Damaged { position, .. }) if position == Position::new(1));
        assert!(
            damaged(place.store.read(Position::ZERO, 100).await),
            "{settings}"
        );
        let later = place.store.read(Position::new(4), 100).await;
        assert_eq!(later, Ok(all[4..].to_vec()), "what is left can be read");
        let on = &all[0].envelope.stream;
        let of_stream = place.store.read_stream(on, Version::ZERO, 100).await;
        assert!(damaged(of_stream), "{settings}");
        let verified = verify_log(&*place.store, |_, _| ()).await;
        assert!(
            matches!(verified, Err(VerifyError::Broken { position, .. }) if position == Position::new(1)),
            "{verified:?}"
        );
    }
}

#[tokio::test]
async fn events_missing_in_the_middle_or_at_the_end_are_damage() {
    let (place, all) = filled().await;
    let whole = place.double.state().log().clone();
    place.double.state().log().truncate(20);
    let read = place.store.read(Position::new(20), 100).await;
    assert!(
        matches!(read, Err(StoreError::Damaged { position, .. }) if position == Position::new(21)),
        "{read:?}"
    );
    assert_eq!(
        place.store.read(Position::ZERO, 100).await,
        Ok(all[..20].to_vec()),
        "what is before it"
    );
    *place.double.state().log() = whole;
    place.double.state().log().remove(10);
    let read = place.store.read(Position::new(10), 100).await;
    assert!(
        matches!(read, Err(StoreError::Damaged { position, .. }) if position == Position::new(11)),
        "{read:?}"
    );
}

#[tokio::test]
async fn a_changed_record_is_damage_at_its_position() {
    let (place, all) = filled().await;
    let changed = String::from_utf8(all[6].record.clone())
        .expect("text")
        .replace("risk", "rusk");
    place.double.state().log()[6].data = changed.into_bytes();
    let at_7 = |error: &StoreError| matches!(error, StoreError::Damaged { position, .. } if *position == Position::new(7));
    assert_eq!(
        place.store.read(Position::ZERO, 100).await,
        Ok(all[..6].to_vec())
    );
    let read = place
        .store
        .read(Position::new(6), 1)
        .await
        .expect_err("damaged");
    assert!(at_7(&read), "{read}");
    let verified = verify_log(&*place.store, |_, _| ())
        .await
        .expect_err("broken");
    assert!(
        matches!(verified, VerifyError::Broken { position, .. } if position == Position::new(7)),
        "{verified}"
    );
    let opened = reader(&place.double).await.err().expect("refused");
    assert!(at_7(&opened), "{opened}");
}
