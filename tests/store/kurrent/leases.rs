//! Taking over from another node, also from one that does not know it yet.

use blotter::events::catalogue::ActorRestarted;
use blotter::events::kurrent::KurrentStore;
use blotter::events::{Commit, CommitError, Event, EventStore, Lease, StoreError};
use blotter::values::{NodeId, Position};

use super::{assert_whole, impatient, place};
use crate::kurrent_double::streams::{LEASE, LOG};
use crate::kurrent_double::{AppendFault, Double};
use crate::support::*;

fn other() -> NodeId {
    NodeId::new("node-2").expect("a node")
}

async fn try_append(store: &KurrentStore, lease: &Lease, commit: Commit) -> Result<(), StoreError> {
    let answers = store.append(lease, &stamp(), [commit].into()).await?;
    answers[0].clone().expect("recorded");
    Ok(())
}

#[tokio::test]
async fn a_lease_is_an_event_and_its_revision_the_epoch() {
    let double = Double::start();
    let store = open_kurrent(&double.url()).await;
    assert_eq!(double.state().len(LEASE), 1, "the log's identity");
    for epoch in 1..=3 {
        let lease = store.acquire_lease(&node()).await.expect("a lease");
        assert_eq!(lease.epoch, epoch);
        assert_eq!(double.state().len(LEASE), epoch as usize + 1);
    }
    assert_eq!(double.state().len(LOG), 0, "it takes no position");
}

#[tokio::test]
async fn a_holder_that_was_replaced_records_nothing() {
    let old = place().await;
    try_append(&old.store, &old.lease, commit("a", "order-1", 0, 1))
        .await
        .expect("appends");
    let newer = impatient(&old.double).await;
    let lease = newer.acquire_lease(&other()).await.expect("a lease");
    let fenced = StoreError::Fenced {
        held: old.lease.epoch,
        current: lease.epoch,
    };
    let refused = try_append(&old.store, &old.lease, commit("b", "order-1", 1, 1)).await;
    assert_eq!(
        refused,
        Err(fenced.clone()),
        "before the new holder has appended"
    );
    try_append(&newer, &lease, commit("c", "order-1", 1, 1))
        .await
        .expect("appends");
    let refused = try_append(&old.store, &old.lease, commit("b", "order-1", 1, 1)).await;
    assert_eq!(refused, Err(fenced), "and after");
    assert_eq!(
        old.store.head().await,
        newer.head().await,
        "but it may read on"
    );
    assert_whole(&old.double, 2).await;
}

/// The old holder's append has passed its look at the lease and is on its way when the new holder
/// takes over. It arrives before the new holder's first event, which finds the log moved on.
#[tokio::test]
async fn an_append_on_its_way_at_the_takeover_is_folded_before_the_first_event() {
    let old = place().await;
    try_append(&old.store, &old.lease, commit("a", "order-1", 0, 1))
        .await
        .expect("appends");
    old.double.fail_append(AppendFault::SilentLate);
    let under_way = try_append(&old.store, &old.lease, commit("b", "order-1", 1, 1)).await;
    assert!(
        matches!(under_way, Err(StoreError::Indeterminate(_))),
        "{under_way:?}"
    );

    let newer = impatient(&old.double).await;
    let lease = newer.acquire_lease(&other()).await.expect("a lease");
    assert_eq!(
        newer.head().await.expect("a head").position,
        Position::new(1)
    );
    // Right before this one the old one arrives.
    let stale = append_one(&newer, &lease, commit("c", "order-1", 1, 1)).await;
    assert!(
        matches!(stale, Err(CommitError::Conflict { .. })),
        "{stale:?}"
    );
    assert_eq!(
        newer.head().await.expect("a head").position,
        Position::new(2)
    );
    try_append(&newer, &lease, commit("d", "order-1", 2, 1))
        .await
        .expect("appends");
    assert_whole(&old.double, 3).await;
}

