//! What one bar does to one order: a table, and what holds for every order and bar.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::super::PaperModel;
use super::super::matching::{Outcome, play, refusal};
use super::{bar, price, terms};
use crate::events::catalogue::market::Bar;
use crate::values::{OrderTerms, OrderType, Price, Quantity, Ratio, Side, TimeInForce};

/// Given an order and a bar of open, high, low: the outcome at no cost.
#[test]
fn one_order_against_one_bar() {
    let table: &[(&str, [&str; 3], &str)] = &[
        // A market order takes the open, whatever follows.
        ("buy 10 market day", ["10", "12", "9"], "fills at 10"),
        ("sell 10 market gtc", ["10", "12", "9"], "fills at 10"),
        // Opened at the limit or better: the open, which may be better than asked for.
        ("buy 10 10 day", ["10", "12", "9"], "fills at 10"),
        ("buy 10 11 day", ["10", "12", "10"], "fills at 10"),
        ("sell 10 10 day", ["10", "10", "9"], "fills at 10"),
        ("sell 10 9 gtc", ["10", "12", "9"], "fills at 10"),
        // Traded through later: the limit.
        ("buy 10 9.01 day", ["10", "12", "9"], "fills at 9.01"),
        ("sell 10 11.99 day", ["10", "12", "9"], "fills at 11.99"),
        // A touch is not through.
        ("buy 10 9 gtc", ["10", "12", "9"], "rests"),
        ("sell 10 12 gtc", ["10", "12", "9"], "rests"),
        ("buy 10 9 day", ["10", "12", "9"], "expires"),
        // Never reached.
        ("buy 10 8.99 gtc", ["10", "12", "9"], "rests"),
        ("sell 10 12.01 day", ["10", "12", "9"], "expires"),
    ];
    for (order, prices, expected) in table {
        let outcome = play(
            &terms(order),
            &bar("2000-03-01", *prices),
            &PaperModel::default(),
        );
        let said = match outcome {
            Outcome::Rests => "rests".to_owned(),
            Outcome::Expires => "expires".to_owned(),
            Outcome::Fills { price, .. } => format!("fills at {price}"),
            Outcome::Rejected { reason } => reason,
        };
        assert_eq!(&said, expected, "{order} against {prices:?}");
    }
}

#[test]
fn costs_are_rounded_half_to_even() {
    // 10.01 moved by 5 basis points is 10.015005 up and 10.004995 down.
    let model = PaperModel::new(5, "0.001".parse().expect("a rate")).expect("a model");
    let cases = [
        ("buy 100 market day", "10.015", "1"),
        ("sell 100 market day", "10.005", "1"),
        // Limit orders do not slip. 100 x 12.25 x 0.001 = 1.225 -> 1.22, 12.35 -> 1.235 -> 1.24.
        ("sell 100 12.25 day", "12.25", "1.22"),
        ("sell 100 12.35 day", "12.35", "1.24"),
    ];
    for (order, expected, cost) in cases {
        let outcome = play(
            &terms(order),
            &bar("2000-03-01", ["10.01", "13", "9"]),
            &model,
        );
        let fills = Outcome::Fills {
            price: price(expected),
            commission: cost.parse().expect("money"),
        };
        assert_eq!(outcome, fills, "{order}");
    }
}

#[test]
fn an_execution_that_cannot_be_priced_is_rejected_and_not_rounded() {
    let model = PaperModel::default();
    for order in [
        "buy 999999999999999 market day",
        "buy 0.000000000001 market gtc",
    ] {
        let outcome = play(
            &terms(order),
            &bar("2000-03-01", ["10.5", "13", "9"]),
            &model,
        );
        assert!(
            matches!(outcome, Outcome::Rejected { .. }),
            "{order}: {outcome:?}"
        );
    }
}

