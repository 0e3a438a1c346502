//! What was read of a credential a moment ago, so that a client which calls a thousand times a
//! second asks the store once every [`FRESH_FOR`].
//!
//! Invariants: an answer is at most [`FRESH_FOR`] old, counted from before it was read, so that a
//! revocation by another process takes effect within that time; [`Cache::forget_all`] takes effect
//! at once, also on answers that are being read meanwhile.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::runtime::Clock;
use crate::values::Timestamp;

/// Age at which an answer is read again.
pub const FRESH_FOR: Duration = Duration::from_secs(2);
/// Most credentials remembered.
pub const ENTRIES_MAX: usize = 4_096;
/// Credentials are read one at a time in each of these lanes, so that those who wait for the same
/// one read it once.
const LANES: usize = 16;

pub struct Cache<K, V> {
    entries: Mutex<Entries<K, V>>,
    lanes: [tokio::sync::Mutex<()>; LANES],
}

struct Entries<K, V> {
    /// Counts the times that all was forgotten.
    generation: u64,
    found: HashMap<K, (Timestamp, Arc<V>)>,
}

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self {
            entries: Mutex::new(Entries {
                generation: 0,
                found: HashMap::new(),
            }),
            lanes: Default::default(),
        }
    }
}

impl<K: Clone + Eq + Hash, V> Cache<K, V> {
    /// The value of `key`, read by `read` unless it is fresh. What is not there is not remembered.
    pub async fn get<E, R>(
        &self,
        key: &K,
        clock: &dyn Clock,
        read: impl FnOnce(Timestamp) -> R,
    ) -> Result<Option<Arc<V>>, E>
    where
        R: Future<Output = Result<Option<V>, E>>,
    {
        if let Some(found) = self.fresh(key, clock.now()) {
            return Ok(Some(found));
        }
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let _lane = self.lanes[hasher.finish() as usize % LANES].lock().await;
        let now = clock.now();
        if let Some(found) = self.fresh(key, now) {
            return Ok(Some(found));
        }
        let generation = self.entries().generation;
        let value = read(now).await?.map(Arc::new);
        let mut entries = self.entries();
        if let Some(value) = &value
            && entries.generation == generation
        {
            entries.make_room(now);
            entries.found.insert(key.clone(), (now, value.clone()));
        }
        Ok(value)
    }

    /// Everything is read again.
    pub fn forget_all(&self) {
        let mut entries = self.entries();
        entries.generation += 1;
        entries.found.clear();
    }

    fn fresh(&self, key: &K, now: Timestamp) -> Option<Arc<V>> {
        let entries = self.entries();
        let (read_at, value) = entries.found.get(key)?;
        is_fresh(*read_at, now).then(|| value.clone())
    }

    fn entries(&self) -> MutexGuard<'_, Entries<K, V>> {
        // Entries are put in and taken out in one step.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, V> Entries<K, V> {
    fn make_room(&mut self, now: Timestamp) {
        if self.found.len() < ENTRIES_MAX {
            return;
        }
        self.found.retain(|_, (read_at, _)| is_fresh(*read_at, now));
        if self.found.len() >= ENTRIES_MAX {
            self.found.clear();
        }
    }
}

/// A clock that was set back makes nothing fresh.
fn is_fresh(read_at: Timestamp, now: Timestamp) -> bool {
    let age = now.micros_since(read_at);
    (0..FRESH_FOR.as_micros() as i64).contains(&age)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use super::*;
    use crate::runtime::DataClock;

    async fn read(cache: &Cache<u64, u64>, clock: &DataClock, key: u64, reads: &Cell<u64>) -> u64 {
        let found = cache.get(&key, clock, |_| async {
            reads.set(reads.get() + 1);
            Ok::<_, Infallible>(Some(reads.get()))
        });
        *found.await.expect("never fails").expect("there")
    }

    fn at(clock: &DataClock, millis: i64) {
        clock.advance_to(Timestamp::from_micros(millis * 1_000).expect("a time"));
    }

    #[tokio::test]
    async fn a_value_is_read_again_when_it_is_two_seconds_old() {
        let (cache, clock, reads) = (Cache::default(), DataClock::default(), Cell::new(0));
        for (millis, expected) in [(0, 1), (1_999, 1), (2_000, 2), (3_999, 2), (4_000, 3)] {
            at(&clock, millis);
            assert_eq!(read(&cache, &clock, 7, &reads).await, expected, "{millis}");
        }
    }

    #[tokio::test]
    async fn what_was_forgotten_while_it_was_read_is_not_kept() {
        let (cache, clock) = (Cache::<u64, u64>::default(), DataClock::default());
        let reading = cache.get(&7, &clock, |_| async {
            cache.forget_all();
            Ok::<_, Infallible>(Some(1))
        });
        assert_eq!(reading.await.expect("never fails").as_deref(), Some(&1));
        assert_eq!(read(&cache, &clock, 7, &Cell::new(10)).await, 11);
    }

    #[tokio::test]
    async fn many_who_ask_at_once_cause_one_read() {
        let (cache, clock, reads) = (Cache::default(), DataClock::default(), Cell::new(0));
        let slow = |_| async {
            tokio::task::yield_now().await;
            reads.set(reads.get() + 1);
            Ok::<_, Infallible>(Some(reads.get()))
        };
        let asked = (0..50).map(|_| cache.get(&7, &clock, slow));
        futures_util::future::join_all(asked).await;
        assert_eq!(reads.get(), 1);
    }

    #[tokio::test]
    async fn it_does_not_grow_without_end() {
        let (cache, clock, reads) = (Cache::default(), DataClock::default(), Cell::new(0));
        for key in 0..3 * ENTRIES_MAX as u64 {
            read(&cache, &clock, key, &reads).await;
            assert!(cache.entries().found.len() <= ENTRIES_MAX);
        }
    }
}
