//! Laws that hold after every step of any history: random deposits, orders, partial fills,
//! cancels and fills that come too late.

use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::domain::account::Account;
use crate::domain::tests::{
    Command, Given, buy, deposit, event_id, executed, order_id, release, sell, submit, symbol,
};
use crate::events::Event;
use crate::values::{Money, Quantity, Side, Version};

#[derive(Debug, Clone)]
enum Step {
    Deposit {
        cents: i64,
    },
    Submit {
        side: Side,
        units: i64,
        limit_cents: i64,
    },
    /// An execution of the open order number `order`, of all that is left or of less.
    Fill {
        order: usize,
        units: i64,
        price_cents: i64,
    },
    End {
        order: usize,
    },
    /// An execution of an order that had ended.
    LateFill {
        side: Side,
        units: i64,
        price_cents: i64,
    },
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn step() -> impl Strategy<Value = Step> {
    let (units, cents) = (1..40i64, 9_000..11_000i64);
    prop_oneof![
        1 => (1..1_000_000i64).prop_map(|cents| Step::Deposit { cents }),
        4 => (side(), units.clone(), cents.clone())
            .prop_map(|(side, units, limit_cents)| Step::Submit { side, units, limit_cents }),
        6 => (any::<usize>(), units.clone(), cents.clone())
            .prop_map(|(order, units, price_cents)| Step::Fill { order, units, price_cents }),
        2 => any::<usize>().prop_map(|order| Step::End { order }),
        1 => (side(), units, cents)
            .prop_map(|(side, units, price_cents)| Step::LateFill { side, units, price_cents }),
    ]
}

fn cents(cents: i64) -> String {
    Decimal::new(cents, 2).to_string()
}

/// The open order that an arbitrary number points at.
fn pick(account: &Account, number: usize) -> Option<(String, Side, Quantity)> {
    let count = account.open_orders.len();
    let (id, order) = account.open_orders.iter().nth(number.checked_rem(count)?)?;
    Some((id.to_string(), order.terms.side, order.leaves_quantity))
}

/// What `step` asks of the account; `None` where it points at nothing.
fn command(account: &Account, number: usize, step: &Step) -> Option<Command> {
    Some(match *step {
        Step::Deposit { cents: amount } => deposit(&cents(amount)),
        Step::Submit {
            side,
            units,
            limit_cents,
        } => {
            let units = units.to_string();
            let order = match side {
                Side::Buy => buy(&units),
                Side::Sell => sell(&units),
            };
            submit(&format!("o{number}"), order.at(&cents(limit_cents)))
        }
        Step::Fill {
            order,
            units,
            price_cents,
        } => {
            let (id, side, leaves) = pick(account, order)?;
            let units = Quantity::new(units.into()).ok()?.min(leaves);
            let left = leaves.checked_sub(units).ok()?.to_string();
            execution(&id, side, &units.to_string(), price_cents, &left)
        }
        Step::End { order } => release(&pick(account, order)?.0),
        Step::LateFill {
            side,
            units,
            price_cents,
        } => execution("ended", side, &units.to_string(), price_cents, "0"),
    })
}

/// An execution with an odd commission.
fn execution(id: &str, side: Side, units: &str, price_cents: i64, leaves: &str) -> Command {
    let mut executed = executed(id, side, units, &cents(price_cents), leaves);
    executed.commission = Money::new(Decimal::new(price_cents, 5)).expect("a commission");
    Command::Fill(executed, event_id(9))
}

fn sum<'a>(amounts: impl Iterator<Item = &'a Money>) -> Decimal {
    amounts.map(|amount| amount.decimal()).sum()
}

fn holds_the_laws(given: &Given) -> Result<(), TestCaseError> {
    let account = given.account();
    let cost = sum(account.holdings.values().map(|holding| &holding.cost));
    prop_assert_eq!(
        account.cash.decimal() + cost,
        account.deposited.decimal() + account.realised_pnl.decimal() - account.commission.decimal(),
        "cash and cost are what came in"
    );
    let open = || account.open_orders.values();
    prop_assert_eq!(
        account.reserved_cash.decimal(),
        sum(open().map(|order| &order.reservation.cash)),
        "reserved is what the open orders hold back"
    );
    for order in open() {
        prop_assert!(!order.reservation.cash.is_negative(), "{order:?}");
        prop_assert!(!order.reservation.quantity.is_negative(), "{order:?}");
        prop_assert!(order.leaves_quantity.is_positive(), "{order:?}");
        let units = match order.terms.side {
            Side::Buy => Quantity::ZERO,
            Side::Sell => order.leaves_quantity,
        };
        prop_assert_eq!(order.reservation.quantity, units);
    }
    for side in [Side::Buy, Side::Sell] {
        let on_side = open().filter(|order| order.terms.side == side);
        let leaves: Decimal = on_side.map(|order| order.leaves_quantity.decimal()).sum();
        prop_assert_eq!(
            account.open_orders.leaves(&symbol("AAPL"), side).decimal(),
            leaves,
            "the totals are the sums"
        );
    }
    let filled: Decimal = given.events.iter().map(signed_units).sum();
    prop_assert_eq!(account.holding(&symbol("AAPL")).quantity.decimal(), filled);
    prop_assert!(
        account
            .holdings
            .values()
            .all(|held| !held.quantity.is_zero())
    );
    Ok(())
}

/// Units that a fill adds to the position, from what the venue said alone.
fn signed_units(event: &Event) -> Decimal {
    match event {
        Event::FillBooked(fill) if fill.side == Side::Buy => fill.quantity.decimal(),
        Event::FillBooked(fill) => -fill.quantity.decimal(),
        _ => Decimal::ZERO,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_books_balance_after_every_step(steps in prop::collection::vec(step(), 1..60)) {
        let mut given = Given::cash("20000").holding("50", "100");
        for (number, step) in steps.iter().enumerate() {
            if let Some(command) = command(given.account(), number, step) {
                given = given.and(command);
            }
            holds_the_laws(&given)?;
        }
        let open: Vec<String> = given.account().open_orders.keys().map(|id| id.to_string()).collect();
        for id in open {
            given = given.and(release(&id));
            holds_the_laws(&given)?;
            prop_assert!(!given.account().open_orders.contains_key(&order_id(&id)));
        }
        prop_assert_eq!(given.account().reserved_cash, Money::ZERO);
        prop_assert_eq!(folded_at_once(&given.events), given.account);
    }
}

/// Through the written form, as after a restart.
fn folded_at_once(events: &[Event]) -> Option<Account> {
    let numbered = events.iter().zip(1..);
    numbered.fold(None, |account, (event, version)| {
        let written = serde_json::value::to_raw_value(event).expect("a payload");
        let read = Event::read(event.name(), event.schema_version(), &written).expect("an event");
        Account::apply(account, Version::new(version), &read).ok()
    })
}
