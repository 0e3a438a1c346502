//! Which SQLite layout should the event store have: a row per event (A) or a row per commit (B)?
//!
//! Both hold the same facts: canonical record bytes, their SHA-256 leaves, the commit id with its
//! fingerprint, a unique (stream, version). Both are driven like the engine: appenders that await
//! their own durability before the next commit, one journal task that takes what is queued (at most
//! `MAX_BATCH` commits), one transaction a batch, WAL and `synchronous=FULL`, known commit ids and
//! stream versions checked inside it, one head row advanced under the lease epoch.
//!
//! Each layout is written in three forms: one INSERT a row, multi-row VALUES, and INSERT ... SELECT
//! from one JSON bind. Databases start with `PREFILL` events so that the indexes have depth. Cells
//! run A B A B because machines are noisy, and the floor of the disk (append 4 KiB + fdatasync) is
//! taken in the same run: compare figures of one run only, and look at B/A first.
//!
//! `cargo bench --bench store_layout`; `BENCH_DIR` chooses the disk, `BENCH_SECONDS` a cell's time.

use sha2::{Digest, Sha256};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, QueryBuilder, Row, Sqlite};
use std::time::{Duration, Instant};
use std::{collections::HashMap, env, error::Error, fs, io::Write, path::Path, sync::Arc};
use tokio::sync::{mpsc, oneshot};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;
type Hash = [u8; 32];

const MAX_BATCH: usize = 256;
const PREFILL: i64 = 150_000;
const STREAMS: usize = 5_000;
const ROUNDS: usize = 2;
const WARM_UP: Duration = Duration::from_millis(300);
const SCAN_PAGE: i64 = 1_000;
const EPOCH: i64 = 7;
const FORMS: [&str; 3] = ["loop", "values", "json"];
const APPENDERS: [usize; 4] = [1, 8, 64, 256];
const MIXES: [(&str, &[usize]); 2] = [("1 x 400 B", &[400]), ("400 B + 1000 B", &[400, 1000])];

/// A table and its columns; those in `blobs` travel as hex in JSON.
struct Table {
    into: &'static str,
    blobs: &'static [usize],
    columns: usize,
}
struct Layout {
    name: &'static str,
    schema: &'static str,
    tables: &'static [Table],
    check: &'static str,
    scan: &'static str,
}

const LAYOUTS: [Layout; 2] = [Layout {
    name: "A",
    schema: "CREATE TABLE events(position INTEGER PRIMARY KEY, stream TEXT NOT NULL,
            version INTEGER NOT NULL, record TEXT NOT NULL, leaf BLOB NOT NULL, UNIQUE(stream, version)) STRICT;
        CREATE TABLE commits(commit_id BLOB PRIMARY KEY, fingerprint BLOB NOT NULL,
            first_position INTEGER NOT NULL, events INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
    tables: &[
        Table { into: "events(position, stream, version, record, leaf)", blobs: &[4], columns: 5 },
        Table { into: "commits(commit_id, fingerprint, first_position, events)", blobs: &[0, 1], columns: 4 },
    ],
    check: "SELECT value, -1 FROM json_each(?) CROSS JOIN commits ON commit_id = unhex(value) UNION ALL
        SELECT value, coalesce((SELECT version FROM events WHERE stream = value
            ORDER BY version DESC LIMIT 1), 0) FROM json_each(?)",
    scan: "SELECT position, record, leaf FROM events WHERE position > ? ORDER BY position LIMIT ?",
}, Layout {
    name: "B",
    schema: "CREATE TABLE commits(first_position INTEGER PRIMARY KEY, events INTEGER NOT NULL,
            stream TEXT NOT NULL, first_version INTEGER NOT NULL, commit_id BLOB NOT NULL UNIQUE,
            fingerprint BLOB NOT NULL, records TEXT NOT NULL, leaves BLOB NOT NULL, UNIQUE(stream, first_version)) STRICT;",
    tables: &[Table {
        into: "commits(first_position, events, stream, first_version, commit_id, fingerprint, records, leaves)",
        blobs: &[4, 5, 7],
        columns: 8,
    }],
    check: "SELECT value, -1 FROM json_each(?) CROSS JOIN commits ON commit_id = unhex(value) UNION ALL
        SELECT value, coalesce((SELECT first_version + events - 1 FROM commits WHERE stream = value
            ORDER BY first_version DESC LIMIT 1), 0) FROM json_each(?)",
    scan: "SELECT first_position, records, leaves FROM commits WHERE first_position > ? ORDER BY first_position LIMIT ?",
}];
const HEAD: &str = "CREATE TABLE head(id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL,
        frontier BLOB NOT NULL, epoch INTEGER NOT NULL) STRICT; INSERT INTO head VALUES (1, 0, x'', 7);";
