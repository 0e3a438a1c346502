//! What handlers work with.

use std::sync::Arc;

use tokio::sync::watch;

use crate::actors::messages::PreviewOrder;
use crate::actors::port::Port;
use crate::actors::risk_gateway::RiskGateway;
use crate::actors::status::ActorStatus;
use crate::events::{Feed, JournalState};

use super::settings::HttpSettings;
use crate::identity::Identity;
use crate::market::Progress as MarketProgress;
use crate::projections::{Progress, RunnerState, Views};
use crate::runtime::{Clock, Randomness};
use crate::values::{NodeId, Position, VenueId};

/// Which node answers.
#[derive(Debug, Clone)]
pub struct NodeInfo {
    pub node: NodeId,
    pub version: &'static str,
    pub build: String,
}

/// See the module. Cheap to clone, and may be used from any thread.
#[derive(Clone)]
pub struct Services {
    pub info: Arc<NodeInfo>,
    pub risk: RiskGateway,
    pub preview: Port<PreviewOrder>,
    /// Where an order goes that names no venue.
    pub default_venue: VenueId,
    pub identity: Identity,
    pub views: Views,
    /// How far every read model is.
    pub viewed: watch::Receiver<Position>,
    /// How far each read model is.
    pub views_progress: watch::Receiver<Vec<Progress>>,
    pub views_state: watch::Receiver<RunnerState>,
    /// How each actor is.
    pub actors: watch::Receiver<Vec<ActorStatus>>,
    pub feed: Feed,
    pub journal: watch::Receiver<JournalState>,
    /// When something was recorded.
    pub wall: Arc<dyn Clock>,
    /// When something happened; follows the data in a replayed market.
    pub business: Arc<dyn Clock>,
    pub randomness: Arc<dyn Randomness>,
    /// How far recorded market data has been played, where it is played.
    pub market: Option<watch::Receiver<MarketProgress>>,
    pub settings: Arc<HttpSettings>,
    /// Holds the reason once the node has to end.
    pub fatal: watch::Receiver<Option<String>>,
}
