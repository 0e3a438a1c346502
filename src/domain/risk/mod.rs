//! The checks that every order passes before it may leave.
//!
//! Invariants: all checks are evaluated and recorded, each with its limit and what was observed.
//! What is missing, stale or unknown fails its check.

mod book;
mod checks;
mod halts;
mod limits;
#[cfg(test)]
mod tests;

pub use book::{RiskBook, RiskFoldError, UnbookedFact};
pub use checks::{Assessment, Basis, RiskContext, assess};
pub use halts::{HaltError, Halts, OrderContext, engage_kill_switch, release_kill_switch};
pub use limits::{LimitBook, change_limits};

use serde::{Deserialize, Serialize};

use crate::events::catalogue::CheckCode;
use crate::values::{Price, Timestamp};

/// Code of a refusal for want of anything to judge by.
pub const NO_BASIS: CheckCode = CheckCode::ReferenceFresh;

/// The last known price of an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub price: Price,
    pub at: Timestamp,
}
