//! The API as its clients have it: a whole node, a real port, a real client.
//!
//! `node` starts one and plays a short market; `client` speaks to it. What needs a store that fails,
//! or time that passes, is asked of the same handlers in process (`scripted`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod access;
mod answer;
mod bodies;
mod client;
mod commands;
mod described;
#[path = "../actors/desk.rs"]
#[allow(dead_code, reason = "shared with the tests of the actors")]
mod desk;
mod docs;
#[path = "../store/faulty.rs"]
#[allow(dead_code, reason = "shared with the tests of the journal")]
mod faulty;
mod kill_switches;
mod lists;
mod node;
mod openapi;
mod orders;
mod outages;
mod queries;
mod scripted;
mod secrets;
mod sessions;
#[path = "../actors/support.rs"]
#[allow(dead_code, reason = "shared with the tests of the actors")]
mod support;
#[path = "../actors/venue.rs"]
#[allow(dead_code, reason = "shared with the tests of the actors")]
mod venue;
