//! What the API and the stream show: one shape a resource, made from a read model's row or from
//! recorded events.
//!
//! Invariants: amounts and times are JSON strings, positions and counts JSON integers; a name on
//! the wire is written here and nowhere else.

pub mod account;
pub mod actor;
pub mod check;
pub mod decision;
pub mod event;
pub mod execution;
pub mod kill_switch;
pub mod market;
pub mod order;
pub mod session;
pub mod strategy;
pub mod words;

pub use account::{Account, EquityPoint, Portfolio, Position};
pub use actor::{Actor, ProjectionStatus};
pub use check::Check;
pub use decision::{OrderDecision, Preview, Reservation};
pub use event::Event;
pub use execution::Execution;
pub use kill_switch::KillSwitch;
pub use market::{Candle, Instrument};
pub use order::Order;
pub use session::Session;
pub use strategy::{Signal, Strategy};

use crate::values::{Money, Price, Quantity};

/// Decimals of an average.
const AVERAGE_DECIMALS: u32 = 8;

/// `total / quantity`, half-even to eight decimals; `None` over nothing.
fn average(total: Money, quantity: Quantity) -> Option<Price> {
    let exact = total.decimal().checked_div(quantity.decimal())?;
    Price::new(exact.round_dp(AVERAGE_DECIMALS)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_rounded_half_to_even_and_absent_over_nothing() {
        let average = |total: &str, quantity: &str| {
            let (total, quantity) = (
                total.parse().expect("money"),
                quantity.parse().expect("units"),
            );
            average(total, quantity).map(|price| price.to_string())
        };
        assert_eq!(average("100", "3").as_deref(), Some("33.33333333"));
        assert_eq!(average("-250", "-10").as_deref(), Some("25"));
        assert_eq!(average("5", "0"), None);
    }
}
