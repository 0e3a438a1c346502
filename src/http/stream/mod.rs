//! `/ws/v1`: events as they are recorded, over a WebSocket. The protocol is in `docs/stream.md`.
//!
//! [`session`] is what one client sees, as a state machine without IO.

pub mod channel;
pub mod frames;
pub mod limits;
mod queue;
mod seats;
pub mod session;
mod subscription;

#[cfg(test)]
mod tests;
