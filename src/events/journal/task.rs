//! The journal's task: takes batches to the store and decides what a failure means.
//!
//! Entry point: [`JournalTask::run`].
//! Invariants: events are published once, in order, after they are durable and before their
//! commit is answered; while the outcome of a batch is unknown nothing else is recorded.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use metrics::histogram;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep};

use super::{Answer, BATCH_COMMITS_MAX, Generation, JournalState, Request, Waiting, stopped};
use crate::events::commit::{Commit, CommitError, CommitId, Receipt};
use crate::events::envelope::{Origin, Recorded};
use crate::events::feed::FeedPublisher;
use crate::events::plan::{Appended, Stamp, breaks_look_ahead};
use crate::events::seeded::Bug;
use crate::events::store::{EventStore, Lease, StoreError};
use crate::runtime::Runtime;
use crate::values::Position;

/// How often a busy store is asked again before it counts as unavailable.
const BUSY_RETRIES_MAX: u32 = 5;
const BUSY_PAUSE: Duration = Duration::from_millis(20);
const PROBE_PAUSE_FIRST: Duration = Duration::from_millis(50);
const PROBE_PAUSE_MAX: Duration = Duration::from_secs(2);

pub(super) struct JournalTask {
    pub(super) store: Arc<dyn EventStore>,
    pub(super) lease: Lease,
    pub(super) origin: Origin,
    pub(super) runtime: Runtime,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) publisher: FeedPublisher,
    pub(super) state: watch::Sender<JournalState>,
}

/// Why the journal ends.
struct End(String);

/// What is recorded in one transaction, and who waits for it as a whole.
#[derive(Default)]
struct Batch {
    commits: Vec<Waiting>,
    barriers: Vec<oneshot::Sender<()>>,
}

impl Batch {
    fn take(&mut self, request: Request) {
        match request {
            Request::Barrier(reached) => self.barriers.push(reached),
            Request::Commit(waiting) if waiting.generation.is_superseded() => {
                waiting.refuse(CommitError::WriterSuperseded);
            }
            Request::Commit(waiting) => self.commits.push(waiting),
        }
    }
}

impl JournalTask {
    pub(super) async fn run(mut self) {
        while let Some(Batch { commits, barriers }) = self.next_batch().await {
            if !commits.is_empty()
                && let Err(End(reason)) = self.record(commits).await
            {
                tracing::error!(%reason, "the journal stops");
                self.state
                    .send_replace(JournalState::Stopped(reason.clone()));
                self.requests.close();
                while let Some(request) = self.requests.recv().await {
                    refuse(request, stopped(&reason));
                }
                return;
            }
            for barrier in barriers {
                // Whoever waited may have gone.
                let _ = barrier.send(());
            }
        }
    }

    /// Waits for a commit and takes along those behind it; `None` when all writers are gone.
    /// Commits of a writer that has failed are answered here and left out.
    async fn next_batch(&mut self) -> Option<Batch> {
        let mut batch = Batch::default();
        batch.take(self.requests.recv().await?);
        while batch.commits.len() < BATCH_COMMITS_MAX {
            match self.requests.try_recv() {
                Ok(request) => batch.take(request),
                Err(_) => break,
            }
        }
        Some(batch)
    }

