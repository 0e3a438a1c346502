//! Listening, serving, stopping.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};

use super::hosts::check_host;
use super::observe::observe;
use super::security_headers::security_headers;
use super::stream::{self, Hub};
use super::{Services, configure, metrics};
use crate::runtime::Tasks;

/// Threads that read requests and write answers; decisions are made elsewhere.
const WORKERS: usize = 2;
/// Open connections of one worker; the next ones wait to be accepted.
const CONNECTIONS_MAX: usize = 2_048;
/// Longest wait for a request's head.
const HEAD_WAIT: Duration = Duration::from_secs(10);
/// How long a connection without requests is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Seconds that open requests get to finish when the node stops.
const STOP_WAIT_SECONDS: u64 = 5;

/// Why the address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}; choose another address with --bind or BLOTTER_BIND")]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

/// A server that runs.
pub struct Listening {
    /// With the port that was really taken.
    pub address: SocketAddr,
    handle: ServerHandle,
    streams: Hub,
}

impl Listening {
    /// Says goodbye to streams, lets open requests finish, then closes every connection.
    pub async fn stop(&self) {
        self.streams.stop();
        self.handle.stop(true).await;
    }
}

/// Takes the address, so that nobody else can; port 0 takes a free one.
pub fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    let failed = |source| BindError { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// Answers on `listener` from now on.
pub fn serve(
    listener: TcpListener,
    services: Services,
    tasks: &Rc<dyn Tasks>,
) -> io::Result<Listening> {
    let address = listener.local_addr()?;
    let streams = Hub::default();
    let hub = streams.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(services.clone()))
            .app_data(web::Data::new(hub.clone()))
            .configure(configure)
            // The last one is the first that a request meets.
            .wrap(from_fn(check_host))
            .wrap(from_fn(observe))
            .wrap(from_fn(security_headers))
    })
    .on_connect(stream::keep_socket)
    .workers(WORKERS)
    .max_connections(CONNECTIONS_MAX)
    .client_request_timeout(HEAD_WAIT)
    .keep_alive(KEEP_ALIVE)
    .shutdown_timeout(STOP_WAIT_SECONDS)
    // The command line listens to signals, and stops the node in its own order.
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    tasks.spawn(
        "http",
        Box::pin(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the HTTP server ended");
            }
        }),
    );
    tasks.spawn("metrics", Box::pin(metrics::upkeep()));
    Ok(Listening {
        address,
        handle,
        streams,
    })
}
