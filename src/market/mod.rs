//! Market data: what recorded prices look like in files.

pub mod bars;
mod tape;

pub use bars::{BarRow, DataError, Dataset};
pub use tape::Tape;
