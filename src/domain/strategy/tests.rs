//! Registering, starting, and looking at bars.

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

#[test]
fn a_strategy_is_registered_once() {
    let expected = StrategyRegistered {
        strategy: strategy_id("sma"),
        name: "Crossing".to_owned(),
        rule: sma(1, 2, "0.25"),
        account: account_id("main"),
        venue: paper(),
        symbols: vec![symbol("AAPL"), symbol("MSFT")],
    };
    assert_eq!(register(None, &command()), Ok(Decided::one(expected)));
    let existing = started();
    assert_eq!(
        register(Some(&existing), &command()),
        Ok(Decided::AlreadyApplied)
    );
    let other = RegisterStrategy {
        rule: sma(1, 3, "0.25"),
        ..command()
    };
    assert_eq!(
        register(Some(&existing), &other),
        Err(StrategyError::Exists(strategy_id("sma")))
    );
}

#[test]
fn bad_parameters_are_named() {
    let rules = [
        (sma(0, 2, "0.25"), "fast_bars, slow_bars", "0 and 2"),
        (sma(2, 2, "0.25"), "fast_bars, slow_bars", "2 and 2"),
        (sma(3, 2, "0.25"), "fast_bars, slow_bars", "3 and 2"),
        (sma(1, 1001, "0.25"), "fast_bars, slow_bars", "1 and 1001"),
        (sma(1, 2, "0"), "equity_fraction", "0;"),
        (sma(1, 2, "-0.1"), "equity_fraction", "-0.1;"),
        (sma(1, 2, "1.000001"), "equity_fraction", "1.000001;"),
    ];
    for (rule, field, found) in rules {
        let bad = RegisterStrategy { rule, ..command() };
        let message = register(None, &bad).expect_err("a bad rule").to_string();
        assert!(
            message.starts_with(&format!("{field}: {found}")),
            "{message}"
        );
    }
    for symbols in [vec![], vec![symbol("AAPL"), symbol("AAPL")]] {
        let bad = RegisterStrategy {
            symbols,
            ..command()
        };
        assert_eq!(
            register(None, &bad).expect_err("bad symbols").to_string(),
            "symbols: at least one, each only once, is wanted"
        );
    }
    for rule in [sma(1, 1000, "0.25"), sma(999, 1000, "1")] {
        let good = RegisterStrategy { rule, ..command() };
        assert!(register(None, &good).is_ok(), "{good:?}");
    }
}

#[test]
fn a_strategy_is_approved_before_it_is_started() {
    assert_eq!(
        start(&registered()),
        Err(StrategyError::WrongStatus {
            strategy: strategy_id("sma"),
            status: StrategyStatus::Registered,
            wanted: "approved",
        })
    );
    let reason = "four eyes".to_owned();
    let expected = Decided::one(StrategyApproved { reason });
    assert_eq!(approve(&registered(), "four eyes"), expected);
    assert_eq!(approve(&approved(), "again"), Decided::AlreadyApplied);
    assert_eq!(start(&approved()), Ok(Decided::one(StrategyStarted {})));
    assert_eq!(approve(&started(), "again"), Decided::AlreadyApplied);
    assert_eq!(start(&started()), Ok(Decided::AlreadyApplied));
    assert_eq!(started().version, Version::new(3));
}

#[test]
fn a_crossing_is_signalled_with_everything_it_rests_on() {
    let strategy = rising_to("10");
    let command_id = CommandId::derived(&["signal-order", "sma", "AAPL", "2000-03-03"]);
    assert_eq!(
        signal(look(&strategy, Given::cash("1000").account())),
        SignalGenerated {
            symbol: symbol("AAPL"),
            side: Side::Buy,
            bar: bar(3),
            price: price("10"),
            // |10 - 5.5| / 5.5
            confidence: ratio("0.818182"),
            action: SignalAction::Order {
                client_order_id: ClientOrderId::of_command(&command_id),
                command_id,
                quantity: quantity("25"),
            },
        }
    );
}

