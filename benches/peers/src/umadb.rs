//! UmaDB: server and clients in this process, gRPC between them.

use std::net::TcpListener;
use std::time::Duration;

use tokio::sync::oneshot;
use umadb_client::{AsyncUmaDbClient, UmaDbClient};
use umadb_core::mvcc::StorageOptions;
use umadb_dcb::{DcbAppendCondition, DcbEvent, DcbEventStoreAsync, DcbQuery, DcbQueryItem};
use umadb_server::{ServerOptions, start_server_with_options};

use crate::load::{Figures, drive, on_an_event_loop};
use crate::place::directory;

/// A server on a new database. It ends when this is dropped.
struct Server {
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    _directory: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let directory = directory();
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("an address").to_string();
        drop(free);
        let options = ServerOptions {
            listen_addr: address.clone(),
            tls: None,
            api_key: None,
            storage: StorageOptions::default().db_path(directory.path()),
        };
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            let events = tokio::runtime::Runtime::new().expect("an event loop");
            let served = events.block_on(start_server_with_options(options, stopped));
            served.expect("serves");
        };
        Self {
            url: format!("http://{address}"),
            stop: Some(stop),
            thread: Some(std::thread::spawn(serve)),
            _directory: directory,
        }
    }

    async fn client(&self) -> AsyncUmaDbClient {
        loop {
            match UmaDbClient::new(self.url.clone()).connect_async().await {
                Ok(client) => return client,
                // It is still opening its files.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let stop = self.stop.take().expect("once");
        let _ = stop.send(());
        let ended = self.thread.take().expect("once").join();
        ended.expect("ends");
    }
}

/// Each append on a tag of its own, `events` at a time.
pub fn unique_tags(appenders: usize, events: usize, bytes: usize, cell: Duration) -> Figures {
    let server = Server::start();
    on_an_event_loop(async {
        let mut clients = Vec::new();
        for _ in 0..appenders {
            clients.push(server.client().await);
        }
        drive(appenders, cell, |appender, number| {
            let client = &clients[appender];
            Box::pin(append(
                client,
                format!("order-{appender}-{number}"),
                events,
                bytes,
            ))
        })
        .await
    })
}

async fn append(client: &AsyncUmaDbClient, tag: String, events: usize, bytes: usize) {
    let event = DcbEvent::default()
        .event_type("ActorRestarted")
        .tags([tag.as_str()])
        .data(vec![b'x'; bytes]);
    let new = DcbQuery::new().item(DcbQueryItem::new().tags([tag.as_str()]));
    let expected = DcbAppendCondition::new(new);
    let appended = client.append(vec![event; events], Some(expected), None);
    appended.await.expect("recorded");
}
