//! The rows of a dataset by number, once or over and over.
//!
//! Numbers count from 1 and go on over every pass: row 1 of the second pass is the one after the
//! last of the first. Each pass is moved forward by the same whole weeks, the fewest that keep the
//! dates rising, so that every bar keeps its weekday.

use std::collections::BTreeMap;

use super::{BarRow, Dataset};
use crate::values::Symbol;

/// See the module.
#[derive(Debug, Clone)]
pub struct Tape {
    dataset: Dataset,
    /// Plays on after the last row.
    pub loops: bool,
    /// How far each pass lies behind the one before it.
    weeks_per_pass: u64,
}

impl Tape {
    pub fn new(dataset: Dataset, loops: bool) -> Self {
        let dates = || dataset.rows.iter().map(|row| row.bar.date);
        let days = match (dates().min(), dates().max()) {
            (Some(first), Some(last)) => last.days_since(first),
            _ => 0,
        };
        Self {
            dataset,
            loops,
            weeks_per_pass: days / 7 + 1,
        }
    }

    /// The data's name, see [`Dataset::source`].
    pub fn source(&self) -> &str {
        &self.dataset.source
    }

    /// Rows of one pass; at least one, because an empty file is no dataset.
    pub fn rows_per_pass(&self) -> u64 {
        self.dataset.rows.len().max(1) as u64
    }

    /// Row `number`, of whatever pass; `None` where its date would be past the last that can be
    /// written.
    pub fn row(&self, number: u64) -> Option<BarRow> {
        let (pass, index) = self.place(number)?;
        let mut row = self.dataset.rows.get(index)?.clone();
        let weeks = pass.checked_mul(self.weeks_per_pass)?;
        row.bar.date = row.bar.date.plus_weeks(weeks)?;
        Some(row)
    }

    /// How many rows each symbol has before row `number`.
    pub fn counts_before(&self, number: u64) -> BTreeMap<Symbol, u64> {
        let (passes, index) = self.place(number).unwrap_or_default();
        let mut counts = BTreeMap::new();
        for (at, row) in self.dataset.rows.iter().enumerate() {
            let count: &mut u64 = counts.entry(row.symbol.clone()).or_default();
            *count += passes + u64::from(at < index);
        }
        counts
    }

    /// The pass that a row belongs to, counting from 0, and its index in the data.
    fn place(&self, number: u64) -> Option<(u64, usize)> {
        let before = number.checked_sub(1)?;
        let rows = self.rows_per_pass();
        let index = usize::try_from(before % rows).ok()?;
        Some((before / rows, index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::BarDate;

    fn tape(dates: &[&str]) -> Tape {
        let lines = dates.iter().map(|date| {
            let symbol = if date.ends_with('3') { "B" } else { "A" };
            format!("{symbol},{date},1,1,1,1,5,1\n")
        });
        let header = "symbol,date,open,high,low,close,volume,adj_close\n".to_owned();
        let text: String = std::iter::once(header).chain(lines).collect();
        let dataset = Dataset::parse("bars.csv", "bars.csv", text.as_bytes());
        Tape::new(dataset.expect("well formed"), true)
    }

    fn dates(tape: &Tape, rows: std::ops::RangeInclusive<u64>) -> Vec<String> {
        let date = |number| tape.row(number).expect("a row").bar.date.to_string();
        rows.map(date).collect()
    }

    #[test]
    fn each_pass_follows_by_whole_weeks() {
        // Thursday, Friday, and the Wednesday and Thursday after.
        let week = tape(&["2020-01-02", "2020-01-03", "2020-01-08", "2020-01-09"]);
        let expected = [
            "2020-01-02",
            "2020-01-03",
            "2020-01-08",
            "2020-01-09",
            // Not the 9th again, though it is a Thursday too.
            "2020-01-16",
            "2020-01-17",
            "2020-01-22",
            "2020-01-23",
            "2020-01-30",
        ];
        assert_eq!(dates(&week, 1..=9), expected);
        let one_day = tape(&["2020-01-02"]);
        assert_eq!(dates(&one_day, 1..=2), ["2020-01-02", "2020-01-09"]);
        assert_eq!(week.row(0), None);
    }

    #[test]
    fn rows_are_counted_by_symbol_over_all_passes() {
        let tape = tape(&["2020-01-02", "2020-01-03", "2020-01-08"]);
        let mut counted = BTreeMap::from([("A".to_owned(), 0), ("B".to_owned(), 0)]);
        for number in 1..=20 {
            let found = tape.counts_before(number);
            let found: BTreeMap<_, _> = found
                .into_iter()
                .map(|(symbol, count)| (symbol.to_string(), count))
                .collect();
            assert_eq!(found, counted, "before {number}");
            let symbol = tape.row(number).expect("a row").symbol.to_string();
            *counted.entry(symbol).or_default() += 1;
        }
    }

    #[test]
    fn it_ends_with_the_calendar() {
        let tape = tape(&["9999-12-02"]);
        assert_eq!(
            tape.row(5).map(|row| row.bar.date),
            "9999-12-30".parse::<BarDate>().ok()
        );
        assert_eq!(tape.row(6), None);
        assert_eq!(tape.row(u64::MAX), None);
    }
}
