//! The execution actor of one venue: sends what risk approved, records what the venue says.
//!
//! Invariants: an order is sent only after its `OrderRouted` is on disk, and only under its one
//! client order id. Until every order that an earlier run may have sent is accounted for, nothing
//! new is sent.

mod actor;
mod busy;
mod reports;
mod venue_calls;
mod window;

pub use actor::ExecutionActor;
