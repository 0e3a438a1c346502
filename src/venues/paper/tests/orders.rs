//! What orders, cancels and bars are answered.

use super::*;
use crate::values::ExecutionId;
use crate::venues::REPORTS_MAX;

#[tokio::test]
async fn an_order_is_entered_traded_and_told_about() {
    let bench =
        Bench::with(PaperModel::new(10, "0.001".parse().expect("a rate")).expect("a model")).await;
    let mut last = bench.venue.last_report();
    bench.submit("a", terms("buy 100 market day")).await;
    assert_eq!(*last.borrow_and_update(), 1);
    assert_eq!(bench.play(2, ["10", "12", "9"]).await, 2);
    assert!(last.has_changed().expect("the venue lives"));

    assert_eq!(
        bench.told().await,
        ["a: new", "a: trade 100 at 10.01 for 1"]
    );
    let reports = bench.reports().await;
    let sequences: Vec<u64> = reports.iter().map(|report| report.sequence).collect();
    assert_eq!(sequences, [1, 2]);
    let times = reports
        .iter()
        .map(|report| report.transact_time)
        .collect::<Vec<_>>();
    assert_eq!(
        times,
        [
            time("2000-03-01T12:00:00Z"),
            time("2000-03-02T23:59:59.999999Z")
        ]
    );
    let ReportBody::Trade { execution_id, .. } = &reports[1].body else {
        panic!("{:?}", reports[1]);
    };
    assert_eq!(execution_id, &ExecutionId::derived(&["paper", "a", "1"]));
}

#[tokio::test]
async fn a_known_client_order_id_is_not_entered_again() {
    let bench = Bench::new().await;
    bench.submit("a", terms("buy 100 market day")).await;
    bench.submit("a", terms("sell 5 11 gtc")).await;
    bench.play(2, ["10", "12", "9"]).await;
    bench.submit("a", terms("buy 100 market day")).await;
    assert_eq!(bench.told().await, ["a: new", "a: trade 100 at 10 for 0"]);
    assert_eq!(bench.venue.knows(&client_order_id("a")).await, Ok(true));
    assert_eq!(bench.venue.knows(&client_order_id("b")).await, Ok(false));
}

#[tokio::test]
async fn an_order_without_sense_is_rejected_and_known() {
    let bench = Bench::new().await;
    bench.submit("a", terms("buy 0 market day")).await;
    bench.submit("a", terms("buy 0 market day")).await;
    bench.play(2, ["10", "12", "9"]).await;
    let told = bench.told().await;
    assert_eq!(
        told,
        ["a: rejected, quantity 0 is not positive; give more than 0"]
    );
    assert_eq!(bench.venue.knows(&client_order_id("a")).await, Ok(true));
}

#[tokio::test]
async fn a_cancel_ends_an_open_order_and_no_other() {
    let bench = Bench::new().await;
    bench.submit("open", terms("buy 100 5 gtc")).await;
    bench.submit("filled", terms("buy 100 market day")).await;
    bench.play(2, ["10", "12", "9"]).await;
    bench.cancel("open", "c1").await;
    bench.cancel("open", "c1").await;
    bench.cancel("open", "c2").await;
    bench.cancel("filled", "c3").await;
    bench.cancel("unknown", "c4").await;
    bench.cancel("unknown", "c4").await;
    bench.play(3, ["4", "5", "4"]).await;
    assert_eq!(
        bench.told().await[3..],
        [
            "open: canceled",
            "open: cancel rejected, the order is already canceled",
            "filled: cancel rejected, the order is already filled",
            "unknown: cancel rejected, the order is unknown here",
        ]
    );
}

#[tokio::test]
async fn one_command_may_cancel_many_orders() {
    let bench = Bench::new().await;
    for id in ["a", "b"] {
        bench.submit(id, terms("buy 1 5 gtc")).await;
    }
    for id in ["a", "b", "a"] {
        bench.cancel(id, "halt").await;
    }
    assert_eq!(bench.told().await[2..], ["a: canceled", "b: canceled"]);
}

#[tokio::test]
async fn a_day_order_expires_with_its_first_bar_and_a_gtc_order_rests() {
    let bench = Bench::new().await;
    bench.play(1, ["10", "12", "9"]).await;
    bench.submit("day", terms("buy 100 8 day")).await;
    bench.submit("gtc", terms("buy 100 8 gtc")).await;
    bench.play(2, ["10", "12", "9"]).await;
    bench.play(3, ["9", "9", "7"]).await;
    assert_eq!(
        bench.told().await,
        [
            "day: new",
            "gtc: new",
            "day: expired",
            "gtc: trade 100 at 8 for 0"
        ]
    );
    assert_eq!(
        bench.reports().await[2].transact_time,
        time("2000-03-02T23:59:59.999999Z")
    );
}

