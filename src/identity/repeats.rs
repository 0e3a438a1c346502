//! Counting what happens again and again, so that a client in a loop does not fill the log.
//!
//! The first of a kind is told at once; repetitions within [`WINDOW`] are counted, and told with
//! the next one after it or by [`Repeats::overdue`].

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::values::Timestamp;

pub const WINDOW: Duration = Duration::from_secs(60);
/// Most kinds remembered; beyond them no new one is told of until a window ends.
pub const KINDS_MAX: usize = 4_096;

/// Kinds of happenings, each with the window it is in.
pub struct Repeats<K> {
    open: Mutex<HashMap<K, Window>>,
}

struct Window {
    began_at: Timestamp,
    /// Counted and not told yet.
    untold: u64,
}

impl<K> Default for Repeats<K> {
    fn default() -> Self {
        Self {
            open: Mutex::default(),
        }
    }
}

impl<K: Eq + Hash> Repeats<K> {
    /// Counts one; `Some`: so many are to be told now.
    pub fn count(&self, kind: K, now: Timestamp) -> Option<u64> {
        let mut open = self.open();
        let is_full = open.len() >= KINDS_MAX;
        let times = match open.get_mut(&kind) {
            None if is_full => return None,
            None => 1,
            Some(window) if is_open(window, now) => {
                window.untold = window.untold.saturating_add(1);
                return None;
            }
            Some(window) => window.untold.saturating_add(1),
        };
        let window = Window {
            began_at: now,
            untold: 0,
        };
        open.insert(kind, window);
        Some(times)
    }

    /// What was counted in windows that have ended, with how often.
    pub fn overdue(&self, now: Timestamp) -> Vec<(K, u64)> {
        let mut open = self.open();
        let ended = open.extract_if(|_, window| !is_open(window, now));
        let ended = ended.map(|(kind, window)| (kind, window.untold));
        ended.filter(|(_, untold)| *untold > 0).collect()
    }

    /// How many of the kinds remembered are `such`, and whether this one is remembered.
    pub fn known(&self, kind: &K, such: impl Fn(&K) -> bool) -> (usize, bool) {
        let open = self.open();
        (
            open.keys().filter(|kind| such(kind)).count(),
            open.contains_key(kind),
        )
    }

    fn open(&self) -> MutexGuard<'_, HashMap<K, Window>> {
        // A count is changed in one step.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A clock that was set back ends a window.
fn is_open(window: &Window, now: Timestamp) -> bool {
    (0..WINDOW.as_micros() as i64).contains(&now.micros_since(window.began_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::default().plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_loop_is_told_of_once_a_minute_with_a_count() {
        let repeats = Repeats::default();
        assert_eq!(repeats.count("a", at(0)), Some(1));
        for _ in 0..1_000 {
            assert_eq!(repeats.count("a", at(59)), None);
        }
        assert_eq!(repeats.count("b", at(59)), Some(1));
        assert_eq!(repeats.count("a", at(60)), Some(1_001));
        assert_eq!(repeats.count("a", at(61)), None);
        assert_eq!(repeats.overdue(at(119)), []);
        assert_eq!(repeats.overdue(at(120)), [("a", 1)]);
        assert!(repeats.open().is_empty());
    }

    #[test]
    fn no_more_kinds_are_remembered_than_there_is_room_for() {
        let repeats = Repeats::default();
        for kind in 0..2 * KINDS_MAX {
            repeats.count(kind, at(0));
        }
        assert_eq!(repeats.open().len(), KINDS_MAX);
        assert_eq!(repeats.overdue(at(60)), []);
        assert_eq!(repeats.count(7, at(60)), Some(1));
    }
}