    async fn record(&mut self, batch: Vec<Waiting>) -> Result<(), End> {
        let (commits, waiting): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|request| (request.commit, (request.generation, request.reply)))
            .unzip();
        let mut commits: Arc<[Commit]> = commits.into();
        let mut busy = 0;
        // An append of this batch went unanswered: until it is looked up nobody may be told that
        // nothing was recorded, whatever a later attempt says.
        let mut uncertain = false;
        let answers = loop {
            let stamp = self.stamp();
            let handed_over = Instant::now();
            let append = self.store.append(&self.lease, &stamp, Arc::clone(&commits));
            match append.await {
                Ok(answers) if !self.landed_late(&answers) => {
                    histogram!("blotter_append_duration_seconds").record(handed_over.elapsed());
                    break answers;
                }
                Ok(_) => {
                    let reason = "an append of unknown outcome reached the log late".to_owned();
                    if let Some(answers) = self.look_up(&commits, reason).await? {
                        break answers;
                    }
                }
                Err(StoreError::Busy(_)) if busy < BUSY_RETRIES_MAX => {
                    busy += 1;
                    sleep(self.runtime.jittered(BUSY_PAUSE)).await;
                }
                Err(StoreError::Busy(reason) | StoreError::Unavailable(reason)) if uncertain => {
                    if let Some(answers) = self.look_up(&commits, reason).await? {
                        break answers;
                    }
                }
                Err(StoreError::Busy(reason) | StoreError::Unavailable(reason)) => {
                    let refusal = CommitError::Unavailable(reason.clone());
                    answer_all(waiting, refusal);
                    return self.wait_until_writable(reason).await;
                }
                Err(StoreError::Indeterminate(reason)) if Bug::UnknownIsUnrecorded.is_on() => {
                    let refusal = CommitError::Unavailable(reason.clone());
                    answer_all(waiting, refusal);
                    return self.wait_until_writable(reason).await;
                }
                Err(StoreError::Indeterminate(_)) if Bug::NewIdsAfterUnknown.is_on() => {
                    commits = commits.iter().map(under_new_id).collect();
                }
                Err(StoreError::Indeterminate(reason)) => {
                    uncertain = true;
                    if let Some(answers) = self.look_up(&commits, reason).await? {
                        break answers;
                    }
                }
                Err(fatal) => {
                    answer_all(waiting, CommitError::Indeterminate(fatal.to_string()));
                    return Err(End(fatal.to_string()));
                }
            }
        };
        self.deliver(answers, waiting);
        Ok(())
    }

    fn stamp(&self) -> Stamp {
        Stamp {
            origin: self.origin.clone(),
            recorded_at: self.runtime.wall.now(),
        }
    }

    /// Durable now: publish, then answer.
    fn deliver(
        &self,
        answers: Vec<Answer>,
        waiting: Vec<(Arc<Generation>, oneshot::Sender<Answer>)>,
    ) {
        let mut records: Vec<Arc<Recorded>> = answers
            .iter()
            .flatten()
            .flat_map(|appended| appended.records.iter().cloned())
            .collect();
        // In order already, unless they were recorded by more than one attempt.
        records.sort_by_key(|recorded| recorded.position());
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        histogram!("blotter_append_batch_events").record(count);
        self.publisher.publish(&records);
        for (answer, (generation, reply)) in answers.into_iter().zip(waiting) {
            if breaks_look_ahead(&answer) {
                generation.failed.store(true, Ordering::SeqCst);
            }
            // Whoever asked may have gone; the fact stands all the same.
            let _ = reply.send(answer);
        }
    }

    /// Refuses everything until an empty append goes through to disk.
    async fn wait_until_writable(&mut self, reason: String) -> Result<(), End> {
        tracing::error!(%reason, "the event store cannot be written; commands are refused until it can");
        self.state
            .send_replace(JournalState::Unavailable(reason.clone()));
        let mut pause = PROBE_PAUSE_FIRST;
        loop {
            self.refuse_for(self.runtime.jittered(pause), &reason).await;
            pause = (pause * 2).min(PROBE_PAUSE_MAX);
            let stamp = self.stamp();
            let append = self.store.append(&self.lease, &stamp, Arc::default());
            match append.await {
                Ok(_) => {
                    tracing::info!("the event store can be written again");
                    self.state.send_replace(JournalState::Writable);
                    return Ok(());
                }
                // An empty append records nothing, so its outcome cannot matter.
                Err(
                    StoreError::Busy(_) | StoreError::Unavailable(_) | StoreError::Indeterminate(_),
                ) => {}
                Err(fatal) => return Err(End(fatal.to_string())),
            }
        }
    }

    async fn refuse_for(&mut self, pause: Duration, reason: &str) {
        let enough = sleep(pause);
        tokio::pin!(enough);
        loop {
            tokio::select! {
                () = &mut enough => return,
                request = self.requests.recv() => match request {
                    Some(request) => refuse(request, CommitError::Unavailable(reason.to_owned())),
                    // All writers are gone: nobody to refuse, but no reason to probe in haste.
                    None => return enough.await,
                },
            }
        }
    }

    /// Whether an answer is a repetition of something never published: a store may say that a
    /// batch is not in the log and record it after all, while its connection dies.
    fn landed_late(&self, answers: &[Answer]) -> bool {
        if Bug::LateLandingIgnored.is_on() {
            return false;
        }
        let published = self.publisher.head();
        let appended = || answers.iter().flatten();
        let fresh: HashSet<_> = appended()
            .filter(|appended| !appended.is_repeat())
            .map(|appended| appended.receipt.commit_id)
            .collect();
        appended().any(|appended| {
            appended.receipt.first_position > published
                && !fresh.contains(&appended.receipt.commit_id)
        })
    }

    /// Finds out what became of a batch: the answers if it was recorded, `None` if it was not.
    async fn look_up(
        &mut self,
        commits: &[Commit],
        reason: String,
    ) -> Result<Option<Vec<Answer>>, End> {
        tracing::error!(%reason, "the outcome of an append is unknown; looking it up");
        self.state.send_replace(JournalState::InDoubt(reason));
        let mut pause = PROBE_PAUSE_FIRST;
        loop {
            sleep(self.runtime.jittered(pause)).await;
            pause = (pause * 2).min(PROBE_PAUSE_MAX);
            match self.recorded_answers(commits).await {
                Ok(answers) => {
                    self.state.send_replace(JournalState::Writable);
                    return Ok(answers);
                }
                Err(
                    StoreError::Busy(_) | StoreError::Unavailable(_) | StoreError::Indeterminate(_),
                ) => {}
                Err(fatal) => return Err(End(fatal.to_string())),
            }
        }
    }

    /// A batch is one transaction: when one of its commits stands behind what was published, all
    /// that could be recorded was, and the rest had been turned down.
    async fn recorded_answers(
        &self,
        commits: &[Commit],
    ) -> Result<Option<Vec<Answer>>, StoreError> {
        let published = self.publisher.head();
        let mut answers = Vec::with_capacity(commits.len());
        let mut recorded = HashSet::new();
        for commit in commits {
            let answer = match self.store.lookup(commit.id).await? {
                Some((fingerprint, _)) if fingerprint != commit.fingerprint => {
                    Err(CommitError::IdempotencyMismatch(commit.id))
                }
                Some((_, receipt)) => {
                    // The same command twice in one batch was recorded, and is published, once:
                    // for the one that asked for what is there.
                    let is_another =
                        |other: &Commit| other.id == commit.id && is_as_asked(&receipt, other);
                    let is_it = is_as_asked(&receipt, commit) || !commits.iter().any(is_another);
                    let is_new = receipt.first_position > published;
                    let new = is_new && is_it && recorded.insert(commit.id);
                    let records = match new {
                        true => self.records_of(&receipt).await?,
                        false => Vec::new(),
                    };
                    Ok(Appended { receipt, records })
                }
                None if commit.writer.is_some() => Err(CommitError::WriterSuperseded),
                None => Err(CommitError::Unavailable(
                    "the reason why the commit was turned down was lost; send it again".to_owned(),
                )),
            };
            answers.push(answer);
        }
        Ok((!recorded.is_empty()).then_some(answers))
    }

    async fn records_of(&self, receipt: &Receipt) -> Result<Vec<Arc<Recorded>>, StoreError> {
        let before = Position::new(receipt.first_position.get() - 1);
        let count = usize::try_from(receipt.events).unwrap_or(usize::MAX);
        let records = self.store.read(before, count).await?;
        if records.len() != count {
            return Err(StoreError::Damaged {
                position: receipt.first_position,
                reason: "its commit is in the log, but not all of its events".to_owned(),
            });
        }
        Ok(records.into_iter().map(Arc::new).collect())
    }
}

