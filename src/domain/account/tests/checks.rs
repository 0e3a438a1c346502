//! Each check on its own: what makes it fail, what is recorded then, and the last value that
//! passes.

use crate::domain::account::SubmitOrder;
use crate::domain::risk::Halts;
use crate::domain::tests::{
    Given, World, account_id, buy, money, noon_plus, paper, price, quantity, sell, strategy_id,
    submit, symbol,
};
use crate::events::Event;
use crate::events::catalogue::{CheckCode, HaltMode, HaltScope, KillSwitchEngaged, Verdict};
use crate::values::{Symbol, VenueId, Version};

type Failed = (CheckCode, Option<String>, Option<String>);

/// The checks that failed, with limit and observed; none when the order was approved.
fn failed(given: &Given, command: SubmitOrder) -> Vec<Failed> {
    let (checks, code) = match given.when(submit("o9", command)).events().pop() {
        Some(Event::OrderApproved(approved)) => (approved.checks, None),
        Some(Event::OrderRefused(refused)) => (refused.checks, Some(refused.code)),
        other => panic!("no decision: {other:?}"),
    };
    let codes: Vec<_> = checks.iter().map(|check| check.code).collect();
    assert_eq!(codes, CheckCode::ALL, "every check, in its place");
    let failed: Vec<Failed> = checks
        .into_iter()
        .filter(|check| check.verdict == Verdict::Failed)
        .map(|check| (check.code, check.limit, check.observed))
        .collect();
    assert_eq!(
        code,
        failed.first().map(|(code, ..)| *code),
        "the refusal's code"
    );
    failed
}

fn failure(code: CheckCode, limit: Option<&str>, observed: Option<&str>) -> Failed {
    (code, limit.map(str::to_owned), observed.map(str::to_owned))
}

/// 5000 in cash, ten shares, and nothing against an order but what `change` brings.
fn account(change: impl FnOnce(&mut World)) -> Given {
    Given::cash("6000").holding("10", "100").in_world(change)
}

fn halted(scope: HaltScope) -> Halts {
    let mut halts = Halts::default();
    let engaged = Event::from(KillSwitchEngaged {
        scope,
        mode: HaltMode::Halt,
        cause: "test".to_owned(),
    });
    halts.apply(Version::new(1), &engaged);
    halts
}

/// An order that fails one check, why, and how it is recorded. `AccountOpen` has no case: an
/// account that can be loaded is open.
#[test]
fn each_check_fails_on_its_own_and_says_by_what() {
    use CheckCode::*;
    let plain = || account(|_| ());
    let cases: Vec<(Given, SubmitOrder, Failed)> = vec![
        (
            account(|world| world.halts = halted(HaltScope::Firm)),
            buy("1"),
            failure(NoHalt, None, Some("kill switch: firm")),
        ),
        (
            plain(),
            buy("1").by("sma"),
            failure(StrategyRunning, None, Some("sma not started")),
        ),
        (
            plain(),
            buy("1.5"),
            failure(QuantityValid, Some("above 0, 0 decimals"), Some("1.5")),
        ),
        (
            plain(),
            buy("0"),
            failure(QuantityValid, Some("above 0, 0 decimals"), Some("0")),
        ),
        (
            plain(),
            buy("-1"),
            failure(QuantityValid, Some("above 0, 0 decimals"), Some("-1")),
        ),
        (
            plain(),
            buy("1").at("100.001"),
            failure(PriceValid, Some("above 0, 2 decimals"), Some("100.001")),
        ),
        (
            account(|world| world.now = noon_plus(61)),
            buy("1"),
            failure(ReferenceFresh, Some("60"), Some("61")),
        ),
        (
            plain(),
            buy("1").at("110.01"),
            failure(PriceCollar, Some("0.1"), Some("0.1001")),
        ),
        (
            plain(),
            sell("1").at("89.99"),
            failure(PriceCollar, Some("0.1"), Some("0.1001")),
        ),
        (
            account(|world| world.limits.max_order_notional = Some(money("999.99"))),
            buy("10"),
            failure(MaxOrderNotional, Some("999.99"), Some("1000")),
        ),
        (
            account(|world| world.limits.max_position = Some(quantity("19"))),
            buy("10"),
            failure(MaxPosition, Some("19"), Some("20")),
        ),
        (
            plain(),
            sell("11"),
            failure(ShortSale, Some("10"), Some("11")),
        ),
        (
            plain(),
            buy("50"),
            failure(BuyingPower, Some("5000"), Some("5005")),
        ),
    ];
    for (given, command, expected) in cases {
        let code = expected.0;
        assert_eq!(failed(&given, command), [expected], "{code:?}");
    }
}

