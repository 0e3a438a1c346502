//! Given events, when folded, then rows: one test for each question a read model answers.

use blotter::events::catalogue::*;
use blotter::projections::orders::{OrdStatus, OrderFilter, OrderRow};
use blotter::projections::{accounts, audit, equity, orders, positions};
use blotter::values::*;
use uuid::Uuid;

use crate::bench::Bench;
use crate::log::{Log, run, terms, v};
use crate::story::story;

#[test]
fn an_account_is_the_sum_of_its_own_events() {
    run(async {
        let bench = Bench::new();
        let views = bench.folded(story(1).await.feed()).await;
        let alpha = accounts::find(&views, &v("alpha"))
            .await
            .expect("asked")
            .expect("there");
        assert_eq!(
            (alpha.name.as_str(), alpha.currency.as_str()),
            ("alpha desk", "USD")
        );
        // 1000 - (4 x 4.9 + 0.5) - (6 x 5 + 0.5)
        assert_eq!(alpha.cash, v("949.4"));
        assert_eq!(alpha.commission, v("1"));
        assert_eq!(alpha.realised_pnl, Money::ZERO);
        assert_eq!(alpha.reserved_cash, Money::ZERO);
        assert_eq!(alpha.opened_at.micros(), 1_000_000);
        let beta = accounts::find_by_name(&views, "beta desk")
            .await
            .expect("asked");
        // 2000.5 - (3 x 5 + 0.5)
        assert_eq!(beta.expect("there").cash, v("1985"));
        let page = accounts::page(&views, Some(&v("alpha")), 10)
            .await
            .expect("asked");
        assert_eq!(
            page.iter()
                .map(|row| row.account.as_str())
                .collect::<Vec<_>>(),
            ["beta"]
        );
    });
}

#[test]
fn an_open_order_holds_cash_back_and_each_fill_frees_some() {
    run(async {
        let mut log = Log::new().await;
        log.open_account("alpha", "1000").await;
        log.approve("alpha", "one", 1).await;
        log.book("alpha", "one", 4, "5", 4).await;
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        let alpha = accounts::find(&views, &v("alpha"))
            .await
            .expect("asked")
            .expect("there");
        assert_eq!(alpha.reserved_cash, v("30"));
    });
}

#[test]
fn a_position_is_worth_its_quantity_at_the_last_price() {
    run(async {
        let bench = Bench::new();
        let views = bench.folded(story(1).await.feed()).await;
        let held = positions::page(&views, &v("alpha"), None, 10)
            .await
            .expect("asked");
        assert_eq!(held.len(), 1);
        let apple = &held[0];
        assert_eq!((apple.symbol.as_str(), apple.quantity), ("AAPL", v("10")));
        assert_eq!((apple.total_cost, apple.last_price), (v("49.6"), v("6")));
        assert_eq!(
            (apple.market_value, apple.unrealised_pnl),
            (v("60"), v("10.4"))
        );
    });
}

#[test]
fn a_closed_position_is_kept_but_not_listed() {
    run(async {
        let mut log = Log::new().await;
        log.open_account("alpha", "1000").await;
        log.book("alpha", "one", 4, "5", 4).await;
        log.book("alpha", "two", -4, "5", 0).await;
        log.mark("AAPL", "9").await;
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        assert_eq!(
            positions::page(&views, &v("alpha"), None, 10)
                .await
                .expect("asked"),
            []
        );
        let closed = positions::find(&views, &v("alpha"), &v("AAPL"))
            .await
            .expect("asked");
        let closed = closed.expect("kept");
        // Never marked while it was open: the first fill's price stands.
        assert_eq!(
            (closed.market_value, closed.last_price),
            (Money::ZERO, v("5"))
        );
    });
}

