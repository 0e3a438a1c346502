//! Copying a whole log into another store, byte for byte.
//!
//! Entry points: [`check_source`], then [`copy_log`] with its report. What the source held when it
//! was checked is what is copied: a log in use may be copied, and again later to take along what
//! came since.
//! Invariants: nothing is written before the source was verified and the target found to be the
//! beginning of it; what is written is checked again at the end, by itself and against the source.
//! Cut short at any moment, the target holds the beginning of the source, and the next run goes on.

use uuid::Uuid;

use super::merkle::Frontier;
use super::plan::Head;
use super::store::{EventStore, StoreError};
use super::verify::{Report, VerifyError, verify_log};
use crate::values::{NodeId, Position};

/// Commits written in one transaction.
const PAGE_COMMITS: usize = 256;

/// Why a log was not copied, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    #[error("the source: {0}; nothing was copied")]
    Source(VerifyError),
    #[error(
        "the target holds another log ({target}; the source is {source_log}): give a target that \
         holds nothing yet"
    )]
    OtherLog { source_log: Uuid, target: Uuid },
    #[error(
        "the target ends at position {target}, after the source ({source_head}): it is not the \
         beginning of this log; nothing was copied"
    )]
    Ahead {
        source_head: Position,
        target: Position,
    },
    #[error(
        "the target differs from the source between positions {first} and {last}: it is not the \
         beginning of this log; nothing was copied"
    )]
    Different { first: Position, last: Position },
    #[error("reading the source after position {reached}: {error}; the same command goes on there")]
    Read {
        reached: Position,
        error: StoreError,
    },
    #[error("writing the target: {0}; the same command goes on where it ends")]
    Write(StoreError),
    #[error(
        "the source changed under the copy: the records up to position {head} are not those that \
         were verified; verify the source, and delete the target"
    )]
    Changed { head: Position },
    #[error("the target, once copied: {0}; delete it and copy again")]
    Target(VerifyError),
    #[error(
        "the target, once copied, has root {target} over its records, the source {source_root}; \
         delete it and copy again"
    )]
    Root { source_root: String, target: String },
}

/// What is being done, for whoever waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    CheckingSource,
    /// Comparing what the target holds already.
    Comparing,
    Copying,
    CheckingTarget,
}

/// How far a step is, in events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub step: Step,
    /// Where the step began.
    pub from: Position,
    pub reached: Position,
    pub goal: Position,
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Events that an earlier run had copied.
    pub before: Position,
    /// The target, verified.
    pub target: Report,
}

/// Verifies the source as far as its head stands now.
pub async fn check_source(
    source: &dyn EventStore,
    mut progress: impl FnMut(Progress),
) -> Result<Report, CopyError> {
    let told = |reached, goal| {
        progress(Progress {
            step: Step::CheckingSource,
            from: Position::ZERO,
            reached,
            goal,
        });
    };
    verify_log(source, told).await.map_err(CopyError::Source)
}

/// Copies what `checked` says of `source` behind what `target` holds of it, as the writer `holder`.
pub async fn copy_log(
    source: &dyn EventStore,
    checked: &Report,
    target: &dyn EventStore,
    holder: &NodeId,
    mut progress: impl FnMut(Progress),
) -> Result<Copied, CopyError> {
    let before = beginning(source, checked, target, &mut progress).await?;
    let head = transfer(source, checked, target, holder, &before, &mut progress).await?;
    if head.frontier.root() != checked.root {
        let head = checked.head;
        return Err(CopyError::Changed { head });
    }
    let told = |reached, goal| {
        progress(Progress {
            step: Step::CheckingTarget,
            from: Position::ZERO,
            reached,
            goal,
        });
    };
    let report = verify_log(target, told).await.map_err(CopyError::Target)?;
    match report.root == checked.root {
        true => Ok(Copied {
            before: before.position,
            target: report,
        }),
        false => Err(CopyError::Root {
            source_root: hex::encode(checked.root),
            target: hex::encode(report.root),
        }),
    }
}

/// The target's head, if the target is the beginning of the source.
async fn beginning(
    source: &dyn EventStore,
    checked: &Report,
    target: &dyn EventStore,
    progress: &mut impl FnMut(Progress),
) -> Result<Head, CopyError> {
    let log_id = target.log_id().await.map_err(CopyError::Write)?;
    if log_id != checked.log_id {
        return Err(CopyError::OtherLog {
            source_log: checked.log_id,
            target: log_id,
        });
    }
    let head = target.head().await.map_err(CopyError::Write)?;
    if head.position > checked.head {
        return Err(CopyError::Ahead {
            source_head: checked.head,
            target: head.position,
        });
    }
    let same = frontier_at(source, head.position, progress).await?;
    match same.first_difference(&head.frontier) {
        None => Ok(head),
        Some(leaves) => Err(CopyError::Different {
            first: Position::new(*leaves.start()),
            last: Position::new(*leaves.end()),
        }),
    }
}

/// The source's Merkle tree over its first `goal` records.
async fn frontier_at(
    source: &dyn EventStore,
    goal: Position,
    progress: &mut impl FnMut(Progress),
) -> Result<Frontier, CopyError> {
    let mut frontier = Frontier::default();
    let mut reached = Position::ZERO;
    while reached < goal {
        let failed = |error| CopyError::Read { reached, error };
        let page = source.read_stored(reached, PAGE_COMMITS).await;
        let page = page.map_err(failed)?;
        let Some(last) = page.last() else {
            return Err(failed(missing(reached)));
        };
        let leaves = page.iter().flat_map(|commit| &commit.leaves);
        // A target may end inside a commit: then it is none of ours, and its tree shows it.
        let within = goal.get() - reached.get();
        let within = usize::try_from(within).unwrap_or(usize::MAX);
        leaves.take(within).for_each(|leaf| frontier.push(*leaf));
        reached = last.receipt.last_position();
        progress(Progress {
            step: Step::Comparing,
            from: Position::ZERO,
            reached: reached.min(goal),
            goal,
        });
    }
    Ok(frontier)
}

/// Writes what follows `before`; gives the target's head.
async fn transfer(
    source: &dyn EventStore,
    checked: &Report,
    target: &dyn EventStore,
    holder: &NodeId,
    before: &Head,
    progress: &mut impl FnMut(Progress),
) -> Result<Head, CopyError> {
    let mut head = before.clone();
    if head.position == checked.head {
        return Ok(head);
    }
    let lease = target.acquire_lease(holder).await;
    let lease = lease.map_err(CopyError::Write)?;
    while head.position < checked.head {
        let reached = head.position;
        let failed = |error| CopyError::Read { reached, error };
        let page = source.read_stored(reached, PAGE_COMMITS).await;
        let mut page = page.map_err(failed)?;
        page.retain(|commit| commit.receipt.last_position() <= checked.head);
        if page.is_empty() {
            return Err(failed(missing(reached)));
        }
        let written = target.import(&lease, page.into()).await;
        head = written.map_err(CopyError::Write)?;
        progress(Progress {
            step: Step::Copying,
            from: before.position,
            reached: head.position,
            goal: checked.head,
        });
    }
    Ok(head)
}

fn missing(reached: Position) -> StoreError {
    StoreError::Damaged {
        position: reached.next(),
        reason: "it is missing, and was there when the log was verified".to_owned(),
    }
}
