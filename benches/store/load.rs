//! Appenders that each wait for their own durability before the next commit, and what they saw.

use std::time::{Duration, Instant};

use futures_util::future::{LocalBoxFuture, join_all};

/// Before anything counts.
const WARM_UP: Duration = Duration::from_millis(300);

#[derive(Clone, Copy)]
pub struct Figures {
    /// Commits a second.
    pub rate: f64,
    pub p50: Duration,
    pub p99: Duration,
}

impl Figures {
    pub fn median(runs: &[Figures]) -> Figures {
        let middle = runs.len() / 2;
        let mut rates: Vec<_> = runs.iter().map(|run| run.rate).collect();
        rates.sort_by(f64::total_cmp);
        let mut p50: Vec<_> = runs.iter().map(|run| run.p50).collect();
        p50.sort();
        let mut p99: Vec<_> = runs.iter().map(|run| run.p99).collect();
        p99.sort();
        Figures {
            rate: rates[middle],
            p50: p50[middle],
            p99: p99[middle],
        }
    }
}

/// Runs `appenders` at once for `cell`. `append(appender, number)` resolves when it is durable.
pub async fn drive<'a>(
    appenders: usize,
    cell: Duration,
    append: impl Fn(usize, u64) -> LocalBoxFuture<'a, ()>,
) -> Figures {
    let began = Instant::now();
    let (from, until) = (began + WARM_UP, began + WARM_UP + cell);
    let append = &append;
    let appender = |index: usize| async move {
        let mut taken = Vec::new();
        for number in 0.. {
            let asked = Instant::now();
            if asked >= until {
                break;
            }
            append(index, number).await;
            if asked >= from {
                taken.push(asked.elapsed());
            }
        }
        taken
    };
    let mut taken = join_all((0..appenders).map(appender)).await.concat();
    taken.sort();
    assert!(!taken.is_empty(), "nothing was appended in {cell:?}");
    Figures {
        rate: taken.len() as f64 / cell.as_secs_f64(),
        p50: taken[taken.len() / 2],
        p99: taken[taken.len() * 99 / 100],
    }
}

/// An event loop for one cell.
pub fn on_an_event_loop<T>(work: impl Future<Output = T>) -> T {
    let events = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("an event loop");
    events.block_on(tokio::task::LocalSet::new().run_until(work))
}
