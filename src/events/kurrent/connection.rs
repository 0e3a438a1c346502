//! The client, held at arm's length: requests with an end, and nothing of it can hurt the log.
//!
//! Entry points: [`Connection::page`] and [`Connection::last`] to read, [`Connection::append`].
//!
//! The client runs on a thread of its own. Each request runs there as a task: a panic in it (the
//! client unwraps what servers send) comes back as an error, and so does silence. The client gives
//! itself up for good when it cannot connect; after that, and after anything else that leaves it
//! in doubt, it is thrown away with its thread and the next request makes a new one.
//!
//! Invariants: every request ends within the address's wait, a connection attempt included; a
//! request that writes is sent at most once.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use kurrentdb::{
    AppendToStreamOptions, Client, EventData, ReadEvent, ReadStreamOptions, StreamPosition,
    StreamState,
};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::address::KurrentUrl;
use super::errors::CallError;

/// Events of one page at most.
pub(super) const PAGE_EVENTS: usize = 1_024;
/// A page ends after the event with which it reaches this many bytes.
const PAGE_BYTES: usize = 8 << 20;
/// How often a read that failed is sent again, where another node may answer it.
const READ_TRIES_MAX: u32 = 3;

/// An event as KurrentDB has it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub revision: u64,
    pub data: Vec<u8>,
    pub metadata: Vec<u8>,
}

pub(super) struct Connection {
    url: KurrentUrl,
    /// `None` until it is needed, and after a failure that left it in doubt.
    live: Mutex<Option<Arc<Live>>>,
}

/// A client and the thread it works on.
struct Live {
    client: Client,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for its tasks could block the event loop.
            runtime.shutdown_background();
        }
    }
}

impl Live {
    /// Reads certificates from the disk.
    fn start(url: &KurrentUrl) -> Result<Self, CallError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("kurrentdb")
            .enable_all()
            .build()
            .map_err(|error| CallError::Refused(format!("its client gets no thread: {error}")))?;
        let client = Client::with_runtime_handle(runtime.handle().clone(), url.settings.clone());
        match client {
            Ok(client) => Ok(Self {
                client,
                runtime: Some(runtime),
            }),
            Err(error) => {
                runtime.shutdown_background();
                Err(CallError::Refused(format!(
                    "its client cannot be set up: {error}"
                )))
            }
        }
    }
}

impl Connection {
    pub(super) fn new(url: KurrentUrl) -> Self {
        Self {
            url,
            live: Mutex::default(),
        }
    }

    /// Ends all connections.
    pub(super) fn close(&self) {
        self.locked().take();
    }

    /// Up to `limit` events from revision `from` on; fewer at the end, at [`PAGE_BYTES`], and
    /// whenever the server pleases.
    pub(super) async fn page(
        &self,
        stream: &'static str,
        from: u64,
        limit: usize,
    ) -> Result<Vec<Found>, CallError> {
        let options = ReadStreamOptions::default()
            .position(StreamPosition::Position(from))
            .max_count(limit.min(PAGE_EVENTS));
        let page = self.read(stream, options).await?;
        Ok(page.unwrap_or_default())
    }

    /// The last event of `stream`; `None` when there is no such stream.
    pub(super) async fn last(&self, stream: &'static str) -> Result<Option<Found>, CallError> {
        let options = ReadStreamOptions::default()
            .position(StreamPosition::End)
            .max_count(1);
        match self.read(stream, options).await? {
            None => Ok(None),
            Some(mut page) => match page.pop() {
                Some(last) => Ok(Some(last)),
                None => Err(CallError::Broken(format!(
                    "the server neither gave the end of {stream} nor said that there is none"
                ))),
            },
        }
    }

