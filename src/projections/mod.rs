//! What is seen: read models, each a fold over the log into tables of its own.
//!
//! One file a read model: its tables, its fold, its queries. [`runner`] pulls the feed and writes
//! each batch; [`views`] is the database they live in; `docs/read-models.md` lists the tables.
//!
//! Invariants: a read model is a function of the log alone, so deleting the database loses
//! nothing; rows and checkpoint change in one transaction; a projection touches no table but its
//! own; money is added in Rust, never in SQL.

pub mod accounts;
pub mod audit;
pub mod candles;
mod checkpoint;
pub mod equity;
pub mod executions;
pub mod instruments;
pub mod kill_switches;
mod marks;
pub mod orders;
mod page;
pub mod portfolio;
pub mod positions;
mod rows;
pub mod runner;
pub mod signals;
mod slot;
pub mod standings;
pub mod strategies;
pub mod verify;
pub mod views;

pub use runner::{Progress, Runner, RunnerError, RunnerState};
pub use views::{Views, ViewsError};

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use sqlx::SqliteConnection;

use crate::events::Recorded;
use crate::values::{AccountId, AmountError, StrategyId};

/// Most rows of one page of any query; a larger limit is lowered to this.
pub const PAGE_ROWS_MAX: u32 = 1_000;

/// A table of a projection, with the statements that make it and its indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    pub create: &'static str,
}

/// Why an event could not be folded.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The event contradicts those before it; folding it would make the read model wrong.
    #[error("{0}")]
    Poison(String),
}

impl From<AmountError> for FoldError {
    fn from(error: AmountError) -> Self {
        FoldError::Poison(error.to_string())
    }
}

/// One read model being folded.
///
/// The runner calls `load` once, then for each batch `apply` for every event in order and `flush`
/// once, all on one open transaction. When that transaction is rolled back it calls `load` again.
/// What `apply` keeps in memory must be in the tables after `flush`.
#[async_trait]
pub trait Projection: Send {
    fn name(&self) -> &'static str;

    /// Raised when the fold gives other rows for the same events.
    fn version(&self) -> u32;

    fn tables(&self) -> &'static [Table];

    /// Drops what is in memory and reads it anew from the tables.
    async fn load(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError>;

    /// Folds one event, in memory or straight into the tables.
    async fn apply(
        &mut self,
        db: &mut SqliteConnection,
        recorded: &Recorded,
    ) -> Result<(), FoldError>;

    /// Writes whatever `apply` only did in memory.
    async fn flush(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError>;
}

/// Every read model of the product.
pub fn all() -> Vec<Box<dyn Projection>> {
    vec![
        Box::new(accounts::Accounts::default()),
        Box::new(positions::Positions::default()),
        Box::new(orders::Orders::default()),
        Box::new(equity::Equity::default()),
        Box::new(executions::Executions::default()),
        Box::new(candles::Candles::default()),
        Box::new(instruments::Instruments::default()),
        Box::new(signals::Signals::default()),
        Box::new(strategies::Strategies::default()),
        Box::new(kill_switches::KillSwitches),
        Box::new(audit::Audit::default()),
    ]
}

/// Names the shape of a projection's rows and the meaning of its fold, in hexadecimal: tables
/// made under another fingerprint are rebuilt.
pub fn fingerprint(projection: &dyn Projection) -> String {
    let mut hash = Sha256::new()
        .chain_update(projection.name())
        .chain_update(projection.version().to_be_bytes());
    for table in projection.tables() {
        hash.update(table.create);
    }
    hex::encode(hash.finalize())
}

/// The account on whose stream the event stands.
fn account_of(recorded: &Recorded) -> Result<AccountId, FoldError> {
    let stream = &recorded.envelope.stream;
    match stream.category() {
        "account" => AccountId::new(stream.id())
            .map_err(|error| FoldError::Poison(format!("{stream}: {error}"))),
        _ => Err(FoldError::Poison(format!(
            "it belongs on an account's stream, but stands on {stream}"
        ))),
    }
}

/// The strategy on whose stream the event stands.
fn strategy_of(recorded: &Recorded) -> Result<StrategyId, FoldError> {
    let stream = &recorded.envelope.stream;
    match stream.category() {
        "strategy" => StrategyId::new(stream.id())
            .map_err(|error| FoldError::Poison(format!("{stream}: {error}"))),
        _ => Err(FoldError::Poison(format!(
            "it belongs on a strategy's stream, but stands on {stream}"
        ))),
    }
}
