//! One batch as appends, each atomic and fenced by the revision that the log must end at.
//!
//! Entry points: [`plan_within`] and [`import_within`] for the plan, [`cut_off`] for the answers when only a part of it
//! could be recorded.

use kurrentdb::EventData;

use super::index::Index;
use super::record;
use crate::events::commit::{Commit, CommitError};
use crate::events::plan::{Appended, Plan, PlannedCommit, Stamp, imported, plan};
use crate::events::store::{StoreError, StoredCommit};
use crate::values::Position;

/// Largest append in bytes, as the server counts them. A server takes 1 MiB unless it is told
/// otherwise (`MaxAppendSize`).
pub(super) const APPEND_BYTES_MAX: usize = 1_000_000;

type Answers = Vec<Result<Appended, CommitError>>;

/// A commit to write, as events of KurrentDB, and their size.
pub(super) struct Encoded {
    pub row: PlannedCommit,
    pub events: Vec<EventData>,
    pub bytes: usize,
}

/// A plan whose every commit fits into one append.
pub(super) struct Fitting {
    pub rows: Vec<Encoded>,
    pub answers: Answers,
}

/// Plans `batch` on top of `index`. A commit that no append can take is refused.
pub(super) fn plan_within(
    index: &Index,
    epoch: u64,
    stamp: &Stamp,
    batch: &[Commit],
) -> Result<Fitting, StoreError> {
    let mut batch = batch.to_vec();
    // What is refused, and why: its place in the batch and its size.
    let mut refused: Vec<(usize, usize)> = Vec::new();
    loop {
        let Plan {
            rows, mut answers, ..
        } = plan(index.facts(&batch), stamp, &batch);
        let rows = rows.into_iter().map(|row| encoded(row, epoch));
        let rows: Vec<Encoded> = rows.collect::<Result<_, StoreError>>()?;
        let Some(large) = rows.iter().find(|row| row.bytes > APPEND_BYTES_MAX) else {
            for (place, bytes) in refused {
                if let Some(Err(CommitError::Invalid(reason))) = answers.get_mut(place) {
                    *reason = format!(
                        "it is {bytes} bytes long; KurrentDB takes at most {APPEND_BYTES_MAX} at once"
                    );
                }
            }
            return Ok(Fitting { rows, answers });
        };
        let id = large.row.appended.receipt.commit_id;
        let is_row = |answer: &Result<Appended, CommitError>| {
            let appended = answer
                .as_ref()
                .ok()
                .filter(|appended| !appended.is_repeat());
            appended.is_some_and(|appended| appended.receipt.commit_id == id)
        };
        let Some(place) = answers.iter().position(is_row) else {
            return Err(StoreError::Fatal(format!(
                "commit {id} was planned, but not asked for"
            )));
        };
        refused.push((place, large.bytes));
        // Without events the rules of appending refuse it, and what was decided on top of it.
        if let Some(commit) = batch.get_mut(place) {
            commit.events.clear();
        }
    }
}

/// Plans what another log has stored on top of `index`.
pub(super) fn import_within(
    index: &Index,
    epoch: u64,
    commits: &[StoredCommit],
) -> Result<Fitting, StoreError> {
    let Plan { rows, answers, .. } = imported(index.head().clone(), commits)?;
    let rows = rows.into_iter().map(|row| encoded(row, epoch));
    let rows: Vec<Encoded> = rows.collect::<Result<_, StoreError>>()?;
    match rows.iter().find(|row| row.bytes > APPEND_BYTES_MAX) {
        None => Ok(Fitting { rows, answers }),
        Some(large) => Err(StoreError::Unavailable(format!(
            "the commit at position {} is {} bytes long; KurrentDB takes at most \
             {APPEND_BYTES_MAX} at once",
            large.row.appended.receipt.first_position, large.bytes
        ))),
    }
}

fn encoded(row: PlannedCommit, epoch: u64) -> Result<Encoded, StoreError> {
    let written = record::write(&row, epoch)?;
    Ok(Encoded {
        row,
        bytes: written.iter().map(|event| event.bytes).sum(),
        events: written.into_iter().map(|event| event.event).collect(),
    })
}

/// The answers when the log was extended up to `recorded` only: what would stand after it is not
/// in the log.
pub(super) fn cut_off(answers: Answers, recorded: Position, reason: &str) -> Answers {
    let cut = |answer: Result<Appended, CommitError>| match answer {
        Ok(appended) if appended.receipt.first_position > recorded => {
            Err(CommitError::Unavailable(reason.to_owned()))
        }
        answer => answer,
    };
    answers.into_iter().map(cut).collect()
}
