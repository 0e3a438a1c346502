//! Several programs at one log without a journal: they take the lease from each other and append
//! under whichever they hold, also when it is an old one.

use std::sync::Arc;
use std::thread::scope;

use blotter::events::{Commit, EventStore, Lease, StoreError};
use blotter::values::StreamName;

use super::clients::a_runtime;
use super::history::*;
use super::recorder::{Recorder, answer_of};
use crate::home::Home;
use crate::support::*;
use crate::torture::Random;

const HOLDERS: u64 = 4;
const STREAMS: u64 = 3;
/// How often one asks again for a lease that could not be given.
const TRIES_MAX: usize = 20;

/// Plays a history in which each program takes the lease `turns` times.
pub fn play(home: &Home, seed: u64, turns: u64) -> History {
    let recorder = Arc::new(Recorder::default());
    // Made before they all open it.
    let store = a_runtime().block_on(home.open());
    scope(|threads| {
        for number in 0..HOLDERS {
            let recorder = Arc::clone(&recorder);
            threads.spawn(move || {
                a_runtime().block_on(async {
                    let holder = Holder {
                        name: format!("node-{number}"),
                        starts: stream(&format!("node-{number}")),
                        reader: home.open().await,
                        random: Random(seed * 100 + number),
                        recorder,
                        store: home.open().await,
                    };
                    holder.work(turns).await;
                });
            });
        }
    });
    drop(store);
    a_runtime().block_on(async { recorder.finish(&*home.open().await).await })
}

struct Holder {
    name: String,
    /// Where it records that it starts.
    starts: StreamName,
    /// Another program that reads: a store that lost its lease may not know it yet.
    reader: Arc<dyn EventStore>,
    random: Random,
    recorder: Arc<Recorder>,
    store: Arc<dyn EventStore>,
}

impl Holder {
    async fn work(mut self, turns: u64) {
        let mut older = None;
        for _ in 0..turns {
            let lease = self.take_lease().await;
            // What was given up is tried all the same.
            if let Some(older) = &older {
                self.append_some(older).await;
            }
            if self.start(&lease).await {
                for _ in 0..2 + self.random.below(6) {
                    let is_fenced = self.append_some(&lease).await;
                    if is_fenced && self.random.below(3) > 0 {
                        break;
                    }
                    self.read().await;
                }
            }
            older = Some(lease);
        }
    }

    async fn take_lease(&self) -> Lease {
        for _ in 0..TRIES_MAX {
            match self.recorder.take_lease(&self.name, &*self.store).await {
                Ok(lease) => return lease,
                Err(StoreError::Busy(_)) => {}
                Err(error) => panic!("{} gets no lease: {error}", self.name),
            }
        }
        panic!("{} gets no lease", self.name);
    }

    /// The first commit under a lease, as a node does it before it decides anything; whether it
    /// was recorded before another lease was given.
    async fn start(&self, lease: &Lease) -> bool {
        let command = format!("start-{}", self.recorder.number());
        let version = self.recorder.version(&self.starts);
        let start = commit(&command, self.starts.as_str(), version, 1);
        for _ in 0..TRIES_MAX {
            let answers = self.append(lease, vec![start.clone()]).await;
            match answers[0] {
                Answer::Recorded(_) | Answer::Repeated(_) => return true,
                Answer::Fenced { .. } => return false,
                _ => {}
            }
        }
        // Told nonsense, perhaps: that is for the checker to say.
        false
    }

    /// A batch of anything; whether it was fenced.
    async fn append_some(&mut self, lease: &Lease) -> bool {
        let commits = 1 + self.random.below(3);
        let batch = (0..commits).map(|_| self.some_commit()).collect();
        let answers = self.append(lease, batch).await;
        matches!(answers[0], Answer::Fenced { .. })
    }

    async fn append(&self, lease: &Lease, batch: Vec<Commit>) -> Vec<Answer> {
        let from = self.recorder.tick();
        let answers = self
            .store
            .append(lease, &stamp(), batch.clone().into())
            .await;
        let to = self.recorder.tick();
        let answers: Vec<Answer> = match answers {
            Ok(answers) => answers.into_iter().map(answer_of).collect(),
            Err(error) => vec![self.of_all(error); batch.len()],
        };
        for (commit, answer) in batch.into_iter().zip(answers.clone()) {
            self.recorder.call(Call {
                client: self.name.clone(),
                span: Span { from, to },
                commit: commit.id,
                fingerprint: commit.fingerprint,
                stream: commit.stream,
                expected: commit.expected.get(),
                events: commit.events.len() as u64,
                generation: None,
                epoch: lease.epoch,
                answer,
                published: None,
            });
        }
        answers
    }

    fn of_all(&self, error: StoreError) -> Answer {
        match error {
            StoreError::Fenced { current, .. } => Answer::Fenced { current },
            StoreError::Busy(reason) | StoreError::Unavailable(reason) => {
                Answer::NotRecorded(reason)
            }
            StoreError::Indeterminate(_) => Answer::Unknown,
            error => {
                self.recorder
                    .failure(format!("an append of {} failed: {error}", self.name));
                Answer::Unknown
            }
        }
    }

    /// A new command, or one of anybody once more.
    fn some_commit(&mut self) -> Commit {
        let repeated = match self.random.below(4) {
            0 => self.recorder.some_commit(&mut self.random),
            _ => None,
        };
        repeated.unwrap_or_else(|| {
            let on = format!("order-{}", self.random.below(STREAMS));
            let command = format!("h-{}", self.recorder.number());
            let expected = self.recorder.version(&stream(&on));
            let events = usize::try_from(1 + self.random.below(3)).expect("few");
            let commit = commit(&command, &on, expected, events);
            self.recorder.remember(&commit);
            commit
        })
    }

    async fn read(&mut self) {
        let store = Arc::clone(&self.reader);
        match self.random.below(3) {
            0 => {
                let on = stream(&format!("order-{}", self.random.below(STREAMS)));
                let after = self.random.below(self.recorder.version(&on) + 1);
                let page = self.recorder.read(&*store, Some(on), after, 50).await;
                self.recorder.page(page);
            }
            1 => {
                let page = self.recorder.read(&*store, None, 0, 100).await;
                self.recorder.page(page);
            }
            _ => {
                if let Some(commit) = self.recorder.some_commit(&mut self.random) {
                    self.recorder.look_up(&*store, &commit).await;
                }
            }
        }
    }
}
