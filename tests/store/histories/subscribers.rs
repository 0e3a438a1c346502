//! Subscribers of a feed that begin anywhere, fall behind, go away and come back; and one who asks
//! the store itself for the end of the log, again and again.

use std::sync::Arc;

use blotter::events::{EventStore, Feed, Recorded, Subscription};
use blotter::values::Position;
use tokio::sync::watch;
use tokio::time::timeout;

use super::clients::PATIENCE;
use super::history::{Seen, Sight};
use super::recorder::Recorder;
use crate::torture::Random;

/// Furthest that one lets the log run ahead, in events.
const BEHIND_MAX: u64 = 200;
/// Of so many pages in which nothing was new, one is kept for the checker.
const EMPTY_KEPT_ONE_IN: u64 = 16;
const PAGE: usize = 100;

pub struct Subscriber {
    pub name: String,
    pub random: Random,
    pub recorder: Arc<Recorder>,
    pub feed: Feed,
    pub store: Arc<dyn EventStore>,
    /// Where the log ends, once nobody writes any more.
    pub end: watch::Receiver<Option<Position>>,
}

impl Subscriber {
    /// Takes events until the log's end, and writes down which.
    pub async fn follow(mut self) {
        let after = self.random.below(self.feed.head().get() + 1);
        let mut sight = Sight {
            subscriber: self.name.clone(),
            after,
            seen: Vec::new(),
            failure: None,
        };
        let mut cursor = Position::new(after);
        let mut subscription = self.feed.subscribe(cursor);
        while !self.is_at_the_end(cursor) {
            match self.next(&mut subscription).await {
                Ok(events) => self.take(&mut sight, &events).await,
                Err(failure) => {
                    sight.failure = Some(failure);
                    break;
                }
            }
            cursor = sight
                .seen
                .last()
                .map_or(cursor, |last| Position::new(last.position));
            match self.random.below(8) {
                0..2 => subscription = self.feed.subscribe(cursor),
                2 => self.fall_behind(cursor).await,
                _ => {}
            }
        }
        self.recorder.sight(sight);
    }

    fn is_at_the_end(&self, cursor: Position) -> bool {
        self.end.borrow().is_some_and(|end| cursor >= end)
    }

    /// The next events; none when the end has just been told.
    async fn next(
        &mut self,
        subscription: &mut Subscription,
    ) -> Result<Vec<Arc<Recorded>>, String> {
        let is_over = self.end.borrow_and_update().is_some();
        tokio::select! {
            events = timeout(PATIENCE, subscription.next()) => match events {
                Ok(events) => events.map_err(|error| error.to_string()),
                // Nothing happens, and there may be nothing.
                Err(_) if !is_over => Ok(Vec::new()),
                Err(_) => Err(format!("the log ends at {:?}", *self.end.borrow())),
            },
            _ = self.end.changed(), if !is_over => Ok(Vec::new()),
        }
    }

    async fn take(&self, sight: &mut Sight, events: &[Arc<Recorded>]) {
        let durable = match self.store.head().await {
            Ok(head) => head.position.get(),
            Err(error) => return self.recorder.failure(format!("the head: {error}")),
        };
        let seen = events.iter().map(|recorded| Seen {
            position: recorded.position().get(),
            leaf: recorded.leaf,
            durable,
        });
        sight.seen.extend(seen);
    }

    /// Waits until the log has run ahead, or nobody writes any more.
    async fn fall_behind(&mut self, cursor: Position) {
        let ahead = cursor.plus(self.random.below(BEHIND_MAX));
        let mut end = self.end.clone();
        tokio::select! {
            _ = self.feed.reaches(ahead) => {}
            _ = end.wait_for(Option::is_some) => {}
        }
    }
}

/// Another program that follows the log without a feed.
pub struct Poller {
    pub recorder: Arc<Recorder>,
    pub store: Arc<dyn EventStore>,
    pub end: watch::Receiver<Option<Position>>,
}

impl Poller {
    pub async fn follow(self) {
        let mut cursor = self.store.head().await.expect("a head").position.get();
        let mut empty = 0;
        while self.end.borrow().is_none() {
            let page = self.recorder.read(&*self.store, None, cursor, PAGE).await;
            let last = page.events.as_ref().map(|events| events.last().copied());
            match last {
                Ok(None) => {
                    empty += 1;
                    if empty % EMPTY_KEPT_ONE_IN == 0 {
                        self.recorder.page(page);
                    }
                }
                Ok(Some((position, _))) => {
                    cursor = position;
                    self.recorder.page(page);
                }
                Err(_) => return self.recorder.page(page),
            }
            tokio::task::yield_now().await;
        }
    }
}
