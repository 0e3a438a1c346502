//! The API as its clients have it: a whole node, a real port, a real client.
//!
//! `node` starts one and plays a short market; `client` speaks to it.
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
mod docs;
mod kill_switches;
mod lists;
mod node;
mod openapi;
mod orders;
mod queries;
mod secrets;
mod sessions;
