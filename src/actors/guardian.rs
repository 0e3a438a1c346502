//! Supervision that really restarts: actix drops an actor that panics and leaves it dead, so every
//! actor carries an [`ExitGuard`] whose drop tells the guardian, and the guardian builds a fresh
//! one from the log.
//!
//! Past [`RESTARTS_MAX`] restarts within [`WINDOW_SECONDS`] an actor is not restarted again: its
//! scope is halted or the node ends, and says so. Nothing stays half alive.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use metrics::counter;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::node_log::NodeLog;
use super::status::{ActorState, ActorStatus};
use crate::events::catalogue::ActorRestarted;
use crate::events::journal::JournalState;
use crate::runtime::Runtime;
use crate::values::Timestamp;

pub const RESTARTS_MAX: usize = 5;
pub const WINDOW_SECONDS: i64 = 60;
/// Pause before an actor whose building failed is built again.
const REBUILD_PAUSE: Duration = Duration::from_millis(200);

/// Told to the guardian when an actor is gone.
struct Exit {
    child: usize,
    generation: u64,
    cause: String,
}

/// Held by an actor for as long as it lives.
pub struct ExitGuard {
    child: usize,
    generation: u64,
    cause: RefCell<Option<String>>,
    exits: mpsc::UnboundedSender<Exit>,
}

impl ExitGuard {
    /// The reason that the guardian will record; without one it was a panic.
    pub fn set_cause(&self, cause: impl Into<String>) {
        self.cause.borrow_mut().get_or_insert(cause.into());
    }
}

impl Drop for ExitGuard {
    fn drop(&mut self) {
        let exit = Exit {
            child: self.child,
            generation: self.generation,
            cause: self
                .cause
                .take()
                .unwrap_or_else(|| "it panicked".to_owned()),
        };
        // Without a guardian the node is ending.
        let _ = self.exits.send(exit);
    }
}

/// What happens when an actor fails too often.
pub enum Escalation {
    /// The node ends, with the reason.
    StopNode,
    /// What the actor acts for is halted, and the actor stays down. Given the reason.
    Halt(Box<dyn Fn(String) -> LocalBoxFuture<'static, Result<(), String>>>),
}

type Build = Box<dyn Fn(ExitGuard) -> LocalBoxFuture<'static, Result<(), String>>>;

/// One actor to look after.
pub struct Child {
    pub name: String,
    /// Builds the actor from the log, starts it and makes its address known.
    pub build: Build,
    pub escalation: Escalation,
}

struct Watched {
    child: Child,
    generation: u64,
    restarts: VecDeque<Timestamp>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "an actor that is being dropped cannot wait; bounded by one exit for each actor built"
)]
fn exit_channel() -> (mpsc::UnboundedSender<Exit>, mpsc::UnboundedReceiver<Exit>) {
    mpsc::unbounded_channel()
}

/// See the module.
pub struct Guardian {
    children: Vec<Watched>,
    exits: mpsc::UnboundedReceiver<Exit>,
    /// Received while another actor was being restarted, at most one for each actor.
    waiting: VecDeque<Exit>,
    sender: mpsc::UnboundedSender<Exit>,
    runtime: Runtime,
    journal: watch::Receiver<JournalState>,
    node_log: NodeLog,
    fatal: watch::Sender<Option<String>>,
    status: watch::Sender<Vec<ActorStatus>>,
}

impl Guardian {
    /// `fatal` receives the reason when the node has to end.
    pub fn new(
        runtime: Runtime,
        journal: watch::Receiver<JournalState>,
        node_log: NodeLog,
        fatal: watch::Sender<Option<String>>,
    ) -> Self {
        let (sender, exits) = exit_channel();
        Self {
            children: Vec::new(),
            exits,
            waiting: VecDeque::new(),
            sender,
            runtime,
            journal,
            node_log,
            fatal,
            status: watch::Sender::default(),
        }
    }

    /// How every actor is.
    pub fn status(&self) -> watch::Receiver<Vec<ActorStatus>> {
        self.status.subscribe()
    }

    /// Builds `child` for the first time; it is looked after from then on.
    pub async fn add(&mut self, child: Child) -> Result<(), String> {
        let guard = self.guard(self.children.len(), 1);
        (child.build)(guard)
            .await
            .map_err(|reason| format!("{}: {reason}", child.name))?;
        // Shown before it happens, or its first time would be no increase to Prometheus.
        let restarts = counter!("blotter_actor_restarts_total", "actor" => child.name.clone());
        restarts.increment(0);
        let status = ActorStatus {
            actor: child.name.clone(),
            state: ActorState::Running,
            restarts: 0,
            last_cause: None,
            since: self.runtime.wall.now(),
        };
        self.status.send_modify(|all| all.push(status));
        self.children.push(Watched {
            child,
            generation: 1,
            restarts: VecDeque::new(),
        });
        Ok(())
    }

    fn guard(&self, child: usize, generation: u64) -> ExitGuard {
        ExitGuard {
            child,
            generation,
            cause: RefCell::new(None),
            exits: self.sender.clone(),
        }
    }

