//! Which commands are on their way to risk right now.
//!
//! A command that is sent a second time may be answered before the first sending is: that one may
//! wait for a place, or for a risk that is being rebuilt, and be recorded later. So nobody is told
//! that nothing was recorded while another sending of the same command is under way.
//!
//! Invariant: a sending counts from before the log is asked for it until what became of it is
//! known, also when whoever sent it has gone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::Message;

use super::messages::{AskRisk, CommandResult};
use crate::events::CommitId;

/// How many sendings there are of each command. Cheap to clone; no larger than the callers are
/// many.
#[derive(Clone, Default)]
pub struct UnderWay(Arc<Mutex<HashMap<CommitId, usize>>>);

/// One sending. It counts until it is dropped.
pub struct Sending {
    of: UnderWay,
    commit: CommitId,
}

/// A command as it goes to risk; it counts as under way until risk has answered it, or died.
#[derive(Clone, Message)]
#[rtype(result = "CommandResult")]
pub struct Sent {
    pub ask: AskRisk,
    pub sending: Arc<Sending>,
}

impl UnderWay {
    pub fn begin(&self, commit: CommitId) -> Sending {
        *self.counts().entry(commit).or_default() += 1;
        Sending {
            of: self.clone(),
            commit,
        }
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<CommitId, usize>> {
        // A count is changed in one step, so it is whole whatever has panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sending {
    /// Whether the same command is under way a second time.
    pub fn has_another(&self) -> bool {
        self.of
            .counts()
            .get(&self.commit)
            .is_some_and(|count| *count > 1)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let mut counts = self.of.counts();
        match counts.get_mut(&self.commit) {
            Some(count) if *count > 1 => *count -= 1,
            _ => _ = counts.remove(&self.commit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::CommandId;

    #[test]
    fn a_sending_counts_until_its_last_copy_is_gone() {
        let under_way = UnderWay::default();
        let commit = |name: &str| CommitId::of_command("desk", &CommandId::derived(&[name]));
        let first = Arc::new(under_way.begin(commit("a")));
        assert!(!first.has_another());
        assert!(!under_way.begin(commit("b")).has_another());
        // Risk holds a copy; whoever sent it has gone.
        let held = first.clone();
        drop(first);
        let again = under_way.begin(commit("a"));
        assert!(again.has_another() && held.has_another());
        drop(held);
        assert!(!again.has_another());
        drop(again);
        assert!(under_way.counts().is_empty());
    }
}
