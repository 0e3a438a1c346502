//! How many units a signal trades, or why none.

use super::*;

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
