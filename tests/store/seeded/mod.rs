//! Bugs that are known and not there: switched on one at a time in a process of its own, each has
//! to be caught by a check of this suite. What they are: `src/events/seeded.rs`.

#[cfg(feature = "failpoints")]
mod gate;

/// Names the bug that a process is started with.
const BUG: &str = "BLOTTER_TEST_BUG";

/// Switches on what this process was started with, if anything. Whatever opens a log for the
/// checks below calls this first.
pub fn arm() {
    if let Ok(bug) = std::env::var(BUG) {
        let armed = fail::cfg(format!("seeded::{bug}"), "return");
        armed.expect("failpoints are compiled in");
    }
}
