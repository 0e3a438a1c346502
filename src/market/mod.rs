//! Market data: what recorded prices look like in files.

pub mod bars;

pub use bars::{BarRow, DataError, Dataset};
