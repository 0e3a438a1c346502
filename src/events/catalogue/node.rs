//! Facts of one node (`node-{id}`), written by that node.

use serde::{Deserialize, Serialize};

use crate::values::{NodeId, Position};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStarted {
    pub node: NodeId,
    /// The writer's lease; higher than any before it.
    pub lease_epoch: u64,
    /// The log's end when the node took it over.
    pub head: Position,
    /// SHA-256 of the configuration, hexadecimal.
    pub config_hash: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStopped {
    pub node: NodeId,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorRestarted {
    pub actor: String,
    pub cause: String,
    /// Restarts of this actor within the guardian's window, this one included.
    pub restarts_in_window: u32,
}
