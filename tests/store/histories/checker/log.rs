//! The log by itself: no gaps, nothing twice.

use std::collections::HashMap;

use blotter::events::CommitId;
use blotter::values::StreamName;
use blotter::values::canonical::Hash;

use crate::histories::history::{History, Logged};

pub struct Log<'a> {
    pub commits: HashMap<CommitId, &'a Logged>,
    pub streams: HashMap<&'a StreamName, Vec<&'a Logged>>,
    /// Number i is the event at position i + 1.
    pub leaves: Vec<Hash>,
}

impl<'a> Log<'a> {
    pub fn of(history: &'a History) -> Result<Self, String> {
        let mut log = Self {
            commits: HashMap::new(),
            streams: HashMap::new(),
            leaves: Vec::new(),
        };
        for commit in &history.log {
            log.add(commit)?;
        }
        let (end, head) = (log.end(), history.head);
        match end == head {
            true => Ok(log),
            false => Err(format!(
                "the head says that the log ends at position {head}; its rows end at {end}"
            )),
        }
    }

    pub fn end(&self) -> u64 {
        self.leaves.len() as u64
    }

    fn add(&mut self, commit: &'a Logged) -> Result<(), String> {
        let receipt = &commit.receipt;
        let (next, found) = (self.end() + 1, receipt.first_position.get());
        if found != next {
            return Err(format!(
                "position {next} should follow in the log; {found} does"
            ));
        }
        if commit.leaves.is_empty() || commit.leaves.len() as u64 != receipt.events {
            return Err(format!(
                "the commit at position {found} says {} events; it has {}",
                receipt.events,
                commit.leaves.len()
            ));
        }
        let stream = self.streams.entry(&receipt.stream).or_default();
        let version = stream
            .last()
            .map_or(0, |last| last.receipt.last_version().get());
        if receipt.first_version.get() != version + 1 {
            return Err(format!(
                "stream {} is at version {version} before position {found}; the commit there begins \
                 with version {}",
                receipt.stream, receipt.first_version
            ));
        }
        stream.push(commit);
        self.leaves.extend(&commit.leaves);
        match self.commits.insert(receipt.commit_id, commit) {
            None => Ok(()),
            Some(_) => Err(format!(
                "commit {} is in the log twice, the second time at position {found}",
                receipt.commit_id
            )),
        }
    }
}
