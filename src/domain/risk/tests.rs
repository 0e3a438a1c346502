//! Risk's book over a log: what it knows, what is still to be booked, and facts that arrive twice,
//! once looked ahead over and once from the feed.

use super::{LimitBook, Mark, RiskBook, UnbookedFact};
use crate::domain::tests::{
    Command, Given, Log, aapl, account_id, buy, deposit, executed, fill, limits, money, noon_plus,
    order_id, price, quantity, ratio, release, report, strategy_id, submit, symbol,
};
use crate::events::catalogue::{
    Bar, HaltMode, HaltScope, InstrumentListed, KillSwitchEngaged, KillSwitchReleased, LimitScope,
    OrderCanceled, OrderExpired, OrderRejected, Origin, PriceMarked, RiskLimits, RiskLimitsChanged,
    StrategyStarted,
};
use crate::events::{Event, Recorded};
use crate::values::{EventId, Side, StreamName, Version};

/// A book over a log of which account `main` is folded twice: here and by the harness.
struct Desk {
    log: Log,
    book: RiskBook,
    given: Given,
}

impl Desk {
    /// Account `main` with 10000 and order `o1` to buy 10 at 100.
    fn with_an_open_order() -> Self {
        let mut desk = Self {
            log: Log::default(),
            book: RiskBook::default(),
            given: Given::cash("10000"),
        };
        for event in desk.given.events.clone() {
            desk.feed(&main_stream(), event);
        }
        desk.account(submit("o1", buy("10")));
        desk
    }

    /// Decides, records and folds.
    fn account(&mut self, command: Command) {
        for recorded in self.decide(command) {
            self.book.apply(&recorded).expect("folded");
        }
    }

    /// Decides and records; the facts are still to come from the feed.
    fn decide(&mut self, command: Command) -> Vec<Recorded> {
        let events = self.given.when(command).events();
        for event in &events {
            self.given.fold(event.clone());
        }
        let recorded = events
            .into_iter()
            .map(|event| self.log.record(&main_stream(), event));
        recorded.collect()
    }

    fn feed(&mut self, stream: &StreamName, event: impl Into<Event>) -> EventId {
        let recorded = self.log.record(stream, event);
        self.book.apply(&recorded).expect("folded");
        recorded.envelope.event_id
    }

    /// The venue executes `units` of o1 at 100.
    fn executed(&mut self, units: &str, leaves: &str) -> EventId {
        let executed = executed("o1", Side::Buy, units, "100", leaves);
        self.feed(&order_stream(), executed)
    }

    fn canceled(&mut self) -> EventId {
        self.feed(
            &order_stream(),
            OrderCanceled {
                order_id: order_id("o1"),
                account: account_id("main"),
                origin: Origin::Gateway,
            },
        )
    }
}

fn main_stream() -> StreamName {
    StreamName::account(&account_id("main"))
}

fn order_stream() -> StreamName {
    StreamName::order(&order_id("o1"))
}

/// The booking of execution `event`.
fn booking(event: EventId, units: &str, leaves: &str) -> Command {
    Command::Fill(executed("o1", Side::Buy, units, "100", leaves), event)
}

fn look_ahead(book: &mut RiskBook, recorded: &Recorded) {
    let envelope = &recorded.envelope;
    book.apply_ahead(&envelope.stream, envelope.version, &envelope.event)
        .expect("folded");
}

#[test]
fn a_look_ahead_and_the_feed_count_once() {
    let mut desk = Desk::with_an_open_order();
    let recorded = desk.decide(deposit("5"));
    look_ahead(&mut desk.book, &recorded[0]);
    let main = account_id("main");
    assert_eq!(desk.book.accounts[&main].cash, money("10005"));
    let before = desk.book.folded_to;
    desk.book.apply(&recorded[0]).expect("folded");
    assert_eq!(desk.book.accounts[&main].cash, money("10005"));
    assert_eq!(&desk.book.accounts[&main], desk.given.account());
    assert_eq!(desk.book.folded_to, before.next());
}

#[test]
fn an_old_fact_from_the_feed_does_not_undo_later_look_aheads() {
    let mut desk = Desk::with_an_open_order();
    let queued = [
        desk.decide(deposit("5")),
        desk.decide(submit("o2", buy("1"))),
    ]
    .concat();
    for recorded in &queued {
        look_ahead(&mut desk.book, recorded);
    }
    for recorded in &queued {
        desk.book.apply(recorded).expect("folded");
        assert_eq!(
            &desk.book.accounts[&account_id("main")],
            desk.given.account()
        );
    }
}

