//! How fast the event store is, beside what the disk and plain databases can do, in one run.
//!
//! Rows take turns, because disks and shared machines change by the second; compare within a case.
//! - `disk`: the same bytes appended to a file, one write and one fdatasync for whatever waits;
//! - `sqlite`: one narrow table, one INSERT an event, one COMMIT for whatever waits;
//! - `blotter`: the journal over the SQLite engine, with versions, commit ids, leaves and the tree;
//! - `unnest`: one narrow table in PostgreSQL, one INSERT from an array for whatever waits;
//! - `blotter-pg`: the journal over the PostgreSQL engine, on the same server.
//!
//! `BENCH_DIR`: where (default: the system's temporary directory), `BENCH_SECONDS`: length of a
//! cell, `BENCH_ROUNDS`, `BENCH_EVENTS`: events of the log that is read, `BENCH_GROWTH`: events that a
//! log grows to; `BENCH_ONLY`: a case to run alone (`append`, `hot`, `batches`, `postgres`, `read`,
//! `growth`).
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark reads the clock, runs its own tasks and may end by panicking"
)]

mod engine;
mod floors;
mod load;
mod place;
mod postgres;
mod reading;
#[expect(dead_code, reason = "the tests ask more of a server than a benchmark")]
#[path = "../../tests/store/postgres/server.rs"]
mod server;
mod table;

use std::env;
use std::path::Path;

use blotter::events::LogUrl;

use engine::{batches_of, hot_stream, sqlite, unique_streams};
use place::{cell, number};
use server::Server;
use table::{Row, compare, heading};

const APPENDERS: [usize; 4] = [1, 8, 64, 256];
/// As it would be set up on a machine of this size; what makes commits durable is never touched.
const POSTGRES: [&str; 2] = ["shared_buffers=256MB", "max_wal_size=1GB"];

fn wanted(case: &str) -> bool {
    env::var("BENCH_ONLY").map_or(true, |only| only == case)
}

fn main() {
    heading("disk");
    if wanted("append") {
        append();
    }
    if wanted("hot") {
        let rows = [
            Row::new("disk", || floors::disk(64, 250, cell())),
            Row::new("blotter", || hot_stream(&sqlite, 250, cell())),
        ];
        compare("250 B, one hot stream", 1.0, &rows);
    }
    if wanted("batches") {
        let rows = [
            Row::new("disk", || floors::disk(1, 100 * 750 - 500, cell())),
            Row::new("blotter", || batches_of(&sqlite, 100, cell())),
        ];
        compare("250 B, batches of 100", 100.0, &rows);
    }
    if wanted("postgres") {
        heading("unnest");
        for appenders in APPENDERS {
            on_postgres(appenders);
        }
    }
    if wanted("read") {
        let events = number("BENCH_EVENTS", 200_000);
        reading::measure("SQLite", &sqlite, events);
        let server = Server::start_with(&POSTGRES);
        reading::measure("PostgreSQL", &on(&server), events);
    }
    if wanted("growth") {
        let events = number("BENCH_GROWTH", 200_000);
        reading::growth("SQLite, keys with a time", &sqlite, events, reading::timed);
        reading::growth("SQLite, other keys", &sqlite, events, reading::untimed);
    }
}

fn append() {
    for (payload, bytes) in [("250 B", 250), ("1 kB", 1_000)] {
        for appenders in APPENDERS {
            let rows = [
                Row::new("disk", || floors::disk(appenders, bytes, cell())),
                Row::new("sqlite", || floors::sqlite(appenders, bytes, cell())),
                Row::new("blotter", || {
                    unique_streams(&sqlite, appenders, bytes, cell())
                }),
            ];
            compare(&format!("{payload}, {appenders} appenders"), 1.0, &rows);
        }
    }
}

fn on_postgres(appenders: usize) {
    let floor = || {
        let server = Server::start_with(&POSTGRES);
        postgres::unnest(&server.owner_url(), appenders, 250, cell())
    };
    let engine = || {
        let server = Server::start_with(&POSTGRES);
        unique_streams(&on(&server), appenders, 250, cell())
    };
    let rows = [Row::new("unnest", floor), Row::new("blotter-pg", engine)];
    compare(&format!("250 B, {appenders} appenders"), 1.0, &rows);
}

/// A log in the database of `server`.
fn on(server: &Server) -> impl Fn(&Path) -> LogUrl {
    let url: LogUrl = server.owner_url().parse().expect("an address");
    move |_| url.clone()
}
