//! What the runner and the views refuse, and what they say about it.

use blotter::events::catalogue::OrderInDoubt;
use blotter::projections::{RunnerError, RunnerState, Views, ViewsError};
use sqlx::Executor;
use uuid::Uuid;

use crate::bench::Bench;
use crate::log::{LOG, Log, run, v};
use crate::story::story;

#[test]
fn a_log_that_went_back_is_refused() {
    run(async {
        let bench = Bench::new();
        bench.folded(story(2).await.feed()).await;
        let older = story(1).await;
        let refused = bench.try_runner(older.feed()).await.err().expect("refused");
        assert!(
            matches!(refused, RunnerError::PastTheEnd { .. }),
            "{refused}"
        );
        assert!(refused.to_string().contains("delete views.db"), "{refused}");
    });
}

#[test]
fn a_log_with_another_past_is_refused() {
    run(async {
        let mut log = Log::new().await;
        log.open_account("alpha", "1000").await;
        let bench = Bench::new();
        bench.folded(log.feed()).await;
        let mut other = Log::new().await;
        other.open_account("alpha", "1001").await;
        other.mark("AAPL", "5").await;
        let refused = bench.try_runner(other.feed()).await.err().expect("refused");
        assert!(
            matches!(refused, RunnerError::OtherHistory { .. }),
            "{refused}"
        );
        assert!(refused.to_string().contains("delete views.db"), "{refused}");
    });
}

#[test]
fn another_log_is_refused_on_opening() {
    run(async {
        let bench = Bench::new();
        bench.folded(story(1).await.feed()).await;
        let opened = Views::open(&bench.path(), Uuid::from_u128(2)).await;
        let refused = opened.expect_err("refused");
        assert!(
            matches!(refused, ViewsError::OtherLog { found: LOG, .. }),
            "{refused}"
        );
        assert!(refused.to_string().contains("delete views.db"), "{refused}");
    });
}

#[test]
fn a_checkpoint_that_moved_underneath_is_an_error_and_writes_nothing() {
    run(async {
        let log = story(1).await;
        let bench = Bench::new();
        let mut slow = bench.runner(log.feed()).await;
        bench.folded(log.feed()).await;
        let before = bench.dump().await;
        let refused = slow.catch_up().await.expect_err("refused");
        assert!(
            matches!(refused, RunnerError::CheckpointMoved { .. }),
            "{refused}"
        );
        assert_eq!(bench.dump().await, before);
    });
}

#[test]
fn an_event_that_contradicts_the_log_stops_the_runner_without_a_trace() {
    run(async {
        let mut log = Log::new().await;
        log.open_account("alpha", "1000").await;
        let doubt = OrderInDoubt {
            order_id: v("nobody"),
            reason: "unheard of".to_owned(),
        };
        log.order("nobody", doubt).await;
        let bench = Bench::new();
        let runner = bench.runner(log.feed()).await;
        let mut state = runner.state();
        let stopped = runner.run().await;
        assert!(matches!(
            stopped,
            RunnerError::Poison {
                projection: "orders",
                event: "OrderInDoubt",
                ..
            }
        ));
        let last = state
            .wait_for(|state| matches!(state, RunnerState::Stopped(_)))
            .await;
        assert!(last.is_ok(), "it says so");
        assert!(
            !bench.dump().await.contains("orders|"),
            "nothing of the batch stays"
        );
    });
}

#[test]
fn a_gap_in_the_feed_is_refused() {
    run(async {
        let log = story(1).await;
        let bench = Bench::new();
        let mut runner = bench.runner(log.feed()).await;
        let events = log.events().await;
        let refused = runner.fold(&events[1..]).await.expect_err("refused");
        assert!(matches!(refused, RunnerError::Gap { .. }), "{refused}");
    });
}

#[test]
fn an_unreadable_database_says_that_it_may_be_deleted() {
    run(async {
        let bench = Bench::new();
        std::fs::write(bench.path(), "this is not a database").expect("written");
        let refused = Views::open(&bench.path(), LOG).await.expect_err("refused");
        assert!(refused.to_string().contains("delete views.db"), "{refused}");
    });
}

#[test]
fn a_missing_table_says_how_to_rebuild() {
    run(async {
        let bench = Bench::new();
        let views = bench.folded(story(1).await.feed()).await;
        let mut db = bench.connect().await;
        db.execute("DROP TABLE orders").await.expect("dropped");
        let failed = blotter::projections::orders::find(&views, &v("filled0")).await;
        assert!(
            failed
                .expect_err("no table")
                .to_string()
                .contains("rebuilt from the log")
        );
    });
}
