//! Building an actor's state from the log.

use crate::events::{Journal, Recorded};
use crate::values::Position;

/// Calls `apply` for every event of the log so far, in order, and returns the last position. What
/// an earlier actor had under way is waited for first, so that it is in the fold.
pub async fn fold_log<E: std::fmt::Display>(
    journal: &Journal,
    mut apply: impl FnMut(&Recorded) -> Result<(), E>,
) -> Result<Position, String> {
    journal.barrier().await;
    let feed = journal.feed();
    let head = feed.head();
    let mut cursor = Position::ZERO;
    while cursor < head {
        let batch = feed.read(cursor).await.map_err(|error| error.to_string())?;
        let Some(last) = batch.last() else {
            return Err(format!("the log ends at {cursor}, before its head {head}"));
        };
        cursor = last.position();
        for recorded in &batch {
            apply(recorded).map_err(|error| error.to_string())?;
        }
    }
    Ok(cursor)
}
