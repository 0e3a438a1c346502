//! Registering, starting, and looking at bars.

mod lifecycle;
mod signals;
mod sizing;

use super::{
    RegisterStrategy, Strategy, StrategyError, StrategyStatus, approve, evaluate_bar, register,
    start,
};
use crate::domain::Decided;
use crate::domain::account::Account;
use crate::domain::tests::{
    Given, account_id, buy, paper, price, quantity, ratio, sell, strategy_id, submit, symbol,
};
use crate::events::Event;
use crate::events::catalogue::{
    Bar, PriceMarked, SignalAction, SignalGenerated, StrategyApproved, StrategyRegistered,
    StrategyRule, StrategyStarted,
};
use crate::values::{
    AmountError, BarDate, ClientOrderId, CommandId, Price, Quantity, Side, Symbol, Version,
};

/// Averages over one and two bars, a quarter of equity, AAPL and MSFT.
fn command() -> RegisterStrategy {
    RegisterStrategy {
        strategy: strategy_id("sma"),
        name: "Crossing".to_owned(),
        rule: sma(1, 2, "0.25"),
        account: account_id("main"),
        venue: paper(),
        symbols: vec![symbol("AAPL"), symbol("MSFT")],
    }
}

fn sma(fast_bars: u32, slow_bars: u32, fraction: &str) -> StrategyRule {
    StrategyRule::SmaCross {
        fast_bars,
        slow_bars,
        equity_fraction: ratio(fraction),
    }
}

fn bar(day: u32) -> BarDate {
    format!("2000-03-{day:02}").parse().expect("a date")
}

fn fold(strategy: Option<Strategy>, event: impl Into<Event>) -> Option<Strategy> {
    let version = strategy
        .as_ref()
        .map_or(Version::ZERO, |strategy| strategy.version);
    Strategy::apply(strategy, version.next(), &event.into())
}

fn registered() -> Strategy {
    let Ok(Decided::Events(mut events)) = register(None, &command()) else {
        panic!("not registered");
    };
    fold(None, events.remove(0)).expect("a strategy")
}

fn approved() -> Strategy {
    let reason = String::new();
    fold(Some(registered()), StrategyApproved { reason }).expect("a strategy")
}

fn started() -> Strategy {
    fold(Some(approved()), StrategyStarted {}).expect("a strategy")
}

/// Days 1, 2, 3 ... with these closes.
fn observed(mut strategy: Strategy, symbol: &Symbol, closes: &[&str]) -> Strategy {
    for (day, close) in (1..).zip(closes) {
        let close = price(close);
        strategy.observe(&PriceMarked {
            symbol: symbol.clone(),
            bar: Bar {
                date: bar(day),
                open: close,
                high: close,
                low: close,
                close,
                volume: 1,
            },
            source: "test".to_owned(),
            row: u64::from(day),
        });
    }
    strategy
}

/// With AAPL's averages crossing upwards on day 3, at `close`.
fn rising_to(close: &str) -> Strategy {
    observed(started(), &symbol("AAPL"), &["2", "1", close])
}

/// With AAPL's averages crossing downwards on day 3, at 10.
fn falling() -> Strategy {
    observed(started(), &symbol("AAPL"), &["11", "12", "10"])
}

/// Looks at AAPL on day 3, when every price is 10.
fn look(strategy: &Strategy, account: &Account) -> Result<Decided, StrategyError> {
    evaluate_bar(
        strategy,
        account,
        |_| Some(price("10")),
        &symbol("AAPL"),
        bar(3),
    )
}

fn signal(decided: Result<Decided, StrategyError>) -> SignalGenerated {
    match decided {
        Ok(Decided::Events(mut events)) if events.len() == 1 => match events.remove(0) {
            Event::SignalGenerated(signal) => signal,
            other => panic!("{other:?} in place of a signal"),
        },
        other => panic!("no signal: {other:?}"),
    }
}

/// Units ordered, or why none.
fn wanted(decided: Result<Decided, StrategyError>) -> Result<Quantity, String> {
    match signal(decided).action {
        SignalAction::Order { quantity, .. } => Ok(quantity),
        SignalAction::None { reason } => Err(reason),
    }
}

fn nothing(reason: &str) -> Result<Quantity, String> {
    Err(reason.to_owned())
}