#[test]
fn what_the_venue_did_is_taken_once_and_in_order() {
    let mut desk = Desk::with_an_open_order();
    let first = desk.executed("4", "6");
    let second = desk.executed("1", "5");
    let end = desk.canceled();
    let mut taken = Vec::new();
    while let Some(fact) = desk.book.take_unbooked() {
        assert_eq!(fact.account(), &account_id("main"));
        taken.push(fact);
    }
    let ids: Vec<EventId> = taken.iter().map(UnbookedFact::event_id).collect();
    assert_eq!(ids, [first, second, end]);
    assert!(matches!(&taken[0], UnbookedFact::Executed { executed, .. }
        if executed.quantity == quantity("4")));
    assert!(matches!(&taken[2], UnbookedFact::Ended { order_id, .. }
        if order_id.as_str() == "o1"));
    assert!(!desk.book.has_unbooked());
}

#[test]
fn what_is_on_the_account_is_not_booked_again_after_a_restart() {
    let mut desk = Desk::with_an_open_order();
    let first = desk.executed("4", "6");
    let second = desk.executed("1", "5");
    desk.account(booking(first, "4", "6"));
    assert_eq!(
        desk.book.take_unbooked().map(|fact| fact.event_id()),
        Some(second)
    );
    assert!(!desk.book.has_unbooked());
}

#[test]
fn a_booking_looked_ahead_over_counts_as_booked() {
    let mut desk = Desk::with_an_open_order();
    let executed = desk.executed("4", "6");
    let recorded = desk.decide(booking(executed, "4", "6"));
    look_ahead(&mut desk.book, &recorded[0]);
    assert!(!desk.book.has_unbooked());
}

#[test]
fn an_end_is_booked_once_for_each_way_an_order_can_end() {
    let (order, account) = (order_id("o1"), account_id("main"));
    let ends: [Event; 3] = [
        OrderCanceled {
            order_id: order.clone(),
            account: account.clone(),
            origin: Origin::Gateway,
        }
        .into(),
        OrderExpired {
            order_id: order.clone(),
            account: account.clone(),
            report: report(1),
        }
        .into(),
        OrderRejected {
            order_id: order,
            account,
            origin: Origin::Gateway,
            reason: String::new(),
        }
        .into(),
    ];
    for end in ends {
        let mut desk = Desk::with_an_open_order();
        let ended_by = desk.feed(&order_stream(), end.clone());
        assert!(desk.book.has_unbooked(), "{end:?}");
        desk.account(Command::Release(order_id("o1"), ended_by));
        assert!(!desk.book.has_unbooked(), "{end:?}");
        // Nothing is held back any more, so another end of it frees nothing.
        desk.feed(&order_stream(), end);
        assert!(!desk.book.has_unbooked());
    }
}

#[test]
fn a_release_for_another_end_leaves_this_one_to_be_booked() {
    let mut desk = Desk::with_an_open_order();
    let executed = desk.executed("4", "6");
    desk.account(release("o1"));
    assert_eq!(
        desk.book.take_unbooked().map(|fact| fact.event_id()),
        Some(executed)
    );
}

#[test]
fn an_order_filled_to_the_last_unit_has_nothing_to_release() {
    let mut desk = Desk::with_an_open_order();
    desk.account(fill("o1", Side::Buy, "10", "100", "0"));
    desk.canceled();
    assert!(!desk.book.has_unbooked());
}

fn changed(scope: LimitScope, after: RiskLimits) -> RiskLimitsChanged {
    RiskLimitsChanged {
        scope,
        before: None,
        after,
        reason: String::new(),
    }
}

