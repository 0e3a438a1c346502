//! Event stores, journal, feed and verification: what the rest of the program stands on.
//!
//! `conformance` runs for every engine; `model` plays random histories against the memory engine;
//! `sqlite` and `tamper` are about the file; `kurrent` is about KurrentDB, over `kurrent_double`;
//! `journal` and `feed` run on a store that fails by
//! script (`faulty`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod conformance;
mod faulty;
mod feed;
mod journal;
mod kurrent;
mod kurrent_double;
mod model;
mod sqlite;
mod support;
mod tamper;
