//! What the read models say of executions, signals, strategies and kill switches.

use blotter::events::catalogue::*;
use blotter::projections::executions::ExecutionFilter;
use blotter::projections::signals::SignalFilter;
use blotter::projections::strategies::StrategyStatus;
use blotter::projections::{audit, executions, kill_switches, positions, signals, strategies};
use blotter::values::*;

use crate::bench::Bench;
use crate::log::{Log, rule, run, v};
use crate::story::story;

#[test]
fn an_execution_knows_its_account_and_the_strategy_of_its_order() {
    run(async {
        let log = story(1).await;
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        let filter = ExecutionFilter {
            account: Some(v("alpha")),
            ..ExecutionFilter::default()
        };
        let page = executions::page(&views, &filter, 10).await.expect("asked");
        let ids: Vec<_> = page.iter().map(|row| row.execution_id.as_str()).collect();
        assert_eq!(ids, ["execution-filled0-10", "execution-filled0-4"]);
        let first = &page[1];
        assert_eq!(first.order_id.as_str(), "filled0");
        assert_eq!(first.strategy, Some(v("sma-1")));
        assert_eq!((first.symbol.as_str(), first.side), ("AAPL", Side::Buy));
        assert_eq!((first.quantity, first.price), (v("4"), v("4.9")));
        assert_eq!(
            (first.commission, first.cash_change),
            (v("0.5"), v("-20.1"))
        );
        assert_eq!(
            (first.realised_pnl, first.leaves_quantity),
            (v("0"), v("6"))
        );
        let recorded = &log.feed().at(&[first.position]).await.expect("there")[0];
        assert_eq!(first.time, recorded.envelope.meta.occurred_at);
        assert_eq!(recorded.event().name(), "FillBooked");
    });
}

#[test]
fn an_execution_of_an_order_that_no_strategy_sent_has_none() {
    run(async {
        let mut log = Log::new().await;
        log.open_account("alpha", "1000").await;
        log.book("alpha", "by-hand", 4, "5", 4).await;
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        let all = ExecutionFilter::default();
        let page = executions::page(&views, &all, 10).await.expect("asked");
        assert_eq!((page.len(), &page[0].strategy), (1, &None));
    });
}

#[test]
fn executions_are_paged_newest_first_under_every_filter() {
    run(async {
        let bench = Bench::new();
        let views = bench.folded(story(3).await.feed()).await;
        let mut filter = ExecutionFilter {
            symbol: Some(v("AAPL")),
            ..ExecutionFilter::default()
        };
        let mut seen = Vec::new();
        loop {
            let page = executions::page(&views, &filter, 2).await.expect("asked");
            let Some(last) = page.last() else { break };
            filter.before = Some(last.position);
            seen.extend(page.into_iter().map(|row| row.position));
        }
        assert_eq!(seen.len(), 9);
        assert!(seen.is_sorted_by(|newer, older| newer > older));
        let of_order = ExecutionFilter {
            order_id: Some(v("canceled2")),
            ..ExecutionFilter::default()
        };
        let page = executions::page(&views, &of_order, 10)
            .await
            .expect("asked");
        assert_eq!((page.len(), page[0].account.as_str()), (1, "beta"));
        let elsewhere = ExecutionFilter {
            symbol: Some(v("MSFT")),
            ..ExecutionFilter::default()
        };
        let page = executions::page(&views, &elsewhere, 10).await;
        assert_eq!(page.expect("asked"), []);
    });
}

#[test]
fn a_signal_says_what_became_of_it() {
    run(async {
        let bench = Bench::new();
        let views = bench.folded(story(2).await.feed()).await;
        let all = SignalFilter::default();
        let page = signals::page(&views, &all, 3).await.expect("asked");
        let actions: Vec<_> = page.iter().map(|row| row.action.clone()).collect();
        let sent = |round: &str| SignalAction::Order {
            command_id: v(&format!("command{round}")),
            client_order_id: v(&format!("client-filled{round}")),
            quantity: v("10"),
        };
        let reason = "nothing is held".to_owned();
        assert_eq!(
            actions,
            [sent("1"), SignalAction::None { reason }, sent("0")]
        );
        let newest = &page[0];
        assert_eq!(newest.strategy.as_str(), "sma-1");
        assert_eq!((newest.symbol.as_str(), newest.side), ("AAPL", Side::Buy));
        assert_eq!((newest.bar, newest.price), (v("2020-01-02"), v("5.5")));
        assert_eq!(newest.confidence, v("0.0125"));
        let rest = SignalFilter {
            symbol: Some(v("MSFT")),
            strategy: Some(v("sma-1")),
            before: Some(page[1].position),
        };
        assert_eq!(
            signals::page(&views, &rest, 9).await.expect("asked").len(),
            1
        );
        let other = SignalFilter {
            strategy: Some(v("sma-2")),
            ..all
        };
        assert_eq!(signals::page(&views, &other, 9).await.expect("asked"), []);
    });
}

