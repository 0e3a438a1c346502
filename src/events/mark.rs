//! A place in the log that something kept outside the log remembers: how far it is, and which record
//! stood there.
//!
//! Entry points: [`LogMark`], [`LogMark::check`]. An older copy of the log put in its place, or one
//! that went another way since, is found by it before anything is built on top.

use super::envelope::Recorded;
use super::store::{EventStore, StoreError};
use crate::values::Position;
use crate::values::canonical::Hash;

/// The record at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogMark {
    /// At least 1.
    pub position: Position,
    pub leaf: Hash,
}

/// How a log and a mark disagree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    #[error(
        "is at position {kept}, but the log ends at {head}: an older copy of the log was put in \
         its place"
    )]
    Ahead { kept: Position, head: Position },
    #[error(
        "is at position {kept}, where the log holds another record: the log was replaced or changed"
    )]
    OtherRecord { kept: Position },
}

impl LogMark {
    /// The mark at `recorded`.
    pub fn at(recorded: &Recorded) -> Self {
        Self {
            position: recorded.position(),
            leaf: recorded.leaf,
        }
    }

    /// How the log of `store` disagrees with the mark, if it does.
    pub async fn check(&self, store: &dyn EventStore) -> Result<Option<Disagreement>, StoreError> {
        let kept = self.position;
        let head = store.head().await?.position;
        if kept > head {
            return Ok(Some(Disagreement::Ahead { kept, head }));
        }
        let before = Position::new(kept.get().saturating_sub(1));
        let found = store.read(before, 1).await?;
        let is_same = found.first().is_some_and(|found| Self::at(found) == *self);
        Ok((!is_same).then_some(Disagreement::OtherRecord { kept }))
    }
}
