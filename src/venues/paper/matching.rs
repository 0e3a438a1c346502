//! What one bar does to one order. Pure: the same order, bar and model give the same outcome.
//!
//! Entry points: [`refusal`] when an order comes in, [`play`] when a bar does.
//!
//! Invariants: a limit order never trades worse than its limit; without slippage an execution's
//! price lies within the bar; a day order never outlives the first bar it is played against.
//!
//! A bar shows only that prices were reached, not how much could be traded there. So a limit counts
//! as reached when the market opens at it or better, or later trades THROUGH it. A later touch
//! (low equal to a buy limit) fills nothing: at that price our order would have stood in a queue
//! that the bar cannot show.

use super::model::PaperModel;
use crate::events::catalogue::market::Bar;
use crate::values::{AmountError, Money, OrderTerms, OrderType, Price, Side, TimeInForce};

/// What becomes of an order with one bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It waits for the next bar.
    Rests,
    /// The whole of it is executed.
    Fills { price: Price, commission: Money },
    /// Its day ended without an execution.
    Expires,
    /// It traded on paper at a price or value that cannot be written down; nothing is booked.
    Rejected { reason: String },
}

/// Why the venue does not take these terms, if it does not.
pub(super) fn refusal(terms: &OrderTerms) -> Option<String> {
    if !terms.quantity.is_positive() {
        let quantity = terms.quantity;
        return Some(format!(
            "quantity {quantity} is not positive; give more than 0"
        ));
    }
    let limit = terms.order_type.limit_price()?;
    if !limit.is_positive() {
        return Some(format!(
            "limit price {limit} is not positive; give more than 0"
        ));
    }
    let unfit = terms.quantity.times(limit).err()?;
    Some(format!(
        "quantity times limit price does not fit: {unfit}; send a smaller order"
    ))
}

/// What `bar` does to an order (that passed [`refusal`]). The bar's prices are above 0; whether they
/// fit each other is the vendor's business: the open is where the market opened.
pub(super) fn play(terms: &OrderTerms, bar: &Bar, model: &PaperModel) -> Outcome {
    match execution(terms, bar, model) {
        Ok(Some((price, commission))) => Outcome::Fills { price, commission },
        Ok(None) => match terms.time_in_force {
            TimeInForce::Day => Outcome::Expires,
            TimeInForce::Gtc => Outcome::Rests,
        },
        Err(unfit) => Outcome::Rejected {
            reason: format!("the execution cannot be priced: {unfit}; send a smaller order"),
        },
    }
}

fn execution(
    terms: &OrderTerms,
    bar: &Bar,
    model: &PaperModel,
) -> Result<Option<(Price, Money)>, AmountError> {
    let Some(price) = fill_price(terms, bar, model)? else {
        return Ok(None);
    };
    let commission = model.commission(terms.quantity.times(price)?)?;
    Ok(Some((price, commission)))
}

fn fill_price(
    terms: &OrderTerms,
    bar: &Bar,
    model: &PaperModel,
) -> Result<Option<Price>, AmountError> {
    let limit = match terms.order_type {
        OrderType::Market => return model.slipped(bar.open, terms.side).map(Some),
        OrderType::Limit { limit_price } => limit_price,
    };
    let (at_open, through) = match terms.side {
        Side::Buy => (bar.open <= limit, bar.low < limit),
        Side::Sell => (bar.open >= limit, bar.high > limit),
    };
    Ok(match (at_open, through) {
        (true, _) => Some(bar.open),
        (false, true) => Some(limit),
        (false, false) => None,
    })
}
