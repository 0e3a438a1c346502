//! Market data: what recorded prices look like in files.

pub mod bars;
mod tape;

pub use bars::{BarRow, DataError, Dataset};
pub use tape::Tape;

/// How far recorded data has been played.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows that are done, of all passes over the data.
    pub row: u64,
    /// Rows of one pass.
    pub rows: u64,
}
