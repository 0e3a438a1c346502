//! Recorded events without a store: positions and versions count by themselves.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{event_id, noon_plus};
use crate::events::envelope::Origin;
use crate::events::{Envelope, Event, Meta, Recorded, Who};
use crate::values::{CommandId, EventId, NodeId, Position, StreamName, Timestamp, Version};

pub struct Log {
    versions: BTreeMap<StreamName, Version>,
    last: Position,
    /// Added to the position to give the event's id.
    pub ids_from: u128,
    /// Business time of what is recorded next.
    pub now: Timestamp,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            versions: BTreeMap::new(),
            last: Position::ZERO,
            ids_from: 0,
            now: noon_plus(0),
        }
    }
}

impl Log {
    pub fn record(&mut self, stream: &StreamName, event: impl Into<Event>) -> Recorded {
        self.last = self.last.next();
        let version = self.versions.entry(stream.clone()).or_default();
        *version = version.next();
        let envelope = Envelope {
            position: self.last,
            stream: stream.clone(),
            version: *version,
            event_id: self.last_id(),
            event: event.into(),
            meta: Meta {
                command_id: CommandId::derived(&["test", &self.last.to_string()]),
                correlation_id: Uuid::from_u128(7),
                causation_id: None,
                who: Who::system("test"),
                occurred_at: self.now,
            },
            recorded_at: self.now,
            origin: Origin {
                node: NodeId::new("n1").expect("a node id"),
                build: "test".to_owned(),
            },
        };
        envelope.seal().expect("a record")
    }

    /// Of the event recorded last.
    pub fn last_id(&self) -> EventId {
        event_id(self.ids_from + u128::from(self.last.get()))
    }
}