const ADVANCE: &str =
    "UPDATE head SET position = ?, frontier = ? WHERE id = 1 AND epoch = ? AND position = ?";

impl Table {
    fn insert_row(&self) -> String {
        format!(
            "INSERT INTO {} VALUES (?{})",
            self.into,
            ", ?".repeat(self.columns - 1)
        )
    }
    fn insert_json(&self) -> String {
        let column = |c| {
            if self.blobs.contains(&c) {
                format!("unhex(value ->> {c})")
            } else {
                format!("value ->> {c}")
            }
        };
        let columns: Vec<_> = (0..self.columns).map(column).collect();
        format!(
            "INSERT INTO {} SELECT {} FROM jsonb_each(?)",
            self.into,
            columns.join(", ")
        )
    }
}

enum Cell {
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}
type Rows = Vec<Vec<Cell>>;

/// SplitMix64: unique ids and the choice of a stream need no better.
struct Random(u64);
impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn id(&mut self) -> [u8; 16] {
        (u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes()
    }
}

struct Command {
    stream: Arc<str>,
    commit_id: [u8; 16],
    sizes: &'static [usize],
}
struct Request {
    command: Command,
    durable: oneshot::Sender<()>,
}

/// Half of the commands go to the hot stream [0], half are spread over the others.
fn command(random: &mut Random, streams: &[Arc<str>], sizes: &'static [usize]) -> Command {
    let pick = random.next() as usize;
    let stream = if pick & 1 == 0 {
        0
    } else {
        1 + (pick >> 1) % STREAMS
    };
    Command {
        stream: streams[stream].clone(),
        commit_id: random.id(),
        sizes,
    }
}

