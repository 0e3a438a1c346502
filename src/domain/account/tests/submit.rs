//! Approval and refusal: what is recorded, and what is held back.

use crate::domain::account::SubmitOrder;
use crate::domain::tests::{
    Given, account_id, buy, client_order_id, money, noon_plus, order_id, paper, price, quantity,
    release, sell, submit, symbol,
};
use crate::events::Event;
use crate::events::catalogue::{
    Check, CheckCode, OrderApproved, OrderRefused, OrderSubmitted, Reservation, Verdict,
};
use crate::values::{OrderId, Position, Side};

fn decided(given: &Given, command: SubmitOrder) -> (OrderSubmitted, Event) {
    let mut events = given.when(submit("o1", command)).events();
    assert_eq!(events.len(), 2, "{events:?}");
    let decision = events.remove(1);
    match events.remove(0) {
        Event::OrderSubmitted(submitted) => (submitted, decision),
        other => panic!("{other:?} in place of OrderSubmitted"),
    }
}

fn approved(given: &Given, command: SubmitOrder) -> OrderApproved {
    match decided(given, command).1 {
        Event::OrderApproved(approved) => approved,
        other => panic!("not approved: {other:?}"),
    }
}

fn refused(given: &Given, command: SubmitOrder) -> OrderRefused {
    match decided(given, command).1 {
        Event::OrderRefused(refused) => refused,
        other => panic!("not refused: {other:?}"),
    }
}

fn passed(code: CheckCode, limit: Option<&str>, observed: Option<&str>) -> Check {
    Check {
        code,
        verdict: Verdict::Passed,
        limit: limit.map(str::to_owned),
        observed: observed.map(str::to_owned),
    }
}

#[test]
fn an_approval_records_every_check_in_order_with_limit_and_observed() {
    let command = buy("10").at("101.5");
    let (submitted, _) = decided(&Given::cash("5000"), command.clone());
    assert_eq!(
        submitted,
        OrderSubmitted {
            order_id: order_id("o1"),
            client_order_id: client_order_id("o1"),
            ordinal: 1,
            terms: command.terms.clone(),
            venue: paper(),
            strategy: None,
        }
    );
    use CheckCode::*;
    assert_eq!(
        approved(&Given::cash("5000"), command.clone()),
        OrderApproved {
            order_id: order_id("o1"),
            client_order_id: client_order_id("o1"),
            account: account_id("main"),
            terms: command.terms,
            venue: paper(),
            strategy: None,
            checks: vec![
                passed(AccountOpen, None, Some("Main")),
                passed(NoHalt, None, None),
                passed(StrategyRunning, None, None),
                passed(InstrumentListed, None, Some("AAPL")),
                passed(QuantityValid, Some("above 0, 0 decimals"), Some("10")),
                passed(PriceValid, Some("above 0, 2 decimals"), Some("101.5")),
                passed(ReferenceFresh, Some("60"), Some("0")),
                passed(PriceCollar, Some("0.1"), Some("0.015")),
                passed(MaxOrderNotional, Some("10000"), Some("1015")),
                passed(MaxPosition, Some("1000"), Some("10")),
                passed(ShortSale, None, Some("buy")),
                passed(BuyingPower, Some("5000"), Some("1016.02")),
            ],
            // 1015 x 1.001 = 1016.015, half to even.
            reservation: Reservation {
                cash: money("1016.02"),
                quantity: quantity("0"),
            },
            reference_price: price("100"),
            decided_at: Position::new(41),
        }
    );
}

#[test]
fn a_buy_holds_back_its_notional_and_commission_half_to_even() {
    // Quantity, limit price, quantity x price x 1.001 to the cent.
    let cases = [
        ("1", "95", "95.1"),   // 95.095: the even one is above
        ("1", "105", "105.1"), // 105.105: the even one is below
        ("3", "99.99", "300.27"),
        ("7", "100", "700.7"),
    ];
    for (units, limit, cash) in cases {
        let approved = approved(&Given::cash("5000"), buy(units).at(limit));
        assert_eq!(approved.reservation.cash, money(cash), "{units} at {limit}");
        assert_eq!(approved.reservation.quantity, quantity("0"));
    }
}

