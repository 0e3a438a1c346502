//! One strategy instance: it watches prices and signals.
//!
//! Invariants: a signal is recorded once per (strategy, symbol, bar), acted on or not; its order's
//! ids derive from those three, so a restart sends the same order again, never a second one.

mod command;
mod decide;
mod series;
mod state;
#[cfg(test)]
mod tests;

pub use command::RegisterStrategy;
pub use decide::{StrategyError, approve, evaluate_bar, register, start};
pub use series::{Crossing, Series};
pub use state::{Strategy, StrategyStatus};
