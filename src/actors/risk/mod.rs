//! The risk actor: owns all accounts, limits and halts, and decides one command after the other.
//!
//! It looks ahead: a decision is applied to its book as soon as it is queued, so that the next one
//! rests on it, while the answer waits for the disk. If anything queued is not recorded as
//! decided, the book was wrong and the actor is built anew.

mod actor;
mod decide;
mod decisions;

pub use actor::RiskActor;
pub use decide::RiskSettings;
