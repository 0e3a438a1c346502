//! Market data: what recorded prices look like in files.

pub mod bars;

pub use bars::{BarRow, DataError, Dataset};

/// How far recorded data has been played.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows of the data that are done.
    pub row: u64,
    pub rows: u64,
}
