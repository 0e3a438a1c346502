//! The one way into the log: group commit over whatever is waiting.
//!
//! Commits queue up while a transaction is on its way to disk; the next transaction takes all of
//! them. So one fsync serves many, and a lone commit waits for nobody. What happens when the store
//! fails is decided in [`task`]:
//! unavailable -> everyone is told, and the journal probes until it can write again; unknown
//! outcome -> the journal stops taking commits until it has looked the batch up; anything that
//! cannot be trusted -> the journal ends, and with it the process.

mod task;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot, watch};

use self::task::JournalTask;
use super::commit::{Commit, CommitError, WriterToken};
use super::envelope::Origin;
use super::feed::Feed;
use super::plan::Appended;
use super::store::{EventStore, Lease, StoreError};
use crate::runtime::Runtime;

/// Most commits waiting for the journal.
pub const QUEUE_COMMITS_MAX: usize = 4_096;
/// Most commits of one transaction; beyond this batches add latency and no throughput.
pub const BATCH_COMMITS_MAX: usize = 256;

/// What the journal is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalState {
    Writable,
    /// Cannot be written now; the journal tries again by itself.
    Unavailable(String),
    /// An append is being looked up; what waits with it may yet be recorded.
    InDoubt(String),
    /// Will never write again; the process has to end.
    Stopped(String),
}

type Answer = Result<Appended, CommitError>;

#[expect(
    clippy::large_enum_variant,
    reason = "nearly every request is a commit; a box each would cost more than it saves"
)]
enum Request {
    Commit(Waiting),
    /// Answered once everything before it has been.
    Barrier(oneshot::Sender<()>),
}

/// A commit and who waits for it.
struct Waiting {
    commit: Commit,
    generation: Arc<Generation>,
    reply: oneshot::Sender<Answer>,
}

/// The commits of one writer from its (re)building on.
struct Generation {
    token: WriterToken,
    /// It decides on top of its own unrecorded commits.
    looks_ahead: bool,
    failed: AtomicBool,
}

impl Generation {
    /// An earlier commit of it failed, so what was decided on top of that must not be recorded.
    fn is_superseded(&self) -> bool {
        self.looks_ahead && self.failed.load(Ordering::SeqCst)
    }
}

/// Hands out writers and the feed. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    queue: mpsc::Sender<Request>,
    feed: Feed,
    state: watch::Receiver<JournalState>,
    next_token: Arc<AtomicU64>,
}

impl Journal {
    /// Starts the journal of `store` under `lease`. `origin` stands in every record.
    pub async fn start(
        store: Arc<dyn EventStore>,
        lease: Lease,
        origin: Origin,
        runtime: &Runtime,
    ) -> Result<Self, StoreError> {
        let head = store.head().await?;
        let (publisher, feed) = Feed::new(Arc::clone(&store), head.position);
        let (queue, requests) = mpsc::channel(QUEUE_COMMITS_MAX);
        let (state_sender, state) = watch::channel(JournalState::Writable);
        let task = JournalTask {
            store,
            lease,
            origin,
            runtime: runtime.clone(),
            requests,
            publisher,
            state: state_sender,
        };
        runtime.tasks.spawn("journal", Box::pin(task.run()));
        Ok(Self {
            queue,
            feed,
            state,
            next_token: Arc::default(),
        })
    }

    pub fn feed(&self) -> &Feed {
        &self.feed
    }

    pub fn state(&self) -> watch::Receiver<JournalState> {
        self.state.clone()
    }

    /// Returns once every commit queued so far has been answered: what a writer that is gone still
    /// had under way is in the log by then, or never will be.
    pub async fn barrier(&self) {
        let (reply, reached) = oneshot::channel();
        // A journal that has ended has answered everything.
        if self.queue.send(Request::Barrier(reply)).await.is_ok() {
            let _ = reached.await;
        }
    }

    /// A writer whose commits are independent of each other.
    pub fn writer(&self) -> Writer {
        self.new_writer(false)
    }

    /// A writer that decides each commit on top of the ones before, without waiting for them.
    /// When one is not recorded as decided, all later ones are dropped; build a new writer, with
    /// state folded from the log.
    pub fn writer_looking_ahead(&self) -> Writer {
        self.new_writer(true)
    }

    fn new_writer(&self, looks_ahead: bool) -> Writer {
        let token = WriterToken(self.next_token.fetch_add(1, Ordering::Relaxed));
        Writer {
            queue: self.queue.clone(),
            generation: Arc::new(Generation {
                token,
                looks_ahead,
                failed: AtomicBool::new(false),
            }),
        }
    }
}

/// Sends commits to the journal.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Request>,
    generation: Arc<Generation>,
}

impl Writer {
    /// Queues a commit behind all those queued before; the answer comes once it is durable.
    pub fn submit(&self, commit: Commit) -> impl Future<Output = Answer> + use<> + 'static {
        let queued = self.queue(commit);
        async move { queued?.await }
    }

    /// The same, telling at once when the queue is full or the journal gone.
    pub fn queue(
        &self,
        commit: Commit,
    ) -> Result<impl Future<Output = Answer> + use<> + 'static, CommitError> {
        Ok(self.reserve()?.submit(commit))
    }

    /// A place in the queue, for a writer that looks ahead: it holds the place before it applies
    /// its decision, so that it never has to take one back.
    pub fn reserve(&self) -> Result<Place<'_>, CommitError> {
        let permit = self.queue.try_reserve().map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(()) => CommitError::Overloaded {
                capacity: QUEUE_COMMITS_MAX,
            },
            mpsc::error::TrySendError::Closed(()) => stopped("its task has ended"),
        })?;
        Ok(Place {
            permit,
            generation: &self.generation,
        })
    }
}

/// A place in the journal's queue.
pub struct Place<'w> {
    permit: mpsc::Permit<'w, Request>,
    generation: &'w Arc<Generation>,
}

impl Place<'_> {
    /// Queues a commit there; the answer comes once it is durable.
    pub fn submit(self, mut commit: Commit) -> impl Future<Output = Answer> + use<> + 'static {
        let generation = Arc::clone(self.generation);
        commit.writer = generation.looks_ahead.then_some(generation.token);
        let (reply, answer) = oneshot::channel();
        self.permit.send(Request::Commit(Waiting {
            commit,
            generation,
            reply,
        }));
        async move {
            let ended = |_| Err(CommitError::Indeterminate("the journal ended".to_owned()));
            answer.await.unwrap_or_else(ended)
        }
    }
}

fn stopped(reason: &str) -> CommitError {
    CommitError::Stopped(reason.to_owned())
}
