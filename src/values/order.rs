//! The terms of an order, in FIX's words.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Price, Quantity, Symbol};

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Buy,
    Sell,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        })
    }
}

/// FIX OrdType, with the price it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OrderType {
    Market,
    Limit { limit_price: Price },
}

impl OrderType {
    pub fn name(&self) -> &'static str {
        match self {
            OrderType::Market => "market",
            OrderType::Limit { .. } => "limit",
        }
    }

    pub fn limit_price(&self) -> Option<Price> {
        match self {
            OrderType::Market => None,
            OrderType::Limit { limit_price } => Some(*limit_price),
        }
    }
}

/// FIX TimeInForce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeInForce {
    /// Until the end of the next trading session.
    Day,
    /// Until cancelled.
    Gtc,
}

impl TimeInForce {
    pub fn name(self) -> &'static str {
        match self {
            TimeInForce::Day => "day",
            TimeInForce::Gtc => "gtc",
        }
    }
}

/// Everything that a venue is told about an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderTerms {
    pub symbol: Symbol,
    pub side: Side,
    pub quantity: Quantity,
    #[serde(flatten)]
    pub order_type: OrderType,
    pub time_in_force: TimeInForce,
}
