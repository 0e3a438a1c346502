//! What the read models say of instruments and their prices.

use std::collections::BTreeSet;

use blotter::projections::candles::{CandleFilter, CandleRow};
use blotter::projections::{Views, candles, instruments};
use blotter::values::*;

use crate::bench::Bench;
use crate::log::{Log, run, v};

fn of(symbol: &str) -> CandleFilter {
    CandleFilter {
        symbol: v(symbol),
        from: None,
        to: None,
        after: None,
    }
}

async fn page(views: &Views, filter: &CandleFilter, limit: u32) -> Vec<CandleRow> {
    candles::page(views, filter, limit).await.expect("asked")
}

fn days(page: &[CandleRow]) -> Vec<String> {
    let day = |candle: &CandleRow| candle.date.to_string()["2020-01-".len()..].to_owned();
    page.iter().map(day).collect()
}

/// Nine days of AAPL at their own number, MSFT in between.
async fn nine_days() -> Log {
    let mut log = Log::new().await;
    for day in 1..=9 {
        let date = format!("2020-01-0{day}");
        log.mark_day("AAPL", &date, &day.to_string()).await;
        log.mark_day("MSFT", &date, "100").await;
    }
    log
}

#[test]
fn candles_ascend_and_without_a_start_are_the_newest() {
    run(async {
        let bench = Bench::new();
        let views = bench.folded(nine_days().await.feed()).await;
        assert_eq!(
            days(&page(&views, &of("AAPL"), 3).await),
            ["07", "08", "09"]
        );
        let until = CandleFilter {
            to: Some(v("2020-01-04")),
            ..of("AAPL")
        };
        assert_eq!(days(&page(&views, &until, 2).await), ["03", "04"]);
        let from = CandleFilter {
            from: Some(v("2020-01-04")),
            to: Some(v("2020-01-08")),
            ..of("AAPL")
        };
        let first = page(&views, &from, 3).await;
        assert_eq!(days(&first), ["04", "05", "06"]);
        let next = CandleFilter {
            after: first.last().map(|candle| candle.position),
            ..from
        };
        assert_eq!(days(&page(&views, &next, 3).await), ["07", "08"]);
        let fourth = &first[0];
        assert_eq!((fourth.open, fourth.high), (v("4"), v("4")));
        assert_eq!((fourth.low, fourth.close), (v("4"), v("4")));
        assert_eq!((fourth.volume, fourth.position.get()), (1, 7));
        assert_eq!(page(&views, &of("IBM"), 3).await, []);
    });
}

#[test]
fn a_bar_marked_again_replaces_the_first_and_no_other_is_lost_to_paging() {
    run(async {
        let mut log = nine_days().await;
        log.mark_day("AAPL", "2020-01-02", "22.5").await;
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        let all = page(&views, &of("AAPL"), 100).await;
        assert_eq!(all.len(), 9);
        assert_eq!((all[1].close, all[1].position.get()), (v("22.5"), 19));
        // The day marked again is the last of a page for some of these lengths.
        for limit in 1..=9 {
            let mut filter = CandleFilter {
                after: Some(Position::ZERO),
                ..of("AAPL")
            };
            let mut seen = BTreeSet::new();
            loop {
                let page = page(&views, &filter, limit).await;
                let Some(last) = page.last() else { break };
                assert!(page.is_sorted_by_key(|candle| candle.date));
                filter.after = Some(last.position);
                seen.extend(page.iter().map(|candle| candle.date));
            }
            assert_eq!(seen.len(), 9, "pages of {limit}");
        }
    });
}

#[test]
fn an_instrument_is_shown_once_listed_with_its_last_price() {
    run(async {
        let mut log = Log::new().await;
        log.mark_day("AAPL", "2020-01-02", "5").await;
        log.list("MSFT").await;
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        let aapl: Symbol = v("AAPL");
        assert_eq!(instruments::find(&views, &aapl).await.expect("asked"), None);
        log.list("AAPL").await;
        log.mark_day("AAPL", "2020-01-03", "6").await;
        let views = bench.folded(log.feed()).await;
        let found = instruments::find(&views, &aapl).await.expect("asked");
        let found = found.expect("listed");
        assert_eq!(found.instrument.symbol, aapl);
        assert_eq!(found.instrument.kind, InstrumentKind::Equity);
        assert_eq!(found.instrument.currency, "USD");
        let decimals = (
            found.instrument.price_decimals,
            found.instrument.quantity_decimals,
        );
        assert_eq!(decimals, (4, 0));
        assert_eq!(
            (found.last_price, found.last_bar),
            (Some(v("6")), Some(v("2020-01-03")))
        );
        assert_eq!(found.position.get(), 4);
        let first = instruments::page(&views, None, 1).await.expect("asked");
        assert_eq!(first, [found]);
        let second = instruments::page(&views, Some(&aapl), 10).await;
        let second = second.expect("asked");
        assert_eq!(second.len(), 1);
        assert_eq!((second[0].last_price, second[0].last_bar), (None, None));
    });
}
