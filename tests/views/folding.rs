//! However the fold is cut up, repeated or restarted, the tables are the same.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use blotter::events::Recorded;
use blotter::projections::{FoldError, Projection, RunnerState, Table, all};
use proptest::prelude::*;
use sqlx::SqliteConnection;

use crate::bench::Bench;
use crate::log::{run, runtime};
use crate::story::story;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn small_batches_with_restarts_give_the_same_tables(
        cuts in prop::collection::vec((1usize..12, any::<bool>()), 1..12),
    ) {
        run(async {
            let log = story(2).await;
            let whole = Bench::new();
            whole.folded(log.feed()).await;
            let pieces = Bench::new();
            let mut runner = pieces.runner(log.feed()).await;
            let events = log.events().await;
            let mut rest = events.as_slice();
            for (size, restart) in cuts.iter().cycle() {
                let (batch, later) = rest.split_at((*size).min(rest.len()));
                runner.fold(batch).await.expect("folded");
                if *restart {
                    runner.close().await.expect("closed");
                    runner = pieces.runner(log.feed()).await;
                }
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(pieces.dump().await, whole.dump().await);
            Ok(())
        })?;
    }
}

#[test]
fn a_deleted_file_is_rebuilt_to_the_same_tables() {
    run(async {
        let log = story(2).await;
        let bench = Bench::new();
        bench.folded(log.feed()).await.close().await;
        let before = bench.dump().await;
        for suffix in ["", "-wal", "-shm"] {
            let path = format!("{}{suffix}", bench.path().display());
            if std::fs::exists(&path).expect("asked") {
                std::fs::remove_file(path).expect("deleted");
            }
        }
        bench.folded(log.feed()).await;
        assert_eq!(bench.dump().await, before);
        assert!(before.lines().count() > 100, "the dump is not empty");
    });
}

#[test]
fn a_batch_delivered_again_changes_nothing() {
    run(async {
        let log = story(1).await;
        let bench = Bench::new();
        let mut runner = bench.runner(log.feed()).await;
        let events = log.events().await;
        runner.fold(&events[..20]).await.expect("folded");
        runner.fold(&events[..20]).await.expect("again");
        runner.fold(&events[10..]).await.expect("overlapping");
        runner.fold(&events).await.expect("all again");
        let cut = bench.dump().await;
        let whole = Bench::new();
        whole.folded(log.feed()).await;
        assert_eq!(cut, whole.dump().await);
    });
}

#[test]
fn only_its_owner_can_read_the_database() {
    run(async {
        let bench = Bench::new();
        bench.folded(story(1).await.feed()).await;
        let mode = std::fs::metadata(bench.path())
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    });
}

/// Another projection with something changed about it.
struct Changed {
    inner: Box<dyn Projection>,
    version: u32,
    applied: Arc<AtomicUsize>,
    /// While set, the database may not grow.
    full: Arc<AtomicBool>,
}

#[async_trait]
impl Projection for Changed {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn tables(&self) -> &'static [Table] {
        self.inner.tables()
    }

    async fn load(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        if !self.full.load(Ordering::SeqCst) {
            sqlx::raw_sql("PRAGMA max_page_count = 1000000")
                .execute(&mut *db)
                .await?;
        }
        self.inner.load(db).await
    }

    async fn apply(
        &mut self,
        db: &mut SqliteConnection,
        event: &Recorded,
    ) -> Result<(), FoldError> {
        if self.full.load(Ordering::SeqCst) {
            // SQLite raises it to the present size.
            sqlx::raw_sql("PRAGMA max_page_count = 1")
                .execute(&mut *db)
                .await?;
        }
        self.applied.fetch_add(1, Ordering::SeqCst);
        self.inner.apply(db, event).await
    }

    async fn flush(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        self.inner.flush(db).await
    }
}

/// Events folded, by projection.
type Counts = Vec<(&'static str, Arc<AtomicUsize>)>;

/// All projections, each counting what it folds; orders under `version`.
fn counted(version: u32) -> (Vec<Box<dyn Projection>>, Counts) {
    let mut counts = Vec::new();
    let mut projections: Vec<Box<dyn Projection>> = Vec::new();
    for inner in all() {
        let applied = Arc::new(AtomicUsize::new(0));
        counts.push((inner.name(), Arc::clone(&applied)));
        projections.push(Box::new(Changed {
            version: if inner.name() == "orders" {
                version
            } else {
                inner.version()
            },
            inner,
            applied,
            full: Arc::default(),
        }));
    }
    (projections, counts)
}

#[test]
fn a_changed_fingerprint_rebuilds_that_projection_alone() {
    run(async {
        let log = story(1).await;
        let bench = Bench::new();
        bench.folded(log.feed()).await;
        let before = bench.dump().await;
        let (projections, counts) = counted(2);
        let mut runner = bench
            .runner_of(log.feed(), projections)
            .await
            .expect("a runner");
        assert_eq!(
            runner.positions().borrow().get(),
            0,
            "orders have to catch up"
        );
        let head = runner.catch_up().await.expect("folded");
        for (name, applied) in counts {
            let expected = if name == "orders" { head.get() } else { 0 };
            assert_eq!(applied.load(Ordering::SeqCst) as u64, expected, "{name}");
        }
        let rows = |dump: &str| -> Vec<_> {
            let lines = dump
                .lines()
                .filter(|line| !line.starts_with("checkpoints|"));
            lines.map(str::to_owned).collect()
        };
        assert_eq!(rows(&bench.dump().await), rows(&before));
    });
}

#[test]
fn a_full_disk_is_waited_out_and_nothing_is_lost_or_folded_twice() {
    run(async {
        let log = story(2).await;
        let bench = Bench::new();
        let full = Arc::new(AtomicBool::new(true));
        let tight = |inner: Box<dyn Projection>| -> Box<dyn Projection> {
            let version = inner.version();
            let (applied, full) = (Arc::default(), Arc::clone(&full));
            Box::new(Changed {
                inner,
                version,
                applied,
                full,
            })
        };
        let projections = all().into_iter().map(tight).collect();
        let runner = bench
            .runner_of(log.feed(), projections)
            .await
            .expect("a runner");
        let (mut state, mut positions) = (runner.state(), runner.positions());
        runtime().tasks.spawn(
            "projections",
            Box::pin(async move {
                runner.run().await;
            }),
        );
        let retrying = |state: &RunnerState| matches!(state, RunnerState::Retrying(_));
        state.wait_for(retrying).await.expect("it says so");
        assert_eq!(positions.borrow().get(), 0);
        full.store(false, Ordering::SeqCst);
        let head = log.feed().head();
        let caught_up = positions.wait_for(|position| *position == head);
        let caught_up = tokio::time::timeout(Duration::from_secs(20), caught_up).await;
        caught_up.expect("in time").expect("caught up");
        assert_eq!(*state.borrow(), RunnerState::Folding);
        let whole = Bench::new();
        whole.folded(log.feed()).await;
        assert_eq!(bench.dump().await, whole.dump().await);
    });
}

#[test]
fn a_running_runner_follows_what_is_recorded() {
    run(async {
        let mut log = story(1).await;
        let bench = Bench::new();
        let runner = bench.runner(log.feed()).await;
        let mut positions = runner.positions();
        runtime().tasks.spawn(
            "projections",
            Box::pin(async move {
                runner.run().await;
            }),
        );
        for price in ["7", "8", "9"] {
            log.mark("AAPL", price).await;
            let head = log.feed().head();
            positions
                .wait_for(|position| *position >= head)
                .await
                .expect("caught up");
        }
    });
}
