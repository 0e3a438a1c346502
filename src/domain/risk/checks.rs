//! Each check of an order, one function a check, in the order in which they are recorded.

use crate::domain::account::{Account, SubmitOrder};
use crate::events::catalogue::{Check, CheckCode, Reservation, RiskLimits, Verdict};
use crate::values::{AmountError, Instrument, Money, Price, Quantity, Ratio, Side, Timestamp};

use super::{Halts, Mark, OrderContext};

/// Everything a decision on an order rests on besides its account.
pub struct RiskContext<'a> {
    pub instrument: Option<&'a Instrument>,
    /// What binds the account, see `LimitBook::effective`.
    pub limits: RiskLimits,
    pub halts: &'a Halts,
    pub reference: Option<Mark>,
    /// For an order of a strategy: whether that strategy runs.
    pub strategy_running: bool,
    /// What the venue charges on gross, reserved along with it.
    pub commission_rate: Ratio,
    pub now: Timestamp,
}

/// What an approval would rest on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    pub reference_price: Price,
    pub reservation: Reservation,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    pub checks: Vec<Check>,
    /// `None` when there is no reference price or an amount is out of range; then a check failed.
    pub basis: Option<Basis>,
}

/// Evaluates every check, also after one has failed.
pub fn assess(account: &Account, context: &RiskContext<'_>, order: &SubmitOrder) -> Assessment {
    let reservation = reservation(context, order);
    let checks = vec![
        account_open(account),
        no_halt(account, context, order),
        strategy_running(context, order),
        instrument_listed(context),
        quantity_valid(context, order),
        price_valid(context, order),
        reference_fresh(context),
        price_collar(context, order),
        max_order_notional(context, order),
        max_position(account, context, order),
        short_sale(account, order),
        buying_power(account, order, reservation),
    ];
    let basis = context
        .reference
        .zip(reservation)
        .map(|(mark, reservation)| Basis {
            reference_price: mark.price,
            reservation,
        });
    Assessment { checks, basis }
}

fn check(code: CheckCode, passed: bool, limit: Option<String>, observed: Option<String>) -> Check {
    Check {
        code,
        verdict: if passed {
            Verdict::Passed
        } else {
            Verdict::Failed
        },
        limit,
        observed,
    }
}

/// Passes when both are known and `observed` is at most `limit`.
fn at_most<T: PartialOrd + ToString>(
    code: CheckCode,
    limit: Option<T>,
    observed: Option<T>,
) -> Check {
    let passed = matches!((&limit, &observed), (Some(limit), Some(observed)) if observed <= limit);
    let text = |value: Option<T>| value.map(|value| value.to_string());
    check(code, passed, text(limit), text(observed))
}

/// The price the order is judged at: its limit, or the reference for a market order.
fn judged_price(context: &RiskContext<'_>, order: &SubmitOrder) -> Option<Price> {
    let limit = order.terms.order_type.limit_price();
    limit.or(context.reference.map(|mark| mark.price))
}

fn notional(context: &RiskContext<'_>, order: &SubmitOrder) -> Option<Money> {
    order
        .terms
        .quantity
        .times(judged_price(context, order)?)
        .ok()
}

/// A buy holds back its notional and commission, half-even to the cent; a sell its units.
fn reservation(context: &RiskContext<'_>, order: &SubmitOrder) -> Option<Reservation> {
    let one = Ratio::new(1.into()).ok()?;
    let factor = one.checked_add(context.commission_rate).ok()?;
    match order.terms.side {
        Side::Buy => Some(Reservation {
            cash: notional(context, order)?.times_rounded(factor, 2).ok()?,
            quantity: Quantity::ZERO,
        }),
        Side::Sell => Some(Reservation {
            cash: Money::ZERO,
            quantity: order.terms.quantity,
        }),
    }
}

/// An account that can be loaded is open: closing is not a fact yet.
fn account_open(account: &Account) -> Check {
    check(
        CheckCode::AccountOpen,
        true,
        None,
        Some(account.name.clone()),
    )
}

fn no_halt(account: &Account, context: &RiskContext<'_>, order: &SubmitOrder) -> Check {
    let stopping = context.halts.stopping(OrderContext {
        account: &account.id,
        strategy: order.strategy.as_ref(),
        symbol: &order.terms.symbol,
        venue: &order.venue,
    });
    let observed = stopping.map(|scope| format!("kill switch: {scope}"));
    check(CheckCode::NoHalt, stopping.is_none(), None, observed)
}

