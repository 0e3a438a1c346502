//! What consumers pull: every durable event, in order, each consumer at its own pace.
//!
//! Recent events come from a ring in memory, older ones from the store; the seam does not show. A
//! consumer that falls behind costs nothing but its own reads. A subscription never ends
//! silently: it waits, yields events, or fails with an error.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::Stream;
use tokio::sync::watch;

use super::envelope::Recorded;
use super::seeded::Bug;
use super::store::{EventStore, StoreError};
use crate::values::Position;

/// Events held in memory.
pub const RING_EVENTS: usize = 16_384;
/// Most events handed out at once.
pub const BATCH_EVENTS_MAX: usize = 1_024;
/// Positions at most so far apart are read from the store together.
const RUN_GAP_MAX: u64 = 32;

/// Why a subscription cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    #[error("the feed was closed: its journal has stopped")]
    Closed,
    #[error("reading older events failed: {0}")]
    Store(#[from] StoreError),
    #[error("the log ends at {head}, but nothing can be read after {cursor}")]
    Gap { cursor: Position, head: Position },
    #[error("position {asked} is past the end of the log at {head}; is this another log?")]
    PastTheEnd { asked: Position, head: Position },
    #[error("{asked} events were asked for at once; at most {BATCH_EVENTS_MAX} are allowed")]
    TooMany { asked: usize },
    #[error("the log has no event at position {position}; check the log")]
    Missing { position: Position },
}

/// The durable events of a log. Cheap to clone.
#[derive(Clone)]
pub struct Feed {
    store: Arc<dyn EventStore>,
    ring: Arc<Mutex<VecDeque<Arc<Recorded>>>>,
    head: watch::Receiver<Position>,
}

/// The journal's end of a feed.
pub struct FeedPublisher {
    ring: Arc<Mutex<VecDeque<Arc<Recorded>>>>,
    head: watch::Sender<Position>,
}

type Ring<'a> = MutexGuard<'a, VecDeque<Arc<Recorded>>>;

fn locked(ring: &Mutex<VecDeque<Arc<Recorded>>>) -> Ring<'_> {
    ring.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Feed {
    /// A feed over a log that ends at `head`.
    pub fn new(store: Arc<dyn EventStore>, head: Position) -> (FeedPublisher, Feed) {
        let ring = Arc::new(Mutex::new(VecDeque::with_capacity(RING_EVENTS)));
        let (sender, receiver) = watch::channel(head);
        let publisher = FeedPublisher {
            ring: Arc::clone(&ring),
            head: sender,
        };
        let feed = Feed {
            store,
            ring,
            head: receiver,
        };
        (publisher, feed)
    }

    /// The last durable position.
    pub fn head(&self) -> Position {
        *self.head.borrow()
    }

    /// Waits until the log has come to `position`; false when the journal has ended before.
    pub async fn reaches(&mut self, position: Position) -> bool {
        self.head.wait_for(|head| *head >= position).await.is_ok()
    }

    /// Every event after `cursor`, for as long as the journal runs.
    pub fn subscribe(&self, cursor: Position) -> Subscription {
        let skipped = cursor > Position::ZERO && Bug::SubscriptionSkips.is_on();
        Subscription {
            feed: self.clone(),
            cursor: cursor.plus(u64::from(skipped)),
        }
    }

    /// Events after `cursor` that are already durable; empty when there are none.
    pub async fn read(&self, cursor: Position) -> Result<Vec<Arc<Recorded>>, FeedError> {
        let head = self.head();
        if cursor > head {
            return Err(FeedError::PastTheEnd {
                asked: cursor,
                head,
            });
        }
        if let Some(events) = self.recent(cursor) {
            return Ok(events);
        }
        let older = self.store.read(cursor, BATCH_EVENTS_MAX).await?;
        // The store may be a moment ahead of what has been published.
        let published = older
            .into_iter()
            .filter(|recorded| recorded.position() <= head);
        Ok(published.map(Arc::new).collect())
    }

    /// The events at `positions`, at most [`BATCH_EVENTS_MAX`] of them, in the order asked for.
    pub async fn at(&self, positions: &[Position]) -> Result<Vec<Arc<Recorded>>, FeedError> {
        let head = self.head();
        if positions.len() > BATCH_EVENTS_MAX {
            return Err(FeedError::TooMany {
                asked: positions.len(),
            });
        }
        if let Some(asked) = positions.iter().copied().find(|asked| *asked > head) {
            return Err(FeedError::PastTheEnd { asked, head });
        }
        let mut found = self.in_memory(positions);
        let mut older: Vec<Position> = positions
            .iter()
            .copied()
            .filter(|position| !found.contains_key(position))
            .collect();
        older.sort_unstable();
        let is_one_run = |a: &Position, b: &Position| b.get() - a.get() <= RUN_GAP_MAX;
        for run in older.chunk_by(is_one_run) {
            found.extend(self.stored(run).await?);
        }
        let wanted = |position: &Position| {
            let missing = FeedError::Missing {
                position: *position,
            };
            found.get(position).cloned().ok_or(missing)
        };
        positions.iter().map(wanted).collect()
    }

    /// Those of `positions` that the ring holds.
    fn in_memory(&self, positions: &[Position]) -> HashMap<Position, Arc<Recorded>> {
        let ring = locked(&self.ring);
        let oldest = ring.front().map(|recorded| recorded.position().get());
        let held = positions.iter().filter_map(|position| {
            let index = position.get().checked_sub(oldest?)?;
            let recorded = ring.get(usize::try_from(index).ok()?)?;
            Some((*position, Arc::clone(recorded)))
        });
        held.collect()
    }

    /// Everything from the first to the last of `run`, a page after the other.
    async fn stored(&self, run: &[Position]) -> Result<Vec<(Position, Arc<Recorded>)>, FeedError> {
        let mut found = Vec::with_capacity(run.len());
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            return Ok(found);
        };
        let mut cursor = Position::new(first.get().saturating_sub(1));
        while cursor < *last {
            let left = usize::try_from(last.get() - cursor.get()).unwrap_or(usize::MAX);
            let page = self.store.read(cursor, left.min(BATCH_EVENTS_MAX)).await?;
            let Some(reached) = page.last().map(Recorded::position) else {
                break;
            };
            cursor = reached;
            let wanted = page
                .into_iter()
                .filter(|recorded| run.binary_search(&recorded.position()).is_ok());
            found.extend(wanted.map(|recorded| (recorded.position(), Arc::new(recorded))));
        }
        Ok(found)
    }

    fn recent(&self, cursor: Position) -> Option<Vec<Arc<Recorded>>> {
        let ring = locked(&self.ring);
        let Some(oldest) = ring.front().map(|recorded| recorded.position()) else {
            return (self.head() == cursor).then(Vec::new);
        };
        let skip = cursor.next().get().checked_sub(oldest.get())?;
        let skip = usize::try_from(skip).ok()?;
        Some(
            ring.iter()
                .skip(skip)
                .take(BATCH_EVENTS_MAX)
                .cloned()
                .collect(),
        )
    }
}

