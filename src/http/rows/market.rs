//! Instruments and their prices.

use serde::Serialize;
use utoipa::ToSchema;

use crate::projections::candles::CandleRow;
use crate::projections::instruments::InstrumentRow;
use crate::values::{BarDate, InstrumentKind, Position, Price, Symbol};

/// What can be traded, and how finely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Instrument {
    #[schema(value_type = String, example = "AAPL")]
    pub symbol: Symbol,
    #[schema(value_type = String, example = "equity")]
    pub kind: InstrumentKind,
    /// ISO 4217 code.
    #[schema(example = "USD")]
    pub currency: String,
    /// Decimals an order's price may have.
    #[schema(example = 4)]
    pub price_decimals: u32,
    /// Decimals an order's quantity may have; 0 means whole shares.
    #[schema(example = 0)]
    pub quantity_decimals: u32,
    #[schema(value_type = Option<String>, example = "37.5")]
    pub last_price: Option<Price>,
    /// Day of the bar that the last price closed.
    #[schema(value_type = Option<String>, example = "2005-05-09")]
    pub last_bar: Option<BarDate>,
    /// The last event that changed it.
    #[schema(value_type = u64, example = 140)]
    pub position: Position,
}

impl From<InstrumentRow> for Instrument {
    fn from(row: InstrumentRow) -> Self {
        Self {
            symbol: row.instrument.symbol,
            kind: row.instrument.kind,
            currency: row.instrument.currency,
            price_decimals: row.instrument.price_decimals,
            quantity_decimals: row.instrument.quantity_decimals,
            last_price: row.last_price,
            last_bar: row.last_bar,
            position: row.position,
        }
    }
}

/// One daily bar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Candle {
    #[schema(value_type = String, example = "AAPL")]
    pub symbol: Symbol,
    #[schema(value_type = String, example = "2005-05-09")]
    pub date: BarDate,
    #[schema(value_type = String, example = "37.2")]
    pub open: Price,
    #[schema(value_type = String, example = "37.6")]
    pub high: Price,
    #[schema(value_type = String, example = "36.9")]
    pub low: Price,
    #[schema(value_type = String, example = "37.5")]
    pub close: Price,
    /// Units traded.
    #[schema(example = 123456)]
    pub volume: u64,
    #[schema(value_type = u64, example = 140)]
    pub position: Position,
}

impl From<CandleRow> for Candle {
    fn from(row: CandleRow) -> Self {
        Self {
            symbol: row.symbol,
            date: row.date,
            open: row.open,
            high: row.high,
            low: row.low,
            close: row.close,
            volume: row.volume,
            position: row.position,
        }
    }
}
