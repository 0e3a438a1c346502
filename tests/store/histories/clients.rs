//! Clients of one journal, each on a thread of its own, and the subscribers of its feed.
//!
//! Entry point: [`play`]. A history has several eras: in each the log is opened anew, under a new
//! lease, so that its feed has to take what came before from the store.

use std::sync::Arc;
use std::thread::scope;
use std::time::Duration;

use blotter::events::journal::{Journal, JournalState, Writer};
use blotter::events::{Commit, EventStore};
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::history::*;
use super::recorder::{Recorder, answer_of};
use super::subscribers::{Poller, Subscriber};
use super::troubles::Troubled;
use crate::home::Home;
use crate::support::*;
use crate::torture::Random;

pub const PATIENCE: Duration = Duration::from_secs(10);
const CLIENTS: u64 = 8;
const SUBSCRIBERS: u64 = 3;
/// Streams that all clients write to.
const SHARED_STREAMS: u64 = 3;
/// Before one step of so many an append is arranged to fail in the engine itself.
const TROUBLE_ONE_IN: u64 = 40;
/// Events before the end that count as near it.
const NEAR: u64 = 10;
/// How often a commit that was not recorded is sent again at the end of an era.
const SETTLE_MAX: usize = 50;

#[derive(Clone, Copy)]
pub struct Size {
    pub eras: u64,
    /// Of each client in each era.
    pub steps: u64,
    /// Failures of the store in each era.
    pub troubles: usize,
}

pub fn a_runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

/// Plays a history against the log in `home`.
pub fn play(home: &Home, seed: u64, size: Size) -> History {
    let recorder = Arc::new(Recorder::default());
    for era in 0..size.eras {
        play_era(home, &recorder, seed * 1_000 + era, size);
    }
    a_runtime().block_on(async { recorder.finish(&*home.open().await).await })
}

fn play_era(home: &Home, recorder: &Arc<Recorder>, seed: u64, size: Size) {
    let runtime = a_runtime();
    // Dropped last, with the journal's task in it.
    let local = LocalSet::new();
    let (store, journal, epoch) =
        local.block_on(&runtime, open(home, recorder, seed, size.troubles));
    let (the_end, end) = watch::channel(None);
    scope(|threads| {
        // Each thread holds a sender until it ends, be it by a panic.
        let (client_ends, clients_end) = mpsc::channel(1);
        for number in 0..CLIENTS {
            let client = Client {
                home,
                name: format!("client-{number}"),
                number,
                random: Random(seed * 100 + number),
                recorder: Arc::clone(recorder),
                journal: journal.clone(),
                writer: journal.writer(),
                store: store.clone(),
                epoch,
                unsettled: Vec::new(),
            };
            let ends = client_ends.clone();
            threads.spawn(move || {
                a_runtime().block_on(client.work(size.steps));
                drop(ends);
            });
        }
        let (subscriber_ends, subscribers_end) = mpsc::channel(1);
        for number in 0..SUBSCRIBERS {
            let subscriber = Subscriber {
                name: format!("subscriber-{number}"),
                random: Random(seed * 100 + CLIENTS + number),
                recorder: Arc::clone(recorder),
                feed: journal.feed().clone(),
                store: store.clone(),
                end: end.clone(),
            };
            let ends = subscriber_ends.clone();
            threads.spawn(move || {
                a_runtime().block_on(subscriber.follow());
                drop(ends);
            });
        }
        let poller = Poller {
            recorder: Arc::clone(recorder),
            store: store.clone(),
            end: end.clone(),
        };
        let ends = subscriber_ends.clone();
        threads.spawn(move || {
            a_runtime().block_on(poller.follow());
            drop(ends);
        });
        drop((client_ends, subscriber_ends));
        local.block_on(&runtime, async {
            all_end(clients_end).await;
            journal.barrier().await;
            if let JournalState::Stopped(reason) = &*journal.state().borrow() {
                recorder.failure(format!("the journal stopped: {reason}"));
            }
            let head = store.head().await.expect("a head").position;
            the_end.send_replace(Some(head));
            all_end(subscribers_end).await;
        });
    });
    local.block_on(&runtime, store.close()).expect("closes");
}

/// Waits until every sender is gone.
async fn all_end(mut ends: mpsc::Receiver<()>) {
    let _: Option<()> = ends.recv().await;
}

async fn open(
    home: &Home,
    recorder: &Recorder,
    seed: u64,
    troubles: usize,
) -> (Arc<dyn EventStore>, Journal, u64) {
    let store = home.open().await;
    let lease = recorder.take_lease("journal", &*store).await;
    let lease = lease.expect("a lease");
    let epoch = lease.epoch;
    let troubled = Troubled::over(store.clone(), seed, troubles);
    let journal = Journal::start(troubled, lease, origin(), &runtime()).await;
    (store, journal.expect("starts"), epoch)
}

struct Client<'a> {
    home: &'a Home,
    name: String,
    number: u64,
    random: Random,
    recorder: Arc<Recorder>,
    journal: Journal,
    writer: Writer,
    store: Arc<dyn EventStore>,
    epoch: u64,
    /// What was not recorded for reasons that may go away, or nobody knows whether.
    unsettled: Vec<Commit>,
}

