//! Which commands risk has decided lately, so that a repetition gets the same answer.
//!
//! Older ones are found in the log before a command gets here; this covers what is on its way to
//! disk, and what got there in between.

use std::collections::{HashMap, VecDeque};

use tokio::sync::oneshot;

use crate::actors::messages::CommandResult;
use crate::events::CommitId;
use crate::values::canonical::Hash;

/// Answers that wait for what they rest on; one more is dropped, and its asker asks again.
const HELD_BACK_MAX: usize = 4_096;
/// Decisions remembered after they are done.
const REMEMBERED_MAX: usize = 8_192;

pub type Reply = oneshot::Sender<CommandResult>;

struct Decision {
    fingerprint: Hash,
    progress: Progress,
}

enum Progress {
    /// Those who wait for it.
    Queued(Vec<Reply>),
    Done(CommandResult),
}

#[derive(Default)]
pub struct Decisions {
    by_commit: HashMap<CommitId, Decision>,
    done: VecDeque<CommitId>,
}

/// What is known of a command that arrives.
pub enum Seen {
    Never(Reply),
    /// It will be, or has been, answered like the first one.
    Answered,
    /// The id belongs to a different command.
    Mismatch(Reply),
}

impl Decisions {
    /// Looks `commit` up; takes the reply where it can be answered from here.
    pub fn seen(&mut self, commit: CommitId, fingerprint: Hash, reply: Reply) -> Seen {
        match self.by_commit.get_mut(&commit) {
            None => Seen::Never(reply),
            Some(decision) if decision.fingerprint != fingerprint => Seen::Mismatch(reply),
            Some(decision) => {
                match &mut decision.progress {
                    Progress::Queued(waiting) => waiting.push(reply),
                    Progress::Done(result) => {
                        // The asker may have gone.
                        let _ = reply.send(result.clone());
                    }
                }
                Seen::Answered
            }
        }
    }

    pub fn queued(&mut self, commit: CommitId, fingerprint: Hash, reply: Reply) {
        let decision = Decision {
            fingerprint,
            progress: Progress::Queued(vec![reply]),
        };
        self.by_commit.insert(commit, decision);
    }

    /// Answers everyone who waits for `commit`.
    pub fn done(&mut self, commit: CommitId, result: CommandResult) {
        let Some(decision) = self.by_commit.get_mut(&commit) else {
            return;
        };
        let waiting = std::mem::replace(&mut decision.progress, Progress::Done(result.clone()));
        if let Progress::Queued(replies) = waiting {
            for reply in replies {
                let _ = reply.send(result.clone());
            }
        }
        self.done.push_back(commit);
        if self.done.len() > REMEMBERED_MAX
            && let Some(oldest) = self.done.pop_front()
        {
            self.by_commit.remove(&oldest);
        }
    }
}

/// Commits on their way to disk, and the answers that rest on them: whoever is told "no" or "it is
/// so already" learns something of what came before, so that has to be durable first.
#[derive(Default)]
pub struct InFlight {
    queued: u64,
    recorded: u64,
    /// Each with how many commits have to be recorded before it.
    held_back: VecDeque<(u64, Reply, CommandResult)>,
}

impl InFlight {
    pub fn is_empty(&self) -> bool {
        self.queued == self.recorded
    }

    pub fn queued(&mut self) {
        self.queued += 1;
    }

    /// One more is durable. Later ones are recorded only if all before them were, so counting is
    /// enough.
    pub fn recorded(&mut self) {
        self.recorded += 1;
        let (recorded, held_back) = (self.recorded, &mut self.held_back);
        while let Some((_, reply, result)) =
            held_back.pop_front_if(|(after, ..)| *after <= recorded)
        {
            // The asker may have gone.
            let _ = reply.send(result);
        }
    }

    /// Answers once everything queued so far is durable; never if it does not get there.
    pub fn answer(&mut self, reply: Reply, result: CommandResult) {
        if self.is_empty() {
            let _ = reply.send(result);
        } else if self.held_back.len() < HELD_BACK_MAX {
            self.held_back.push_back((self.queued, reply, result));
        }
    }
}
