//! The stream and everything else outside of the API as clients have it: a whole node, a real
//! port, real connections.
//!
//! `node` starts a node, `client` speaks to it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../api/answer.rs"]
mod answer;
mod client;
mod doors;
mod headers;
mod node;
mod ops;
mod reset;
mod resume;
mod rows;
mod stop;
