//! What a log amounts to, in figures.

use serde::Serialize;

use crate::domain::ledger::Ledger;
use crate::domain::state_hash::state_hash;
use crate::events::snapshot::FoldLogError;
use crate::events::{EventStore, Snapshots, StoreError};
use crate::values::canonical::CanonicalError;
use crate::values::{Money, Position};

#[derive(Debug, thiserror::Error)]
pub enum SummaryError {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Fold(#[from] FoldLogError),
    #[error("{0}")]
    Canonical(#[from] CanonicalError),
}

/// Figures over a whole log. Amounts are decimal text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub bars: u64,
    pub signals: u64,
    pub orders: u64,
    pub fills: u64,
    pub refusals: u64,
    /// Of all accounts.
    pub cash: Option<Money>,
    /// Cash and positions at the last prices; `null` when a position has no price.
    pub equity: Option<Money>,
    pub events: u64,
    pub position: Position,
    /// Merkle root over all records, hexadecimal.
    pub log_root: String,
    /// See `docs/state-hash.md`.
    pub state_hash: String,
}

/// Figures over the log as it stands.
pub async fn summarise(
    store: &dyn EventStore,
    snapshots: &Snapshots,
) -> Result<Summary, SummaryError> {
    let head = store.head().await?;
    let ledger = snapshots.fold_to(head.position, Ledger::default()).await?;
    let totals = ledger.totals();
    Ok(Summary {
        bars: ledger.counts.bars,
        signals: ledger.counts.signals,
        orders: ledger.counts.orders,
        fills: ledger.counts.fills,
        refusals: ledger.counts.refusals,
        cash: totals.map(|(cash, _)| cash),
        equity: totals.map(|(_, equity)| equity),
        events: head.position.get(),
        position: head.position,
        log_root: hex::encode(head.frontier.root()),
        state_hash: hex::encode(state_hash(&ledger)?),
    })
}
