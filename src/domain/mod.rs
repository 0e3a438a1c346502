//! What is decided: pure deciders over folded facts.
//!
//! Every aggregate has the same files: `command` (what can be asked), `state` (the fold of its
//! events), `decide` (facts in, events out), `tests`. Nothing here does IO, reads a clock, makes an
//! id or logs: time and ids arrive in the command, so every decision can be repeated exactly.
//!
//! - [`account`]: money, positions, reservations
//! - [`risk`]: the checks every order passes, limits, halts, reference prices
//! - [`order`]: one order at its venue; its lifecycle table
//! - [`strategy`]: signals from prices
//! - [`ledger`]: the fold of a whole log, its figures and its state hash
//! - `folds`: which of these states snapshots are kept of

pub mod account;
mod folds;
pub mod ledger;
pub mod order;
pub mod risk;
pub mod state_hash;
pub mod strategy;
#[cfg(test)]
pub(crate) mod tests;

use crate::events::Event;

/// What a decider answers: facts to record, or the knowledge that it was all done before.
#[derive(Debug, Clone, PartialEq)]
pub enum Decided {
    Events(Vec<Event>),
    AlreadyApplied,
}

impl Decided {
    pub fn one(event: impl Into<Event>) -> Self {
        Self::Events(vec![event.into()])
    }
}
