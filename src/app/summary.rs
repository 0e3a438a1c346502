//! What a log amounts to, in figures.

use std::sync::Arc;

use serde::Serialize;

use crate::domain::ledger::{Ledger, LedgerError};
use crate::domain::state_hash::state_hash;
use crate::events::{EventStore, StoreError};
use crate::values::canonical::CanonicalError;
use crate::values::{Money, Position};

/// Events read at once.
const PAGE_EVENTS: usize = 1_024;

#[derive(Debug, thiserror::Error)]
pub enum FoldLogError {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Ledger(#[from] LedgerError),
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

/// Folds the whole log.
pub async fn fold(store: &Arc<dyn EventStore>) -> Result<Ledger, FoldLogError> {
    let mut ledger = Ledger::default();
    fold_on(store, &mut ledger).await?;
    Ok(ledger)
}

/// Folds what has been recorded since.
pub async fn fold_on(store: &Arc<dyn EventStore>, ledger: &mut Ledger) -> Result<(), FoldLogError> {
    loop {
        let page = store.read(ledger.folded_to, PAGE_EVENTS).await?;
        if page.is_empty() {
            return Ok(());
        }
        for recorded in &page {
            ledger.apply(recorded)?;
        }
    }
}

/// Figures over the log as it stands.
pub async fn summarise(store: &Arc<dyn EventStore>) -> Result<Summary, FoldLogError> {
    let ledger = fold(store).await?;
    let head = store.head().await?;
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
