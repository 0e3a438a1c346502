//! A strategy's decisions.

use std::collections::BTreeSet;

use crate::domain::Decided;
use crate::domain::account::Account;
use crate::events::catalogue::{
    SignalAction, SignalGenerated, StrategyApproved, StrategyRegistered, StrategyRule,
    StrategyStarted,
};
use crate::values::{
    AmountError, BarDate, ClientOrderId, CommandId, Money, Price, Quantity, Ratio, Side,
    StrategyId, Symbol,
};

use super::command::RegisterStrategy;
use super::series::Crossing;
use super::state::{Strategy, StrategyStatus};

/// Decimals of the money a purchase may cost.
const BUDGET_DECIMALS: u32 = 12;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StrategyError {
    #[error("strategy {0} exists already, with other parameters")]
    Exists(StrategyId),
    #[error("{field}: {problem}")]
    BadParameter {
        field: &'static str,
        problem: String,
    },
    #[error("strategy {strategy} is {}; it has to be {wanted} first", status.name())]
    WrongStatus {
        strategy: StrategyId,
        status: StrategyStatus,
        wanted: &'static str,
    },
    #[error("amounts out of range: {0}")]
    Amount(#[from] AmountError),
}

pub fn register(
    existing: Option<&Strategy>,
    command: &RegisterStrategy,
) -> Result<Decided, StrategyError> {
    let registered = StrategyRegistered {
        strategy: command.strategy.clone(),
        name: command.name.clone(),
        rule: command.rule.clone(),
        account: command.account.clone(),
        venue: command.venue.clone(),
        symbols: command.symbols.clone(),
    };
    match existing {
        Some(strategy) if strategy.registered == registered => return Ok(Decided::AlreadyApplied),
        Some(_) => return Err(StrategyError::Exists(command.strategy.clone())),
        None => check_parameters(command)?,
    }
    Ok(Decided::one(registered))
}

fn check_parameters(command: &RegisterStrategy) -> Result<(), StrategyError> {
    let bad = |field, problem: String| Err(StrategyError::BadParameter { field, problem });
    let StrategyRule::SmaCross {
        fast_bars,
        slow_bars,
        equity_fraction,
    } = &command.rule;
    if *fast_bars == 0 || fast_bars >= slow_bars || *slow_bars > 1_000 {
        let problem =
            format!("{fast_bars} and {slow_bars}; 0 < fast_bars < slow_bars <= 1000 is wanted");
        return bad("fast_bars, slow_bars", problem);
    }
    let one = Ratio::new(1.into())?;
    if !equity_fraction.is_positive() || *equity_fraction > one {
        return bad(
            "equity_fraction",
            format!("{equity_fraction}; above 0 and at most 1 is wanted"),
        );
    }
    let distinct: BTreeSet<_> = command.symbols.iter().collect();
    if distinct.is_empty() || distinct.len() != command.symbols.len() {
        return bad(
            "symbols",
            "at least one, each only once, is wanted".to_owned(),
        );
    }
    Ok(())
}

pub fn approve(strategy: &Strategy, reason: &str) -> Decided {
    match strategy.status {
        StrategyStatus::Registered => Decided::one(StrategyApproved {
            reason: reason.to_owned(),
        }),
        StrategyStatus::Approved | StrategyStatus::Started => Decided::AlreadyApplied,
    }
}

pub fn start(strategy: &Strategy) -> Result<Decided, StrategyError> {
    match strategy.status {
        StrategyStatus::Approved => Ok(Decided::one(StrategyStarted {})),
        StrategyStatus::Started => Ok(Decided::AlreadyApplied),
        StrategyStatus::Registered => Err(StrategyError::WrongStatus {
            strategy: strategy.registered.strategy.clone(),
            status: strategy.status,
            wanted: "approved",
        }),
    }
}

/// Looks at a complete bar. `account` is the strategy's own, `price_of` the last price of every
/// instrument; both as of this bar's close.
pub fn evaluate_bar(
    strategy: &Strategy,
    account: &Account,
    price_of: impl Fn(&Symbol) -> Option<Price>,
    symbol: &Symbol,
    bar: BarDate,
) -> Result<Decided, StrategyError> {
    let Some(series) = strategy.series(symbol) else {
        return Ok(Decided::AlreadyApplied);
    };
    let (Some(crossing), Some(price)) = (series.crossing_at(bar), series.last_close()) else {
        return Ok(Decided::AlreadyApplied);
    };
    if strategy.status != StrategyStatus::Started || strategy.has_signalled(symbol, bar) {
        return Ok(Decided::AlreadyApplied);
    }
    let wanted = match crossing.side {
        Side::Buy => purchase(strategy, account, price_of, symbol, price)?,
        Side::Sell => sale(account, symbol)?,
    };
    Ok(Decided::one(signal(
        strategy, symbol, bar, price, crossing, wanted,
    )))
}

/// How many units to trade, or why none.
type Wanted = Result<Quantity, &'static str>;

fn purchase(
    strategy: &Strategy,
    account: &Account,
    price_of: impl Fn(&Symbol) -> Option<Price>,
    symbol: &Symbol,
    price: Price,
) -> Result<Wanted, AmountError> {
    let held = account.holding(symbol).quantity;
    let ordered = account.open_orders.leaves(symbol, Side::Buy);
    if !held.is_zero() || !ordered.is_zero() {
        return Ok(Err("already holds or buys it"));
    }
    let Some(equity) = account.equity(price_of)? else {
        return Ok(Err("a position has no known price, so equity is unknown"));
    };
    let StrategyRule::SmaCross {
        equity_fraction, ..
    } = strategy.registered.rule;
    let budget: Money = equity.times_rounded(equity_fraction, BUDGET_DECIMALS)?;
    let units = budget.whole_units_at(price)?;
    match units.is_positive() {
        true => Ok(Ok(units)),
        false => Ok(Err("the budget buys less than one unit")),
    }
}

fn sale(account: &Account, symbol: &Symbol) -> Result<Wanted, AmountError> {
    let held = account.holding(symbol).quantity;
    let selling = account.open_orders.leaves(symbol, Side::Sell);
    let sellable = held.checked_sub(selling)?;
    match sellable.is_positive() {
        true => Ok(Ok(sellable)),
        false => Ok(Err("holds nothing to sell")),
    }
}

fn signal(
    strategy: &Strategy,
    symbol: &Symbol,
    bar: BarDate,
    price: Price,
    crossing: Crossing,
    wanted: Wanted,
) -> SignalGenerated {
    let action = match wanted {
        Ok(quantity) => {
            let id = strategy.registered.strategy.as_str();
            let (day, parts) = (bar.to_string(), symbol.as_str());
            let command_id = CommandId::derived(&["signal-order", id, parts, &day]);
            SignalAction::Order {
                client_order_id: ClientOrderId::of_command(&command_id),
                command_id,
                quantity,
            }
        }
        Err(reason) => SignalAction::None {
            reason: reason.to_owned(),
        },
    };
    SignalGenerated {
        symbol: symbol.clone(),
        side: crossing.side,
        bar,
        price,
        confidence: crossing.distance,
        action,
    }
}