#[test]
fn an_instrument_that_is_not_listed_has_no_valid_quantity_or_price_either() {
    use CheckCode::*;
    let unlisted = account(|world| world.instrument = None);
    assert_eq!(
        failed(&unlisted, buy("1").at("100")),
        [
            failure(InstrumentListed, None, None),
            failure(QuantityValid, None, Some("1")),
            failure(PriceValid, None, Some("100")),
        ]
    );
}

#[test]
fn a_price_of_nothing_or_less_is_refused() {
    use CheckCode::*;
    for limit in ["0", "-100"] {
        let codes: Vec<_> = failed(&account(|_| ()), buy("1").at(limit))
            .into_iter()
            .map(|(code, ..)| code)
            .collect();
        assert_eq!(codes, [PriceValid, PriceCollar], "{limit}");
    }
}

#[test]
fn exactly_at_the_limit_passes() {
    let cases: Vec<(&str, Given, SubmitOrder)> = vec![
        ("age", account(|world| world.now = noon_plus(60)), buy("1")),
        ("collar above", account(|_| ()), buy("1").at("110")),
        ("collar below", account(|_| ()), sell("1").at("90")),
        (
            "notional",
            account(|world| world.limits.max_order_notional = Some(money("1000"))),
            buy("10"),
        ),
        (
            "position",
            account(|world| world.limits.max_position = Some(quantity("20"))),
            buy("10"),
        ),
        ("units held", account(|_| ()), sell("10")),
        ("cash", Given::cash("1001"), buy("10")),
    ];
    for (what, given, command) in cases {
        assert_eq!(failed(&given, command), [], "{what}");
    }
}

#[test]
fn a_limit_that_nobody_has_set_refuses() {
    use CheckCode::*;
    type Unset = fn(&mut World);
    let unset: [(Unset, Failed); 4] = [
        (
            |world| world.limits.reference_age_seconds_max = None,
            failure(ReferenceFresh, None, Some("0")),
        ),
        (
            |world| world.limits.price_collar = None,
            failure(PriceCollar, None, Some("market")),
        ),
        (
            |world| world.limits.max_order_notional = None,
            failure(MaxOrderNotional, None, Some("100")),
        ),
        (
            |world| world.limits.max_position = None,
            failure(MaxPosition, None, Some("11")),
        ),
    ];
    for (unset, expected) in unset {
        assert_eq!(failed(&account(unset), buy("1")), [expected]);
    }
}

#[test]
fn without_a_reference_price_everything_judged_by_it_fails() {
    use CheckCode::*;
    let unknown = account(|world| world.reference = None);
    assert_eq!(
        failed(&unknown, buy("1")),
        [
            failure(ReferenceFresh, Some("60"), None),
            failure(MaxOrderNotional, Some("10000"), None),
            failure(BuyingPower, Some("5000"), None),
        ]
    );
    assert_eq!(
        failed(&unknown, buy("1").at("100")),
        [
            failure(ReferenceFresh, Some("60"), None),
            failure(PriceCollar, Some("0.1"), None),
        ]
    );
    assert_eq!(
        failed(&unknown, sell("1").at("100")),
        [
            failure(ReferenceFresh, Some("60"), None),
            failure(PriceCollar, Some("0.1"), None),
        ]
    );
}

