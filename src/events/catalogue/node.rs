//! Facts of one node (`node-{id}`), written by that node.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{NodeId, Position};

/// A node took over the log and runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeStarted {
    pub node: NodeId,
    /// The writer's lease; higher than any before it.
    pub lease_epoch: u64,
    /// The log's end when the node took it over.
    pub head: Position,
    /// SHA-256 of the configuration, hexadecimal.
    pub config_hash: String,
}

/// A node ended in order; after a crash this is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeStopped {
    pub node: NodeId,
    pub reason: String,
}

/// An actor failed and was rebuilt from the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActorRestarted {
    pub actor: String,
    pub cause: String,
    /// Restarts of this actor within the guardian's window, this one included.
    pub restarts_in_window: u32,
}
