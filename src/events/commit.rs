//! What a writer asks to record, and what it gets back.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::catalogue::Event;
use crate::values::canonical::{self, CanonicalError, Hash};
use crate::values::ids::{derived_uuid, hashed_uuid};
use crate::values::{CommandId, EventId, Position, StreamName, Timestamp, Version};

/// Most events of one commit.
pub const COMMIT_EVENTS_MAX: usize = 256;
/// Largest record of one event in bytes.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// Identity of a commit. A commit id that is already in the log is never recorded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommitId(Uuid);

impl CommitId {
    /// The one commit that a command can cause. The principal is part of it: two users may choose
    /// the same command id, and nobody can take one that the system derives for itself.
    pub fn of_command(principal: &str, command: &CommandId) -> Self {
        Self(derived_uuid(&["commit", principal, command.as_str()]))
    }

    /// Whether it is what the command derives, now or in the first logs (ADR 0010).
    pub fn is_of_command(self, principal: &str, command: &CommandId) -> bool {
        let former = Self(hashed_uuid(&["commit", principal, command.as_str()]));
        self == Self::of_command(principal, command) || self == former
    }

    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Id of the commit's event number `index`, counting from 0.
    pub fn event_id(&self, index: usize) -> EventId {
        EventId(derived_uuid(&[
            "event",
            &self.0.to_string(),
            &index.to_string(),
        ]))
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who stands behind a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Who {
    /// User, API key, strategy or part of the system that acted, for example `strategy:sma-1`.
    pub principal: String,
    /// The person behind it, where there is one.
    pub human: Option<String>,
    /// Roles it acted under.
    pub roles: Vec<String>,
}

impl Who {
    /// A part of the system itself.
    pub fn system(part: &str) -> Self {
        Self {
            principal: format!("system:{part}"),
            human: None,
            roles: Vec::new(),
        }
    }
}

/// What every event of a commit has in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// The command that was carried out.
    pub command_id: CommandId,
    /// Ties together everything that one cause set off.
    pub correlation_id: Uuid,
    /// The event this follows from; `None` where it began outside.
    pub causation_id: Option<EventId>,
    pub who: Who,
    /// Business time.
    pub occurred_at: Timestamp,
}

/// Marks commits whose writer decided each one on top of those before it. When one of them is not
/// recorded as decided, every later one of the same writer is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WriterToken(pub u64);

/// One unit of recording: all its events or none, on one stream.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Set by a [`Writer`](super::Writer) that looks ahead over its own unrecorded commits.
    pub writer: Option<WriterToken>,
    pub id: CommitId,
    /// Hash of the normalised command: equal for a repetition, different for another command that
    /// misuses the same id.
    pub fingerprint: Hash,
    pub stream: StreamName,
    /// Version the stream must have; 0 for a new stream.
    pub expected: Version,
    pub meta: Meta,
    pub events: Vec<Event>,
}

impl Commit {
    /// The commit that carries out `command`.
    pub fn new(
        command: &impl Serialize,
        stream: StreamName,
        expected: Version,
        meta: Meta,
        events: Vec<Event>,
    ) -> Result<Self, CanonicalError> {
        Ok(Self {
            writer: None,
            id: CommitId::of_command(&meta.who.principal, &meta.command_id),
            fingerprint: canonical::hash(command)?,
            stream,
            expected,
            meta,
            events,
        })
    }
}

/// Proof that a commit is durable, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub commit_id: CommitId,
    pub stream: StreamName,
    pub first_position: Position,
    pub first_version: Version,
    pub events: u64,
}

impl Receipt {
    pub fn last_position(&self) -> Position {
        Position::new(self.first_position.get() + self.events - 1)
    }

    pub fn last_version(&self) -> Version {
        Version::new(self.first_version.get() + self.events - 1)
    }
}

/// Why one commit was not recorded. The others of its batch are not affected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    #[error(
        "stream {stream} is at version {actual}, not {expected}; fold it again and decide anew"
    )]
    Conflict {
        stream: StreamName,
        expected: Version,
        actual: Version,
    },
    #[error("commit {0} is in the log already, for a different command; use a new command id")]
    IdempotencyMismatch(CommitId),
    #[error("commit refused: {0}")]
    Invalid(String),
    #[error("an earlier commit of the same writer failed, so this one was dropped unrecorded")]
    WriterSuperseded,
    #[error("the journal's queue of {capacity} commits is full; nothing was recorded, try again")]
    Overloaded { capacity: usize },
    #[error("the event store cannot be written now: {0}; nothing was recorded")]
    Unavailable(String),
    #[error("whether the commit was recorded is not known: {0}; look up its id before going on")]
    Indeterminate(String),
    #[error("the journal has stopped: {0}")]
    Stopped(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_that_of_its_command_now_and_in_the_first_logs() {
        let principal = "key:PKH4RL65V37QRGGEHU6Y";
        let command = CommandId::new("01a1fa62-49a1-76a8-a7a8-e03549fdba5e").expect("a command id");
        let now = CommitId::of_command(principal, &command);
        let in_the_first_logs =
            CommitId(Uuid::from_u128(0x17b8_60fc_ce41_5863_a9c2_332b_d36d_3058));
        assert_ne!(now, in_the_first_logs);
        for id in [now, in_the_first_logs] {
            assert!(id.is_of_command(principal, &command), "{id}");
            assert!(!id.is_of_command("key:another", &command), "{id}");
        }
    }
}
