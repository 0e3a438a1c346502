//! The read models: given events, when folded, then these rows, however the fold was cut up.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bench;
mod folding;
mod log;
mod market;
mod metrics;
mod models;
mod refusals;
mod story;
mod trading;
mod worth;
