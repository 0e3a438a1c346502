//! Decides from a history and the final log whether the store kept its word. It touches no store.
//!
//! Entry point: [`check`]; the first thing that is wrong comes back as a sentence.
//! `log` is the log by itself, `calls` each answer against it, `order` what the moments and leases
//! demand of positions, `readers` what was looked up, read and handed out.

mod calls;
mod log;
mod order;
mod readers;

use std::collections::HashMap;

use blotter::events::CommitId;

use self::log::Log;
use super::history::{Call, History, Tick};

/// A sentence that says what is wrong.
pub type Verdict = Result<(), String>;

pub fn check(history: &History) -> Verdict {
    if let Some(failure) = history.failures.first() {
        return Err(failure.clone());
    }
    let case = Case::of(history)?;
    calls::check(&case)?;
    order::check(&case)?;
    readers::check(&case)
}

/// A history with what its rules ask for again and again.
pub struct Case<'a> {
    pub history: &'a History,
    pub log: Log<'a>,
    /// All calls with one commit id.
    pub calls: HashMap<CommitId, Vec<&'a Call>>,
    /// When a commit was first known to be in the log, by an answer or a lookup.
    pub known: HashMap<CommitId, Tick>,
}

impl<'a> Case<'a> {
    fn of(history: &'a History) -> Result<Self, String> {
        let mut case = Self {
            history,
            log: Log::of(history)?,
            calls: HashMap::new(),
            known: HashMap::new(),
        };
        for call in &history.calls {
            case.calls.entry(call.commit).or_default().push(call);
            if call.answer.receipt().is_some() {
                case.is_known(call.commit, call.span.to);
            }
        }
        for lookup in &history.lookups {
            if lookup.found.is_some() {
                case.is_known(lookup.commit, lookup.span.to);
            }
        }
        Ok(case)
    }

    fn is_known(&mut self, commit: CommitId, at: Tick) {
        let first = self.known.entry(commit).or_insert(at);
        *first = at.min(*first);
    }

    /// Whether a commit was known to be in the log before `tick`.
    pub fn was_known(&self, commit: CommitId, tick: Tick) -> bool {
        self.known.get(&commit).is_some_and(|known| *known < tick)
    }
}