#[test]
fn every_way_of_an_order_ends_in_its_fix_status() {
    run(async {
        let bench = Bench::new();
        let views = bench.folded(story(1).await.feed()).await;
        let mut ends = Vec::new();
        for order in ["filled0", "refused0", "canceled0", "doubted0", "rejected0"] {
            let row = orders::find(&views, &v(order))
                .await
                .expect("asked")
                .expect("there");
            assert!(row.leaves_quantity.is_zero(), "{order} has ended");
            ends.push((row.status, row.cumulative_quantity.to_string()));
        }
        let expected = [
            (OrdStatus::Filled, "10"),
            (OrdStatus::Rejected, "0"),
            (OrdStatus::Canceled, "3"),
            (OrdStatus::Expired, "0"),
            (OrdStatus::Rejected, "0"),
        ];
        assert_eq!(
            ends,
            expected.map(|(status, filled)| (status, filled.to_owned()))
        );
        let filled = orders::find(&views, &v("filled0"))
            .await
            .expect("asked")
            .expect("there");
        assert_eq!((filled.filled_notional, filled.terms), (v("49.6"), terms()));
        let refused = orders::find(&views, &v("refused0"))
            .await
            .expect("asked")
            .expect("there");
        assert_eq!(refused.refusal_code, Some(CheckCode::BuyingPower));
        let rejected = orders::find(&views, &v("rejected0"))
            .await
            .expect("asked")
            .expect("there");
        assert_eq!(rejected.reject_reason.as_deref(), Some("approval too old"));
    });
}

/// The order's row after each of its events.
async fn steps(log: &Log, order: &str) -> Vec<OrderRow> {
    let bench = Bench::new();
    let mut runner = bench.runner(log.feed()).await;
    let views = bench.views().await;
    let mut steps: Vec<OrderRow> = Vec::new();
    for event in log.events().await {
        runner.fold(&[event]).await.expect("folded");
        let row = orders::find(&views, &v(order)).await.expect("asked");
        steps.extend(row.filter(|row| steps.last().is_none_or(|last| last != row)));
    }
    steps
}

#[test]
fn a_status_follows_the_venue_step_by_step() {
    use OrdStatus::*;
    run(async {
        let log = story(1).await;
        let statuses = |steps: Vec<OrderRow>| -> Vec<_> {
            steps.iter().map(|row| (row.status, row.in_doubt)).collect()
        };
        let canceled = [
            (PendingNew, false),
            (PendingNew, false),
            (PendingNew, false),
            (New, false),
            (PendingCancel, false),
            (New, false),
            (PendingCancel, false),
            // FIX: a pending cancel outranks a partial fill.
            (PendingCancel, false),
            (Canceled, false),
        ];
        assert_eq!(statuses(steps(&log, "canceled0").await), canceled);
        let doubted = [
            (PendingNew, false),
            (PendingNew, false),
            (PendingNew, false),
            (PendingNew, true),
            (PendingNew, false),
            (New, false),
            (Expired, false),
        ];
        assert_eq!(statuses(steps(&log, "doubted0").await), doubted);
    });
}

#[test]
fn a_late_execution_counts_but_an_ended_order_stays_ended() {
    run(async {
        let mut log = Log::new().await;
        log.open_account("alpha", "1000").await;
        log.approve("alpha", "late", 1).await;
        let origin = Origin::Gateway;
        let canceled = OrderCanceled {
            order_id: v("late"),
            account: v("alpha"),
            origin,
        };
        log.order("late", canceled).await;
        log.execute("alpha", "late", 2, "5", 2).await;
        let request = EventId(Uuid::nil());
        let reason = "too late".to_owned();
        let origin = Origin::Gateway;
        let turned_down = CancelRejected {
            order_id: v("late"),
            origin,
            reason,
            request,
        };
        log.order("late", turned_down).await;
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        let late = orders::find(&views, &v("late"))
            .await
            .expect("asked")
            .expect("there");
        assert_eq!(
            (late.status, late.cumulative_quantity),
            (OrdStatus::Canceled, v("2"))
        );
        assert_eq!(late.filled_notional, v("10"));
    });
}

