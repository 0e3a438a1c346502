//! Which SQLite layout should the event store have: a row per event (A) or a row per commit (B)?
//!
//! Both hold the same facts: canonical records, their SHA-256 leaves, the commit id and its fingerprint, a unique (stream,
//! version). Both are driven like the engine: appenders that await their own durability before the next commit, one journal
//! that takes what is queued, one transaction a batch, WAL, `synchronous=FULL`, known ids and versions checked inside it,
//! one head row advanced under the epoch. Forms: one INSERT a row, multi-row VALUES, INSERT ... SELECT from one JSON bind.
//! Databases are filled first, so that the indexes have depth; cells run A B A B because machines are noisy, beside the
//! floor of the disk (append 4 KiB + fdatasync): compare within one run only. `BENCH_DIR`: where, `BENCH_SECONDS`: a cell.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a benchmark reads the clock, runs its own tasks and may end by panicking"
)]

use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, QueryBuilder, Row, Sqlite};
use std::time::{Duration, Instant};
use std::{collections::HashMap, env, error::Error, fs, io::Write, path::Path, sync::atomic};
use tokio::sync::{mpsc, oneshot};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;
const MAX_BATCH: usize = 256;
const PREFILL: i64 = 150_000;
const STREAMS: u64 = 5_000;
const ROUNDS: usize = 2;
const WARM_UP: Duration = Duration::from_millis(300);
const EPOCH: i64 = 7;
const APPENDERS: [usize; 4] = [1, 8, 64, 256];
const MIXES: [&[usize]; 2] = [&[400], &[400, 1000]];
/// Rows a statement. Few distinct texts, so that the statement cache keeps all of them. None: all rows from one JSON bind.
const FORMS: [(&str, Option<&[usize]>); 3] = [
    ("loop", Some(&[1])),
    ("values", Some(&[64, 16, 4, 1])),
    ("json", None),
];

struct Layout {
    name: &'static str,
    schema: &'static str,
    tables: &'static [&'static str],
    versions: &'static str,
    scan: &'static str,
}

const LAYOUTS: [Layout; 2] = [
    Layout {
        name: "A",
        schema: "CREATE TABLE events(position INTEGER PRIMARY KEY, stream TEXT NOT NULL, version INTEGER NOT NULL,
                record TEXT NOT NULL, leaf BLOB NOT NULL, UNIQUE(stream, version)) STRICT;
            CREATE TABLE commits(commit_id BLOB PRIMARY KEY, fingerprint BLOB NOT NULL,
                first_position INTEGER NOT NULL, events INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
        tables: &["events(position, stream, version, record, leaf)", "commits(commit_id, fingerprint, first_position, events)"],
        versions: "SELECT value, coalesce((SELECT max(version) FROM events WHERE stream = value), 0) FROM json_each(?)",
        scan: "SELECT position, record, leaf FROM events WHERE position > ? ORDER BY position LIMIT 1000",
    },
    Layout {
        name: "B",
        schema: "CREATE TABLE commits(first_position INTEGER PRIMARY KEY, events INTEGER NOT NULL,
            stream TEXT NOT NULL, first_version INTEGER NOT NULL, commit_id BLOB NOT NULL UNIQUE, fingerprint BLOB NOT NULL,
            records TEXT NOT NULL, leaves BLOB NOT NULL, UNIQUE(stream, first_version)) STRICT;",
        tables: &["commits(first_position, events, stream, first_version, commit_id, fingerprint, records, leaves)"],
        versions: "SELECT value, coalesce((SELECT first_version + events - 1 FROM commits WHERE stream = value
            ORDER BY first_version DESC LIMIT 1), 0) FROM json_each(?)",
        scan: "SELECT first_position, records, leaves FROM commits WHERE first_position > ? ORDER BY 1 LIMIT 1000",
    },
];
const HEAD: &str = "CREATE TABLE head(id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL,
    frontier BLOB NOT NULL, epoch INTEGER NOT NULL) STRICT; INSERT INTO head VALUES (1, 0, x'', 7);";
const ADVANCE: &str =
    "UPDATE head SET position = ?, frontier = ? WHERE id = 1 AND epoch = ? AND position = ?";
const KNOWN_IDS: &str =
    "SELECT value, -1 FROM json_each(?) CROSS JOIN commits ON commit_id = unhex(value)";

enum Cell {
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}
use Cell::{Blob, Int, Text};
type Rows = Vec<Vec<Cell>>;
struct Command {
    stream: String,
    id: [u8; 16],
    durable: Option<oneshot::Sender<()>>,
}

