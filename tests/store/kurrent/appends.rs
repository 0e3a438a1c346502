//! Appends whose answers get lost, arrive late or say something else.

use std::sync::Arc;

use blotter::events::{Commit, CommitError, EventStore, StoreError};
use blotter::values::{Position, Timestamp};

use super::{Place, assert_whole, place};
use crate::kurrent_double::AppendFault;
use crate::kurrent_double::streams::LOG;
use crate::support::*;

async fn append(place: &Place, batch: Vec<Commit>) -> Result<(), StoreError> {
    let answers = place
        .store
        .append(&place.lease, &stamp(), batch.into())
        .await?;
    for answer in answers {
        answer.expect("recorded");
    }
    Ok(())
}

fn is_unknown(outcome: &Result<(), StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Indeterminate(_)))
}

/// Appends with `fault`, looks the commit up, and sends it again.
async fn lose(fault: AppendFault, is_recorded: bool) {
    let place = place().await;
    append(&place, vec![commit("a", "order-1", 0, 2)])
        .await
        .expect("appends");
    let wanted = commit("b", "order-1", 2, 3);
    place.double.fail_append(fault.clone());
    let outcome = append(&place, vec![wanted.clone()]).await;
    assert!(is_unknown(&outcome), "{fault:?}: {outcome:?}");

    let found = place.store.lookup(wanted.id).await.expect("reads back");
    assert_eq!(found.is_some(), is_recorded, "{fault:?}");
    let head = place.store.head().await.expect("a head");
    let events = if is_recorded { 5 } else { 2 };
    assert_eq!(head.position, Position::new(events), "{fault:?}");

    let again = append_one(&*place.store, &place.lease, wanted.clone()).await;
    let again = again.expect("recorded");
    assert_eq!(again.is_repeat(), is_recorded, "{fault:?}");
    append(&place, vec![commit("c", "order-1", 5, 1)])
        .await
        .expect("goes on");
    assert_whole(&place.double, 6).await;
}

#[tokio::test]
async fn an_answer_that_never_comes_is_read_back() {
    lose(AppendFault::SilentRecorded, true).await;
    lose(AppendFault::SilentLost, false).await;
}

#[tokio::test]
async fn an_answer_lost_with_its_connection_is_read_back() {
    lose(AppendFault::BrokenRecorded, true).await;
    lose(AppendFault::BrokenLost, false).await;
}

#[tokio::test]
async fn a_server_that_ran_out_of_time_may_have_recorded() {
    lose(AppendFault::OutOfTimeRecorded, true).await;
}

/// The client unwraps the answer: its panic is an outcome unknown, not the end of the process.
#[tokio::test]
async fn an_answer_that_makes_the_client_panic_is_read_back() {
    lose(AppendFault::EmptyAnswer, true).await;
}

#[tokio::test]
async fn an_append_that_arrives_after_it_was_given_up_is_recorded_once() {
    let place = place().await;
    let wanted = commit("a", "order-1", 0, 2);
    place.double.fail_append(AppendFault::SilentLate);
    let outcome = append(&place, vec![wanted.clone()]).await;
    assert!(is_unknown(&outcome), "{outcome:?}");
    assert_eq!(place.store.lookup(wanted.id).await, Ok(None), "not yet");
    // It comes right before this one, which therefore finds the log moved on.
    let again = append_one(&*place.store, &place.lease, wanted.clone()).await;
    assert!(again.expect("in the log").is_repeat());
    assert_whole(&place.double, 2).await;
}

/// The same, with the commit planned anew at another time: its bytes differ, and the server must
/// not take it for a repetition by the ids of its events.
#[tokio::test]
async fn a_commit_planned_anew_is_not_taken_for_the_one_that_got_lost() {
    let place = place().await;
    place.double.fail_append(AppendFault::SilentLate);
    let wanted = commit("a", "order-1", 0, 2);
    assert!(is_unknown(&append(&place, vec![wanted.clone()]).await));
    let mut later = stamp();
    later.recorded_at = Timestamp::from_micros(1_800_000_000_000_000).expect("a time");
    let answers = place
        .store
        .append(&place.lease, &later, [wanted].into())
        .await;
    let answers = answers.expect("appends");
    assert!(answers[0].as_ref().is_ok_and(|answer| answer.is_repeat()));
    let times: Vec<_> = read_all(&*place.store)
        .await
        .iter()
        .map(|event| event.envelope.recorded_at)
        .collect();
    assert_eq!(times, [stamp().recorded_at; 2], "the first one stands");
    let anew = open_kurrent(&place.double.url()).await;
    assert_eq!(place.store.head().await, anew.head().await);
}

#[tokio::test]
async fn an_append_that_arrives_twice_is_recorded_once() {
    let place = place().await;
    place.double.fail_append(AppendFault::Twice);
    append(&place, vec![commit("a", "order-1", 0, 3)])
        .await
        .expect("appends");
    append(&place, vec![commit("b", "order-1", 3, 1)])
        .await
        .expect("goes on");
    assert_whole(&place.double, 4).await;
}

#[tokio::test]
async fn what_a_server_turns_down_is_certainly_not_recorded() {
    let place = place().await;
    place
        .double
        .fail_append(AppendFault::NotLeader(place.double.address()));
    let busy = append(&place, vec![commit("a", "order-1", 0, 1)]).await;
    assert!(matches!(busy, Err(StoreError::Busy(_))), "{busy:?}");
    place.double.fail_append(AppendFault::Denied);
    let denied = append(&place, vec![commit("a", "order-1", 0, 1)]).await;
    assert!(
        matches!(&denied, Err(StoreError::Unavailable(said)) if said.contains("password")),
        "{denied:?}"
    );
    place.double.state().append_bytes_max = 10;
    let small = append(&place, vec![commit("a", "order-1", 0, 1)]).await;
    assert!(
        matches!(small, Err(StoreError::Unavailable(_))),
        "{small:?}"
    );
    place.double.state().append_bytes_max = 1 << 20;
    append(&place, vec![commit("a", "order-1", 0, 1)])
        .await
        .expect("appends");
    assert_whole(&place.double, 1).await;
}

