//! A clock that stands still until the market data moves it.

use std::sync::atomic::{AtomicI64, Ordering};

use super::Clock;
use crate::values::Timestamp;

/// Shows the time of the data last played. Never goes back.
#[derive(Debug, Default)]
pub struct DataClock {
    micros: AtomicI64,
}

impl DataClock {
    pub fn advance_to(&self, time: Timestamp) {
        self.micros.fetch_max(time.micros(), Ordering::SeqCst);
    }
}

impl Clock for DataClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_time_moves_only_forward() {
        let clock = DataClock::default();
        let at = |micros| Timestamp::from_micros(micros).expect("a time");
        clock.advance_to(at(20));
        clock.advance_to(at(10));
        assert_eq!(clock.now(), at(20));
    }
}
