//! The event store beside its peers in Rust, in one run on one disk, all of them durable.
//!
//! - `disk`: the same bytes appended to a file, one write and one fdatasync for whatever waits;
//! - `sqlite`: one narrow table, one INSERT an event, one COMMIT for whatever waits;
//! - `blotter`: the journal over the SQLite engine, in this process;
//! - `umadb`: its server in this process, asked over gRPC on the loopback interface, a connection an
//!   appender: it is a server, and has no other way in for several writers at once;
//! - `tephra`: its engine in this process.
//!
//! Every append states what it expects: a stream, or a tag, that nobody has written to.
//! `BENCH_DIR`, `BENCH_SECONDS`, `BENCH_ROUNDS` as in the event store's own benchmark.

#[allow(dead_code, reason = "the event store's own benchmark has more cases")]
#[path = "../../store/engine.rs"]
mod engine;
#[path = "../../store/floors.rs"]
mod floors;
#[path = "../../store/load.rs"]
mod load;
#[path = "../../store/place.rs"]
mod place;
#[path = "../../store/table.rs"]
mod table;
mod tephra;
mod umadb;

use place::cell;
use table::{Row, compare, heading};

const APPENDERS: [usize; 4] = [1, 8, 64, 256];

fn main() {
    heading("disk");
    for (payload, bytes) in [("250 B", 250), ("1 kB", 1_000)] {
        for appenders in APPENDERS {
            let rows = [
                Row::new("disk", || floors::disk(appenders, bytes, cell())),
                Row::new("sqlite", || floors::sqlite(appenders, bytes, cell())),
                Row::new("blotter", || {
                    engine::unique_streams(&engine::sqlite, appenders, bytes, cell())
                }),
                Row::new("umadb", || umadb::unique_tags(appenders, 1, bytes, cell())),
                Row::new("tephra", || {
                    tephra::unique_tags(appenders, 1, bytes, cell())
                }),
            ];
            compare(&format!("{payload}, {appenders} appenders"), 1.0, &rows);
        }
    }
    let rows = [
        Row::new("disk", || floors::disk(1, 100 * 750 - 500, cell())),
        Row::new("blotter", || {
            engine::batches_of(&engine::sqlite, 100, cell())
        }),
        Row::new("umadb", || umadb::unique_tags(1, 100, 250, cell())),
        Row::new("tephra", || tephra::unique_tags(1, 100, 250, cell())),
    ];
    compare("250 B, batches of 100", 100.0, &rows);
}