#[test]
fn terms_that_make_no_sense_are_refused() {
    for bad in [
        "buy 0 market day",
        "sell -1 market day",
        "buy 1 0 day",
        "buy 1 -2 gtc",
    ] {
        assert!(refusal(&terms(bad)).is_some(), "{bad}");
    }
    assert!(refusal(&terms("buy 999999999999999 10 day")).is_some());
    assert_eq!(refusal(&terms("buy 0.5 10.25 day")), None);
}

fn cents(cents: u32) -> Price {
    Price::new(Decimal::new(cents.into(), 2)).expect("a price")
}

prop_compose! {
    fn any_bar()(mut prices in prop::array::uniform4(1u32..2_000), swap in any::<bool>()) -> Bar {
        prices.sort_unstable();
        let [low, a, b, high] = prices.map(cents);
        let (open, close) = if swap { (a, b) } else { (b, a) };
        let date = "2000-03-01".parse().expect("a date");
        Bar { date, open, high, low, close, volume: 0 }
    }
}

prop_compose! {
    fn any_terms()(
        buys in any::<bool>(),
        quantity in 1u32..100_000,
        limit in prop::option::of(1u32..2_000),
        day in any::<bool>(),
    ) -> OrderTerms {
        OrderTerms {
            symbol: super::symbol("AAPL"),
            side: if buys { Side::Buy } else { Side::Sell },
            quantity: Quantity::new(Decimal::new(quantity.into(), 3)).expect("a quantity"),
            order_type: match limit {
                None => OrderType::Market,
                Some(limit) => OrderType::Limit { limit_price: cents(limit) },
            },
            time_in_force: if day { TimeInForce::Day } else { TimeInForce::Gtc },
        }
    }
}

fn no_worse(side: Side, price: Price, than: Price) -> bool {
    match side {
        Side::Buy => price <= than,
        Side::Sell => price >= than,
    }
}

proptest! {
    #[test]
    fn a_limit_is_never_filled_worse_nor_outside_the_bar(order in any_terms(), bar in any_bar()) {
        let outcome = play(&order, &bar, &PaperModel::default());
        if let Outcome::Fills { price, commission } = outcome {
            prop_assert!(bar.low <= price && price <= bar.high);
            prop_assert!(commission.is_zero());
            if let Some(limit) = order.order_type.limit_price() {
                prop_assert!(no_worse(order.side, price, limit));
            }
        }
    }

    #[test]
    fn a_market_order_always_fills_and_slips_only_against_itself(
        order in any_terms(), bar in any_bar(), slippage_bps in 0u32..1_000,
    ) {
        let order = OrderTerms { order_type: OrderType::Market, ..order };
        let rate: Ratio = "0.002".parse().expect("a rate");
        let model = PaperModel::new(slippage_bps, rate).expect("a model");
        match play(&order, &bar, &model) {
            Outcome::Fills { price, commission } => {
                prop_assert!(no_worse(order.side, bar.open, price));
                prop_assert!(!commission.is_negative() && commission.decimals() <= 2);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn a_day_order_never_rests_and_another_never_expires(order in any_terms(), bar in any_bar()) {
        let outcome = play(&order, &bar, &PaperModel::default());
        match order.time_in_force {
            TimeInForce::Day => prop_assert_ne!(outcome, Outcome::Rests),
            TimeInForce::Gtc => prop_assert_ne!(outcome, Outcome::Expires),
        }
    }

    #[test]
    fn who_asks_for_less_is_filled_whenever_who_asks_for_more_is(
        order in any_terms(), bar in any_bar(), more in 1u32..500, extra in 0u32..500,
    ) {
        let at = |limit| play(
            &OrderTerms { order_type: OrderType::Limit { limit_price: cents(limit) }, ..order.clone() },
            &bar,
            &PaperModel::default(),
        );
        let (greedy, modest) = match order.side {
            Side::Buy => (at(more), at(more + extra)),
            Side::Sell => (at(more + extra), at(more)),
        };
        if matches!(greedy, Outcome::Fills { .. }) {
            prop_assert!(matches!(modest, Outcome::Fills { .. }), "{:?}", modest);
        }
    }
}