/// A unique random id, every second one for the hot stream, the others spread over `STREAMS`.
fn command(durable: Option<oneshot::Sender<()>>) -> Command {
    static NEXT: atomic::AtomicU64 = atomic::AtomicU64::new(0);
    let hash = |n: u64| -> [u8; 16] {
        Sha256::digest(n.to_be_bytes())[..16]
            .try_into()
            .expect("16 of 32 bytes")
    };
    let n = NEXT.fetch_add(1, atomic::Ordering::Relaxed);
    let s = hex::encode(hash(
        u64::MAX - if n.is_multiple_of(2) { 0 } else { n % STREAMS },
    ));
    let stream = format!(
        "order-{}-{}-{}-{}-{}",
        &s[..8],
        &s[8..12],
        &s[12..16],
        &s[16..20],
        &s[20..]
    );
    Command {
        stream,
        id: hash(n),
        durable,
    }
}

/// A canonical envelope of exactly `size` bytes, as dense in quotes as real ones are.
fn record(position: i64, version: i64, command: &Command, size: usize) -> String {
    let check = r#"{"bound":"500000","limit":"notional","observed":"125000.50","verdict":"pass"},"#;
    let (id, stream) = (hex::encode(command.id), &command.stream);
    let mut record = format!(r#"{{"event_id":"{id}-{version}","payload":{{"checks":["#);
    record += &check.repeat(size.saturating_sub(300) / check.len());
    record +=
        &format!(r#"0]}},"position":{position},"stream":"{stream}","version":{version},"x":""#);
    let pad = size - 2 - record.len();
    format!(r#"{record}{:.<pad$}"}}"#, "")
}

fn leaf(record: &[u8]) -> Vec<u8> {
    Sha256::new()
        .chain_update([0])
        .chain_update(record)
        .finalize()
        .to_vec()
}

struct Store {
    connection: SqliteConnection,
    layout: &'static Layout,
    chunks: Option<&'static [usize]>,
    position: i64,
    versions: HashMap<String, i64>,
}

impl Store {
    async fn create(
        dir: &Path,
        layout: &'static Layout,
        chunks: Option<&'static [usize]>,
    ) -> Outcome<Store> {
        let options = SqliteConnectOptions::new()
            .filename(dir.join(layout.name))
            .create_if_missing(true);
        let options = options
            .page_size(8_192)
            .journal_mode(SqliteJournalMode::Wal)
            .pragma("cache_size", "-65536");
        let options = options
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", "4000");
        let mut connection = options.disable_statement_logging().connect().await?;
        sqlx::raw_sql(AssertSqlSafe([layout.schema, HEAD].concat()))
            .execute(&mut connection)
            .await?;
        Ok(Store {
            connection,
            layout,
            chunks,
            position: 0,
            versions: HashMap::new(),
        })
    }

    /// Assigns positions and versions, renders and hashes the records, fills the `rows` of each table.
    fn plan(&mut self, c: &Command, sizes: &[usize], rows: &mut [Rows]) {
        let last = self.versions.entry(c.stream.clone()).or_default();
        let (first, first_version, events) = (self.position + 1, *last + 1, sizes.len() as i64);
        (self.position, *last) = (self.position + events, *last + events);
        let records = sizes
            .iter()
            .zip(0..)
            .map(|(&size, i)| record(first + i, first_version + i, c, size));
        let facts = records.map(|record| (leaf(record.as_bytes()), record));
        let fingerprint = Blob(leaf(c.stream.as_bytes()));
        if let [per_event, per_commit] = rows {
            per_event.extend(facts.zip(0..).map(|((leaf, record), i)| {
                vec![
                    Int(first + i),
                    Text(c.stream.clone()),
                    Int(first_version + i),
                    Text(record),
                    Blob(leaf),
                ]
            }));
            per_commit.push(vec![
                Blob(c.id.to_vec()),
                fingerprint,
                Int(first),
                Int(events),
            ]);
        } else {
            let (leaves, records): (Vec<_>, Vec<_>) = facts.unzip();
            let (stream, id, records) = (
                Text(c.stream.clone()),
                Blob(c.id.to_vec()),
                Text(records.join("\n")),
            );
            let leaves = Blob(leaves.concat());
            rows[0].push(vec![
                Int(first),
                Int(events),
                stream,
                Int(first_version),
                id,
                fingerprint,
                records,
                leaves,
            ]);
        }
    }

    /// One transaction: known ids and stream versions checked, rows, head under the lease epoch.
    async fn commit(&mut self, commands: &[Command], sizes: &[usize]) -> Outcome<()> {
        let (before, mut expected) = (self.position, HashMap::new());
        let mut rows: Vec<Rows> = self.layout.tables.iter().map(|_| Vec::new()).collect();
        for c in commands {
            expected
                .entry(&*c.stream)
                .or_insert(self.versions.get(&c.stream).copied().unwrap_or(0));
            self.plan(c, sizes, &mut rows);
        }
        let ids = serde_json::to_string(
            &commands
                .iter()
                .map(|c| hex::encode(c.id))
                .collect::<Vec<_>>(),
        )?;
        let streams = serde_json::to_string(&expected.keys().collect::<Vec<_>>())?;

        let mut tx = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        let check = AssertSqlSafe([KNOWN_IDS, " UNION ALL ", self.layout.versions].concat());
        for row in sqlx::query(check)
            .bind(ids)
            .bind(streams)
            .fetch_all(&mut *tx)
            .await?
        {
            let as_expected = expected.get(row.try_get::<&str, _>(0)?) == Some(&row.try_get(1)?);
            as_expected
                .then_some(())
                .ok_or("known commit id or version conflict")?;
        }
        for (into, rows) in self.layout.tables.iter().zip(rows) {
            match self.chunks {
                Some(chunks) => insert_values(&mut tx, into, rows, chunks).await?,
                None => insert_json(&mut tx, into, rows).await?,
            }
        }
        let frontier = vec![7; 32 * self.position.count_ones() as usize];
        let advance = sqlx::query(ADVANCE)
            .bind(self.position)
            .bind(frontier)
            .bind(EPOCH)
            .bind(before);
        (advance.execute(&mut *tx).await?.rows_affected() == 1)
            .then_some(())
            .ok_or("fenced")?;
        Ok(tx.commit().await?)
    }
}

async fn insert_values(
    tx: &mut SqliteConnection,
    into: &str,
    mut rows: Rows,
    chunks: &[usize],
) -> Outcome<()> {
    while let Some(&size) = chunks.iter().find(|&&size| size <= rows.len()) {
        let mut query = QueryBuilder::<Sqlite>::new(format!("INSERT INTO {into} "));
        query.push_values(rows.drain(..size), |mut values, row| {
            row.into_iter().for_each(|cell| match cell {
                Int(v) => drop(values.push_bind(v)),
                Text(v) => drop(values.push_bind(v)),
                Blob(v) => drop(values.push_bind(v)),
            })
        });
        query.build().execute(&mut *tx).await?;
    }
    Ok(())
}

async fn insert_json(tx: &mut SqliteConnection, into: &str, rows: Rows) -> Outcome<()> {
    let json = |cell| match cell {
        Int(v) => serde_json::Value::from(v),
        Text(v) => v.into(),
        Blob(v) => hex::encode(v).into(),
    };
    let column = |i, blob| {
        if blob {
            format!("unhex(value ->> {i})")
        } else {
            format!("value ->> {i}")
        }
    };
    let columns: Vec<_> = rows[0]
        .iter()
        .enumerate()
        .map(|(i, cell)| column(i, matches!(cell, Blob(_))))
        .collect();
    let rows: Vec<Vec<_>> = rows
        .into_iter()
        .map(|row| row.into_iter().map(json).collect())
        .collect();
    let sql = format!(
        "INSERT INTO {into} SELECT {} FROM jsonb_each(?)",
        columns.join(", ")
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(serde_json::to_string(&rows)?)
        .execute(tx)
        .await?;
    Ok(())
}

/// Latencies in ms of what `appenders` tasks, each awaiting its durability, got done in `window` after the warm-up.
async fn run(
    store: &mut Store,
    appenders: usize,
    sizes: &[usize],
    window: Duration,
) -> Outcome<Vec<f64>> {
    let (queue, mut commands) = mpsc::channel(2 * MAX_BATCH);
    let (from, mut all) = (Instant::now() + WARM_UP, Vec::new());
    let append = move |queue: mpsc::Sender<Command>| async move {
        let mut latencies = Vec::new();
        loop {
            let (sent, (durable, wait)) = (Instant::now(), oneshot::channel());
            let acknowledged =
                queue.send(command(Some(durable))).await.is_ok() && wait.await.is_ok();
            if !acknowledged || from.elapsed() > window {
                return latencies;
            } else if sent >= from {
                latencies.push(sent.elapsed().as_secs_f64() * 1e3);
            }
        }
    };
    let tasks: Vec<_> = (0..appenders)
        .map(|_| tokio::spawn(append(queue.clone())))
        .collect();
    drop(queue);
    let mut batch: Vec<Command> = Vec::with_capacity(MAX_BATCH);
    while commands.recv_many(&mut batch, MAX_BATCH).await > 0 {
        store.commit(&batch, sizes).await?;
        batch
            .drain(..)
            .filter_map(|c| c.durable)
            .for_each(|durable| durable.send(()).unwrap_or_default());
    }
    for task in tasks {
        all.append(&mut task.await?);
    }
    Ok(all)
}

/// Events per second of a full scan by pages, every leaf recomputed if `verify`.
async fn scan(store: &mut Store, verify: bool) -> Outcome<f64> {
    let (started, mut last) = (Instant::now(), 0);
    while last < store.position {
        for row in sqlx::query(store.layout.scan)
            .bind(last)
            .fetch_all(&mut store.connection)
            .await?
        {
            let (records, leaves): (&str, &[u8]) = (row.try_get(1)?, row.try_get(2)?);
            for (record, stored) in std::hint::black_box(records)
                .split('\n')
                .zip(leaves.chunks(32))
            {
                (!verify || leaf(record.as_bytes()) == stored)
                    .then_some(())
                    .ok_or("leaf differs")?;
                last += 1;
            }
        }
    }
    Ok(last as f64 / started.elapsed().as_secs_f64())
}

/// Appends of 4 KiB with fdatasync per second: no serial commit can be faster than this.
fn floor(dir: &Path) -> Outcome<f64> {
    let (mut file, started) = (fs::File::create(dir.join("floor"))?, Instant::now());
    for _ in 0..4_000 {
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
    }
    Ok(4_000.0 / started.elapsed().as_secs_f64())
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Outcome<()> {
    let dir =
        tempfile::tempdir_in(env::var_os("BENCH_DIR").map_or_else(env::temp_dir, Into::into))?;
    let seconds: f64 = env::var("BENCH_SECONDS").map_or(Ok(3.0), |s| s.parse())?;
    let window = Duration::from_secs_f64(seconds / ROUNDS as f64);
    for sizes in MIXES {
        println!(
            "\n{sizes:?} bytes a commit; floor {:.0} fdatasync/s",
            floor(dir.path())?
        );
        println!(
            "| form | appenders | layout | events/s | commits/s | p50 ms | p99 ms | to A |\n|---|---|---|---|---|---|---|---|"
        );
        for (form, chunks) in FORMS {
            let mut stores = Vec::new();
            for layout in &LAYOUTS {
                let mut store = Store::create(dir.path(), layout, chunks).await?;
                while store.position < PREFILL {
                    store
                        .commit(
                            &(0..MAX_BATCH).map(|_| command(None)).collect::<Vec<_>>(),
                            sizes,
                        )
                        .await?;
                }
                stores.push(store);
            }
            for appenders in APPENDERS {
                let (mut latencies, mut base) = ([Vec::new(), Vec::new()], None);
                for turn in 0..2 * ROUNDS {
                    latencies[turn % 2]
                        .extend(run(&mut stores[turn % 2], appenders, sizes, window).await?);
                }
                for (layout, mut ms) in LAYOUTS.iter().zip(latencies) {
                    ms.sort_by(f64::total_cmp);
                    let (p50, p99, rate) = (
                        ms[ms.len() / 2],
                        ms[ms.len() * 99 / 100],
                        ms.len() as f64 / seconds,
                    );
                    let (events, ratio) =
                        (rate * sizes.len() as f64, rate / *base.get_or_insert(rate));
                    print!(
                        "| {form} | {appenders} | {} | {events:.0} | {rate:.0} ",
                        layout.name
                    );
                    println!("| {p50:.2} | {p99:.2} | {ratio:.2} |");
                }
            }
            for store in &mut stores {
                let (raw, verified) = (scan(store, false).await?, scan(store, true).await?);
                sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
                    .execute(&mut store.connection)
                    .await?;
                let (name, path) = (store.layout.name, dir.path().join(store.layout.name));
                let bytes = fs::metadata(path)?.len() / store.position as u64;
                println!(
                    "{form} {name}: {bytes} bytes/event, scan {raw:.0} events/s, leaves checked {verified:.0}"
                );
            }
            for store in stores {
                store.connection.close().await?;
                fs::remove_file(dir.path().join(store.layout.name))?;
            }
        }
    }
    Ok(())
}
