//! How actors and read models are, for operators.

use serde::Serialize;
use utoipa::ToSchema;

use crate::actors::status::ActorStatus;
use crate::projections::{Progress, RunnerState};
use crate::values::{Position, Timestamp};

/// A supervised actor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Actor {
    #[schema(example = "risk")]
    pub actor: String,
    /// `running`, `restarting` or `given_up`.
    #[schema(example = "running")]
    pub state: &'static str,
    /// Since the node started.
    #[schema(example = 0)]
    pub restarts: u64,
    pub last_cause: Option<String>,
    /// When it came into this state, by the wall clock.
    #[schema(value_type = String, example = "2026-01-31T09:30:00.000000Z")]
    pub since: Timestamp,
}

impl From<&ActorStatus> for Actor {
    fn from(status: &ActorStatus) -> Self {
        Self {
            actor: status.actor.clone(),
            state: status.state.name(),
            restarts: status.restarts,
            last_cause: status.last_cause.clone(),
            since: status.since,
        }
    }
}

/// How far a read model is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProjectionStatus {
    #[schema(example = "orders")]
    pub projection: &'static str,
    /// The last event it has folded.
    #[schema(value_type = u64, example = 121)]
    pub position: Position,
    /// The last event of the log.
    #[schema(value_type = u64, example = 121)]
    pub head: Position,
    /// Events between the two.
    #[schema(example = 0)]
    pub lag_events: u64,
    /// `folding`, `retrying` or `stopped`.
    #[schema(example = "folding")]
    pub state: &'static str,
    pub reason: Option<String>,
}

impl ProjectionStatus {
    pub fn of(progress: &Progress, state: &RunnerState, head: Position) -> Self {
        let (state, reason) = match state {
            RunnerState::Folding => ("folding", None),
            RunnerState::Retrying(reason) => ("retrying", Some(reason.clone())),
            RunnerState::Stopped(reason) => ("stopped", Some(reason.clone())),
        };
        Self {
            projection: progress.projection,
            position: progress.position,
            head,
            lag_events: head.get().saturating_sub(progress.position.get()),
            state,
            reason,
        }
    }
}