#[test]
fn a_strategy_is_registered_then_approved_then_running() {
    run(async {
        let mut log = Log::new().await;
        for strategy in ["a", "b", "c"] {
            log.register(strategy).await;
        }
        for strategy in ["b", "c"] {
            let reason = "looks fine".to_owned();
            log.strategy(strategy, StrategyApproved { reason }).await;
        }
        log.strategy("c", StrategyStarted {}).await;
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        let all = strategies::page(&views, None, 10).await.expect("asked");
        let found: Vec<_> = all
            .iter()
            .map(|row| (row.status, row.position.get()))
            .collect();
        let expected = [
            (StrategyStatus::Registered, 1),
            (StrategyStatus::Approved, 4),
            (StrategyStatus::Running, 6),
        ];
        assert_eq!(found, expected);
        let first = &all[0];
        assert_eq!((first.name.as_str(), &first.rule), ("a by hand", &rule()));
        assert_eq!(
            (first.account.as_str(), first.venue.as_str()),
            ("alpha", "paper")
        );
        assert_eq!(first.symbols, [v("AAPL"), v("MSFT")]);
        let rest = strategies::page(&views, Some(&v("a")), 1).await;
        assert_eq!(rest.expect("asked"), all[1..2]);
    });
}

#[test]
fn an_event_of_a_strategy_never_registered_stops_the_fold() {
    run(async {
        let mut log = Log::new().await;
        log.strategy("nobody", StrategyStarted {}).await;
        let bench = Bench::new();
        let mut runner = bench.runner(log.feed()).await;
        let stopped = runner.catch_up().await.expect_err("poison").to_string();
        assert!(stopped.contains("nobody was never registered"), "{stopped}");
    });
}

#[test]
fn a_kill_switch_is_shown_while_it_is_engaged() {
    run(async {
        let mut log = Log::new().await;
        let scopes = [
            HaltScope::Venue(v("paper")),
            HaltScope::Strategy(v("sma-1")),
            HaltScope::Firm,
            HaltScope::Instrument(v("AAPL")),
            HaltScope::Account(v("alpha")),
        ];
        let engaged = |scope: &HaltScope, cause: &str| KillSwitchEngaged {
            scope: scope.clone(),
            mode: HaltMode::Halt,
            cause: cause.to_owned(),
        };
        for scope in &scopes {
            log.halts(engaged(scope, "drill")).await;
        }
        let cause = "drill over".to_owned();
        for scope in [HaltScope::Firm, HaltScope::Account(v("alpha"))] {
            let cause = cause.clone();
            log.halts(KillSwitchReleased { scope, cause }).await;
        }
        // Engaged, released, and engaged again for another reason.
        log.halts(engaged(&HaltScope::Firm, "real")).await;
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        let all = kill_switches::all(&views).await.expect("asked");
        let found: Vec<_> = all
            .iter()
            .map(|row| {
                (
                    row.scope.to_string(),
                    row.cause.as_str(),
                    row.position.get(),
                )
            })
            .collect();
        let expected = [
            ("firm", "real", 8),
            ("instrument AAPL", "drill", 4),
            ("strategy sma-1", "drill", 2),
            ("venue paper", "drill", 1),
        ];
        assert_eq!(
            found,
            expected.map(|(scope, cause, at)| (scope.to_owned(), cause, at))
        );
        let firm = &all[0];
        assert_eq!(
            (firm.mode, firm.engaged_by.as_str()),
            (HaltMode::Halt, "key:desk")
        );
        assert_eq!(firm.human.as_deref(), Some("ada"));
        assert_eq!(firm.engaged_at.micros(), 8_000_000);
    });
}

#[test]
fn positions_of_all_accounts_are_paged_by_account_and_symbol() {
    run(async {
        let mut log = Log::new().await;
        for account in ["a", "b", "c"] {
            log.open_account(account, "1000").await;
            log.book(account, &format!("{account}-1"), 4, "5", 4).await;
        }
        log.book("b", "b-2", -4, "5", 0).await;
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        let first = positions::page_all(&views, None, 1).await.expect("asked");
        assert_eq!(first[0].account.as_str(), "a");
        let after = (&first[0].account, &first[0].symbol);
        let rest = positions::page_all(&views, Some(after), 10).await;
        let rest: Vec<_> = rest
            .expect("asked")
            .into_iter()
            .map(|row| row.account)
            .collect();
        assert_eq!(rest, [v("c")], "closed ones are not listed");
    });
}

#[test]
fn the_audit_is_paged_both_ways() {
    run(async {
        let log = story(1).await;
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        let mut backward = audit::AuditFilter {
            newest_first: true,
            account: Some(v("alpha")),
            ..audit::AuditFilter::default()
        };
        let mut seen = Vec::new();
        loop {
            let page = audit::page(&views, &backward, 3).await.expect("asked");
            let Some(last) = page.last() else { break };
            backward.before = Some(last.position);
            seen.extend(page);
        }
        seen.reverse();
        let forward = audit::AuditFilter {
            account: Some(v("alpha")),
            ..audit::AuditFilter::default()
        };
        let forward = audit::page(&views, &forward, 1_000).await.expect("asked");
        assert!(forward.len() > 6, "more than two pages");
        assert_eq!(seen, forward);
    });
}