#[test]
fn a_reference_price_of_tomorrow_is_unknown_today() {
    let ahead = account(|world| world.now = noon_plus(-1));
    let expected = failure(CheckCode::ReferenceFresh, Some("60"), None);
    assert_eq!(failed(&ahead, buy("1")), [expected]);
}

#[test]
fn a_reference_price_of_zero_is_none_and_has_no_distance() {
    let zero = account(|world| {
        if let Some(mark) = &mut world.reference {
            mark.price = price("0");
        }
    });
    let expected = [
        failure(CheckCode::ReferenceFresh, Some("60"), None),
        failure(CheckCode::PriceCollar, Some("0.1"), None),
    ];
    assert_eq!(failed(&zero, buy("1").at("100")), expected);
}

#[test]
fn a_strategys_order_passes_once_it_is_started() {
    let started = account(|world| world.strategy_running = true);
    assert_eq!(failed(&started, buy("1").by("sma")), []);
}

#[test]
fn a_halt_stops_the_orders_in_its_scope_and_no_others() {
    let other_symbol = Symbol::new("MSFT").expect("a symbol");
    let other_venue = VenueId::new("alpaca").expect("a venue");
    let cases = [
        (HaltScope::Firm, "kill switch: firm", None),
        (
            HaltScope::Account(account_id("main")),
            "kill switch: account main",
            Some(HaltScope::Account(account_id("other"))),
        ),
        (
            HaltScope::Strategy(strategy_id("sma")),
            "kill switch: strategy sma",
            Some(HaltScope::Strategy(strategy_id("other"))),
        ),
        (
            HaltScope::Instrument(symbol("AAPL")),
            "kill switch: instrument AAPL",
            Some(HaltScope::Instrument(other_symbol)),
        ),
        (
            HaltScope::Venue(paper()),
            "kill switch: venue paper",
            Some(HaltScope::Venue(other_venue)),
        ),
    ];
    let order_under = |scope: HaltScope| {
        let given = account(|world| {
            world.strategy_running = true;
            world.halts = halted(scope);
        });
        failed(&given, buy("1").by("sma"))
    };
    for (scope, observed, elsewhere) in cases {
        let expected = failure(CheckCode::NoHalt, None, Some(observed));
        assert_eq!(order_under(scope), [expected]);
        if let Some(elsewhere) = elsewhere {
            assert_eq!(order_under(elsewhere), []);
        }
    }
}

#[test]
fn open_orders_count_towards_the_position_units_and_cash() {
    use CheckCode::*;
    let buying = account(|world| world.limits.max_position = Some(quantity("20")))
        .and(submit("o1", buy("6")));
    assert_eq!(failed(&buying, buy("4")), []);
    assert_eq!(
        failed(&buying, buy("5")),
        [failure(MaxPosition, Some("20"), Some("21"))]
    );

    let selling = account(|_| ()).and(submit("o1", sell("4")));
    assert_eq!(failed(&selling, sell("6")), []);
    assert_eq!(
        failed(&selling, sell("7")),
        [failure(ShortSale, Some("6"), Some("7"))]
    );

    // 40 shares hold back 4004 of 5000.
    let spending = account(|_| ()).and(submit("o1", buy("40")));
    assert_eq!(failed(&spending, buy("9")), []);
    assert_eq!(
        failed(&spending, buy("10")),
        [failure(BuyingPower, Some("996"), Some("1001"))]
    );
}

#[test]
fn a_short_position_is_measured_by_its_size() {
    let short = Given::cash("5000")
        .short("30", "100")
        .in_world(|world| world.limits.max_position = Some(quantity("20")));
    let expected = failure(CheckCode::MaxPosition, Some("20"), Some("25"));
    assert_eq!(failed(&short, buy("5")), [expected]);
    assert_eq!(failed(&short, buy("10")), []);
}
