//! When a bar is signalled, and how often; the order that follows from it.

use super::*;

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
