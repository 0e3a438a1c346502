//! What PostgreSQL does with the same bytes and the same appenders.

use std::time::Duration;

use sqlx::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::floors::{BATCH_MAX, ENVELOPE_BYTES, Item};
use crate::load::{Figures, drive, on_an_event_loop};

/// One table without anything beside, one INSERT from arrays for whatever waits.
pub fn unnest(url: &str, appenders: usize, payload: usize, cell: Duration) -> Figures {
    const INSERT: &str = "INSERT INTO floor.events (record) SELECT * FROM unnest($1::bytea[])";
    on_an_event_loop(async {
        let mut session = sqlx::PgConnection::connect(url).await.expect("connects");
        let table = "DROP SCHEMA IF EXISTS floor CASCADE; CREATE SCHEMA floor;
            CREATE TABLE floor.events (position BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                record BYTEA NOT NULL)";
        sqlx::raw_sql(table)
            .execute(&mut session)
            .await
            .expect("a table");
        let (queue, mut items) = mpsc::channel::<Item>(4_096);
        let serving = async move {
            let mut batch = Vec::new();
            while items.recv_many(&mut batch, BATCH_MAX).await > 0 {
                let records: Vec<_> = batch.iter().map(|(bytes, _)| bytes.as_slice()).collect();
                let insert = sqlx::query(INSERT).bind(records).execute(&mut session);
                insert.await.expect("inserts");
                for (_, durable) in batch.drain(..) {
                    let _ = durable.send(());
                }
            }
        };
        let load = drive(appenders, cell, move |_, _| {
            let (reply, durable) = oneshot::channel();
            let item = (vec![b'x'; payload + ENVELOPE_BYTES], reply);
            queue.try_send(item).expect("room");
            Box::pin(async move { durable.await.expect("durable") })
        });
        tokio::join!(load, serving).0
    })
}