impl Client<'_> {
    async fn work(mut self, steps: u64) {
        for _ in 0..steps {
            self.step().await;
        }
        for commit in std::mem::take(&mut self.unsettled) {
            for _ in 0..SETTLE_MAX {
                self.wait_until_writable().await;
                let answer = self.send(commit.clone()).await;
                if !matches!(answer, Answer::NotRecorded(_) | Answer::Unknown) {
                    break;
                }
            }
        }
    }

    async fn step(&mut self) {
        if self.random.below(TROUBLE_ONE_IN) == 0 {
            self.home.trouble(&mut self.random);
        }
        match self.random.below(20) {
            0..10 => self.append(0).await,
            10 => {
                let off_by = 1 + self.random.below(2);
                self.append(off_by).await;
            }
            11..14 => self.repeat().await,
            14 => self.misuse().await,
            15 => self.look_up().await,
            16 => self.read(None).await,
            17 => {
                let stream = self.some_stream();
                self.read(Some(stream)).await;
            }
            _ => self.look_ahead().await,
        }
    }

    fn some_stream(&mut self) -> String {
        match self.random.below(4) {
            0 => format!("account-{}", self.number),
            _ => format!("order-{}", self.random.below(SHARED_STREAMS)),
        }
    }

    fn new_commit(&mut self, on: &str, expected: u64) -> Commit {
        let command = format!("c-{}", self.recorder.number());
        let events = 1 + self.random.below(4);
        commit(
            &command,
            on,
            expected,
            usize::try_from(events).expect("few"),
        )
    }

    /// A commit on top of what is known of its stream, or of a version that it does not have.
    async fn append(&mut self, off_by: u64) {
        let on = self.some_stream();
        let expected = self.recorder.version(&stream(&on)) + off_by;
        let commit = self.new_commit(&on, expected);
        self.recorder.remember(&commit);
        self.send(commit.clone()).await;
        if self.random.below(4) == 0 {
            self.recorder.look_up(&*self.store, &commit).await;
        }
    }

    /// A command of anybody, once more; decided anew or not.
    async fn repeat(&mut self) {
        if let Some(mut commit) = self.recorder.some_commit(&mut self.random) {
            if self.random.below(2) == 0 {
                let version = self.recorder.version(&commit.stream);
                commit.expected = blotter::values::Version::new(version);
            }
            self.send(commit).await;
        }
    }

    /// Another command under an id that was used.
    async fn misuse(&mut self) {
        if let Some(mut commit) = self.recorder.some_commit(&mut self.random) {
            commit.fingerprint = [u8::try_from(self.number).expect("few"); 32];
            self.send(commit).await;
        }
    }

    async fn look_up(&mut self) {
        if let Some(commit) = self.recorder.some_commit(&mut self.random) {
            self.recorder.look_up(&*self.store, &commit).await;
        }
    }

    async fn read(&mut self, on: Option<String>) {
        let on = on.map(|on| stream(&on));
        let end = match &on {
            Some(stream) => self.recorder.version(stream),
            None => self.journal.feed().head().get(),
        };
        // Near the end, where the log moves, as often as anywhere.
        let from = match self.random.below(2) {
            0 => 0,
            _ => end.saturating_sub(NEAR),
        };
        let after = from + self.random.below(end - from + 1);
        let limit = 1 + usize::try_from(self.random.below(60)).expect("few");
        let page = self.recorder.read(&*self.store, on, after, limit).await;
        self.recorder.page(page);
    }

    /// Several commits, each decided on top of those before it, none of them waited for.
    async fn look_ahead(&mut self) {
        let writer = self.journal.writer_looking_ahead();
        let generation = self.recorder.number();
        let on = self.some_stream();
        let mut expected = self.recorder.version(&stream(&on));
        let mut under_way = Vec::new();
        for _ in 0..2 + self.random.below(4) {
            let off_by = u64::from(self.random.below(10) == 0);
            let commit = self.new_commit(&on, expected + off_by);
            expected += commit.events.len() as u64;
            let asked = Asked::now(&self.recorder, commit, Some(generation));
            let answer = writer.submit(asked.commit.clone());
            under_way.push((asked, answer));
        }
        for (asked, answer) in under_way {
            let answer = timeout(PATIENCE, answer).await;
            self.answered(asked, answer.map_or(Answer::Unknown, answer_of));
        }
    }

    async fn send(&mut self, commit: Commit) -> Answer {
        let asked = Asked::now(&self.recorder, commit.clone(), None);
        let answer = timeout(PATIENCE, self.writer.submit(commit.clone())).await;
        let answer = answer.map_or(Answer::Unknown, answer_of);
        self.answered(asked, answer.clone());
        if matches!(answer, Answer::NotRecorded(_) | Answer::Unknown) {
            self.unsettled.push(commit);
            self.wait_until_writable().await;
        }
        answer
    }

    fn answered(&self, asked: Asked, answer: Answer) {
        let published = self.journal.feed().head().get();
        let commit = asked.commit;
        self.recorder.call(Call {
            client: self.name.clone(),
            span: Span {
                from: asked.from,
                to: self.recorder.tick(),
            },
            commit: commit.id,
            fingerprint: commit.fingerprint,
            stream: commit.stream,
            expected: commit.expected.get(),
            events: commit.events.len() as u64,
            generation: asked.generation,
            epoch: self.epoch,
            answer,
            published: Some(published),
        });
    }

    async fn wait_until_writable(&self) {
        let mut state = self.journal.state();
        let settled = |state: &JournalState| {
            matches!(state, JournalState::Writable | JournalState::Stopped(_))
        };
        // Who waits in vain finds out by the next answer.
        let _ = timeout(PATIENCE, state.wait_for(settled)).await;
    }
}

/// A commit that has just been asked for.
struct Asked {
    from: Tick,
    commit: Commit,
    generation: Option<u64>,
}

impl Asked {
    fn now(recorder: &Recorder, commit: Commit, generation: Option<u64>) -> Self {
        Self {
            from: recorder.tick(),
            commit,
            generation,
        }
    }
}