#[test]
fn a_market_order_is_judged_at_the_reference_price() {
    let approved = approved(&Given::cash("5000"), buy("10"));
    assert_eq!(approved.reservation.cash, money("1001"));
    assert_eq!(approved.reference_price, price("100"));
    let texts = |code| {
        let check = approved.checks.iter().find(|check| check.code == code);
        check.map(|check| (check.limit.as_deref(), check.observed.as_deref()))
    };
    let decimals = Some("above 0, 2 decimals");
    assert_eq!(
        texts(CheckCode::PriceValid),
        Some((decimals, Some("market")))
    );
    assert_eq!(
        texts(CheckCode::PriceCollar),
        Some((Some("0.1"), Some("market")))
    );
    assert_eq!(
        texts(CheckCode::MaxOrderNotional),
        Some((Some("10000"), Some("1000")))
    );
}

#[test]
fn a_sell_holds_back_its_units() {
    let approved = approved(&Given::cash("0").holding("10", "90"), sell("4"));
    let expected = Reservation {
        cash: money("0"),
        quantity: quantity("4"),
    };
    assert_eq!(approved.reservation, expected);
}

#[test]
fn the_clients_own_order_id_is_kept() {
    let mut command = buy("1");
    command.client_order_id = Some(client_order_id("mine"));
    let account = Given::cash("5000");
    assert_eq!(
        decided(&account, command.clone())
            .0
            .client_order_id
            .as_str(),
        "mine"
    );
    assert_eq!(approved(&account, command).client_order_id.as_str(), "mine");
}

#[test]
fn ordinals_count_refused_orders_too() {
    let account = Given::cash("5000")
        .and(submit("o1", buy("1")))
        .and(submit("o2", sell("1")))
        .and(submit("o3", buy("1")));
    let ordinals = |account: &Given| -> Vec<u64> {
        let orders = account.account().open_orders.values();
        orders.map(|order| order.ordinal).collect()
    };
    assert_eq!(ordinals(&account), [1, 3]);
    assert_eq!(account.account().last_ordinal, 3);
}

#[test]
fn an_approved_order_is_open_and_reserved_until_released_once() {
    let account = Given::cash("5000")
        .and(submit("o1", buy("10")))
        .and(submit("o2", buy("5")));
    assert_eq!(account.account().reserved_cash, money("1501.5"));
    assert_eq!(account.account().available_cash(), Ok(money("3498.5")));
    assert_eq!(
        account
            .account()
            .open_orders
            .leaves(&symbol("AAPL"), Side::Buy),
        quantity("15")
    );
    let account = account.and(release("o1"));
    assert_eq!(account.account().reserved_cash, money("500.5"));
    let open: Vec<&OrderId> = account.account().open_orders.keys().collect();
    assert_eq!(open, [&order_id("o2")]);
    account.when(release("o1")).then_nothing();
    account.when(release("unknown")).then_nothing();
}

#[test]
fn a_refused_order_reserves_nothing_and_is_not_open() {
    let account = Given::cash("5000").and(submit("o1", sell("1")));
    assert_eq!(account.account().reserved_cash, money("0"));
    assert!(account.account().open_orders.is_empty());
}

#[test]
fn every_check_is_evaluated_and_the_first_that_failed_gives_the_code() {
    let account = Given::cash("100").in_world(|world| {
        world.limits.max_position = None;
        world.now = noon_plus(61);
    });
    let refused = refused(&account, buy("1.5").at("200"));
    let verdicts: Vec<_> = refused
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Failed)
        .map(|check| check.code)
        .collect();
    use CheckCode::*;
    assert_eq!(
        verdicts,
        [
            QuantityValid,
            ReferenceFresh,
            PriceCollar,
            MaxPosition,
            BuyingPower
        ]
    );
    assert_eq!(refused.checks.len(), 12);
    assert_eq!(refused.code, QuantityValid);
    assert_eq!(refused.decided_at, Position::new(41));
}

#[test]
fn amounts_out_of_range_refuse() {
    let account = Given::cash("5000").in_world(|world| {
        world.instrument.as_mut().expect("listed").quantity_decimals = 12;
        world.limits.max_position = Some(quantity("999999999999999"));
    });
    let refused = refused(&account, buy("99999999999999").at("99.99"));
    let failed: Vec<_> = refused
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Failed)
        .map(|check| (check.code, check.observed.as_deref()))
        .collect();
    assert_eq!(
        failed,
        [
            (CheckCode::MaxOrderNotional, None),
            (CheckCode::BuyingPower, None)
        ]
    );
}
