//! Stored events as a public contract: their schemas (`docs/events`), the records of every shape
//! ever stored (`tests/golden`), and how old ones are read.
//!
//! `BLOTTER_UPDATE=1 cargo test --test evolution` writes the schemas anew and adds golden records
//! of a new shape. It never changes a golden record that is there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod golden;
mod reading;
mod samples;
mod schemas;
mod support;
mod validation;
