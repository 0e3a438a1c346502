//! Registering, approving, starting.

use super::*;

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
