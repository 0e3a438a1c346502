//! Building an actor's state from the log.

use crate::events::{Fold, Journal, Snapshots};

/// `empty` folded over the log so far, from its newest snapshot where there is one. What an earlier
/// actor had under way is waited for first, so that it is in the fold.
pub async fn fold_log<F: Fold>(
    journal: &Journal,
    snapshots: &Snapshots,
    empty: F,
) -> Result<F, String> {
    journal.barrier().await;
    let head = journal.feed().head();
    let folded = snapshots.fold_to(head, empty).await;
    folded.map_err(|error| error.to_string())
}
