//! The read models: given events, when folded, then these rows, however the fold was cut up.

mod bench;
mod folding;
mod log;
mod models;
mod refusals;
mod story;