#[test]
fn only_a_started_strategy_signals() {
    let account = Given::cash("1000");
    for strategy in [registered(), approved()] {
        let strategy = observed(strategy, &symbol("AAPL"), &["2", "1", "10"]);
        assert_eq!(
            look(&strategy, account.account()),
            Ok(Decided::AlreadyApplied)
        );
    }
}

#[test]
fn a_bar_is_signalled_once() {
    let account = Given::cash("1000");
    let strategy = rising_to("10");
    let first = signal(look(&strategy, account.account()));
    let strategy = fold(Some(strategy), first).expect("a strategy");
    assert_eq!(
        look(&strategy, account.account()),
        Ok(Decided::AlreadyApplied)
    );
    assert_eq!(strategy.signals, 1);
    assert!(strategy.has_signalled(&symbol("AAPL"), bar(3)));
    assert!(strategy.has_signalled(&symbol("AAPL"), bar(2)));
    assert!(!strategy.has_signalled(&symbol("AAPL"), bar(4)));
    assert!(!strategy.has_signalled(&symbol("MSFT"), bar(3)));
}

#[test]
fn without_a_crossing_at_that_bar_there_is_nothing_to_say() {
    let account = Given::cash("1000");
    let level = observed(started(), &symbol("AAPL"), &["2", "1", "1"]);
    assert_eq!(look(&level, account.account()), Ok(Decided::AlreadyApplied));
    let crossed_before = observed(started(), &symbol("AAPL"), &["2", "1", "10", "11"]);
    assert_eq!(
        look(&crossed_before, account.account()),
        Ok(Decided::AlreadyApplied)
    );
    let unseen = started();
    assert_eq!(
        look(&unseen, account.account()),
        Ok(Decided::AlreadyApplied)
    );
    let foreign = observed(started(), &symbol("TSLA"), &["2", "1", "10"]);
    assert!(foreign.series(&symbol("TSLA")).is_none());
}

#[test]
fn a_purchase_costs_at_most_a_quarter_of_equity() {
    // Cash, close, floor(0.25 x cash / close).
    let cases = [
        ("1000", "10", "25"),
        ("999.99", "10", "24"),
        ("1000.01", "10", "25"),
        ("1000", "3", "83"),
        ("40", "10", "1"),
        ("0.04", "0.01", "1"),
    ];
    for (cash, close, units) in cases {
        let strategy = observed(started(), &symbol("AAPL"), &["0.02", "0.001", close]);
        let wanted = wanted(look(&strategy, Given::cash(cash).account()));
        assert_eq!(wanted, Ok(quantity(units)), "{cash} at {close}");
    }
}

#[test]
fn equity_counts_other_positions_at_their_last_price() {
    // 100 in cash and 30 AAPL at 10; a quarter of 400 buys 10 MSFT at 10.
    let account = Given::cash("400").holding("30", "10");
    let strategy = observed(started(), &symbol("MSFT"), &["2", "1", "10"]);
    let at = |prices: fn(&Symbol) -> Option<Price>| {
        evaluate_bar(
            &strategy,
            account.account(),
            prices,
            &symbol("MSFT"),
            bar(3),
        )
    };
    assert_eq!(wanted(at(|_| Some(price("10")))), Ok(quantity("10")));
    assert_eq!(
        wanted(at(|symbol| (symbol.as_str() == "MSFT").then(|| price("10")))),
        nothing("a position has no known price, so equity is unknown")
    );
}

#[test]
fn nothing_is_bought_on_top() {
    let strategy = rising_to("10");
    let holds = Given::cash("1000").holding("1", "10");
    let buys = Given::cash("10000").and(submit("o1", buy("1")));
    let short = Given::cash("1000").short("1", "10");
    for account in [holds, buys, short] {
        let wanted = wanted(look(&strategy, account.account()));
        assert_eq!(wanted, nothing("already holds or buys it"));
    }
}

#[test]
fn a_budget_below_one_unit_buys_none() {
    for cash in ["39.99", "0"] {
        let wanted = wanted(look(&rising_to("10"), Given::cash(cash).account()));
        assert_eq!(wanted, nothing("the budget buys less than one unit"));
    }
}