    /// Looks after the actors until the node ends.
    pub async fn run(mut self) {
        while let Some(exit) = self.next_exit().await {
            if self.speaks_for_a_living(&exit)
                && let Err(reason) = self.restart(exit.child, exit.cause).await
            {
                self.fatal.send_replace(Some(reason));
                return;
            }
        }
    }

    async fn next_exit(&mut self) -> Option<Exit> {
        match self.waiting.pop_front() {
            Some(exit) => Some(exit),
            None => self.exits.recv().await,
        }
    }

    /// The guard of a build that failed half-way speaks for a generation already counted.
    fn speaks_for_a_living(&self, exit: &Exit) -> bool {
        let watched = self.children.get(exit.child);
        watched.is_some_and(|watched| watched.generation == exit.generation)
    }

    /// Makes known how an actor is from now on.
    fn show(&self, index: usize, state: ActorState, cause: Option<&str>) {
        let now = self.runtime.wall.now();
        self.status.send_modify(|all| {
            let Some(status) = all.get_mut(index) else {
                return;
            };
            if status.state != state {
                status.since = now;
            }
            status.state = state;
            status.restarts += u64::from(state == ActorState::Running);
            if let Some(cause) = cause {
                status.last_cause = Some(cause.to_owned());
            }
        });
    }

    /// `Err`: the node has to end.
    async fn restart(&mut self, index: usize, mut cause: String) -> Result<(), String> {
        self.show(index, ActorState::Restarting, Some(&cause));
        loop {
            let restarts = self.count_restart(index);
            let name = self.children[index].child.name.clone();
            if restarts > RESTARTS_MAX {
                let reason = format!(
                    "{name} failed {restarts} times within {WINDOW_SECONDS} s, last because {cause}"
                );
                return self.escalate(index, reason);
            }
            tracing::error!(actor = %name, %cause, restarts, "an actor failed and is rebuilt from the log");
            self.wait_until_writable().await?;
            let watched = &mut self.children[index];
            watched.generation += 1;
            let generation = watched.generation;
            let guard = self.guard(index, generation);
            match (self.children[index].child.build)(guard).await {
                Ok(()) => {
                    self.show(index, ActorState::Running, None);
                    let restarted = ActorRestarted {
                        actor: name,
                        cause,
                        restarts_in_window: u32::try_from(restarts).unwrap_or(u32::MAX),
                    };
                    self.record(restarted).await;
                    return Ok(());
                }
                Err(reason) => cause = format!("it could not be rebuilt: {reason}"),
            }
            self.show(index, ActorState::Restarting, Some(&cause));
            // The failed build dropped its guard: that exit must not count a second time.
            self.children[index].generation += 1;
            sleep(self.runtime.jittered(REBUILD_PAUSE)).await;
        }
    }

    /// An actor that is built while nothing can be recorded would only fail again: an outage of the
    /// store costs each actor one restart, however long it lasts.
    async fn wait_until_writable(&mut self) -> Result<(), String> {
        let settled = |state: &JournalState| {
            !matches!(
                state,
                JournalState::Unavailable(_) | JournalState::InDoubt(_)
            )
        };
        loop {
            let exit = tokio::select! {
                settled = self.journal.wait_for(settled) => return match settled.as_deref() {
                    Ok(JournalState::Stopped(reason)) => {
                        Err(format!("the journal stopped: {reason}"))
                    }
                    Ok(_) => Ok(()),
                    Err(_) => Err("the journal is gone".to_owned()),
                },
                Some(exit) = self.exits.recv() => exit,
            };
            // It has to wait for its turn, but nobody shall believe that it still runs.
            if self.speaks_for_a_living(&exit) {
                self.show(exit.child, ActorState::Restarting, Some(&exit.cause));
                self.waiting.push_back(exit);
            }
        }
    }

    fn count_restart(&mut self, index: usize) -> usize {
        let now = self.runtime.wall.now();
        let restarts = &mut self.children[index].restarts;
        restarts.retain(|at| now.micros_since(*at) < WINDOW_SECONDS * 1_000_000);
        restarts.push_back(now);
        restarts.len()
    }

    async fn record(&self, restarted: ActorRestarted) {
        // The restart stands even if it cannot be recorded now; the journal tells operators why.
        if let Err(error) = self.node_log.record(restarted).await {
            tracing::error!(%error, "a restart could not be recorded");
        }
    }

    fn escalate(&mut self, index: usize, reason: String) -> Result<(), String> {
        tracing::error!(%reason, "restart intensity exceeded");
        self.show(index, ActorState::GivenUp, None);
        // Nothing speaks for this actor any more.
        self.children[index].generation += 1;
        match &self.children[index].child.escalation {
            Escalation::StopNode => Err(reason),
            Escalation::Halt(halt) => {
                // Not awaited here: recording the halt may need an actor that needs the guardian.
                let (halted, fatal) = (halt(reason), self.fatal.clone());
                let report = async move {
                    if let Err(reason) = halted.await {
                        fatal.send_replace(Some(reason));
                    }
                };
                self.runtime.tasks.spawn("escalation", Box::pin(report));
                Ok(())
            }
        }
    }
}
