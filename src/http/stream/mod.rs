//! `/ws/v1`: events as they are recorded, over a WebSocket. The protocol is in `docs/stream.md`.
//!
//! In the order a client meets them: [`upgrade`] lets it in, [`connection`] moves its frames,
//! [`session`] is what it sees, as a state machine without IO. Invariant: events come from the
//! feed, so nothing is shown that is not durable.

pub mod channel;
mod connection;
pub mod frames;
pub mod limits;
mod queue;
mod seats;
pub mod session;
mod snapshots;
mod subscription;
mod upgrade;
mod visitor;

#[cfg(test)]
mod tests;

pub use upgrade::{Hub, configure, keep_socket};
