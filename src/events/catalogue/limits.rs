//! Facts of risk limits (`limits-{scope}`), written by risk.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{AccountId, Money, Quantity, Ratio, StreamName};

/// Whom limits bind. Where both the firm and an account set one, the tighter binds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "scope", content = "account", rename_all = "snake_case")]
pub enum LimitScope {
    Firm,
    Account(AccountId),
}

impl LimitScope {
    pub fn stream(&self) -> StreamName {
        StreamName::limits(&self.to_string())
    }
}

impl fmt::Display for LimitScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LimitScope::Firm => f.write_str("firm"),
            LimitScope::Account(id) => write!(f, "account:{id}"),
        }
    }
}

/// One set of limits. An absent one sets none; a required limit that nobody sets refuses every order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RiskLimits {
    /// Largest quantity times price of one order.
    pub max_order_notional: Option<Money>,
    /// Largest absolute position in one instrument, open orders included.
    pub max_position: Option<Quantity>,
    /// Largest relative distance of a limit price from the reference price.
    pub price_collar: Option<Ratio>,
    /// Oldest reference price that may be judged by.
    pub reference_age_seconds_max: Option<u64>,
}

/// Limits were set, or replaced by others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RiskLimitsChanged {
    pub scope: LimitScope,
    pub before: Option<RiskLimits>,
    pub after: RiskLimits,
    pub reason: String,
}
