//! Rows that take turns, and their medians beside the first of them.

use crate::load::Figures;
use crate::place::rounds;

/// One thing to measure.
pub struct Row<'a> {
    name: &'a str,
    run: Box<dyn Fn() -> Figures + 'a>,
}

impl<'a> Row<'a> {
    pub fn new(name: &'a str, run: impl Fn() -> Figures + 'a) -> Self {
        let run = Box::new(run);
        Self { name, run }
    }
}

pub fn heading(first: &str) {
    println!(
        "{:22} {:10} {:>10} {:>9} {:>9} {:>10}   rates of the rounds",
        "case",
        "row",
        "rate/s",
        "p50 ms",
        "p99 ms",
        format!("of {first}"),
    );
}

/// Runs every row in turn, several times, and prints what `each` append counts for.
pub fn compare(case: &str, each: f64, rows: &[Row<'_>]) {
    let mut runs: Vec<Vec<Figures>> = rows.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds() {
        for (row, runs) in rows.iter().zip(&mut runs) {
            runs.push((row.run)());
        }
    }
    let first = Figures::median(&runs[0]);
    for (row, runs) in rows.iter().zip(&runs) {
        let median = Figures::median(runs);
        let rates: Vec<_> = runs
            .iter()
            .map(|run| format!("{:.0}", run.rate * each))
            .collect();
        println!(
            "{case:22} {:10} {:10.0} {:9.3} {:9.3} {:9.1}%   {}",
            row.name,
            median.rate * each,
            median.p50.as_secs_f64() * 1e3,
            median.p99.as_secs_f64() * 1e3,
            100.0 * median.rate / first.rate,
            rates.join(" "),
        );
    }
}
