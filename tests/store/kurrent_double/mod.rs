//! A double of KurrentDB: its gRPC services on a loopback port, its streams in memory, its failures
//! by script.
//!
//! It knows what the event store relies on: expected revisions, repetitions told by event ids,
//! truncation by a stream's metadata, a largest append, leaders and followers, users. It is not
//! KurrentDB: what it shows is how the engine deals with the protocol, not what a server does.
//!
//! `streams` keeps the events and decides, `service` speaks the protocol, `generated` is the
//! protocol, `quick` its connections.
#![allow(
    dead_code,
    reason = "not every binary that shares this folder needs all of it"
)]

#[allow(clippy::all, reason = "generated")]
#[rustfmt::skip]
mod generated;
mod quick;
#[allow(clippy::result_large_err, reason = "tonic's own type")]
mod service;
pub mod streams;

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tonic::transport::Server;

use self::service::Services;
use self::streams::State;

/// Longest that a test waits for something here.
const DEADLINE: Duration = Duration::from_secs(60);

/// What becomes of one append to the log.
#[derive(Debug, Clone, PartialEq)]
pub enum AppendFault {
    /// Turned down, naming a leader.
    NotLeader(SocketAddr),
    /// Recorded, and never answered.
    SilentRecorded,
    /// Not recorded, and never answered.
    SilentLost,
    /// Never answered, and recorded right before the next append, if its revision still fits.
    SilentLate,
    /// Recorded, and answered with a failed connection.
    BrokenRecorded,
    /// Not recorded, and answered with a failed connection.
    BrokenLost,
    /// Recorded, and answered that time ran out.
    OutOfTimeRecorded,
    /// Recorded; the answer is empty, which the client does not expect.
    EmptyAnswer,
    /// It arrives twice; the second answer is the one that is sent.
    Twice,
    /// Turned down for a right that the user does not have.
    Denied,
}

/// What becomes of one read.
#[derive(Debug, Clone, PartialEq)]
pub enum ReadFault {
    /// The answer ends cleanly after so many events.
    EndsAfter(usize),
    /// The connection fails after so many events.
    BreaksAfter(usize),
    /// Each event is sent twice.
    Twice,
    /// No answer.
    Silent,
    /// An event without an id, which the client does not expect.
    NoId,
    NotLeader(SocketAddr),
}

/// A running server. Its state outlives the times it is down.
pub struct Double {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    /// Counts requests that have arrived.
    arrived: Arc<watch::Sender<Arrived>>,
    running: Mutex<Option<Runtime>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Arrived {
    /// Appends to the log.
    pub appends: usize,
    /// Reads of anything.
    pub reads: usize,
}

impl Double {
    pub fn start() -> Self {
        let mut double = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            state: Arc::default(),
            arrived: Arc::default(),
            running: Mutex::default(),
        };
        let (address, runtime) = double.serve();
        double.address = address;
        double.running = Mutex::new(Some(runtime));
        double
    }

    fn serve(&self) -> (SocketAddr, Runtime) {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = TcpListener::bind(self.address).expect("a free port");
        listener.set_nonblocking(true).expect("can be shared");
        let address = listener.local_addr().expect("an address");
        let services = Services {
            address,
            state: Arc::clone(&self.state),
            arrived: Arc::clone(&self.arrived),
        };
        let (streams, gossip, features) = services.servers();
        let server = Server::builder()
            .add_service(streams)
            .add_service(gossip)
            .add_service(features)
            .serve_with_incoming(quick::incoming(listener));
        runtime.spawn(server);
        (address, runtime)
    }

    /// Where it answers. A test that is to see an answer time out sets `wait_ms`.
    pub fn url_waiting(&self, scheme: &str, user: &str, wait_ms: u64) -> String {
        format!(
            "{scheme}://{user}{}?tls=false&discoveryInterval=1&maxDiscoverAttempts=2\
             &defaultDeadline={wait_ms}",
            self.address
        )
    }

    pub fn url(&self) -> String {
        self.url_waiting("kurrentdb", "", 20_000)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("unpoisoned")
    }

    pub fn fail_append(&self, fault: AppendFault) {
        self.state().append_faults.push_back(fault);
    }

    /// Of the stream `blotter-log`.
    pub fn fail_read(&self, fault: ReadFault) {
        self.state().read_faults.push_back(fault);
    }

    pub fn arrived(&self) -> Arrived {
        *self.arrived.borrow()
    }

    /// Waits until requests enough have arrived.
    pub async fn wait_until(&self, enough: impl FnMut(&Arrived) -> bool) {
        let mut arrived = self.arrived.subscribe();
        let waited = tokio::time::timeout(DEADLINE, arrived.wait_for(enough)).await;
        waited.expect("arrives in time").expect("is served");
    }

    /// Ends every connection and answers no new one.
    pub fn stop(&self) {
        if let Some(runtime) = self.running.lock().expect("unpoisoned").take() {
            // On another thread, for a test's own may not wait for a runtime to end.
            let ended = std::thread::spawn(move || runtime.shutdown_timeout(DEADLINE));
            ended.join().expect("ends");
        }
    }

    /// Answers again, at the same place.
    pub fn start_again(&self) {
        let (_, runtime) = self.serve();
        *self.running.lock().expect("unpoisoned") = Some(runtime);
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.stop();
    }
}
