//! The node's own stream: its starts, stops and the restarts of its actors.

use std::rc::Rc;

use tokio::sync::Mutex;

use crate::events::{Commit, CommitError, Event, Meta, Who, Writer};
use crate::runtime::Runtime;
use crate::values::{CommandId, NodeId, StreamName, Version};

/// Writes `node-{id}`. Cheap to clone.
#[derive(Clone)]
pub struct NodeLog {
    node: NodeId,
    writer: Writer,
    runtime: Runtime,
    /// Of the stream; held while an append is under way, so appends come one after the other.
    version: Rc<Mutex<Version>>,
}

impl NodeLog {
    /// `version`: of the node's stream as it stands in the log.
    pub fn new(node: NodeId, version: Version, writer: Writer, runtime: Runtime) -> Self {
        Self {
            node,
            writer,
            runtime,
            version: Rc::new(Mutex::new(version)),
        }
    }

    pub async fn record(&self, event: impl Into<Event>) -> Result<(), CommitError> {
        let mut version = self.version.lock().await;
        let id = self.runtime.new_id();
        let meta = Meta {
            command_id: CommandId::derived(&["node", self.node.as_str(), &id.to_string()]),
            correlation_id: id,
            causation_id: None,
            who: Who::system("node"),
            occurred_at: self.runtime.business.now(),
        };
        let stream = StreamName::node(&self.node);
        let commit = Commit::new(&id, stream, *version, meta, vec![event.into()])
            .map_err(|error| CommitError::Invalid(error.to_string()))?;
        let appended = self.writer.submit(commit).await?;
        *version = appended.receipt.last_version();
        Ok(())
    }
}