/// The same, but it arrives after the new holder's first event: the log does not end any more
/// where it says, whatever its sender believes.
#[tokio::test]
async fn an_append_that_arrives_after_the_new_holders_first_event_is_turned_down() {
    let old = place().await;
    try_append(&old.store, &old.lease, commit("a", "order-1", 0, 1))
        .await
        .expect("appends");
    old.double.fail_append(AppendFault::SilentLate);
    let under_way = try_append(&old.store, &old.lease, commit("b", "order-1", 1, 1)).await;
    assert!(
        matches!(under_way, Err(StoreError::Indeterminate(_))),
        "{under_way:?}"
    );
    let late = old
        .double
        .state()
        .late
        .take()
        .expect("an append on its way");

    let newer = impatient(&old.double).await;
    let lease = newer.acquire_lease(&other()).await.expect("a lease");
    try_append(&newer, &lease, commit("c", "order-2", 0, 1))
        .await
        .expect("appends");
    old.double.state().late = Some(late);
    try_append(&newer, &lease, commit("d", "order-2", 1, 1))
        .await
        .expect("appends");
    assert_eq!(
        old.store.lookup(commit("b", "order-1", 1, 1).id).await,
        Ok(None)
    );
    assert_whole(&old.double, 3).await;
}

/// Nothing can bring this about but a program that breaks the rules; it is found all the same.
#[tokio::test]
async fn an_event_under_an_older_lease_after_one_under_a_newer_is_damage() {
    let place = place().await;
    try_append(&place.store, &place.lease, commit("a", "order-1", 0, 1))
        .await
        .expect("appends");
    let newer = impatient(&place.double).await;
    let lease = newer.acquire_lease(&other()).await.expect("a lease");
    try_append(&newer, &lease, commit("b", "order-1", 1, 1))
        .await
        .expect("appends");
    let first =
        String::from_utf8(place.double.state().log()[0].custom_metadata.clone()).expect("text");
    let raised = first.replace("\"epoch\":1", "\"epoch\":7");
    assert_ne!(raised, first);
    place.double.state().log()[0].custom_metadata = raised.into_bytes();
    let url = place.double.url().parse().expect("an address");
    let opened = KurrentStore::open(&url, blotter::events::OpenMode::ReadOnly).await;
    let refused = opened.err().expect("refused");
    assert!(
        matches!(&refused, StoreError::Damaged { position, reason } if *position == Position::new(2) && reason.contains("lease")),
        "{refused}"
    );
}

#[tokio::test]
async fn somebody_who_appends_without_the_lease_is_not_written_over() {
    let place = place().await;
    try_append(&place.store, &place.lease, commit("a", "order-1", 0, 1))
        .await
        .expect("appends");
    let foreign = place.double.state().log()[0].clone();
    place.double.state().log().push(foreign);
    let found = place
        .store
        .append(
            &place.lease,
            &stamp(),
            [commit("b", "order-1", 1, 1)].into(),
        )
        .await;
    assert!(
        matches!(&found, Err(StoreError::Damaged { position, .. }) if *position == Position::new(2)),
        "{found:?}"
    );
    assert_eq!(place.double.state().len(LOG), 2);
}

#[tokio::test]
async fn two_nodes_that_take_over_at_once_get_two_leases() {
    let double = Double::start();
    let (one, two) = (
        open_kurrent(&double.url()).await,
        open_kurrent(&double.url()).await,
    );
    let (name, another) = (node(), other());
    let (first, second) = tokio::join!(one.acquire_lease(&name), two.acquire_lease(&another));
    let (first, second) = (first.expect("a lease"), second.expect("a lease"));
    assert_eq!(first.epoch + second.epoch, 3, "{first:?} {second:?}");
    let (loser, lease) = match first.epoch < second.epoch {
        true => (&one, &first),
        false => (&two, &second),
    };
    let refused = try_append(loser, lease, commit("a", "order-1", 0, 1)).await;
    assert_eq!(
        refused,
        Err(StoreError::Fenced {
            held: 1,
            current: 2
        })
    );
}

/// What the new node folds is all there is, though it opened the log before.
#[tokio::test]
async fn a_takeover_sees_what_was_recorded_since_it_opened_the_log() {
    let old = place().await;
    let newer = impatient(&old.double).await;
    let event = Event::from(ActorRestarted {
        actor: "risk".to_owned(),
        cause: "test".to_owned(),
        restarts_in_window: 1,
    });
    try_append(
        &old.store,
        &old.lease,
        commit_of("a", "order-1", 0, vec![event]),
    )
    .await
    .expect("appends");
    assert_eq!(newer.head().await, old.store.head().await, "as a reader");
    try_append(&old.store, &old.lease, commit("b", "order-1", 1, 2))
        .await
        .expect("appends");
    let lease = newer.acquire_lease(&other()).await.expect("a lease");
    assert_eq!(newer.head().await, old.store.head().await, "as the writer");
    try_append(&newer, &lease, commit("c", "order-1", 3, 1))
        .await
        .expect("appends");
    assert_whole(&old.double, 4).await;
}