/// A canonical envelope of exactly `size` bytes, as dense in quotes as real ones are.
fn record(position: i64, version: i64, c: &Command, size: usize) -> String {
    let check = r#"{"bound":"500000","limit":"notional","observed":"125000.50","verdict":"pass"},"#;
    let checks = check.repeat(size.saturating_sub(300) / check.len());
    let (id, stream) = (hex::encode(c.commit_id), &c.stream);
    let head = format!(
        r#"{{"event_id":"{id}-{version}","payload":{{"checks":[{checks}0]}},"position":{position},"#
    );
    let tail = format!(r#""stream":"{stream}","type":"OrderSubmitted","version":{version},"x":""#);
    format!(
        r#"{head}{tail}{:.<pad$}"}}"#,
        "",
        pad = size - 2 - head.len() - tail.len()
    )
}

fn leaf(record: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(record)
        .finalize()
        .into()
}

struct Store {
    connection: SqliteConnection,
    layout: &'static Layout,
    form: &'static str,
    position: i64,
    frontier: Vec<Hash>,
    versions: HashMap<Arc<str>, i64>,
}

impl Store {
    async fn create(dir: &Path, layout: &'static Layout, form: &'static str) -> Outcome<Store> {
        let options = SqliteConnectOptions::new()
            .filename(dir.join(layout.name))
            .create_if_missing(true)
            .page_size(8_192)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", "4000")
            .pragma("cache_size", "-65536")
            .disable_statement_logging();
        let mut connection = options.connect().await?;
        sqlx::raw_sql(AssertSqlSafe(format!("{}{HEAD}", layout.schema)))
            .execute(&mut connection)
            .await?;
        Ok(Store {
            connection,
            layout,
            form,
            position: 0,
            frontier: Vec::new(),
            versions: HashMap::new(),
        })
    }

    /// Assigns positions and versions, hashes the records, carries the frontier on, fills `rows` by table.
    fn plan(&mut self, c: &Command, rows: &mut [Rows]) {
        let last = self.versions.entry(c.stream.clone()).or_default();
        let (first, first_version, events) = (self.position + 1, *last + 1, c.sizes.len() as i64);
        let (mut records, mut leaves) = (Vec::new(), Vec::new());
        for &size in c.sizes {
            let record = record(self.position + 1, *last + 1, c, size);
            let leaf = leaf(record.as_bytes());
            let (mut node, mut n) = (leaf, self.position);
            while let (1, Some(left)) = (n & 1, self.frontier.last()) {
                node = Sha256::new()
                    .chain_update([1])
                    .chain_update(left)
                    .chain_update(node)
                    .finalize()
                    .into();
                self.frontier.pop();
                n >>= 1;
            }
            self.frontier.push(node);
            (self.position, *last) = (self.position + 1, *last + 1);
            records.push(record);
            leaves.push(leaf);
        }
        let fingerprint = Sha256::new()
            .chain_update(&*c.stream)
            .chain_update(c.commit_id)
            .finalize()
            .to_vec();
        let (id, stream) = (c.commit_id.to_vec(), c.stream.to_string());
        use Cell::*;
        if let [per_event, per_commit] = rows {
            for ((record, leaf), i) in records.into_iter().zip(leaves).zip(0..) {
                let stream = Text(stream.clone());
                per_event.push(vec![
                    Int(first + i),
                    stream,
                    Int(first_version + i),
                    Text(record),
                    Blob(leaf.to_vec()),
                ]);
            }
            per_commit.push(vec![Blob(id), Blob(fingerprint), Int(first), Int(events)]);
        } else {
            rows[0].push(vec![
                Int(first),
                Int(events),
                Text(stream),
                Int(first_version),
                Blob(id),
                Blob(fingerprint),
                Text(records.join("\n")),
                Blob(leaves.concat()),
            ]);
        }
    }

    /// One transaction: known ids and stream versions checked, rows, head under the lease epoch.
    async fn commit(&mut self, commands: impl Iterator<Item = &Command>) -> Outcome<()> {
        let (before, mut expected, mut ids) =
            (self.position, HashMap::<Arc<str>, i64>::new(), Vec::new());
        let mut rows: Vec<Rows> = self.layout.tables.iter().map(|_| Vec::new()).collect();
        for c in commands {
            let version = self.versions.get(&c.stream).copied().unwrap_or(0);
            expected.entry(c.stream.clone()).or_insert(version);
            ids.push(hex::encode(c.commit_id));
            self.plan(c, &mut rows);
        }
        let streams: Vec<&str> = expected.keys().map(|s| &**s).collect();
        let (ids, streams) = (
            serde_json::to_string(&ids)?,
            serde_json::to_string(&streams)?,
        );

        let mut tx = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        for row in sqlx::query(self.layout.check)
            .bind(ids)
            .bind(streams)
            .fetch_all(&mut *tx)
            .await?
        {
            if expected.get(row.try_get::<&str, _>(0)?) != Some(&row.try_get(1)?) {
                return Err("known commit id or version conflict".into());
            }
        }
        for (table, rows) in self.layout.tables.iter().zip(rows) {
            match self.form {
                "loop" => insert_loop(&mut tx, table, rows).await?,
                "values" => insert_values(&mut tx, table, rows).await?,
                _ => insert_json(&mut tx, table, rows).await?,
            }
        }
        let advance = sqlx::query(ADVANCE)
            .bind(self.position)
            .bind(self.frontier.concat())
            .bind(EPOCH)
            .bind(before);
        if advance.execute(&mut *tx).await?.rows_affected() != 1 {
            return Err("fenced".into());
        }
        Ok(tx.commit().await?)
    }
}

async fn insert_loop(tx: &mut SqliteConnection, table: &Table, rows: Rows) -> Outcome<()> {
    let sql: Arc<str> = table.insert_row().into();
    for row in rows {
        let query =
            row.into_iter().fold(
                sqlx::query(AssertSqlSafe(sql.clone())),
                |query, cell| match cell {
                    Cell::Int(v) => query.bind(v),
                    Cell::Text(v) => query.bind(v),
                    Cell::Blob(v) => query.bind(v),
                },
            );
        query.execute(&mut *tx).await?;
    }
    Ok(())
}

/// Chunks of 64, 16, 4 and 1 rows: few distinct texts, so that the statement cache keeps all of them.
async fn insert_values(tx: &mut SqliteConnection, table: &Table, mut rows: Rows) -> Outcome<()> {
    while let Some(size) = [64, 16, 4, 1].into_iter().find(|&size| size <= rows.len()) {
        let mut query = QueryBuilder::<Sqlite>::new(format!("INSERT INTO {} ", table.into));
        query.push_values(rows.drain(..size), |mut values, row| {
            for cell in row {
                match cell {
                    Cell::Int(v) => values.push_bind(v),
                    Cell::Text(v) => values.push_bind(v),
                    Cell::Blob(v) => values.push_bind(v),
                };
            }
        });
        query.build().execute(&mut *tx).await?;
    }
    Ok(())
}

async fn insert_json(tx: &mut SqliteConnection, table: &Table, rows: Rows) -> Outcome<()> {
    let json = |cell| -> serde_json::Value {
        match cell {
            Cell::Int(v) => v.into(),
            Cell::Text(v) => v.into(),
            Cell::Blob(v) => hex::encode(v).into(),
        }
    };
    let rows: serde_json::Value = rows
        .into_iter()
        .map(|row| row.into_iter().map(json).collect::<serde_json::Value>())
        .collect();
    sqlx::query(AssertSqlSafe(table.insert_json()))
        .bind(rows.to_string())
        .execute(&mut *tx)
        .await?;
    Ok(())
}

#[derive(Default)]
struct Measured {
    seconds: f64,
    batches: usize,
    batched: usize,
    latencies: Vec<f64>,
}

/// `appenders` tasks that each await durability, and one journal, for the warm-up and `window`.
async fn run(
    mut store: Store,
    appenders: usize,
    sizes: &'static [usize],
    streams: &Arc<[Arc<str>]>,
    window: Duration,
    m: &mut Measured,
) -> Outcome<Store> {
    let (queue, mut requests) = mpsc::channel::<Request>(2 * MAX_BATCH);
    let journal = tokio::spawn(async move {
        let (mut batch, mut batches, mut batched) = (Vec::with_capacity(MAX_BATCH), 0, 0);
        while requests.recv_many(&mut batch, MAX_BATCH).await > 0 {
            store
                .commit(batch.iter().map(|r: &Request| &r.command))
                .await?;
            (batches, batched) = (batches + 1, batched + batch.len());
            batch.drain(..).for_each(|r| drop(r.durable.send(())));
        }
        Outcome::Ok((store, batches, batched))
    });
    let from = Instant::now() + WARM_UP;
    let tasks: Vec<_> = (0..appenders as u64)
        .map(|n| {
            let (queue, streams) = (queue.clone(), streams.clone());
            let mut random = Random(std::hash::BuildHasher::hash_one(
                &std::hash::RandomState::new(),
                n,
            ));
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while from.elapsed() < window {
                    let (durable, wait) = oneshot::channel();
                    let command = command(&mut random, &streams, sizes);
                    let sent = Instant::now();
                    if queue.send(Request { command, durable }).await.is_err()
                        || wait.await.is_err()
                    {
                        break;
                    }
                    if sent >= from {
                        latencies.push(sent.elapsed().as_secs_f64() * 1e3);
                    }
                }
                latencies
            })
        })
        .collect();
    drop(queue);
    for task in tasks {
        m.latencies.extend(task.await?);
    }
    m.seconds += from.elapsed().as_secs_f64();
    let (store, batches, batched) = journal.await??;
    (m.batches, m.batched) = (m.batches + batches, m.batched + batched);
    Ok(store)
}

