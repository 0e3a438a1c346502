//! What can go wrong with `paper.db`, and what that says about the call that met it.
//!
//! Entry points: [`statement`] for an error before COMMIT, [`commit`] for one in it, [`opening`].
//!
//! Invariant: `Unavailable` is only said when nothing of the call is in the book for certain.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::sqlite::{Failure, code_of};
use crate::values::VenueId;
use crate::venues::VenueError;

/// Why a paper venue's book cannot be opened. Nothing in the file was changed.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    #[error(
        "{} belongs to another log ({found}; this log is {expected}): move it away or use another \
         data directory", path.display()
    )]
    ForeignLog {
        path: PathBuf,
        found: String,
        expected: Uuid,
    },
    #[error(
        "{} is the book of venue {found}, not of {expected}: correct the venue's name or use \
         another data directory", path.display()
    )]
    ForeignVenue {
        path: PathBuf,
        found: String,
        expected: VenueId,
    },
    #[error(
        "{} has format {found}; this program reads format {supported}. Use the program that wrote \
         it, or a newer one", path.display()
    )]
    Format {
        path: PathBuf,
        found: i64,
        supported: i64,
    },
    #[error(
        "{} is not a paper venue's book: {reason}. Move it away or use another data directory",
        path.display()
    )]
    NotABook { path: PathBuf, reason: String },
    #[error(
        "{} cannot be trusted: {reason}. Check the disk, then restore the file from a backup",
        path.display()
    )]
    Damaged { path: PathBuf, reason: String },
    #[error(
        "{} cannot be opened: {reason}. Check the free space and the file's permissions",
        path.display()
    )]
    Failed { path: PathBuf, reason: String },
}

/// Why work in the book did not come to its end.
#[derive(Debug)]
pub(super) enum Fault {
    /// A statement failed.
    Database(rusqlite::Error),
    /// What the call is to be told.
    Answer(VenueError),
}

impl From<rusqlite::Error> for Fault {
    fn from(failure: rusqlite::Error) -> Self {
        Self::Database(failure)
    }
}

impl From<VenueError> for Fault {
    fn from(error: VenueError) -> Self {
        Self::Answer(error)
    }
}

fn kind(failure: &rusqlite::Error) -> Failure {
    code_of(failure).map_or(Failure::Unexpected, Failure::of_code)
}

/// Why the book may not be used any more, if `failure` says that it may not.
pub(super) fn medium_failure(failure: &rusqlite::Error) -> Option<String> {
    kind(failure)
        .is_of_the_medium()
        .then(|| failure.to_string())
}

/// What every call is told once the medium has failed.
pub(super) fn untrusted(reason: &dyn Display) -> VenueError {
    VenueError::Unknown(format!(
        "paper.db cannot be trusted: {reason}; check the disk, restore the file from a backup if it \
         is damaged, and start again"
    ))
}

/// An error in a statement before COMMIT. The connection is dropped, which rolls back.
pub(super) fn statement(failure: &rusqlite::Error) -> VenueError {
    match kind(failure) {
        kind if kind.is_of_the_medium() => untrusted(failure),
        kind if kind.is_rolled_back() => VenueError::Unavailable(format!("paper.db: {failure}")),
        _ => VenueError::Unknown(format!("paper.db: {failure}")),
    }
}

/// An error in COMMIT: whatever the code, the commit may have reached the disk.
pub(super) fn commit(failure: &rusqlite::Error) -> VenueError {
    match kind(failure).is_of_the_medium() {
        true => untrusted(failure),
        false => VenueError::Unknown(format!("paper.db failed in a commit: {failure}")),
    }
}

/// The book holds something that this program cannot have written.
pub(super) fn damaged(reason: &dyn Display) -> VenueError {
    VenueError::Unknown(format!(
        "paper.db is damaged: {reason}; restore it from a backup"
    ))
}

/// Turns a failure to open `path` into the error that says so.
pub(super) fn opening(path: &Path, failure: &rusqlite::Error) -> PaperError {
    let path = path.to_owned();
    let reason = failure.to_string();
    match kind(failure) {
        Failure::NotADatabase => PaperError::NotABook { path, reason },
        kind if kind.is_of_the_medium() => PaperError::Damaged { path, reason },
        _ => PaperError::Failed { path, reason },
    }
}