#[test]
fn everything_that_is_not_being_sold_already_is_sold() {
    let holds = Given::cash("1000").holding("10", "10");
    assert_eq!(
        wanted(look(&falling(), holds.account())),
        Ok(quantity("10"))
    );
    let holds = holds.in_world(|world| {
        if let Some(mark) = &mut world.reference {
            mark.price = price("10");
        }
    });
    let selling = holds.and(submit("o1", sell("4")));
    assert_eq!(
        wanted(look(&falling(), selling.account())),
        Ok(quantity("6"))
    );
    let selling_all = selling.and(submit("o2", sell("6")));
    let nothing = nothing("holds nothing to sell");
    assert_eq!(wanted(look(&falling(), selling_all.account())), nothing);
    assert_eq!(
        wanted(look(&falling(), Given::cash("1").account())),
        nothing
    );
    let short = Given::cash("1000").short("10", "10");
    assert_eq!(wanted(look(&falling(), short.account())), nothing);
}

#[test]
fn a_signal_that_is_not_acted_on_is_a_signal() {
    let nothing_to_sell = signal(look(&falling(), Given::cash("1").account()));
    assert_eq!(nothing_to_sell.side, Side::Sell);
    let strategy = fold(Some(falling()), nothing_to_sell).expect("a strategy");
    assert_eq!(strategy.signals, 1);
    assert_eq!(strategy.unsent().count(), 0);
}

#[test]
fn a_price_of_zero_cannot_be_bought_at() {
    // From below zero to zero: a crossing all the same.
    let strategy = observed(started(), &symbol("AAPL"), &["-1", "-2", "0"]);
    assert_eq!(
        look(&strategy, Given::cash("1000").account()),
        Err(StrategyError::Amount(AmountError::DivisionByZero))
    );
}

#[test]
fn an_order_stays_unsent_until_risk_has_decided_on_it() {
    let signal = signal(look(&rising_to("10"), Given::cash("1000").account()));
    let SignalAction::Order { command_id, .. } = signal.action.clone() else {
        panic!("no order");
    };
    let mut strategy = fold(Some(rising_to("10")), signal.clone()).expect("a strategy");
    assert_eq!(strategy.unsent().collect::<Vec<_>>(), [&signal]);
    strategy.order_decided(&CommandId::derived(&["another"]));
    assert_eq!(strategy.unsent().count(), 1);
    strategy.order_decided(&command_id);
    strategy.order_decided(&command_id);
    assert_eq!(strategy.unsent().count(), 0);
}

#[test]
fn the_ids_of_an_order_follow_from_strategy_symbol_and_bar_alone() {
    let ids = |strategy: &Strategy, watched: &str, day: u32, cash: &str| {
        let account = Given::cash(cash);
        let prices = |_: &Symbol| Some(price("10"));
        let decided = evaluate_bar(
            strategy,
            account.account(),
            prices,
            &symbol(watched),
            bar(day),
        );
        match signal(decided).action {
            SignalAction::Order {
                command_id,
                client_order_id,
                ..
            } => (command_id, client_order_id),
            other => panic!("no order: {other:?}"),
        }
    };
    let first = ids(&rising_to("10"), "AAPL", 3, "1000");
    assert_eq!(
        ids(&rising_to("20"), "AAPL", 3, "5000"),
        first,
        "after a restart, richer"
    );
    let day_4 = observed(started(), &symbol("AAPL"), &["3", "2", "1", "10"]);
    let msft = observed(started(), &symbol("MSFT"), &["2", "1", "10"]);
    assert_ne!(ids(&day_4, "AAPL", 4, "1000"), first);
    assert_ne!(ids(&msft, "MSFT", 3, "1000"), first);
    let mut renamed = rising_to("10");
    renamed.registered.strategy = strategy_id("other");
    assert_ne!(ids(&renamed, "AAPL", 3, "1000"), first);
}