/// Whether a receipt can be that of this very commit, and not of a repetition decided otherwise.
fn is_as_asked(receipt: &Receipt, commit: &Commit) -> bool {
    receipt.stream == commit.stream
        && receipt.first_version == commit.expected.next()
        && receipt.events == commit.events.len() as u64
}

/// For [`Bug::NewIdsAfterUnknown`].
fn under_new_id(commit: &Commit) -> Commit {
    let mut again = commit.clone();
    again.id = CommitId::from_bytes(commit.id.as_bytes().map(|byte| !byte));
    again
}

fn refuse(request: Request, error: CommitError) {
    match request {
        Request::Commit(waiting) => waiting.refuse(error),
        // Everything before it has been answered.
        Request::Barrier(reached) => {
            let _ = reached.send(());
        }
    }
}

impl Waiting {
    fn refuse(self, error: CommitError) {
        self.generation.failed.store(true, Ordering::SeqCst);
        // Whoever asked may have gone.
        let _ = self.reply.send(Err(error));
    }
}

fn answer_all(waiting: Vec<(Arc<Generation>, oneshot::Sender<Answer>)>, error: CommitError) {
    for (generation, reply) in waiting {
        generation.failed.store(true, Ordering::SeqCst);
        let _ = reply.send(Err(error.clone()));
    }
}
