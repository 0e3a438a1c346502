//! Reading a whole log back, decoded and checked against its hashes.

use std::sync::Arc;
use std::time::Instant;

use blotter::events::plan::Stamp;
use blotter::events::sqlite::SqliteStore;
use blotter::events::{EventStore, OpenMode};
use blotter::values::{Position, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::directory;
use crate::engine::{commit, node, origin};
use crate::load::on_an_event_loop;

const PAGE_EVENTS: usize = 1_000;
const BATCH_COMMITS: u64 = 256;

/// Prints events a second of reading `events` events, and how much of it hashing is.
pub fn measure(events: u64) {
    let directory = directory();
    on_an_event_loop(async {
        let new_log_id = Uuid::from_u128(1);
        let mode = OpenMode::CreateOrOpen { new_log_id };
        let path = directory.path().join("events.db");
        let store = SqliteStore::open(&path, mode).await.expect("opens");
        fill(&store, events).await;
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
        let rate = events as f64 / began.elapsed().as_secs_f64();
        assert_eq!(after.get(), events, "all of them were read");
        println!("read, decoded and checked: {rate:.0} events/s over {events} events");
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
            "their leaf hashes alone: {hashed:.0} events/s = {:.1}% of reading",
            100.0 * rate / hashed
        );
        store.close().await.expect("closes");
    });
}

async fn fill(store: &SqliteStore, events: u64) {
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    let stamp = Stamp {
        origin: origin(),
        recorded_at: Timestamp::default(),
    };
    let mut next = 0;
    while next < events {
        let count = BATCH_COMMITS.min(events - next);
        let named = (next..next + count).map(|number| number.to_string());
        let batch = named.map(|name| commit(&name, &format!("order-{name}"), 0, 1, 250));
        let batch: Arc<[_]> = batch.collect();
        for answer in store.append(&lease, &stamp, batch).await.expect("appends") {
            answer.expect("recorded");
        }
        next += count;
    }
}
