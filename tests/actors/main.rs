//! Actors as a node runs them, and the market that is played to them, in process: on a store that
//! fails by script and a venue that answers by script. Each test may live through several runs of
//! the node on the same log (`desk`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod cancels;
mod crash;
mod cuts;
mod desk;
mod doubt;
#[path = "../store/faulty.rs"]
#[allow(dead_code, reason = "shared with the tests of the journal")]
mod faulty;
mod feed;
mod guardian;
mod halts;
mod mailbox;
mod notifier;
mod player;
mod property;
mod repeats;
mod reports;
mod risk;
mod routing;
mod support;
mod venue;
