//! The record: one event with everything there is to know about it, and its canonical bytes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::catalogue::{Event, PayloadError, schema};
use super::commit::{Meta, RECORD_BYTES_MAX, Who};
use super::merkle::leaf_hash;
use crate::values::canonical::{self, CanonicalError, Hash};
use crate::values::{CommandId, EventId, NodeId, Position, StreamName, Timestamp, Version};

/// One recorded event.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    pub position: Position,
    pub stream: StreamName,
    pub version: Version,
    pub event_id: EventId,
    pub event: Event,
    pub meta: Meta,
    pub recorded_at: Timestamp,
    pub origin: Origin,
}

/// Which program recorded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub node: NodeId,
    /// Version and commit of the program.
    pub build: String,
}

/// An envelope together with its bytes exactly as stored and hashed.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    pub envelope: Envelope,
    /// In which the event is stored. `envelope` holds it in the version of today.
    pub schema_version: u32,
    pub record: Vec<u8>,
    pub leaf: Hash,
}

#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    #[error("event {name} cannot be written as canonical JSON: {source}")]
    NotCanonical {
        name: &'static str,
        source: CanonicalError,
    },
    #[error("event {name} is {bytes} bytes long; at most {RECORD_BYTES_MAX} are allowed")]
    TooLarge { name: &'static str, bytes: usize },
}

#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("not an envelope: {0}")]
    Envelope(#[from] serde_json::Error),
    #[error("{0}")]
    Payload(#[from] PayloadError),
}

#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    NotCanonical(#[from] CanonicalError),
}

/// One recorded event with everything there is to know about it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Record")]
struct Written<'a, P> {
    position: Position,
    stream: &'a StreamName,
    /// In its stream.
    version: Version,
    event_id: EventId,
    /// Together with `schema_version` it names the schema of `payload`.
    r#type: &'a str,
    schema_version: u32,
    /// The fact itself.
    payload: &'a P,
    /// Ties together everything that one cause set off.
    correlation_id: Uuid,
    /// The event this follows from; null where it began outside.
    causation_id: Option<EventId>,
    command_id: &'a CommandId,
    who: &'a Who,
    /// Business time.
    occurred_at: Timestamp,
    /// Wall clock of the node.
    recorded_at: Timestamp,
    node: &'a NodeId,
    /// Version and commit of the program that recorded it.
    build: &'a str,
}

/// JSON Schema (draft 2020-12) of a record, which leaves `payload` to the event's own.
pub fn record_schema() -> Value {
    schema::of::<Written<'static, Map<String, Value>>>()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read<'a> {
    position: Position,
    stream: StreamName,
    version: Version,
    event_id: EventId,
    r#type: std::borrow::Cow<'a, str>,
    schema_version: u32,
    #[serde(borrow)]
    payload: &'a RawValue,
    correlation_id: Uuid,
    causation_id: Option<EventId>,
    command_id: CommandId,
    who: Who,
    occurred_at: Timestamp,
    recorded_at: Timestamp,
    node: NodeId,
    build: String,
}

impl Envelope {
    /// Writes the canonical record (RFC 8785) and its leaf hash.
    pub fn seal(self) -> Result<Recorded, EncodeError> {
        let name = self.event.name();
        let written = Written {
            position: self.position,
            stream: &self.stream,
            version: self.version,
            event_id: self.event_id,
            r#type: name,
            schema_version: self.event.schema_version(),
            payload: &self.event,
            correlation_id: self.meta.correlation_id,
            causation_id: self.meta.causation_id,
            command_id: &self.meta.command_id,
            who: &self.meta.who,
            occurred_at: self.meta.occurred_at,
            recorded_at: self.recorded_at,
            node: &self.origin.node,
            build: &self.origin.build,
        };
        let record = canonical::to_bytes(&written)
            .map_err(|source| EncodeError::NotCanonical { name, source })?;
        if record.len() > RECORD_BYTES_MAX {
            return Err(EncodeError::TooLarge {
                name,
                bytes: record.len(),
            });
        }
        Ok(Recorded {
            leaf: leaf_hash(&record),
            schema_version: self.event.schema_version(),
            envelope: self,
            record,
        })
    }
}

impl Recorded {
    /// Reads a stored record. The leaf hash is computed from the bytes given.
    pub fn read(record: Vec<u8>) -> Result<Self, DecodeError> {
        let read: Read<'_> = serde_json::from_slice(&record)?;
        let envelope = Envelope {
            position: read.position,
            stream: read.stream,
            version: read.version,
            event_id: read.event_id,
            event: Event::read(&read.r#type, read.schema_version, read.payload)?,
            meta: Meta {
                command_id: read.command_id,
                correlation_id: read.correlation_id,
                causation_id: read.causation_id,
                who: read.who,
                occurred_at: read.occurred_at,
            },
            recorded_at: read.recorded_at,
            origin: Origin {
                node: read.node,
                build: read.build,
            },
        };
        Ok(Self {
            envelope,
            schema_version: read.schema_version,
            leaf: leaf_hash(&record),
            record,
        })
    }

    /// The payload exactly as stored, in the schema version it was stored in.
    pub fn stored_payload(&self) -> Result<&RawValue, DecodeError> {
        #[derive(Deserialize)]
        struct Payload<'a> {
            #[serde(borrow)]
            payload: &'a RawValue,
        }
        Ok(serde_json::from_slice::<Payload<'_>>(&self.record)?.payload)
    }

    /// What a program that wrote this version would write for what was read: the same bytes, or
    /// the record is not in canonical form.
    pub fn rewrite(&self) -> Result<Vec<u8>, RewriteError> {
        let read: Read<'_> = serde_json::from_slice(&self.record).map_err(DecodeError::from)?;
        let payload = Event::rewrite(&read.r#type, read.schema_version, read.payload)
            .map_err(DecodeError::from)?;
        let written = Written {
            position: read.position,
            stream: &read.stream,
            version: read.version,
            event_id: read.event_id,
            r#type: &read.r#type,
            schema_version: read.schema_version,
            payload: &payload,
            correlation_id: read.correlation_id,
            causation_id: read.causation_id,
            command_id: &read.command_id,
            who: &read.who,
            occurred_at: read.occurred_at,
            recorded_at: read.recorded_at,
            node: &read.node,
            build: &read.build,
        };
        Ok(canonical::to_bytes(&written)?)
    }

    pub fn position(&self) -> Position {
        self.envelope.position
    }

    pub fn event(&self) -> &Event {
        &self.envelope.event
    }
}
