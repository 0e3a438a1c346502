//! What the read models say an account is worth, was worth, and how far it has come down.

use blotter::projections::equity::{EquityPoint, SPREAD_POINTS_MAX};
use blotter::projections::{Views, ViewsError, all as every_model, equity, portfolio, standings};
use blotter::values::*;

use crate::bench::Bench;
use crate::log::{Log, booked, run, v};

fn drawdowns(points: &[EquityPoint]) -> Vec<String> {
    points
        .iter()
        .map(|point| point.drawdown.to_string())
        .collect()
}

async fn all(views: &Views) -> Vec<EquityPoint> {
    equity::page(views, &v("alpha"), Position::ZERO, 1_000)
        .await
        .expect("asked")
}

/// Alpha has 100 in cash and ten shares bought at 10; the commission was deposited on top, for the
/// sake of round figures.
async fn holder() -> Log {
    let mut log = Log::new().await;
    log.open_account("alpha", "200.5").await;
    log.mark("AAPL", "10").await;
    log.book("alpha", "one", 10, "10", 10).await;
    log
}

#[test]
fn a_drawdown_is_the_share_below_the_highest_equity_so_far() {
    run(async {
        let mut log = holder().await;
        for price in ["11", "8", "9", "12", "12", "5.0001"] {
            log.mark("AAPL", price).await;
        }
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        let points = all(&views).await;
        // Equity 200.5, 200, 210, 180, 190, 220, 220, 150.001.
        let expected = [
            "0", "0.002494", "0", "0.142857", "0.095238", "0", "0", "0.318177",
        ];
        assert_eq!(drawdowns(&points), expected);
        assert_eq!(points[7].equity, v("150.001"));
        assert_eq!(points[7].unrealised_pnl, v("-49.999"));
    });
}

#[test]
fn the_highest_equity_outlives_a_restart() {
    run(async {
        let mut log = holder().await;
        log.mark("AAPL", "20").await;
        let bench = Bench::new();
        bench.folded(log.feed()).await;
        log.mark("AAPL", "5").await;
        let views = bench.folded(log.feed()).await;
        // 150 after 300.
        assert_eq!(
            drawdowns(&all(&views).await).last().expect("a point"),
            "0.5"
        );
    });
}

#[test]
fn an_account_that_never_had_anything_has_no_drawdown() {
    run(async {
        let mut log = Log::new().await;
        log.open_account("alpha", "0").await;
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        assert_eq!(drawdowns(&all(&views).await), ["0"]);
    });
}

#[test]
fn a_spread_has_the_newest_point_and_the_deepest_of_each_stretch() {
    run(async {
        let mut log = holder().await;
        let mut prices = vec![10; 98];
        (prices[20], prices[61], prices[62]) = (4, 3, 2);
        for price in &prices {
            log.mark("AAPL", &price.to_string()).await;
        }
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        let history = all(&views).await;
        assert_eq!(history.len(), 100);
        for points in [2, 3, 7, 50, 99, 100, 101, SPREAD_POINTS_MAX, u32::MAX] {
            let spread = equity::spread(&views, &v("alpha"), points).await;
            let spread = spread.expect("asked");
            assert!(
                spread.len() <= points as usize,
                "{points}: {}",
                spread.len()
            );
            assert_eq!(spread.last(), history.last(), "{points}");
            assert!(
                spread.is_sorted_by(|a, b| a.position < b.position),
                "{points}"
            );
            let deepest = spread.iter().map(|point| point.drawdown).max();
            assert_eq!(deepest, history.iter().map(|point| point.drawdown).max());
            // As many as asked for, as far as there are any, and evenly.
            assert_eq!(spread.len(), history.len().min(points as usize), "{points}");
            if points == 50 {
                let gaps = spread
                    .windows(2)
                    .map(|w| w[1].position.get() - w[0].position.get());
                assert!(gaps.max().expect("gaps") <= 5);
            }
            if points >= 100 {
                assert_eq!(spread, history);
            }
        }
    });
}

#[test]
fn a_spread_over_little_or_nothing_is_just_that() {
    run(async {
        let mut log = Log::new().await;
        log.open_account("alpha", "7").await;
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        let one = equity::spread(&views, &v("alpha"), 2).await.expect("asked");
        assert_eq!(one, all(&views).await);
        let none = equity::spread(&views, &v("beta"), 2).await.expect("asked");
        assert_eq!(none, []);
    });
}

