//! How fast the event store is, beside what the disk and plain SQLite can do, in one run.
//!
//! Cells run in turns, because disks and shared machines change by the second; compare within a
//! round and look at the medians. Rows:
//! - `disk`: the same bytes appended to a file, one write and one fdatasync for whatever waits;
//! - `sqlite`: one narrow table, one INSERT an event, one COMMIT for whatever waits;
//! - `blotter`: the journal over the SQLite engine, with versions, commit ids, leaves and the tree.
//!
//! `BENCH_DIR`: where (default: the system's temporary directory), `BENCH_SECONDS`: length of a
//! cell, `BENCH_ROUNDS`, `BENCH_EVENTS`: events of the log that is read.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a benchmark reads the clock, runs its own tasks and may end by panicking"
)]

mod engine;
mod floors;
mod load;
mod reading;

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use load::Figures;

const APPENDERS: [usize; 4] = [1, 8, 64, 256];

fn number(name: &str, default: u64) -> u64 {
    let set = env::var(name).ok().and_then(|text| text.parse().ok());
    set.unwrap_or(default)
}

fn directory() -> tempfile::TempDir {
    let place = env::var_os("BENCH_DIR").map_or_else(env::temp_dir, PathBuf::from);
    tempfile::tempdir_in(place).expect("a directory")
}

fn main() {
    let cell = Duration::from_secs(number("BENCH_SECONDS", 2));
    let rounds = number("BENCH_ROUNDS", 3);
    println!("payload  appenders  row        commits/s   p50 ms   p99 ms   of disk");
    for (payload, bytes) in [("250 B", 250), ("1 kB", 1_000)] {
        for appenders in APPENDERS {
            let mut disk = Vec::new();
            let mut sqlite = Vec::new();
            let mut blotter = Vec::new();
            for _ in 0..rounds {
                disk.push(floors::disk(appenders, bytes, cell));
                sqlite.push(floors::sqlite(appenders, bytes, cell));
                blotter.push(engine::unique_streams(appenders, bytes, cell));
            }
            let floor = Figures::median(&disk);
            for (row, runs) in [("disk", disk), ("sqlite", sqlite), ("blotter", blotter)] {
                let median = Figures::median(&runs);
                println!(
                    "{payload:8} {appenders:9}  {row:8} {:11.0} {:8.3} {:8.3} {:8.1}%",
                    median.rate,
                    median.p50.as_secs_f64() * 1e3,
                    median.p99.as_secs_f64() * 1e3,
                    100.0 * median.rate / floor.rate,
                );
            }
        }
    }
    let hot = (0..rounds)
        .map(|_| engine::hot_stream(250, cell))
        .collect::<Vec<_>>();
    println!(
        "one hot stream, one writer looking ahead: {:.0} commits/s",
        Figures::median(&hot).rate
    );
    let batches = (0..rounds)
        .map(|_| engine::batches_of(100, cell))
        .collect::<Vec<_>>();
    println!(
        "commits of 100 events, one appender: {:.0} events/s",
        100.0 * Figures::median(&batches).rate
    );
    reading::measure(number("BENCH_EVENTS", 200_000));
}