/// Events per second of a full scan by pages, every leaf recomputed if `verify`.
async fn scan(store: &mut Store, verify: bool) -> Outcome<f64> {
    let (started, mut last) = (Instant::now(), 0);
    while last < store.position {
        let rows = sqlx::query(store.layout.scan)
            .bind(last)
            .bind(SCAN_PAGE)
            .fetch_all(&mut store.connection)
            .await?;
        if rows.is_empty() {
            return Err("events are missing".into());
        }
        for row in &rows {
            if row.try_get::<i64, _>(0)? != last + 1 {
                return Err("gap".into());
            }
            let (records, leaves): (&str, &[u8]) = (row.try_get(1)?, row.try_get(2)?);
            for (record, stored) in std::hint::black_box(records)
                .split('\n')
                .zip(leaves.chunks(32))
            {
                if verify && leaf(record.as_bytes()) != stored {
                    return Err("leaf differs".into());
                }
                last += 1;
            }
        }
    }
    Ok(last as f64 / started.elapsed().as_secs_f64())
}

/// Appends of 4 KiB with fdatasync per second: no serial commit can be faster than this.
fn floor(dir: &Path) -> Outcome<f64> {
    let (mut file, started, mut n) = (fs::File::create(dir.join("floor"))?, Instant::now(), 0);
    while started.elapsed() < Duration::from_secs(1) {
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        n += 1;
    }
    Ok(f64::from(n) / started.elapsed().as_secs_f64())
}

