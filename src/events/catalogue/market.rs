//! Prices that decisions used (`market-{symbol}`), written by the market feed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{BarDate, Price, Symbol};

/// One bar of open, high, low, close prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bar {
    pub date: BarDate,
    pub open: Price,
    pub high: Price,
    pub low: Price,
    pub close: Price,
    /// Units traded.
    pub volume: u64,
}

/// A price became known. The price to judge by is the bar's close.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PriceMarked {
    pub symbol: Symbol,
    pub bar: Bar,
    /// Which data: its name and the first digits of its SHA-256.
    pub source: String,
    /// 1 for the first row of the data in playing order.
    pub row: u64,
}