    /// Appends to a stream whose last revision is `expected`; `None` to one that is not there yet.
    /// Returns the revision of the last event.
    pub(super) async fn append(
        &self,
        stream: &'static str,
        expected: Option<u64>,
        events: Vec<EventData>,
    ) -> Result<u64, CallError> {
        let expected = expected.map_or(StreamState::NoStream, StreamState::StreamRevision);
        let mut options = AppendToStreamOptions::default()
            .stream_state(expected)
            .requires_leader(true)
            .deadline(self.url.wait);
        if let Some(credentials) = self.url.credentials() {
            options = options.authenticated(credentials);
        }
        let append = move |client: Client| async move {
            let written = client.append_to_stream(stream, &options, events).await;
            Ok(written?.next_expected_version)
        };
        self.call(append).await
    }

    /// `None` when there is no such stream.
    async fn read(
        &self,
        stream: &'static str,
        options: ReadStreamOptions,
    ) -> Result<Option<Vec<Found>>, CallError> {
        let mut options = options.requires_leader(true).deadline(self.url.wait);
        if let Some(credentials) = self.url.credentials() {
            options = options.authenticated(credentials);
        }
        let mut tries = 1;
        loop {
            let options = options.clone();
            let read = move |client: Client| collect(client, stream, options);
            match self.call(read).await {
                Err(error) if error.may_pass_at_once() && tries < READ_TRIES_MAX => tries += 1,
                answered => return answered,
            }
        }
    }

    /// Runs `work` on the client's thread.
    async fn call<T, F>(&self, work: impl FnOnce(Client) -> F) -> Result<T, CallError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, CallError>> + Send + 'static,
    {
        let live = self.live().await?;
        let Some(runtime) = &live.runtime else {
            return Err(CallError::Refused("its client was closed".to_owned()));
        };
        let task = runtime.spawn(timeout(self.url.wait, work(live.client.clone())));
        let (answer, in_doubt) = match task.await {
            Ok(Ok(answer @ Err(CallError::Unreachable(_)))) => (answer, true),
            Ok(Ok(answer)) => (answer, false),
            Ok(Err(_)) => {
                let reason = format!("there was no answer within {:?}", self.url.wait);
                (Err(CallError::Late(reason)), true)
            }
            Err(ended) => {
                let reason =
                    format!("its client cannot make sense of the server's answer ({ended})");
                (Err(CallError::Broken(reason)), true)
            }
        };
        if in_doubt {
            // What else is under way on it is still answered.
            self.forget(&live);
        }
        answer
    }

    async fn live(&self) -> Result<Arc<Live>, CallError> {
        if let Some(live) = &*self.locked() {
            return Ok(Arc::clone(live));
        }
        let url = self.url.clone();
        // The client unwraps a file of certificates, too.
        let started = tokio::task::spawn_blocking(move || Live::start(&url)).await;
        let started = started.unwrap_or_else(|ended| {
            Err(CallError::Refused(format!(
                "its client cannot be set up ({ended}); check the certificate files in the address"
            )))
        })?;
        // Another request may have been quicker.
        let mut live = self.locked();
        Ok(Arc::clone(live.get_or_insert_with(|| Arc::new(started))))
    }

    fn forget(&self, live: &Arc<Live>) {
        self.locked().take_if(|current| Arc::ptr_eq(current, live));
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Option<Arc<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One read to its end, or to the end of a page.
async fn collect(
    client: Client,
    stream: &'static str,
    options: ReadStreamOptions,
) -> Result<Option<Vec<Found>>, CallError> {
    let mut answer = client.read_stream(stream, &options).await?;
    let mut page = Vec::new();
    let mut bytes = 0;
    while bytes < PAGE_BYTES {
        let event = match answer.next_read_event().await {
            Ok(Some(ReadEvent::Event(resolved))) => resolved.event,
            // Hints about the stream's ends; not every server sends them.
            Ok(Some(_)) => continue,
            // The server has said all it wanted to, which is not always all there is.
            Ok(None) => break,
            Err(kurrentdb::Error::ResourceNotFound) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(event) = event else {
            let missing = "the server sent an event without its content";
            return Err(CallError::Broken(missing.to_owned()));
        };
        bytes += event.data.len() + event.custom_metadata.len();
        page.push(Found {
            revision: event.revision,
            data: event.data.to_vec(),
            metadata: event.custom_metadata.to_vec(),
        });
    }
    Ok(Some(page))
}
