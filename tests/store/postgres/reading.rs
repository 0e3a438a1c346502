//! Pages of a log whose end, or whose head, is not as it was recorded.

use blotter::events::verify::{VerifyError, verify_log};
use blotter::events::{EventStore, StoreError};
use blotter::values::{Position, Version};

use super::place::{Place, new_commit};
use super::run;
use crate::support::*;

/// Without the triggers; positions 4 and 5 are on `order-9`.
async fn unprotected() -> Place {
    let mut place = Place::new().await;
    place.append(&[new_commit()]).await.expect("recorded");
    let open = "ALTER TABLE commits DISABLE TRIGGER ALL; ALTER TABLE head DISABLE TRIGGER ALL";
    run(&mut place.stranger, open).await.expect("opens up");
    place
}

fn is_damaged<T>(read: Result<T, StoreError>, at: u64) -> bool {
    matches!(read, Err(StoreError::Damaged { position, .. }) if position == Position::new(at))
}

#[tokio::test]
async fn a_missing_end_does_not_pass_for_the_end() {
    let mut place = unprotected().await;
    let sql = "DELETE FROM commits WHERE first_position >= 2";
    run(&mut place.stranger, sql).await.expect("deletes");
    let before = place
        .store
        .read(Position::ZERO, 10)
        .await
        .expect("what stands before it");
    assert_eq!(before.len(), 1);
    assert!(is_damaged(place.store.read(Position::new(1), 10).await, 2));
    assert!(is_damaged(place.store.read(Position::new(3), 1).await, 4));
    assert_eq!(place.store.read(Position::new(5), 10).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_gap_in_a_stream_does_not_pass_for_its_end() {
    let mut place = unprotected().await;
    place
        .append(&[commit("more", "order-9", 2, 1)])
        .await
        .expect("recorded");
    let sql = "DELETE FROM commits WHERE stream = 'order-9' AND first_version = 1";
    run(&mut place.stranger, sql).await.expect("deletes");
    let on = stream("order-9");
    for limit in [1, 2, 10] {
        let read = place.store.read_stream(&on, Version::ZERO, limit).await;
        assert!(
            matches!(read, Err(StoreError::Damaged { .. })),
            "{limit}: {read:?}"
        );
    }
    let rest = place.store.read_stream(&on, Version::new(2), 10).await;
    assert_eq!(rest.expect("what stands after it").len(), 1);
}

#[tokio::test]
async fn what_stands_after_the_head_is_not_handed_out() {
    let mut place = unprotected().await;
    run(
        &mut place.stranger,
        "CREATE TABLE public.before AS SELECT * FROM head",
    )
    .await
    .expect("copies");
    let more = [commit("more", "order-9", 2, 1)];
    place.append(&more).await.expect("recorded");
    let back = "UPDATE head SET position = b.position, frontier = b.frontier FROM public.before b";
    run(&mut place.stranger, back).await.expect("goes back");
    assert_eq!(place.positions().await, [1, 2, 3, 4, 5]);
    let on = place
        .store
        .read_stream(&stream("order-9"), Version::ZERO, 10)
        .await;
    assert_eq!(on.expect("reads").len(), 2);
    let verdict = verify_log(&place.store, |_, _| ()).await;
    assert!(
        matches!(verdict, Err(VerifyError::Broken { position, .. }) if position == Position::new(6)),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn a_missing_head_is_damage() {
    let mut place = unprotected().await;
    run(&mut place.stranger, "DELETE FROM head")
        .await
        .expect("deletes");
    assert!(is_damaged(place.store.read(Position::ZERO, 10).await, 0));
    assert!(is_damaged(place.store.head().await, 0));
    assert!(is_damaged(place.append(&[new_commit()]).await, 0));
    assert!(is_damaged(place.store.acquire_lease(&node()).await, 0));
}