#[test]
fn a_standing_adds_up() {
    run(async {
        let mut log = holder().await;
        log.open_account("beta", "50").await;
        log.approve("alpha", "two", 2).await;
        log.mark("AAPL", "12.5").await;
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        let alpha = standings::find(&views, &v("alpha")).await.expect("asked");
        let alpha = alpha.expect("there");
        // 200.5 - (100 + 0.5); the fill set 50 free that nothing had reserved, the order took 50.
        assert_eq!(alpha.account.cash, v("100"));
        assert_eq!(
            alpha.available_cash,
            alpha
                .account
                .cash
                .checked_sub(alpha.account.reserved_cash)
                .expect("fits")
        );
        assert_eq!((alpha.market_value, alpha.equity), (v("125"), v("225")));
        assert_eq!(alpha.unrealised_pnl, v("25"));
        let page = standings::page(&views, None, 10).await.expect("asked");
        assert_eq!(page.len(), 2);
        assert_eq!(page[0], alpha);
        let rest = standings::page(&views, Some(&v("alpha")), 10).await;
        let beta = rest.expect("asked").pop().expect("there");
        assert_eq!((beta.equity, beta.unrealised_pnl), (v("50"), Money::ZERO));
        assert_eq!(beta.available_cash, v("50"));
        let nobody = standings::find(&views, &v("gamma")).await;
        assert_eq!(nobody.expect("asked"), None);
    });
}

#[test]
fn a_portfolio_is_of_one_position_and_adds_up() {
    run(async {
        let mut log = holder().await;
        log.list("MSFT").await;
        let fill = booked("MSFT", "two", 3, "20", 3);
        log.account("alpha", fill).await;
        log.mark_day("AAPL", "2005-01-03", "9").await;
        log.next_day();
        log.mark_day("AAPL", "2005-01-04", "12.5").await;
        log.mark_day("MSFT", "2005-01-04", "21").await;
        log.next_day();
        // Nothing of it changes the account; the figures are as of this event all the same.
        log.mark_day("IBM", "2005-01-05", "70").await;
        let bench = Bench::new();
        let views = bench.folded(log.feed()).await;
        let found = portfolio::find(&views, &v("alpha")).await.expect("asked");
        let found = found.expect("there");
        let last = log.events().await.pop().expect("an event");
        assert_eq!(found.position, last.position());
        assert_eq!(found.time, last.envelope.meta.occurred_at);
        let symbols: Vec<_> = found
            .positions
            .iter()
            .map(|row| row.symbol.as_str())
            .collect();
        assert_eq!((symbols, found.positions_total), (vec!["AAPL", "MSFT"], 2));
        let sum = found
            .positions
            .iter()
            .try_fold(found.standing.account.cash, |sum, row| {
                sum.checked_add(row.market_value)
            });
        assert_eq!(sum.expect("fits"), found.standing.equity);
        let point = found.point.expect("a point");
        assert_eq!(point.equity, found.standing.equity);
        let base = found.day_base.expect("a day before");
        assert_eq!(
            base.market_value,
            v("150"),
            "10 at 9 and 3 at 20, on the third"
        );
        let nobody = portfolio::find(&views, &v("gamma")).await;
        assert_eq!(nobody.expect("asked"), None);
    });
}

#[test]
fn there_is_no_portfolio_while_one_of_its_models_is_elsewhere() {
    run(async {
        let mut log = holder().await;
        let bench = Bench::new();
        bench.folded(log.feed()).await;
        log.mark("AAPL", "12").await;
        let but_positions = every_model()
            .into_iter()
            .filter(|model| model.name() != "positions");
        let runner = bench.runner_of(log.feed(), but_positions.collect()).await;
        runner.expect("a runner").catch_up().await.expect("folded");
        let found = portfolio::find(&bench.views().await, &v("alpha")).await;
        let error = found.expect_err("of two moments");
        assert!(matches!(error, ViewsError::Apart { .. }), "{error}");
        // The others catch up, and it is there.
        let views = bench.folded(log.feed()).await;
        let found = portfolio::find(&views, &v("alpha")).await.expect("asked");
        assert_eq!(found.expect("there").standing.equity, v("220"));
    });
}
