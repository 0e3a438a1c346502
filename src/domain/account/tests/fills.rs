//! Booking executions: cash, cost, realised profit, and what the order still holds back.

use crate::domain::account::{Account, Holding};
use crate::domain::tests::{
    Command, Given, buy, deposit, event_id, executed, fill, money, order_id, price, quantity,
    release, sell, submit, symbol,
};
use crate::events::Event;
use crate::events::catalogue::{FillBooked, Reservation, ReservationReleased};
use crate::values::{OrderId, Side};

fn booked(given: &Given, command: Command) -> FillBooked {
    match given.when(command).events().pop() {
        Some(Event::FillBooked(fill)) => fill,
        other => panic!("{other:?} in place of FillBooked"),
    }
}

fn held(cash: &str, units: &str) -> Reservation {
    Reservation {
        cash: money(cash),
        quantity: quantity(units),
    }
}

fn holding(account: &Account) -> Holding {
    account.holding(&symbol("AAPL"))
}

/// Cash, cost and realised profit that a fill brings.
fn effect(fill: &FillBooked) -> [String; 3] {
    [fill.cash_change, fill.cost_change, fill.realised_pnl].map(|amount| amount.to_string())
}

fn reserved_by(account: &Account, order: &str) -> Option<Reservation> {
    let open = account.open_orders.get(&order_id(order));
    open.map(|open| open.reservation)
}

#[test]
fn a_buy_pays_price_and_commission_and_adds_its_cost() {
    let account = Given::cash("5000").and(submit("o1", buy("10").at("99")));
    let part = executed("o1", Side::Buy, "4", "98.5", "6");
    account
        .when(Command::Fill(part.clone(), event_id(5)))
        .then(FillBooked {
            order_id: order_id("o1"),
            execution_id: part.execution_id,
            execution_event: event_id(5),
            symbol: symbol("AAPL"),
            side: Side::Buy,
            quantity: quantity("4"),
            price: price("98.5"),
            commission: money("0.01"),
            cash_change: money("-394.01"),
            quantity_change: quantity("4"),
            cost_change: money("394"),
            realised_pnl: money("0"),
            // 4/10 of 990.99, half to even.
            reservation_released: held("396.4", "0"),
            leaves_quantity: quantity("6"),
        });
    let account = account.and(fill("o1", Side::Buy, "4", "98.5", "6"));
    let state = account.account();
    assert_eq!(state.cash, money("4605.99"));
    assert_eq!(state.commission, money("0.01"));
    assert_eq!(
        holding(state),
        Holding {
            quantity: quantity("4"),
            cost: money("394")
        }
    );
    assert_eq!(state.reserved_cash, money("594.59"));
}

#[test]
fn partial_fills_release_their_share_and_the_last_one_the_rest() {
    // 3 x 95 x 1.001 = 285.285, half to even 285.28; thirds of it do not come out even.
    let account = Given::cash("5000").and(submit("o1", buy("3").at("95")));
    assert_eq!(
        reserved_by(account.account(), "o1"),
        Some(held("285.28", "0"))
    );
    let first = fill("o1", Side::Buy, "1", "95", "2");
    assert_eq!(
        booked(&account, first).reservation_released,
        held("95.09", "0")
    );
    let account = account.and(fill("o1", Side::Buy, "1", "95", "2"));
    // Half of the 190.19 that are left: 95.095, half to even 95.1.
    let account = account.and(fill("o1", Side::Buy, "1", "95", "1"));
    assert_eq!(
        reserved_by(account.account(), "o1"),
        Some(held("95.09", "0"))
    );
    let account = account.and(fill("o1", Side::Buy, "1", "95", "0"));
    assert_eq!(reserved_by(account.account(), "o1"), None);
    assert_eq!(account.account().reserved_cash, money("0"));
}

#[test]
fn a_sale_releases_the_units_it_sold() {
    let account = Given::cash("0")
        .holding("10", "90")
        .and(submit("o1", sell("8")));
    let account = account.and(fill("o1", Side::Sell, "3", "100", "5"));
    assert_eq!(reserved_by(account.account(), "o1"), Some(held("0", "5")));
    let last = fill("o1", Side::Sell, "5", "100", "0");
    assert_eq!(booked(&account, last).reservation_released, held("0", "5"));
}

#[test]
fn selling_a_part_takes_its_share_of_the_cost_and_realises_the_difference() {
    let account = Given::cash("1000").holding("10", "90");
    let sold = booked(&account, fill("o1", Side::Sell, "4", "100", "0"));
    // 4 x 100 - 0.01; 4/10 of 900; 400 - 360.
    assert_eq!(effect(&sold), ["399.99", "-360", "40"]);
    assert_eq!(sold.quantity_change, quantity("-4"));
}

#[test]
fn a_cost_that_cannot_be_split_evenly_loses_nothing() {
    let account = Given::cash("1000").holding("2", "2.5").holding("1", "5");
    assert_eq!(holding(account.account()).cost, money("10"));
    let account = account.and(fill("o1", Side::Sell, "1", "4", "2"));
    assert_eq!(holding(account.account()).cost, money("6.66666667"));
    let account = account.and(fill("o2", Side::Sell, "2", "4", "0"));
    assert_eq!(account.account().realised_pnl, money("2"));
    assert!(account.account().holdings.is_empty());
}

