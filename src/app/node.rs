//! A whole node: the log, the actors, the paper venue, the read models.
//!
//! [`Node::start`] follows the order that makes a restart safe: lock and lease, fold, NodeStarted,
//! connect the venue, risk at the head, execution reconciles what may have been sent, and only then
//! the data plays on.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::watch;
use uuid::Uuid;

use super::build;
use super::config::{DataFile, NodeConfig};
use super::lock::{self, DirLock, LockError};
use super::player::{PlayEnd, PlayError, Player};
use super::setup::{DemoSetup, SetupError};
use super::summary::{self, FoldLogError};
use crate::actors::execution::ExecutionActor;
use crate::actors::guardian::{Child, Escalation, Guardian};
use crate::actors::messages::{Asked, AskRisk, AskStrategy, EvaluateBar, RiskCommand};
use crate::actors::node_log::NodeLog;
use crate::actors::notifier::NotifierActor;
use crate::actors::port::{Port, PortSlot, port};
use crate::actors::risk::{RiskActor, RiskSettings};
use crate::actors::risk_gateway::RiskGateway;
use crate::actors::settle::Settle;
use crate::actors::strategy::StrategyActor;
use crate::domain::ledger::Ledger;
use crate::events::catalogue::{HaltScope, NodeStarted, NodeStopped};
use crate::events::commit::CommitError;
use crate::events::envelope::Origin;
use crate::events::journal::JournalState;
use crate::events::sqlite::{OpenMode, SqliteStore};
use crate::events::{EventStore, Journal, StoreError, Who};
use crate::market::{DataError, Dataset};
use crate::projections::runner::{Runner, RunnerError};
use crate::projections::views::{Views, ViewsError};
use crate::runtime::{DataClock, Runtime, SystemClock, SystemRandomness, SystemTasks};
use crate::values::{CommandId, IdError, NodeId, Position, StreamName, Version, VenueId};
use crate::venues::Venue;
use crate::venues::paper::{PaperError, PaperVenue};
use actix::Actor;
