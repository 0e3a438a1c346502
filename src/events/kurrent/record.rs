//! An event of the log as an event of KurrentDB: the record as data, its commit as metadata.
//!
//! Entry points: [`write`] and [`Entry::read`].
//! Invariant: the data is the canonical record, byte for byte.

use kurrentdb::EventData;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::connection::Found;
use super::errors::damaged;
use crate::events::commit::{CommitId, Receipt};
use crate::events::envelope::Recorded;
use crate::events::plan::PlannedCommit;
use crate::events::store::StoreError;
use crate::values::canonical::Hash;
use crate::values::{Position, StreamName, Version};

/// What the server counts besides data and metadata: the event's type, at most so many bytes.
const TYPE_BYTES_MAX: usize = 128;

/// The metadata of one event.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    commit_id: CommitId,
    /// The event's number within its commit, counting from 0.
    index: u64,
    /// Events of the commit.
    events: u64,
    stream: StreamName,
    /// Version of the commit's first event.
    first_version: Version,
    fingerprint: Hexadecimal,
    /// Hash of the data.
    leaf: Hexadecimal,
    /// The lease it was recorded under.
    epoch: u64,
}

/// A hash as text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
struct Hexadecimal(Hash);

impl From<Hexadecimal> for String {
    fn from(hash: Hexadecimal) -> Self {
        hex::encode(hash.0)
    }
}

impl TryFrom<String> for Hexadecimal {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut hash = Hash::default();
        hex::decode_to_slice(text, &mut hash)?;
        Ok(Self(hash))
    }
}

/// An event to append, and its size as the server counts it in bytes.
pub(super) struct Written {
    pub event: EventData,
    pub bytes: usize,
}

/// The events of one commit, recorded under lease `epoch`.
///
/// They get fresh event ids each time. KurrentDB takes an append whose ids it has seen for a
/// repetition and drops it, and a commit that is planned anew has other bytes under the same ids.
pub(super) fn write(commit: &PlannedCommit, epoch: u64) -> Result<Vec<Written>, StoreError> {
    let receipt = &commit.appended.receipt;
    let numbered = (0..).zip(&commit.appended.records);
    let events = numbered.map(|(index, recorded)| {
        let metadata = Metadata {
            commit_id: receipt.commit_id,
            index,
            events: receipt.events,
            stream: receipt.stream.clone(),
            first_version: receipt.first_version,
            fingerprint: Hexadecimal(commit.fingerprint),
            leaf: Hexadecimal(recorded.leaf),
            epoch,
        };
        written(recorded, &metadata)
    });
    let events: Result<_, serde_json::Error> = events.collect();
    events.map_err(|error| StoreError::Fatal(format!("a record cannot be written: {error}")))
}

fn written(recorded: &Recorded, metadata: &Metadata) -> Result<Written, serde_json::Error> {
    // As JSON, so that KurrentDB's own tools can show it; a raw value is written as it stands.
    let record: &RawValue = serde_json::from_slice(&recorded.record)?;
    let metadata_bytes = serde_json::to_vec(metadata)?.len();
    let event = EventData::json(recorded.event().name(), &record)?.metadata_as_json(metadata)?;
    Ok(Written {
        event,
        bytes: recorded.record.len() + metadata_bytes + TYPE_BYTES_MAX,
    })
}

/// One event of the stream `blotter-log`, taken apart but not decoded.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub position: Position,
    /// Of the event's commit.
    pub receipt: Receipt,
    /// The event's number within its commit, counting from 0.
    pub index: u64,
    pub fingerprint: Hash,
    pub leaf: Hash,
    pub epoch: u64,
    pub record: Vec<u8>,
}

impl Entry {
    pub(super) fn read(found: Found) -> Result<Self, StoreError> {
        let position = position_of(found.revision);
        let metadata: Metadata = serde_json::from_slice(&found.metadata)
            .map_err(|error| damaged(position, format!("its metadata is not ours: {error}")))?;
        let first = position.get().checked_sub(metadata.index);
        let first = first.filter(|first| *first > 0 && metadata.index < metadata.events);
        let first =
            first.ok_or_else(|| damaged(position, "its number within its commit cannot be"))?;
        Ok(Self {
            position,
            receipt: Receipt {
                commit_id: metadata.commit_id,
                stream: metadata.stream,
                first_position: Position::new(first),
                first_version: metadata.first_version,
                events: metadata.events,
            },
            index: metadata.index,
            fingerprint: metadata.fingerprint.0,
            leaf: metadata.leaf.0,
            epoch: metadata.epoch,
            record: found.data,
        })
    }

    /// Decodes the event, if it is what was recorded.
    pub(super) fn decode(self) -> Result<Recorded, StoreError> {
        let position = self.position;
        let recorded = Recorded::read(self.record).map_err(|error| damaged(position, error))?;
        if recorded.leaf != self.leaf {
            return Err(damaged(
                position,
                "its record does not have the hash it was stored with",
            ));
        }
        if recorded.position() != position {
            let reason = format!("its record says position {}", recorded.position());
            return Err(damaged(position, reason));
        }
        Ok(recorded)
    }
}

/// Revisions count from 0.
pub(super) fn position_of(revision: u64) -> Position {
    Position::new(revision.saturating_add(1))
}
