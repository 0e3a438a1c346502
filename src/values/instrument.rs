//! What can be traded, and how finely.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Price, Quantity, Symbol};

/// FIX SecurityType in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstrumentKind {
    Equity,
}

/// The terms of one instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Instrument {
    pub symbol: Symbol,
    pub kind: InstrumentKind,
    /// ISO 4217 code, for example `USD`.
    pub currency: String,
    /// Decimals an order's price may have.
    pub price_decimals: u32,
    /// Decimals an order's quantity may have; 0 means whole shares.
    pub quantity_decimals: u32,
}

impl Instrument {
    pub fn accepts_quantity(&self, quantity: Quantity) -> bool {
        quantity.is_positive() && quantity.decimals() <= self.quantity_decimals
    }

    pub fn accepts_price(&self, price: Price) -> bool {
        price.is_positive() && price.decimals() <= self.price_decimals
    }
}