impl FeedPublisher {
    /// The last position handed out.
    pub fn head(&self) -> Position {
        *self.head.borrow()
    }

    /// Hands out events that are on disk.
    pub fn publish(&self, records: &[Arc<Recorded>]) {
        let Some(last) = records.last() else { return };
        let mut ring = locked(&self.ring);
        let follows = |first: &Arc<Recorded>| {
            let last = ring.back().map(|recorded| recorded.position().next());
            last.is_none_or(|expected| expected == first.position())
        };
        // What was recorded without coming by here is read from the store.
        if !records.first().is_none_or(follows) {
            ring.clear();
        }
        // One batch can be larger than the ring: only its end is kept.
        let kept = &records[records.len().saturating_sub(RING_EVENTS)..];
        let excess = (ring.len() + kept.len()).saturating_sub(RING_EVENTS);
        ring.drain(..excess);
        ring.extend(kept.iter().cloned());
        drop(ring);
        self.head.send_replace(last.position());
    }
}

/// One consumer's place in a feed.
pub struct Subscription {
    feed: Feed,
    cursor: Position,
}

impl Subscription {
    /// The next events, at least one and at most [`BATCH_EVENTS_MAX`]; waits for them.
    pub async fn next(&mut self) -> Result<Vec<Arc<Recorded>>, FeedError> {
        self.feed
            .head
            .wait_for(|head| *head > self.cursor)
            .await
            .map_err(|_| FeedError::Closed)?;
        let batch = self.feed.read(self.cursor).await?;
        let follows = |first: &Arc<Recorded>| first.position() == self.cursor.next();
        let Some(last) = batch.last().filter(|_| batch.first().is_some_and(follows)) else {
            return Err(FeedError::Gap {
                cursor: self.cursor,
                head: self.feed.head(),
            });
        };
        self.cursor = last.position();
        Ok(batch)
    }

    /// The same as a stream; it ends only after an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Vec<Arc<Recorded>>, FeedError>> {
        futures_util::stream::unfold(Some(self), |subscription| async move {
            let mut subscription = subscription?;
            match subscription.next().await {
                Ok(batch) => Some((Ok(batch), Some(subscription))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}
