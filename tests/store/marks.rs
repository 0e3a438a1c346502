//! What is remembered of a log elsewhere, held against it.

use blotter::events::mark::{Disagreement, LogMark};
use blotter::values::Position;

use crate::support::*;

#[tokio::test]
async fn a_mark_agrees_with_the_log_it_was_taken_from_and_its_continuations() {
    let f = sqlite().await;
    let all = fill(&*f.store, &f.lease, 6).await;
    for recorded in &all {
        let mark = LogMark::at(recorded);
        assert_eq!(mark.check(&*f.store).await, Ok(None), "{mark:?}");
    }
}

#[tokio::test]
async fn an_older_log_and_another_one_are_told_apart() {
    let (newer, older) = (memory().await, memory().await);
    let all = fill(&*newer.store, &newer.lease, 6).await;
    fill(&*older.store, &older.lease, 5).await;
    let last = LogMark::at(all.last().expect("events"));
    let head = older.store.head().await.expect("a head").position;
    let ahead = Disagreement::Ahead {
        kept: last.position,
        head,
    };
    assert_eq!(last.check(&*older.store).await, Ok(Some(ahead)));
    // It goes on by itself, past the mark.
    let own = append_one(&*older.store, &older.lease, commit("own", "order-9", 0, 4)).await;
    own.expect("recorded");
    let other = Disagreement::OtherRecord {
        kept: last.position,
    };
    assert_eq!(last.check(&*older.store).await, Ok(Some(other)));
    let shared = LogMark::at(&all[3]);
    assert_eq!(shared.position, Position::new(4));
    assert_eq!(shared.check(&*older.store).await, Ok(None));
}
