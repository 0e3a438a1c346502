//! What can go wrong with `paper.db`, and what that says about the call that met it.
//!
//! Entry points: [`statement`] for an error before COMMIT, [`commit`] for one in it, [`opening`].
//!
//! Invariant: `Unavailable` is only said when nothing of the call is in the book for certain.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use uuid::Uuid;

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

// Result codes, https://www.sqlite.org/rescode.html
const PERM: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const NOMEM: i32 = 7;
const READONLY: i32 = 8;
const INTERRUPT: i32 = 9;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const TOOBIG: i32 = 18;
/// Also what our triggers raise.
const CONSTRAINT: i32 = 19;
const NOTADB: i32 = 26;
/// The open file is no longer the one at its path: what is written would be lost.
const READONLY_DBMOVED: i32 = 1032;

/// A failure, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Gone with the rollback; the same call may pass later.
    RolledBack,
    /// The file or the disk below it cannot be trusted any more.
    Medium,
    Unexpected,
}

fn kind(failure: &sqlx::Error) -> Kind {
    match sqlite_code(failure) {
        Some(code) => kind_of_code(code),
        None if matches!(failure, sqlx::Error::Io(_)) => Kind::Medium,
        None => Kind::Unexpected,
    }
}

fn kind_of_code(code: i32) -> Kind {
    match (code, code & 0xff) {
        (READONLY_DBMOVED, _) | (_, IOERR | CORRUPT | NOTADB) => Kind::Medium,
        (_, PERM | BUSY | LOCKED | NOMEM | READONLY | INTERRUPT) => Kind::RolledBack,
        (_, FULL | CANTOPEN | TOOBIG | CONSTRAINT) => Kind::RolledBack,
        _ => Kind::Unexpected,
    }
}

/// Extended result code of an error that SQLite itself reported.
fn sqlite_code(failure: &sqlx::Error) -> Option<i32> {
    failure.as_database_error()?.code()?.parse().ok()
}

/// Why the book may not be used any more, if `failure` says that it may not.
pub(super) fn medium_failure(failure: &sqlx::Error) -> Option<String> {
    (kind(failure) == Kind::Medium).then(|| failure.to_string())
}

/// What every call is told once the medium has failed.
pub(super) fn untrusted(reason: &dyn Display) -> VenueError {
    VenueError::Unknown(format!(
        "paper.db cannot be trusted: {reason}; check the disk, restore the file from a backup if it \
         is damaged, and start again"
    ))
}

/// An error in a statement before COMMIT. The caller drops the connection, which rolls back.
pub(super) fn statement(failure: &sqlx::Error) -> VenueError {
    match kind(failure) {
        Kind::RolledBack => VenueError::Unavailable(format!("paper.db: {failure}")),
        Kind::Medium => untrusted(failure),
        Kind::Unexpected => VenueError::Unknown(format!("paper.db: {failure}")),
    }
}

/// An error in COMMIT: whatever the code, the commit may have reached the disk.
pub(super) fn commit(failure: &sqlx::Error) -> VenueError {
    match kind(failure) {
        Kind::Medium => untrusted(failure),
        Kind::RolledBack | Kind::Unexpected => {
            VenueError::Unknown(format!("paper.db failed in a commit: {failure}"))
        }
    }
}

/// The book holds something that this program cannot have written.
pub(super) fn damaged(reason: &dyn Display) -> VenueError {
    VenueError::Unknown(format!(
        "paper.db is damaged: {reason}; restore it from a backup"
    ))
}

/// Turns a failure to open `path` into the error that says so.
pub(super) fn opening(path: &Path, failure: &sqlx::Error) -> PaperError {
    let path = path.to_owned();
    let reason = failure.to_string();
    let not_a_database = sqlite_code(failure).is_some_and(|code| code & 0xff == NOTADB);
    match kind(failure) {
        _ if not_a_database => PaperError::NotABook { path, reason },
        Kind::Medium => PaperError::Damaged { path, reason },
        Kind::RolledBack | Kind::Unexpected => PaperError::Failed { path, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_kind() {
        for code in [
            3, 5, 261, 517, 6, 262, 7, 8, 264, 1288, 9, 13, 14, 526, 18, 19, 2067,
        ] {
            assert_eq!(kind_of_code(code), Kind::RolledBack, "{code}");
        }
        for code in [10, 266, 778, 1034, 4874, 11, 267, 26, 1032] {
            assert_eq!(kind_of_code(code), Kind::Medium, "{code}");
        }
        for code in [0, 1, 2, 21] {
            assert_eq!(kind_of_code(code), Kind::Unexpected, "{code}");
        }
    }
}
