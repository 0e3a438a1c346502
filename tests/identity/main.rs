//! Identity on real files: who comes in, who does not, what ends, and what the log learns of it.
//!
//! `support` makes a fresh secrets store with a clock that only the test moves; `logs` runs a
//! recorder on it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod docs;
#[path = "../store/faulty.rs"]
#[allow(dead_code, reason = "shared with the tests of the journal")]
mod faulty;
mod files;
mod forgetting;
mod keys;
mod logins;
mod logs;
mod outbox;
mod recording;
mod sessions;
mod support;
mod throttling;
mod tickets;
mod users;
