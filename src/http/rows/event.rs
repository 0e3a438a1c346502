//! A recorded event with its whole envelope.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::events::{Recorded, Who};
use crate::values::{CommandId, EventId, NodeId, Position, StreamName, Timestamp, Version};

/// Who stands behind an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Who)]
pub struct By {
    /// User, API key, strategy or part of the system that acted.
    #[schema(example = "user:demo")]
    pub principal: String,
    /// The person behind it, where there is one.
    #[schema(example = "demo")]
    pub human: Option<String>,
    pub roles: Vec<String>,
}

impl From<Who> for By {
    fn from(who: Who) -> Self {
        Self {
            principal: who.principal,
            human: who.human,
            roles: who.roles,
        }
    }
}

/// An event as it stands in the log.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Event {
    #[schema(value_type = u64, example = 121)]
    pub position: Position,
    #[schema(value_type = String, example = "account-demo")]
    pub stream: StreamName,
    /// Its number in its stream.
    #[schema(value_type = u64, example = 7)]
    pub version: Version,
    #[schema(value_type = String)]
    pub event_id: EventId,
    #[schema(example = "OrderApproved")]
    pub r#type: &'static str,
    #[schema(example = 1)]
    pub schema_version: u32,
    /// The fact itself; its fields depend on type and schema version.
    #[schema(value_type = Object)]
    pub payload: Value,
    pub who: By,
    #[schema(value_type = String)]
    pub command_id: CommandId,
    #[schema(value_type = String)]
    pub correlation_id: Uuid,
    #[schema(value_type = Option<String>)]
    pub causation_id: Option<EventId>,
    /// Business time.
    #[schema(value_type = String, example = "2005-05-06T23:59:59.999999Z")]
    pub occurred_at: Timestamp,
    /// Wall clock.
    #[schema(value_type = String, example = "2026-01-31T09:30:00.000000Z")]
    pub recorded_at: Timestamp,
    #[schema(value_type = String, example = "node-1")]
    pub node: NodeId,
    pub build: String,
    /// SHA-256 over the record, hexadecimal: its leaf in the log's Merkle tree.
    pub leaf_hash: String,
}

impl From<&Recorded> for Event {
    fn from(recorded: &Recorded) -> Self {
        let envelope = &recorded.envelope;
        let meta = &envelope.meta;
        Self {
            position: envelope.position,
            stream: envelope.stream.clone(),
            version: envelope.version,
            event_id: envelope.event_id,
            r#type: envelope.event.name(),
            schema_version: recorded.schema_version,
            payload: stored_payload(recorded),
            who: meta.who.clone().into(),
            command_id: meta.command_id.clone(),
            correlation_id: meta.correlation_id,
            causation_id: meta.causation_id,
            occurred_at: meta.occurred_at,
            recorded_at: envelope.recorded_at,
            node: envelope.origin.node.clone(),
            build: envelope.origin.build.clone(),
            leaf_hash: hex::encode(recorded.leaf),
        }
    }
}

/// A record was read as JSON once, so it can be again.
fn stored_payload(recorded: &Recorded) -> Value {
    let payload = recorded.stored_payload().ok();
    payload
        .and_then(|payload| serde_json::from_str(payload.get()).ok())
        .unwrap_or_default()
}