#[test]
fn orders_are_paged_newest_first_without_gaps_or_repeats() {
    run(async {
        let bench = Bench::new();
        let views = bench.folded(story(3).await.feed()).await;
        let mut filter = OrderFilter {
            account: Some(v("beta")),
            ..OrderFilter::default()
        };
        let mut seen = Vec::new();
        loop {
            let page = orders::page(&views, &filter, 4).await.expect("asked");
            let Some(last) = page.last() else { break };
            filter.before = Some(last.submitted_position);
            seen.extend(page.into_iter().map(|row| row.submitted_position));
        }
        assert_eq!(seen.len(), 9);
        assert!(seen.is_sorted_by(|newer, older| newer > older));
        let client: ClientOrderId = v("client-filled2");
        let found = orders::find_by_client_order_id(&views, &v("alpha"), &client).await;
        assert_eq!(found.expect("asked").expect("there").ordinal, 9);
        let open = OrderFilter {
            open: Some(true),
            ..OrderFilter::default()
        };
        assert_eq!(orders::page(&views, &open, 10).await.expect("asked"), []);
        let ended = OrderFilter {
            open: Some(false),
            symbol: Some(v("AAPL")),
            ..open
        };
        assert_eq!(
            orders::page(&views, &ended, 100)
                .await
                .expect("asked")
                .len(),
            15
        );
    });
}

#[test]
fn equity_has_a_point_for_each_event_that_changed_it() {
    run(async {
        let mut log = Log::new().await;
        log.open_account("alpha", "100").await;
        log.mark("AAPL", "5").await;
        log.book("alpha", "one", 4, "4.9", 4).await;
        log.mark("MSFT", "7").await;
        log.mark("AAPL", "6").await;
        log.book("alpha", "two", -4, "6", 0).await;
        log.mark("AAPL", "8").await;
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        let points = equity::page(&views, &v("alpha"), Position::ZERO, 100)
            .await
            .expect("asked");
        let figures: Vec<_> = points
            .iter()
            .map(|point| (point.position.get(), point.equity.to_string()))
            .collect();
        // The deposit; the fill at its mark of 5; the mark of what is held; the sale.
        let expected = [(2, "100"), (4, "99.9"), (6, "103.9"), (7, "103.4")];
        assert_eq!(
            figures,
            expected.map(|(position, equity)| (position, equity.to_owned()))
        );
        let latest = equity::latest(&views, &v("alpha"))
            .await
            .expect("asked")
            .expect("there");
        assert_eq!(
            (latest.cash, latest.market_value),
            (v("103.4"), Money::ZERO)
        );
    });
}

#[test]
fn the_audit_answers_who_did_what_to_which_account_and_order() {
    run(async {
        let log = story(1).await;
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        let everything = audit::AuditFilter::default();
        let all = audit::page(&views, &everything, 1_000)
            .await
            .expect("asked");
        assert_eq!(all.len() as u64, log.feed().head().get());
        // An acknowledgement names no account: it is known from the order's approval.
        let filter = audit::AuditFilter {
            account: Some(v("beta")),
            event_type: Some("OrderAcknowledged".to_owned()),
            principal: Some("key:desk".to_owned()),
            ..audit::AuditFilter::default()
        };
        let found = audit::page(&views, &filter, 10).await.expect("asked");
        let orders: Vec<_> = found
            .iter()
            .filter_map(|row| row.order_id.clone())
            .collect();
        assert_eq!(orders, [v("canceled0"), v("doubted0")]);
        assert_eq!(found[0].human.as_deref(), Some("ada"));
        let halts = audit::AuditFilter {
            event_type: Some("KillSwitchEngaged".to_owned()),
            ..audit::AuditFilter::default()
        };
        let halts = audit::page(&views, &halts, 10).await.expect("asked");
        assert_eq!(halts[0].account, Some(v("beta")));
        let hour = audit::AuditFilter {
            from: Timestamp::from_micros(3_000_000),
            to: Timestamp::from_micros(5_000_000),
            order_id: None,
            after: Position::new(5),
            ..audit::AuditFilter::default()
        };
        let marks = audit::page(&views, &hour, 10).await.expect("asked");
        assert_eq!(
            marks
                .iter()
                .map(|row| row.position.get())
                .collect::<Vec<_>>(),
            [6]
        );
    });
}
