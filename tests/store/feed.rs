//! The feed across its ring and the store behind it.

use std::sync::Arc;

use blotter::events::feed::{BATCH_EVENTS_MAX, FeedPublisher, RING_EVENTS};
use blotter::events::{EventStore, Feed, FeedError, Lease, Recorded, Subscription};
use blotter::values::Position;
use futures_util::StreamExt;

use crate::support::*;

/// Events of a commit; large, so that a ring fills fast.
const EVENTS: usize = 256;

struct Log {
    fixture: Fixture,
    publisher: Option<FeedPublisher>,
    feed: Feed,
    commits: usize,
}

impl Log {
    async fn new() -> Self {
        let fixture = memory().await;
        let (publisher, feed) = Feed::new(fixture.store.clone(), Position::ZERO);
        Self {
            fixture,
            publisher: Some(publisher),
            feed,
            commits: 0,
        }
    }

    async fn append(&mut self, commits: usize) -> Vec<Arc<Recorded>> {
        let (store, lease): (&dyn EventStore, &Lease) = (&*self.fixture.store, &self.fixture.lease);
        let mut all = Vec::new();
        for _ in 0..commits {
            let events = vec![event(0); EVENTS];
            let expected = (self.commits * EVENTS) as u64;
            let commit = commit_of(&format!("c-{}", self.commits), "order-1", expected, events);
            all.extend(
                append_one(store, lease, commit)
                    .await
                    .expect("recorded")
                    .records,
            );
            self.commits += 1;
        }
        all
    }

    async fn publish(&mut self, commits: usize) {
        let records = self.append(commits).await;
        for batch in records.chunks(EVENTS) {
            self.publisher.as_ref().expect("open").publish(batch);
        }
    }

    fn head(&self) -> u64 {
        (self.commits * EVENTS) as u64
    }
}

/// Reads up to `head` and checks that each event comes once and in order.
async fn expect_all(events: &mut Subscription, after: u64, head: u64) {
    let mut next = after + 1;
    while next <= head {
        let batch = events.next().await.expect("events");
        assert!(!batch.is_empty() && batch.len() <= BATCH_EVENTS_MAX);
        for recorded in batch {
            assert_eq!(recorded.position().get(), next);
            next += 1;
        }
    }
    assert_eq!(next, head + 1);
}

const MORE_THAN_THE_RING: usize = RING_EVENTS / EVENTS + 3;

#[tokio::test]
async fn the_seam_between_store_and_ring_does_not_show() {
    let mut log = Log::new().await;
    log.publish(MORE_THAN_THE_RING).await;
    let behind_the_ring = log.head() - RING_EVENTS as u64;
    for after in [
        0,
        1,
        behind_the_ring - 1,
        behind_the_ring,
        behind_the_ring + 1,
        log.head() - 1,
    ] {
        let mut events = log.feed.subscribe(Position::new(after));
        expect_all(&mut events, after, log.head()).await;
    }
}

#[tokio::test]
async fn a_slow_consumer_misses_nothing_and_holds_nobody_up() {
    let mut log = Log::new().await;
    let mut slow = log.feed.subscribe(Position::ZERO);
    let mut fast = log.feed.subscribe(Position::ZERO);
    log.publish(1).await;
    expect_all(&mut slow, 0, EVENTS as u64).await;
    for _ in 0..MORE_THAN_THE_RING {
        log.publish(1).await;
        let head = log.head();
        expect_all(
            &mut fast,
            if head == 2 * EVENTS as u64 {
                0
            } else {
                head - EVENTS as u64
            },
            head,
        )
        .await;
    }
    // By now the ring has moved past where the slow one stands.
    expect_all(&mut slow, EVENTS as u64, log.head()).await;
}

#[tokio::test]
async fn a_batch_larger_than_the_ring_does_not_outgrow_it() {
    let mut log = Log::new().await;
    let records = log.append(MORE_THAN_THE_RING).await;
    log.publisher.as_ref().expect("open").publish(&records);
    drop(records);
    let mut events = log.feed.subscribe(Position::ZERO);
    expect_all(&mut events, 0, log.head()).await;
    // What the ring has let go of is read from the store anew: nobody else holds it.
    let old = log.feed.read(Position::ZERO).await.expect("reads");
    assert_eq!(Arc::strong_count(&old[0]), 1);
    let recent = log
        .feed
        .read(Position::new(log.head() - 1))
        .await
        .expect("reads");
    assert_eq!(Arc::strong_count(&recent[0]), 2);
}

#[tokio::test]
async fn what_is_not_published_is_not_seen() {
    let mut log = Log::new().await;
    log.append(1).await;
    assert_eq!(
        log.feed.read(Position::ZERO).await,
        Ok(Vec::new()),
        "the store is ahead"
    );
}

#[tokio::test]
async fn a_cursor_past_the_end_is_an_error() {
    let log = Log::new().await;
    let past = FeedError::PastTheEnd {
        asked: Position::new(1),
        head: Position::ZERO,
    };
    assert_eq!(log.feed.read(Position::new(1)).await, Err(past));
}

#[tokio::test]
async fn a_closed_feed_is_an_error_and_not_an_end() {
    let mut log = Log::new().await;
    log.publish(1).await;
    let mut events = log.feed.subscribe(Position::ZERO);
    log.publisher = None;
    expect_all(&mut events, 0, EVENTS as u64).await;
    assert_eq!(events.next().await, Err(FeedError::Closed));
    let from_the_end = log.feed.subscribe(Position::new(log.head()));
    let stream = from_the_end.into_stream();
    let all: Vec<_> = stream.collect().await;
    assert_eq!(all, [Err(FeedError::Closed)]);
}

/// Positions, as one asks for them.
fn places(positions: &[u64]) -> Vec<Position> {
    positions.iter().copied().map(Position::new).collect()
}

#[tokio::test]
async fn events_are_handed_out_by_position_wherever_they_lie() {
    let mut log = Log::new().await;
    log.publish(MORE_THAN_THE_RING).await;
    let head = log.head();
    let oldest_held = head - RING_EVENTS as u64 + 1;
    // In memory, older, a long way from each other, side by side, twice, and in no order.
    let asked = places(&[
        head,
        1,
        oldest_held,
        oldest_held - 1,
        3_000,
        2,
        3_010,
        head,
        head - 7,
    ]);
    let found = log.feed.at(&asked).await.expect("there");
    let positions: Vec<_> = found.iter().map(|recorded| recorded.position()).collect();
    assert_eq!(positions, asked);
    let whole_page: Vec<_> = (1..=BATCH_EVENTS_MAX as u64).map(|p| p * 2).collect();
    let found = log.feed.at(&places(&whole_page)).await.expect("there");
    assert_eq!(found.len(), BATCH_EVENTS_MAX);
    assert_eq!(log.feed.at(&[]).await, Ok(Vec::new()));
}

#[tokio::test]
async fn positions_that_are_too_many_or_not_there_are_refused() {
    let mut log = Log::new().await;
    log.publish(1).await;
    let head = log.head();
    let too_many = vec![Position::new(1); BATCH_EVENTS_MAX + 1];
    let asked = BATCH_EVENTS_MAX + 1;
    assert_eq!(
        log.feed.at(&too_many).await,
        Err(FeedError::TooMany { asked })
    );
    let past = FeedError::PastTheEnd {
        asked: Position::new(head + 1),
        head: Position::new(head),
    };
    assert_eq!(log.feed.at(&places(&[1, head + 1])).await, Err(past));
    let position = Position::ZERO;
    assert_eq!(
        log.feed.at(&[position]).await,
        Err(FeedError::Missing { position })
    );
}
