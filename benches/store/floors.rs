//! What the disk and plain SQLite do with the same bytes and the same appenders.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::load::{Figures, drive, on_an_event_loop};
use crate::place::directory;

/// As the journal: more in one go adds latency and no throughput.
pub const BATCH_MAX: usize = 256;
/// What a record holds besides its payload: envelope, leaf, ids.
pub const ENVELOPE_BYTES: usize = 500;

pub type Item = (Vec<u8>, oneshot::Sender<()>);

/// One write and one fdatasync for whatever waits.
pub fn disk(appenders: usize, payload: usize, cell: Duration) -> Figures {
    with_thread(appenders, payload, cell, |directory, items| {
        let path = directory.join("log");
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .expect("opens");
        serve(items, |batch| {
            let bytes: Vec<u8> = batch.iter().flat_map(|(bytes, _)| bytes).copied().collect();
            file.write_all(&bytes).expect("writes");
            file.sync_data().expect("on disk");
        });
    })
}

/// One INSERT an event into one narrow table, one COMMIT for whatever waits.
pub fn sqlite(appenders: usize, payload: usize, cell: Duration) -> Figures {
    with_thread(appenders, payload, cell, |directory, items| {
        let mut db = rusqlite::Connection::open(directory.join("plain.db")).expect("opens");
        db.pragma_update(None, "journal_mode", "WAL").expect("WAL");
        db.pragma_update(None, "synchronous", "FULL").expect("FULL");
        db.pragma_update(None, "wal_autocheckpoint", 8_000)
            .expect("set");
        db.execute_batch("CREATE TABLE events (position INTEGER PRIMARY KEY, record BLOB)")
            .expect("creates");
        serve(items, |batch| {
            let transaction = db.transaction().expect("begins");
            for (bytes, _) in batch {
                let insert = "INSERT INTO events (record) VALUES (?)";
                let mut insert = transaction.prepare_cached(insert).expect("prepares");
                insert.execute([bytes]).expect("inserts");
            }
            transaction.commit().expect("on disk");
        });
    })
}

/// Takes whatever waits, again and again.
fn serve(items: &Receiver<Item>, mut write: impl FnMut(&[Item])) {
    while let Ok(first) = items.recv() {
        let mut batch = vec![first];
        batch.extend(items.try_iter().take(BATCH_MAX - 1));
        write(&batch);
        for (_, durable) in batch {
            // Appenders leave when the time is over.
            let _ = durable.send(());
        }
    }
}

fn with_thread(
    appenders: usize,
    payload: usize,
    cell: Duration,
    serving: impl FnOnce(&Path, &Receiver<Item>) + Send,
) -> Figures {
    let directory = directory();
    let (queue, items): (SyncSender<Item>, _) = sync_channel(4_096);
    std::thread::scope(|scope| {
        let place = directory.path();
        scope.spawn(move || serving(place, &items));
        on_an_event_loop(drive(appenders, cell, move |_, _| {
            let (reply, durable) = oneshot::channel();
            queue
                .try_send((vec![b'x'; payload + ENVELOPE_BYTES], reply))
                .expect("room");
            Box::pin(async move { durable.await.expect("durable") })
        }))
    })
}
