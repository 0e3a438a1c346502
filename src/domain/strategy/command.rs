//! What can be asked of a strategy.

use serde::{Deserialize, Serialize};

use crate::events::catalogue::StrategyRule;
use crate::values::{AccountId, StrategyId, Symbol, VenueId};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterStrategy {
    pub strategy: StrategyId,
    pub name: String,
    pub rule: StrategyRule,
    pub account: AccountId,
    pub venue: VenueId,
    pub symbols: Vec<Symbol>,
}