#[tokio::test]
async fn orders_trade_in_order_of_entry_and_only_on_their_own_symbol() {
    let bench = Bench::new().await;
    let other = OrderTerms {
        symbol: symbol("IBM"),
        ..terms("buy 1 market day")
    };
    bench.submit("z", terms("sell 1 market day")).await;
    bench.submit("other", other).await;
    bench.submit("a", terms("buy 1 market day")).await;
    bench.play(2, ["10", "12", "9"]).await;
    assert_eq!(
        bench.told().await[3..],
        ["z: trade 1 at 10 for 0", "a: trade 1 at 10 for 0"]
    );
}

#[tokio::test]
async fn a_row_is_played_once_and_time_does_not_run_back() {
    let bench = Bench::new().await;
    bench.play(5, ["10", "12", "9"]).await;
    bench.submit("a", terms("buy 1 market day")).await;
    // The order came after these prices: it must not trade on them.
    bench.play(5, ["10", "12", "9"]).await;
    bench.play(4, ["10", "12", "9"]).await;
    assert_eq!(bench.told().await, ["a: new"]);
    // Another symbol's rows count apart.
    let bar = bar("2000-03-01", ["10", "12", "9"]);
    assert_eq!(bench.venue.play_bar(&symbol("IBM"), &bar, 1).await, Ok(1));
    assert_eq!(bench.play(6, ["11", "12", "9"]).await, 2);
}

#[tokio::test]
async fn a_market_order_trades_at_the_open_even_where_the_vendor_erred() {
    // Real data has bars whose open lies outside low to high.
    let bench = Bench::new().await;
    bench.submit("a", terms("buy 1 market day")).await;
    bench.play(2, ["8", "12", "9"]).await;
    assert_eq!(bench.told().await[1..], ["a: trade 1 at 8 for 0"]);
}

#[tokio::test]
async fn many_orders_trade_in_one_bar_and_reports_come_in_pages() {
    let bench = Bench::new().await;
    let count = 2 * REPORTS_MAX + 3;
    for number in 0..count {
        bench
            .submit(&format!("o{number}"), terms("buy 1 market day"))
            .await;
    }
    assert_eq!(bench.play(2, ["10", "12", "9"]).await, 2 * count as u64);

    let (mut after, mut seen) = (0, Vec::new());
    loop {
        let page = bench.venue.reports(after).await.expect("a page");
        assert!(page.len() <= REPORTS_MAX);
        let Some(last) = page.last() else { break };
        after = last.sequence;
        seen.extend(page);
    }
    let sequences: Vec<u64> = seen.iter().map(|report| report.sequence).collect();
    assert_eq!(sequences, (1..=2 * count as u64).collect::<Vec<_>>());
    // Asked for again, they are the same.
    assert_eq!(
        bench.venue.reports(1).await.expect("a page"),
        seen[1..=REPORTS_MAX]
    );
}

#[tokio::test]
async fn orders_sent_at_once_are_entered_once_each_in_order_of_sending() {
    let bench = Bench::new().await;
    let ids: Vec<String> = (0..600).map(|number| format!("o-{number:03}")).collect();
    let sends = ids
        .iter()
        .map(|id| bench.submit(id, terms("buy 1 market day")));
    futures_util::future::join_all(sends).await;
    let mut last_report = 0;
    for id in &ids {
        let of_order = |report: &&Report| report.client_order_id.as_str() == id;
        let mut after = last_report;
        let found = loop {
            let page = bench.venue.reports(after).await.expect("reports");
            if let Some(report) = page.iter().find(of_order) {
                break report.sequence;
            }
            after = page.last().expect("a report on each order").sequence;
        };
        assert_eq!(found, last_report + 1, "{id}");
        last_report = found;
    }
    assert_eq!(*bench.venue.last_report().borrow(), 600);
}

#[tokio::test]
async fn an_order_whose_sender_has_gone_is_not_entered_by_another() {
    let bench = Bench::new().await;
    {
        // The book is lent out, so the order can only wait.
        let book = bench.venue.book.turn().await;
        let sent = bench.venue.submit(order("gone", terms("buy 1 market day")));
        tokio::pin!(sent);
        assert!(futures_util::poll!(&mut sent).is_pending());
        drop(book);
    }
    bench.submit("stays", terms("buy 1 market day")).await;
    assert_eq!(bench.told().await, ["stays: new"]);
    let gone = ClientOrderId::new("gone").expect("an id");
    assert_eq!(bench.venue.knows(&gone).await, Ok(false));
}
