//! Everything that can be said to an actor.

use actix::Message;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::account::{CancelOrder, DepositCash, OpenAccount, SubmitOrder};
use crate::domain::risk::Assessment;
use crate::domain::strategy::RegisterStrategy;
use crate::events::catalogue::{HaltScope, LimitScope, RiskLimits};
use crate::events::commit::{CommitError, Meta};
use crate::events::plan::Appended;
use crate::events::{CommitId, Who};
use crate::values::canonical::{self, Hash};
use crate::values::{BarDate, CommandId, EventId, Position, Ratio, Symbol, Timestamp};

/// Who asks, and how the answer is tied to the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub command_id: CommandId,
    pub correlation_id: Uuid,
    pub causation_id: Option<EventId>,
    pub who: Who,
    /// Its id was made for this call alone, so the log cannot hold it yet.
    pub fresh: bool,
}

impl Asked {
    /// A command whose id was made for this call alone.
    pub fn fresh(who: Who, command_id: CommandId) -> Self {
        Self {
            fresh: true,
            ..Self::by(who, command_id)
        }
    }

    /// A command from outside that starts a correlation of its own.
    pub fn by(who: Who, command_id: CommandId) -> Self {
        let correlation_id =
            crate::values::ids::derived_uuid(&["correlation", command_id.as_str()]);
        Self {
            command_id,
            correlation_id,
            causation_id: None,
            who,
            fresh: false,
        }
    }

    pub fn at(&self, occurred_at: Timestamp) -> Meta {
        Meta {
            command_id: self.command_id.clone(),
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            who: self.who.clone(),
            occurred_at,
        }
    }
}

/// What risk can be asked. Its canonical JSON is the command's fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum RiskCommand {
    OpenAccount(OpenAccount),
    DepositCash(DepositCash),
    ChangeLimits {
        scope: LimitScope,
        limits: RiskLimits,
        reason: String,
    },
    EngageKillSwitch {
        scope: HaltScope,
        cause: String,
    },
    ReleaseKillSwitch {
        scope: HaltScope,
        cause: String,
    },
    SubmitOrder(SubmitOrder),
    CancelOrder(CancelOrder),
}

impl RiskCommand {
    /// The free text in it.
    pub fn text(&self) -> Option<&str> {
        match self {
            RiskCommand::OpenAccount(_) | RiskCommand::SubmitOrder(_) => None,
            RiskCommand::DepositCash(deposit) => Some(&deposit.reason),
            RiskCommand::CancelOrder(cancel) => Some(&cancel.reason),
            RiskCommand::ChangeLimits { reason, .. } => Some(reason),
            RiskCommand::EngageKillSwitch { cause, .. }
            | RiskCommand::ReleaseKillSwitch { cause, .. } => Some(cause),
        }
    }
}

/// Most characters of a free text in a command.
pub const TEXT_CHARS_MAX: usize = 1_000;

/// A command to risk.
#[derive(Debug, Clone, Message)]
#[rtype(result = "CommandResult")]
pub struct AskRisk {
    pub asked: Asked,
    pub command: RiskCommand,
}

/// What would risk say to this order now? Records nothing and promises nothing.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Preview, CommandFailure>")]
pub struct PreviewOrder {
    pub submit: SubmitOrder,
}

/// How risk judges an order that was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    pub assessment: Assessment,
    /// What the venue charges on gross.
    pub commission_rate: Ratio,
    /// Last position risk had folded.
    pub as_of: Position,
}

/// What a strategy can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum StrategyCommand {
    Register(RegisterStrategy),
    Approve { reason: String },
    Start,
}

/// A command to a strategy.
#[derive(Debug, Clone, Message)]
#[rtype(result = "CommandResult")]
pub struct AskStrategy {
    pub asked: Asked,
    pub command: StrategyCommand,
}

/// The bar is complete, and everything that it set off at the venue has been booked: look at it.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<(), CommandFailure>")]
pub struct EvaluateBar {
    pub symbol: Symbol,
    pub bar: BarDate,
    /// Where the log ended when everything had come to rest.
    pub through: Position,
}

/// What a command led to.
#[derive(Debug, Clone)]
pub enum CommandOutcome {
    Recorded(Appended),
    /// What was asked for is so already; nothing was recorded.
    NothingToDo,
}

pub type CommandResult = Result<CommandOutcome, CommandFailure>;

/// Why a command led to nothing, or to nothing known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandFailure {
    /// It makes no sense as it stands; the same again will fail again.
    #[error("{message}")]
    Rejected { code: &'static str, message: String },
    /// Another command had the same id.
    #[error("command id {0} was used for a different command; choose a new one")]
    IdempotencyMismatch(CommandId),
    /// Nothing was recorded; the same command may be sent again.
    #[error("{0}; nothing was recorded, send the same command again")]
    Unavailable(String),
    /// It may have been recorded: send the same command again to find out.
    #[error("{0}; whether it was recorded is not known, send the same command again to find out")]
    Unknown(String),
}

impl CommandFailure {
    /// What a failed commit means to whoever commanded.
    pub fn of_commit(error: &CommitError, command: &CommandId) -> Self {
        match error {
            CommitError::IdempotencyMismatch(_) => Self::IdempotencyMismatch(command.clone()),
            CommitError::Invalid(reason) => Self::Rejected {
                code: "invalid_commit",
                message: reason.clone(),
            },
            CommitError::Conflict { .. }
            | CommitError::WriterSuperseded
            | CommitError::Overloaded { .. }
            | CommitError::Unavailable(_) => Self::Unavailable(error.to_string()),
            CommitError::Indeterminate(_) | CommitError::Stopped(_) => {
                Self::Unknown(error.to_string())
            }
        }
    }
}

impl AskRisk {
    /// Equal for the same command again, different for another one under the same id.
    pub fn fingerprint(&self) -> Result<Hash, CommandFailure> {
        canonical::hash(&self.command).map_err(|error| CommandFailure::Rejected {
            code: "not_canonical",
            message: error.to_string(),
        })
    }

    pub fn commit_id(&self) -> CommitId {
        CommitId::of_command(&self.asked.who.principal, &self.asked.command_id)
    }
}
