//! Two simple moving averages over the closes of one symbol, and their crossings.

use std::cmp::Ordering;
use std::collections::VecDeque;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::values::{BarDate, Price, Ratio, Side};

/// The averages changed sides with the last bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crossing {
    /// Buy when the fast average rose above the slow one.
    pub side: Side,
    /// |fast - slow| / slow, to six decimals.
    pub distance: Ratio,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Series {
    /// Latest last; as many as the slow average needs.
    closes: VecDeque<Price>,
    /// Which average was above at the last bar where they differed.
    above: Option<Side>,
    last_bar: Option<BarDate>,
    /// Of the last bar.
    crossing: Option<Crossing>,
}

impl Series {
    /// Folds one bar's close. A bar that is not later than the last one changes nothing.
    pub fn push(&mut self, bar: BarDate, close: Price, fast_bars: usize, slow_bars: usize) {
        if self.last_bar.is_some_and(|last| bar <= last) {
            return;
        }
        self.last_bar = Some(bar);
        self.closes.push_back(close);
        if self.closes.len() > slow_bars {
            self.closes.pop_front();
        }
        self.crossing = None;
        if self.closes.len() == slow_bars {
            self.compare(fast_bars, slow_bars);
        }
    }

    fn compare(&mut self, fast_bars: usize, slow_bars: usize) {
        let sum = |count: usize| -> Decimal {
            self.closes
                .iter()
                .rev()
                .take(count)
                .map(|close| close.decimal())
                .sum()
        };
        // fast / fast_bars against slow / slow_bars, multiplied out: exact.
        let fast = sum(fast_bars) * Decimal::from(slow_bars);
        let slow = sum(slow_bars) * Decimal::from(fast_bars);
        let side = match fast.cmp(&slow) {
            Ordering::Greater => Side::Buy,
            Ordering::Less => Side::Sell,
            // No difference keeps the old side.
            Ordering::Equal => return,
        };
        let before = self.above.replace(side);
        if before.is_some_and(|before| before != side) {
            let distance = (fast - slow).abs().checked_div(slow).unwrap_or_default();
            self.crossing = Some(Crossing {
                side,
                distance: Ratio::new(distance.round_dp(6)).unwrap_or_default(),
            });
        }
    }

    /// The crossing at `bar`, if that is the last bar and the averages crossed there.
    pub fn crossing_at(&self, bar: BarDate) -> Option<Crossing> {
        self.crossing.filter(|_| self.last_bar == Some(bar))
    }

    pub fn last_close(&self) -> Option<Price> {
        self.closes.back().copied()
    }

    pub fn last_bar(&self) -> Option<BarDate> {
        self.last_bar
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(day: usize) -> BarDate {
        format!("2020-01-{day:02}").parse().expect("a date")
    }

    /// Folds closes with SMA(2)/SMA(3) and lists (day, side) of the crossings.
    fn crossings(closes: &[&str]) -> Vec<(usize, Side)> {
        let mut series = Series::default();
        let mut found = Vec::new();
        for (index, close) in closes.iter().enumerate() {
            series.push(bar(index + 1), close.parse().expect("a price"), 2, 3);
            if let Some(crossing) = series.crossing_at(bar(index + 1)) {
                found.push((index + 1, crossing.side));
            }
        }
        found
    }

    #[test]
    fn the_first_side_is_no_signal_and_every_strict_change_is() {
        assert_eq!(crossings(&["1", "2", "3", "4"]), []);
        assert_eq!(crossings(&["3", "2", "1", "5"]), [(4, Side::Buy)]);
        assert_eq!(
            crossings(&["3", "2", "1", "5", "1", "1"]),
            [(4, Side::Buy), (6, Side::Sell)]
        );
    }

    #[test]
    fn no_difference_keeps_the_old_side() {
        // Falling, then level (no difference for a while), then falling: still the old side.
        assert_eq!(crossings(&["3", "2", "1", "1", "1", "1", "0.5"]), []);
        // The same with a rise after the level stretch.
        assert_eq!(
            crossings(&["3", "2", "1", "1", "1", "1", "2"]),
            [(7, Side::Buy)]
        );
    }

    #[test]
    fn a_bar_played_again_changes_nothing() {
        let mut series = Series::default();
        for day in 1..=3 {
            series.push(bar(day), Price::ZERO, 2, 3);
        }
        let before = series.clone();
        series.push(bar(3), "9".parse().expect("a price"), 2, 3);
        series.push(bar(2), "9".parse().expect("a price"), 2, 3);
        assert_eq!(series, before);
    }
}
