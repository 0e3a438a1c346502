//! What the tests of all aggregates share: short words for values, and recorded events.

mod given;
mod log;
pub mod story;

pub use given::{Command, Given, World, cancel, deposit, executed, fill, open, release, submit};
pub use log::Log;

use crate::domain::account::SubmitOrder;
use crate::events::catalogue::{ReportRef, RiskLimits};
use crate::values::{
    AccountId, ClientOrderId, EventId, Instrument, InstrumentKind, Money, OrderId, OrderTerms,
    OrderType, Price, Quantity, Ratio, Side, StrategyId, Symbol, TimeInForce, Timestamp, VenueId,
};

pub fn money(text: &str) -> Money {
    text.parse().expect("money")
}

pub fn price(text: &str) -> Price {
    text.parse().expect("a price")
}

pub fn quantity(text: &str) -> Quantity {
    text.parse().expect("a quantity")
}

pub fn ratio(text: &str) -> Ratio {
    text.parse().expect("a ratio")
}

pub fn account_id(text: &str) -> AccountId {
    AccountId::new(text).expect("an account id")
}

pub fn order_id(text: &str) -> OrderId {
    OrderId::new(text).expect("an order id")
}

pub fn client_order_id(text: &str) -> ClientOrderId {
    ClientOrderId::new(text).expect("a client order id")
}

pub fn strategy_id(text: &str) -> StrategyId {
    StrategyId::new(text).expect("a strategy id")
}

pub fn symbol(text: &str) -> Symbol {
    Symbol::new(text).expect("a symbol")
}

pub fn paper() -> VenueId {
    VenueId::new("paper").expect("a venue id")
}

pub fn event_id(number: u128) -> EventId {
    EventId(uuid::Uuid::from_u128(number))
}

/// Noon of some day, and `seconds` later.
pub fn noon_plus(seconds: i64) -> Timestamp {
    let noon: Timestamp = "2000-03-01T12:00:00Z".parse().expect("a time");
    Timestamp::from_micros(noon.micros() + seconds * 1_000_000).expect("a time")
}

/// Whole shares, prices in cents.
pub fn aapl() -> Instrument {
    Instrument {
        symbol: symbol("AAPL"),
        kind: InstrumentKind::Equity,
        currency: "USD".to_owned(),
        price_decimals: 2,
        quantity_decimals: 0,
    }
}

/// Limits of which every one is set.
pub fn limits() -> RiskLimits {
    RiskLimits {
        max_order_notional: Some(money("10000")),
        max_position: Some(quantity("1000")),
        price_collar: Some(ratio("0.1")),
        reference_age_seconds_max: Some(60),
    }
}

/// The venue's report number `sequence`.
pub fn report(sequence: u64) -> ReportRef {
    ReportRef {
        venue: paper(),
        sequence,
        transact_time: noon_plus(0),
    }
}

/// A market order of account `main`.
fn market(side: Side, units: &str) -> SubmitOrder {
    SubmitOrder {
        account: account_id("main"),
        client_order_id: None,
        terms: OrderTerms {
            symbol: symbol("AAPL"),
            side,
            quantity: quantity(units),
            order_type: OrderType::Market,
            time_in_force: TimeInForce::Day,
        },
        venue: paper(),
        strategy: None,
    }
}

pub fn buy(units: &str) -> SubmitOrder {
    market(Side::Buy, units)
}

pub fn sell(units: &str) -> SubmitOrder {
    market(Side::Sell, units)
}

impl SubmitOrder {
    /// The same with a limit price.
    pub fn at(mut self, limit: &str) -> Self {
        let limit_price = price(limit);
        self.terms.order_type = OrderType::Limit { limit_price };
        self
    }

    /// The same, asked for by a strategy.
    pub fn by(mut self, strategy: &str) -> Self {
        self.strategy = Some(strategy_id(strategy));
        self
    }
}
