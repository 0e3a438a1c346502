//! How the supervised actors are, for operators.

use crate::values::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActorState {
    Running,
    /// It is being rebuilt from the log.
    Restarting,
    /// It failed too often and stays down; what it acts for is halted.
    GivenUp,
}

impl ActorState {
    pub fn name(self) -> &'static str {
        match self {
            ActorState::Running => "running",
            ActorState::Restarting => "restarting",
            ActorState::GivenUp => "given_up",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorStatus {
    pub actor: String,
    pub state: ActorState,
    /// Since the node started.
    pub restarts: u64,
    /// Why it was last restarted.
    pub last_cause: Option<String>,
    /// When it came into this state, by the wall clock.
    pub since: Timestamp,
}