#[tokio::test]
async fn a_server_that_is_down_is_unavailable_until_it_is_back() {
    let place = place().await;
    append(&place, vec![commit("a", "order-1", 0, 1)])
        .await
        .expect("appends");
    place.double.stop();
    for batch in [vec![commit("b", "order-1", 1, 1)], vec![]] {
        let down = append(&place, batch).await;
        assert!(matches!(down, Err(StoreError::Unavailable(_))), "{down:?}");
    }
    place.double.start_again();
    append(&place, vec![commit("b", "order-1", 1, 1)])
        .await
        .expect("appends");
    assert_whole(&place.double, 2).await;
}

#[tokio::test]
async fn a_server_that_dies_with_an_append_in_its_hands_is_asked_when_it_is_back() {
    for (fault, is_recorded) in [
        (AppendFault::SilentRecorded, true),
        (AppendFault::SilentLost, false),
    ] {
        let double = crate::kurrent_double::Double::start();
        let store = open_kurrent(&double.url()).await;
        let lease = store.acquire_lease(&node()).await.expect("a lease");
        double.fail_append(fault);
        let wanted = commit("a", "order-1", 0, 1);
        let stamp = stamp();
        let append = store.append(&lease, &stamp, [wanted.clone()].into());
        let die = async {
            double.wait_until(|arrived| arrived.appends == 1).await;
            double.stop();
        };
        let (outcome, ()) = tokio::join!(append, die);
        assert!(
            matches!(outcome, Err(StoreError::Indeterminate(_))),
            "{outcome:?}"
        );
        let down = store.lookup(wanted.id).await;
        assert!(matches!(down, Err(StoreError::Unavailable(_))), "{down:?}");
        double.start_again();
        let found = store.lookup(wanted.id).await.expect("looks up");
        assert_eq!(found.is_some(), is_recorded);
    }
}

/// Commits that fill more than one append together.
fn large(count: usize) -> Vec<Commit> {
    let commits = (0..count).map(|index| {
        let events = vec![event(100_000), event(100_000)];
        commit_of(
            &format!("large-{index}"),
            &format!("order-{index}"),
            0,
            events,
        )
    });
    commits.collect()
}

#[tokio::test]
async fn a_batch_too_large_for_one_append_takes_several() {
    let place = place().await;
    append(&place, large(12)).await.expect("appends");
    assert_eq!(place.double.state().recorded, [8, 8, 8]);
    assert_whole(&place.double, 24).await;
}

#[tokio::test]
async fn a_commit_too_large_for_any_append_is_refused_alone() {
    let place = place().await;
    let too_large = vec![event(300_000); 4];
    let batch: Arc<[Commit]> = [
        commit("a", "order-1", 0, 1),
        commit_of("b", "order-1", 1, too_large),
        commit("c", "order-2", 0, 1),
    ]
    .into();
    let answers = place
        .store
        .append(&place.lease, &stamp(), batch)
        .await
        .expect("appends");
    let [Ok(_), Err(CommitError::Invalid(said)), Ok(last)] = &answers[..] else {
        panic!("{answers:?}")
    };
    assert!(said.contains("at most 1000000"), "{said}");
    assert_eq!(last.receipt.first_position, Position::new(2));
    assert_whole(&place.double, 2).await;
}

/// The first part of a batch stands; what became of the second is made certain by sending it
/// again, so that nobody is told that nothing was recorded while it may still come.
#[tokio::test]
async fn a_lost_part_of_a_batch_is_made_certain_before_it_is_looked_up() {
    for fault in [
        AppendFault::SilentRecorded,
        AppendFault::SilentLost,
        AppendFault::SilentLate,
    ] {
        let place = place().await;
        let batch = large(12);
        // The first part passes, the second meets the fault.
        place.double.fail_append(AppendFault::Twice);
        place.double.fail_append(fault.clone());
        let outcome = append(&place, batch.clone()).await;
        assert!(is_unknown(&outcome), "{fault:?}: {outcome:?}");
        let mut found = Vec::new();
        for commit in &batch {
            found.push(
                place
                    .store
                    .lookup(commit.id)
                    .await
                    .expect("looks up")
                    .is_some(),
            );
        }
        assert_eq!(found.iter().filter(|found| **found).count(), 8, "{fault:?}");
        assert!(found[..8].iter().all(|found| *found), "{fault:?}");
        assert_eq!(place.double.state().len(LOG), 16, "{fault:?}");
        // All of them again: those that are there are repetitions.
        append(&place, batch).await.expect("appends");
        assert_whole(&place.double, 24).await;
    }
}

#[tokio::test]
async fn the_rest_of_a_batch_that_a_server_turns_down_is_answered_so() {
    let place = place().await;
    place.double.fail_append(AppendFault::Twice);
    place.double.fail_append(AppendFault::Denied);
    let batch = large(12);
    let answers = place
        .store
        .append(&place.lease, &stamp(), batch.into())
        .await
        .expect("appends");
    let recorded = answers.iter().take_while(|answer| answer.is_ok()).count();
    assert_eq!(recorded, 4);
    for answer in &answers[4..] {
        assert!(
            matches!(answer, Err(CommitError::Unavailable(_))),
            "{answer:?}"
        );
    }
    assert_whole(&place.double, 8).await;
}