/// Size and the better of `ROUNDS` scans, A B A B.
async fn report_reading(stores: &mut [Store]) -> Outcome<()> {
    let mut best = [[0f64; 2]; 2];
    for _ in 0..ROUNDS {
        for (store, best) in stores.iter_mut().zip(&mut best) {
            best[0] = best[0].max(scan(store, false).await?);
            best[1] = best[1].max(scan(store, true).await?);
        }
    }
    for (store, [raw, verified]) in stores.iter_mut().zip(best) {
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut store.connection)
            .await?;
        let sql = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        let bytes: i64 = sqlx::query_scalar(sql)
            .fetch_one(&mut store.connection)
            .await?;
        println!(
            "{}: {} events, {} bytes/event, scan {raw:.0} events/s, with leaf check {verified:.0} events/s",
            store.layout.name,
            store.position,
            bytes / store.position
        );
    }
    Ok(())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome<()> {
    let dir =
        tempfile::tempdir_in(env::var_os("BENCH_DIR").map_or_else(env::temp_dir, Into::into))?;
    let seconds: f64 = env::var("BENCH_SECONDS").map_or(Ok(3.0), |s| s.parse())?;
    let window = Duration::from_secs_f64(seconds / ROUNDS as f64);
    let mut random = Random(42);
    let streams: Arc<[Arc<str>]> = (0..=STREAMS)
        .map(|_| {
            let id = hex::encode(random.id());
            format!(
                "order-{}-{}-{}-{}-{}",
                &id[..8],
                &id[8..12],
                &id[12..16],
                &id[16..20],
                &id[20..]
            )
            .into()
        })
        .collect();
    for (mix, sizes) in MIXES {
        println!(
            "\n{mix} a commit; floor {:.0} fdatasync/s",
            floor(dir.path())?
        );
        println!(
            "| form | appenders | A events/s | B events/s | A commits/s | B commits/s | B/A | A p50 / p99 ms | B p50 / p99 ms | A, B batch |"
        );
        println!("|---|---|---|---|---|---|---|---|---|---|");
        for form in FORMS {
            let mut stores = Vec::new();
            for layout in &LAYOUTS {
                let mut store = Store::create(dir.path(), layout, form).await?;
                while store.position < PREFILL {
                    let batch: Vec<_> = (0..MAX_BATCH)
                        .map(|_| command(&mut random, &streams, sizes))
                        .collect();
                    store.commit(batch.iter()).await?;
                }
                stores.push(store);
            }
            for appenders in APPENDERS {
                let mut measured = [Measured::default(), Measured::default()];
                for turn in 0..2 * ROUNDS {
                    let store = stores.remove(0);
                    stores.push(
                        run(
                            store,
                            appenders,
                            sizes,
                            &streams,
                            window,
                            &mut measured[turn % 2],
                        )
                        .await?,
                    );
                }
                let [a, b] = measured.map(|mut m| {
                    m.latencies.sort_by(f64::total_cmp);
                    let at = |q: f64| m.latencies[((m.latencies.len() - 1) as f64 * q) as usize];
                    let rate = m.latencies.len() as f64 / m.seconds;
                    (
                        rate * sizes.len() as f64,
                        rate,
                        format!("{:.2} / {:.2}", at(0.5), at(0.99)),
                        m.batched / m.batches,
                    )
                });
                println!(
                    "| {form} | {appenders} | {:.0} | {:.0} | {:.0} | {:.0} | {:.2} | {} | {} | {}, {} |",
                    a.0,
                    b.0,
                    a.1,
                    b.1,
                    b.1 / a.1,
                    a.2,
                    b.2,
                    a.3,
                    b.3
                );
            }
            if form == "values" {
                report_reading(&mut stores).await?;
            }
            for store in stores {
                store.connection.close().await?;
            }
            for file in fs::read_dir(dir.path())? {
                fs::remove_file(file?.path())?;
            }
        }
        println!("floor again {:.0} fdatasync/s", floor(dir.path())?);
    }
    Ok(())
}