#[test]
fn selling_all_closes_the_position() {
    let account = Given::cash("1000").holding("10", "90");
    let account = account.and(fill("o1", Side::Sell, "10", "80", "0"));
    assert_eq!(account.account().realised_pnl, money("-100"));
    assert_eq!(account.account().cash, money("899.99"));
    assert!(account.account().holdings.is_empty());
}

#[test]
fn covering_a_short_position_realises_what_the_price_has_fallen() {
    let account = Given::cash("1000").short("10", "50");
    let state = account.account();
    assert_eq!(
        holding(state),
        Holding {
            quantity: quantity("-10"),
            cost: money("-500")
        }
    );
    let part = booked(&account, fill("o1", Side::Buy, "4", "40", "0"));
    assert_eq!(effect(&part), ["-160.01", "200", "40"]);
    let all = booked(&account, fill("o1", Side::Buy, "10", "60", "0"));
    assert_eq!(effect(&all), ["-600.01", "500", "-100"]);
}

#[test]
fn adding_to_a_short_position_realises_nothing() {
    let account = Given::cash("1000").short("10", "50");
    let more = booked(&account, fill("o1", Side::Sell, "2", "60", "0"));
    assert_eq!(effect(&more), ["119.99", "-120", "0"]);
}

#[test]
fn a_flip_through_zero_closes_all_and_opens_the_rest_at_the_new_price() {
    let short = Given::cash("1000").short("10", "50");
    let bought = booked(&short, fill("o1", Side::Buy, "15", "40", "0"));
    assert_eq!(effect(&bought), ["-600.01", "700", "100"]);
    let long = short.and(fill("o1", Side::Buy, "15", "40", "0"));
    let expected = Holding {
        quantity: quantity("5"),
        cost: money("200"),
    };
    assert_eq!(holding(long.account()), expected);

    let sold = booked(&long, fill("o2", Side::Sell, "8", "30", "0"));
    assert_eq!(effect(&sold), ["239.99", "-290", "-50"]);
    let short = long.and(fill("o2", Side::Sell, "8", "30", "0"));
    let expected = Holding {
        quantity: quantity("-3"),
        cost: money("-90"),
    };
    assert_eq!(holding(short.account()), expected);
}

#[test]
fn a_fill_after_the_order_had_ended_is_booked_and_releases_nothing() {
    let account = Given::cash("5000")
        .and(submit("o1", buy("10")))
        .and(submit("o2", buy("10")))
        .and(release("o1"));
    let late = booked(&account, fill("o1", Side::Buy, "4", "100", "0"));
    assert_eq!(late.cash_change, money("-400.01"));
    assert_eq!(late.reservation_released, Reservation::default());
    let account = account.and(fill("o1", Side::Buy, "4", "100", "0"));
    assert_eq!(
        account.account().reserved_cash,
        money("1001"),
        "of the other order"
    );
    assert_eq!(holding(account.account()).quantity, quantity("4"));
}

#[test]
fn an_execution_of_an_unknown_order_is_booked() {
    let account = Given::cash("100").and(fill("unknown", Side::Buy, "2", "10", "8"));
    assert_eq!(account.account().cash, money("79.99"));
    assert_eq!(holding(account.account()).quantity, quantity("2"));
    assert!(account.account().open_orders.is_empty());
}

#[test]
fn an_execution_beyond_the_money_there_is_is_booked() {
    let account = Given::cash("100").and(fill("o1", Side::Buy, "10", "100", "0"));
    assert_eq!(account.account().cash, money("-900.01"));
}

#[test]
fn an_execution_of_more_than_was_ordered_releases_all_and_no_more() {
    let account = Given::cash("5000").and(submit("o1", buy("10")));
    let account = account.and(fill("o1", Side::Buy, "12", "100", "0"));
    assert_eq!(account.account().reserved_cash, money("0"));
    assert_eq!(holding(account.account()).quantity, quantity("12"));
    assert_eq!(
        account.account().open_orders.keys().next(),
        None::<&OrderId>
    );
}

#[test]
fn an_execution_after_which_nothing_is_left_releases_all_whatever_its_size() {
    let account = Given::cash("5000").and(submit("o1", buy("10")));
    let account = account.and(fill("o1", Side::Buy, "4", "100", "0"));
    assert_eq!(account.account().reserved_cash, money("0"));
    assert!(account.account().open_orders.is_empty());
}

#[test]
fn what_is_released_is_what_is_left() {
    let account = Given::cash("5000").and(submit("o1", buy("10"))).and(fill(
        "o1",
        Side::Buy,
        "4",
        "100",
        "6",
    ));
    account.when(release("o1")).then(ReservationReleased {
        order_id: order_id("o1"),
        released: held("600.6", "0"),
        ended_by: event_id(3_000),
    });
    assert_eq!(
        account.and(release("o1")).account().reserved_cash,
        money("0")
    );
}

#[test]
fn equity_needs_a_price_for_every_position() {
    let account = Given::cash("1000").holding("2", "100").and(deposit("1"));
    let at = |text: &'static str| move |_: &_| Some(price(text));
    assert_eq!(account.account().equity(at("150")), Ok(Some(money("1101"))));
    assert_eq!(account.account().equity(|_| None), Ok(None));
    assert_eq!(
        Given::cash("7").account().equity(|_| None),
        Ok(Some(money("7")))
    );
}
