//! What can go wrong with `paper.db`, and what that says about the call that met it.
//!
//! Invariant: `Unavailable` is only said when SQLite has rolled back for certain, so that nothing
//! of the call is in the book. After a doubtful error the book is opened afresh before it is used.

use std::path::PathBuf;

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
    #[error("{} cannot be opened: {reason}. Check the disk and the file's permissions", path.display())]
    Failed { path: PathBuf, reason: String },
}

// SQLite's primary result codes (https://www.sqlite.org/rescode.html).
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const NOTADB: i32 = 26;
const ROLLED_BACK: [i32; 11] = [
    3,  // PERM
    5,  // BUSY
    6,  // LOCKED
    7,  // NOMEM
    8,  // READONLY
    9,  // INTERRUPT
    13, // FULL
    14, // CANTOPEN
    18, // TOOBIG
    19, // CONSTRAINT, which is also what our triggers raise
    23, // AUTH
];

/// Primary result code of an error that SQLite itself reported.
fn sqlite_code(failure: &sqlx::Error) -> Option<i32> {
    let extended: i32 = failure.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

/// An error in a statement before COMMIT. The caller drops the connection, which rolls back.
pub(super) fn before_commit(failure: sqlx::Error) -> VenueError {
    match sqlite_code(&failure) {
        Some(code) if ROLLED_BACK.contains(&code) => {
            VenueError::Unavailable(format!("paper.db: {failure}"))
        }
        Some(IOERR) => VenueError::Unknown(format!("paper.db could not be read or written: {failure}")),
        Some(CORRUPT | NOTADB) => damaged(&failure),
        _ => VenueError::Unknown(format!("paper.db: {failure}")),
    }
}

/// An error in COMMIT: whatever the code, the commit may have reached the disk.
pub(super) fn in_commit(failure: sqlx::Error) -> VenueError {
    VenueError::Unknown(format!("paper.db failed in a commit: {failure}"))
}

/// The book holds something that this program cannot have written.
pub(super) fn damaged(reason: &dyn std::fmt::Display) -> VenueError {
    VenueError::Unknown(format!("paper.db is damaged: {reason}; restore it from a backup"))
}

/// Turns a failure to open `path` into the error that says so.
pub(super) fn opening(path: &std::path::Path, failure: sqlx::Error) -> PaperError {
    let path = path.to_owned();
    let reason = failure.to_string();
    match sqlite_code(&failure) {
        Some(NOTADB) => PaperError::NotABook { path, reason },
        _ => PaperError::Failed { path, reason },
    }
}
