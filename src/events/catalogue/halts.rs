//! Kill switches (`system-halts`), written by risk.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{AccountId, StrategyId, Symbol, VenueId};

/// What a kill switch stops.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(tag = "scope", content = "key", rename_all = "snake_case")]
pub enum HaltScope {
    Firm,
    Account(AccountId),
    Strategy(StrategyId),
    Instrument(Symbol),
    Venue(VenueId),
}

impl fmt::Display for HaltScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HaltScope::Firm => f.write_str("firm"),
            HaltScope::Account(key) => write!(f, "account {key}"),
            HaltScope::Strategy(key) => write!(f, "strategy {key}"),
            HaltScope::Instrument(key) => write!(f, "instrument {key}"),
            HaltScope::Venue(key) => write!(f, "venue {key}"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HaltMode {
    /// Nothing new; cancels pass.
    Halt,
}

/// Trading was stopped for a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KillSwitchEngaged {
    #[serde(flatten)]
    pub scope: HaltScope,
    pub mode: HaltMode,
    pub cause: String,
}

/// A stop was lifted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KillSwitchReleased {
    #[serde(flatten)]
    pub scope: HaltScope,
    pub cause: String,
}