#[test]
fn limits_are_folded_once_and_the_tightest_binds() {
    let mut desk = Desk::with_an_open_order();
    let tight = RiskLimits {
        max_position: Some(quantity("5")),
        ..RiskLimits::default()
    };
    let own = LimitScope::Account(account_id("main"));
    desk.feed(
        &LimitScope::Firm.stream(),
        changed(LimitScope::Firm, limits()),
    );
    let recorded = desk
        .log
        .record(&own.stream(), changed(own.clone(), tight.clone()));
    look_ahead(&mut desk.book, &recorded);
    assert_eq!(desk.book.limits.version(&own), Version::new(1));
    let expected = RiskLimits {
        max_position: Some(quantity("5")),
        ..limits()
    };
    assert_eq!(desk.book.limits.effective(&account_id("main")), expected);
    // Changed again before the first change has come back: the later one stands.
    let loose = desk
        .log
        .record(&own.stream(), changed(own.clone(), limits()));
    look_ahead(&mut desk.book, &loose);
    let after: LimitBook = desk.book.limits.clone();
    for recorded in [&recorded, &loose] {
        desk.book.apply(recorded).expect("folded");
        assert_eq!(desk.book.limits, after);
    }
    assert_eq!(desk.book.limits.effective(&account_id("main")), limits());
}

#[test]
fn a_halt_acts_before_it_is_durable_and_its_release_only_after() {
    let mut desk = Desk::with_an_open_order();
    let scope = HaltScope::Firm;
    let engaged = KillSwitchEngaged {
        scope: scope.clone(),
        mode: HaltMode::Halt,
        cause: String::new(),
    };
    let engaged = desk.log.record(&StreamName::halts(), engaged);
    look_ahead(&mut desk.book, &engaged);
    assert!(desk.book.halts.engaged.contains_key(&scope));
    desk.book.apply(&engaged).expect("folded");
    let released = KillSwitchReleased {
        scope: scope.clone(),
        cause: String::new(),
    };
    let released = desk.log.record(&StreamName::halts(), released);
    look_ahead(&mut desk.book, &released);
    assert!(desk.book.halts.engaged.contains_key(&scope));
    assert_eq!(desk.book.halts.version, Version::new(2));
    desk.book.apply(&released).expect("folded");
    assert!(desk.book.halts.engaged.is_empty());
}

#[test]
fn a_decision_rests_on_the_last_price_the_instrument_and_a_started_strategy() {
    let mut desk = Desk::with_an_open_order();
    let order = buy("1").by("sma");
    let rate = ratio("0.001");
    let unknown = desk.book.context(&order, rate, noon_plus(0));
    assert_eq!((unknown.instrument, unknown.reference), (None, None));
    assert!(!unknown.strategy_running);

    let listed = InstrumentListed { instrument: aapl() };
    desk.feed(&StreamName::instrument(&symbol("AAPL")), listed);
    for (seconds, close) in [(10, "101"), (20, "102")] {
        desk.log.now = noon_plus(seconds);
        desk.feed(&StreamName::market(&symbol("AAPL")), marked(close));
    }
    desk.feed(
        &StreamName::strategy(&strategy_id("other")),
        StrategyStarted {},
    );
    assert!(
        !desk
            .book
            .context(&order, rate, noon_plus(0))
            .strategy_running
    );
    desk.feed(
        &StreamName::strategy(&strategy_id("sma")),
        StrategyStarted {},
    );

    let known = desk.book.context(&order, rate, noon_plus(30));
    let mark = Mark {
        price: price("102"),
        at: noon_plus(20),
    };
    assert_eq!(
        (known.instrument, known.reference),
        (Some(&aapl()), Some(mark))
    );
    assert!(known.strategy_running);
    assert_eq!((known.now, known.commission_rate), (noon_plus(30), rate));
    assert!(
        !desk
            .book
            .context(&buy("1"), rate, noon_plus(0))
            .strategy_running
    );
}

fn marked(close: &str) -> PriceMarked {
    let close = price(close);
    PriceMarked {
        symbol: symbol("AAPL"),
        bar: Bar {
            date: "2000-03-01".parse().expect("a date"),
            open: close,
            high: close,
            low: close,
            close,
            volume: 1,
        },
        source: "test".to_owned(),
        row: 1,
    }
}

#[test]
fn a_name_is_taken_by_an_account_that_has_it() {
    let desk = Desk::with_an_open_order();
    assert!(desk.book.name_taken("Main"));
    assert!(!desk.book.name_taken("main"));
}

#[test]
fn a_log_that_cannot_be_says_where() {
    let mut log = Log::default();
    let deposited = Given::cash("1").events.pop().expect("a deposit");
    let error = RiskBook::default().apply(&log.record(&main_stream(), deposited));
    assert_eq!(
        error.expect_err("no account").to_string(),
        "folding position 1 of account-main: CashDeposited before the account was opened"
    );
}
