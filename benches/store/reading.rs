//! Reading a whole log back, decoded and checked against its hashes; and a log that grows.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use blotter::events::plan::Stamp;
use blotter::events::{EventStore, Lease};
use blotter::values::{CommandId, OrderId, Position, StreamName, Timestamp};
use sha2::{Digest, Sha256};

use crate::engine::{Address, MODE, commit, node, origin};
use crate::load::on_an_event_loop;
use crate::place::directory;

const PAGE_EVENTS: usize = 1_000;
const BATCH_COMMITS: u64 = 256;
/// Lone appends timed between two stretches of growth.
const LONE_APPENDS: u64 = 200;

/// Prints events a second of reading `events` events, and how much of it hashing is.
pub fn measure(name: &str, address: Address<'_>, events: u64) {
    let directory = directory();
    on_an_event_loop(async {
        let store = address(directory.path()).open(MODE).await.expect("opens");
        let lease = store.acquire_lease(&node()).await.expect("a lease");
        fill(&*store, &lease, 0..events, timed).await;
        let (rate, records) = read_all(&*store, events).await;
        println!("{name}: read, decoded and checked {rate:.0} events/s over {events} events");
        let began = Instant::now();
        for record in &records {
            let leaf = Sha256::new()
                .chain_update([0])
                .chain_update(record)
                .finalize();
            std::hint::black_box(leaf);
        }
        let hashed = records.len() as f64 / began.elapsed().as_secs_f64();
        println!(
            "{name}: their leaf hashes alone {hashed:.0} events/s = {:.1}% of reading",
            100.0 * rate / hashed
        );
        store.close().await.expect("closes");
    });
}

/// Events a second, and some of the records.
async fn read_all(store: &dyn EventStore, events: u64) -> (f64, Vec<Vec<u8>>) {
    let began = Instant::now();
    let mut after = Position::ZERO;
    let mut records: Vec<Vec<u8>> = Vec::new();
    loop {
        let page = store.read(after, PAGE_EVENTS).await.expect("reads");
        let Some(last) = page.last() else {
            break;
        };
        after = last.position();
        if records.len() < 100 * PAGE_EVENTS {
            records.extend(page.into_iter().map(|recorded| recorded.record));
        }
    }
    let taken = began.elapsed();
    assert_eq!(after.get(), events, "all of them were read");
    (events as f64 / taken.as_secs_f64(), records)
}

/// Makes a commit's command id of its number.
pub type Naming = fn(u64) -> String;

/// Prints what appending costs while a log grows to `events` events, in ten stretches.
pub fn growth(name: &str, address: Address<'_>, events: u64, naming: Naming) {
    let directory = directory();
    on_an_event_loop(async {
        let store = address(directory.path()).open(MODE).await.expect("opens");
        let lease = store.acquire_lease(&node()).await.expect("a lease");
        let stretch = events / 10;
        for number in 0..10 {
            let began = Instant::now();
            let from = number * (stretch + LONE_APPENDS);
            fill(&*store, &lease, from..from + stretch, naming).await;
            let rate = stretch as f64 / began.elapsed().as_secs_f64();
            let lone = lone_appends(&*store, &lease, from + stretch, naming).await;
            println!(
                "{name}: {:8} events: {rate:.0} events/s in batches of {BATCH_COMMITS}, one alone {:.3} ms (median)",
                from + stretch + LONE_APPENDS,
                lone.as_secs_f64() * 1e3,
            );
        }
        store.close().await.expect("closes");
    });
}

/// The median.
async fn lone_appends(
    store: &dyn EventStore,
    lease: &Lease,
    from: u64,
    naming: Naming,
) -> Duration {
    let mut taken = Vec::new();
    for number in from..from + LONE_APPENDS {
        let began = Instant::now();
        append(store, lease, number..number + 1, naming).await;
        taken.push(began.elapsed());
    }
    taken.sort();
    taken[taken.len() / 2]
}

/// Appends commits of one event each.
async fn fill(store: &dyn EventStore, lease: &Lease, numbers: Range<u64>, naming: Naming) {
    let mut next = numbers.start;
    while next < numbers.end {
        let end = (next + BATCH_COMMITS).min(numbers.end);
        append(store, lease, next..end, naming).await;
        next = end;
    }
}

async fn append(store: &dyn EventStore, lease: &Lease, numbers: Range<u64>, naming: Naming) {
    let stamp = Stamp {
        origin: origin(),
        recorded_at: Timestamp::default(),
    };
    let batch = numbers.map(|number| {
        let command = CommandId::new(&naming(number)).expect("a command id");
        let order = OrderId::of_command("user:bench", &command);
        commit(
            command.as_str(),
            StreamName::order(&order).as_str(),
            0,
            1,
            250,
        )
    });
    let batch: Arc<[_]> = batch.collect();
    for answer in store.append(lease, &stamp, batch).await.expect("appends") {
        answer.expect("recorded");
    }
}

/// As the API makes them, here at 10,000 a second.
pub fn timed(number: u64) -> String {
    let millis = 1_700_000_000_000 + number / 10;
    let mut tail = [0; 10];
    let hash = Sha256::digest(number.to_be_bytes());
    tail.copy_from_slice(&hash[..10]);
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid();
    id.to_string()
}

/// As a client may choose them: they stand anywhere in an index.
pub fn untimed(number: u64) -> String {
    format!("order-{number}")
}
