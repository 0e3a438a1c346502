//! The outside where orders are executed, behind one port.
//!
//! A venue keeps its own durable book and numbers its reports. Execution pulls reports with a
//! cursor, exactly as consumers pull the feed, so a report can be asked for again at any time.

pub mod paper;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::values::{
    ClientOrderId, CommandId, ExecutionId, Money, OrderTerms, Price, Quantity, Timestamp, VenueId,
    VenueOrderId,
};

/// Most reports handed out at once.
pub const REPORTS_MAX: usize = 256;

/// Why a venue did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VenueError {
    /// For certain nothing arrived there; the same call may be made again.
    #[error("the venue is unavailable: {0}; nothing was sent")]
    Unavailable(String),
    /// It may have arrived. Ask by client order id before anything else.
    #[error("no answer from the venue: {0}; it may have taken the order")]
    Unknown(String),
}

/// An order as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    pub client_order_id: ClientOrderId,
    pub terms: OrderTerms,
}

/// What a venue says about one of its orders, unasked. FIX ExecutionReport.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// 1 for the venue's first report, then counting without gaps.
    pub sequence: u64,
    pub client_order_id: ClientOrderId,
    /// FIX TransactTime.
    pub transact_time: Timestamp,
    pub body: ReportBody,
}

/// FIX ExecType, with what it carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "exec_type", rename_all = "snake_case")]
pub enum ReportBody {
    New {
        venue_order_id: VenueOrderId,
    },
    Rejected {
        reason: String,
    },
    Trade {
        execution_id: ExecutionId,
        quantity: Quantity,
        price: Price,
        commission: Money,
    },
    Canceled,
    CancelRejected {
        reason: String,
    },
    Expired,
}

/// A place where orders are executed.
#[async_trait]
pub trait Venue: Send + Sync {
    fn id(&self) -> &VenueId;

    /// Sends an order. `Ok` says that it arrived, no more: what becomes of it is in the reports.
    /// An order whose client order id the venue knows already is not entered a second time.
    async fn submit(&self, order: NewOrder) -> Result<(), VenueError>;

    /// Asks to cancel. A repeated `cancel` id is not answered a second time.
    async fn cancel(&self, order: &ClientOrderId, cancel: &CommandId) -> Result<(), VenueError>;

    /// Whether the venue has the order. `Ok(false)` is certain.
    async fn knows(&self, order: &ClientOrderId) -> Result<bool, VenueError>;

    /// Reports after number `after`, in order, at most [`REPORTS_MAX`]; empty at the end.
    async fn reports(&self, after: u64) -> Result<Vec<Report>, VenueError>;

    /// Number of the last report there is; changes when there are more.
    fn last_report(&self) -> watch::Receiver<u64>;
}