fn strategy_running(context: &RiskContext<'_>, order: &SubmitOrder) -> Check {
    let observed = order.strategy.as_ref().map(|strategy| {
        let state = if context.strategy_running {
            "started"
        } else {
            "not started"
        };
        format!("{strategy} {state}")
    });
    let passed = order.strategy.is_none() || context.strategy_running;
    check(CheckCode::StrategyRunning, passed, None, observed)
}

fn instrument_listed(context: &RiskContext<'_>) -> Check {
    let symbol = context
        .instrument
        .map(|instrument| instrument.symbol.to_string());
    check(CheckCode::InstrumentListed, symbol.is_some(), None, symbol)
}

fn quantity_valid(context: &RiskContext<'_>, order: &SubmitOrder) -> Check {
    let quantity = order.terms.quantity;
    let passed = context
        .instrument
        .is_some_and(|instrument| instrument.accepts_quantity(quantity));
    let limit = context
        .instrument
        .map(|instrument| format!("above 0, {} decimals", instrument.quantity_decimals));
    check(
        CheckCode::QuantityValid,
        passed,
        limit,
        Some(quantity.to_string()),
    )
}

fn price_valid(context: &RiskContext<'_>, order: &SubmitOrder) -> Check {
    let limit = context
        .instrument
        .map(|instrument| format!("above 0, {} decimals", instrument.price_decimals));
    let Some(price) = order.terms.order_type.limit_price() else {
        return check(
            CheckCode::PriceValid,
            true,
            limit,
            Some("market".to_owned()),
        );
    };
    let passed = context
        .instrument
        .is_some_and(|instrument| instrument.accepts_price(price));
    check(
        CheckCode::PriceValid,
        passed,
        limit,
        Some(price.to_string()),
    )
}

/// Ages count in whole seconds begun; a reference from the future, or without a price above zero,
/// is no reference.
fn reference_fresh(context: &RiskContext<'_>) -> Check {
    let usable = context.reference.filter(|mark| mark.price.is_positive());
    let age = usable.and_then(|mark| {
        let age_micros = u64::try_from(context.now.micros_since(mark.at)).ok()?;
        Some(age_micros.div_ceil(1_000_000))
    });
    at_most(
        CheckCode::ReferenceFresh,
        context.limits.reference_age_seconds_max,
        age,
    )
}

fn price_collar(context: &RiskContext<'_>, order: &SubmitOrder) -> Check {
    let collar = context.limits.price_collar;
    let Some(price) = order.terms.order_type.limit_price() else {
        let observed = Some("market".to_owned());
        let limit = collar.map(|collar| collar.to_string());
        return check(CheckCode::PriceCollar, collar.is_some(), limit, observed);
    };
    let distance = context
        .reference
        .and_then(|mark| price.relative_distance(mark.price));
    at_most(CheckCode::PriceCollar, collar, distance)
}

fn max_order_notional(context: &RiskContext<'_>, order: &SubmitOrder) -> Check {
    let limit = context.limits.max_order_notional;
    at_most(CheckCode::MaxOrderNotional, limit, notional(context, order))
}

/// The largest position this order could lead to if every open order on its side executed.
fn max_position(account: &Account, context: &RiskContext<'_>, order: &SubmitOrder) -> Check {
    let worst_case = || -> Result<Quantity, AmountError> {
        let terms = &order.terms;
        let held = account.holding(&terms.symbol).quantity;
        let open = account.open_orders.leaves(&terms.symbol, terms.side);
        let change = open.checked_add(terms.quantity)?;
        let after = match terms.side {
            Side::Buy => held.checked_add(change)?,
            Side::Sell => held.checked_sub(change)?,
        };
        Ok(after.abs())
    };
    at_most(
        CheckCode::MaxPosition,
        context.limits.max_position,
        worst_case().ok(),
    )
}

/// A sell may not exceed the units held and not already being sold.
fn short_sale(account: &Account, order: &SubmitOrder) -> Check {
    let terms = &order.terms;
    if terms.side == Side::Buy {
        return check(CheckCode::ShortSale, true, None, Some("buy".to_owned()));
    }
    let selling = account.open_orders.leaves(&terms.symbol, Side::Sell);
    let held = account.holding(&terms.symbol).quantity;
    let sellable = held.checked_sub(selling).ok();
    at_most(CheckCode::ShortSale, sellable, Some(terms.quantity))
}

fn buying_power(account: &Account, order: &SubmitOrder, reservation: Option<Reservation>) -> Check {
    if order.terms.side == Side::Sell {
        return check(CheckCode::BuyingPower, true, None, Some("sell".to_owned()));
    }
    let needed = reservation.map(|reservation| reservation.cash);
    at_most(
        CheckCode::BuyingPower,
        account.available_cash().ok(),
        needed,
    )
}
