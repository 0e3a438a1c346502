//! What a failure of SQLite means for the log.
//!
//! Entry points: [`store_error`] for a statement, [`damaged`] for stored values that cannot be.
//! Invariant: nothing is called `Busy` or `Unavailable` unless it is certain that a rollback
//! leaves nothing behind.

use std::fmt::Display;

use crate::events::store::StoreError;
use crate::values::Position;

// Primary result codes, https://www.sqlite.org/rescode.html
const PERM: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const NOMEM: i32 = 7;
const READONLY: i32 = 8;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const NOTADB: i32 = 26;
/// The open file is no longer the one at its path: what is written would be lost.
const READONLY_DBMOVED: i32 = 1032;

/// What `error` of any statement but COMMIT means.
pub(super) fn store_error(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(cause) => {
            let code = cause
                .code()
                .and_then(|code| code.parse().ok())
                .unwrap_or_default();
            classify(code, cause.message())
        }
        sqlx::Error::PoolTimedOut => StoreError::Busy("no reading connection became free".into()),
        sqlx::Error::PoolClosed => StoreError::Unavailable("the event store was closed".into()),
        sqlx::Error::Io(cause) => {
            StoreError::Fatal(format!("reading or writing it failed: {cause}"))
        }
        _ => StoreError::Fatal(format!("unexpected answer of SQLite: {error}")),
    }
}

fn classify(code: i32, message: &str) -> StoreError {
    match (code, code & 0xff) {
        (READONLY_DBMOVED, _) => StoreError::Fatal(
            "its file was moved or deleted while in use; put it back and start again".into(),
        ),
        (_, BUSY | LOCKED) => {
            StoreError::Busy(format!("another connection holds its lock ({message})"))
        }
        (_, FULL) => {
            StoreError::Unavailable(format!("no room left ({message}); free some disk space"))
        }
        (_, READONLY | PERM) => StoreError::Unavailable(format!(
            "it may not be written ({message}); check the permissions of file and directory"
        )),
        (_, CANTOPEN) => StoreError::Unavailable(format!(
            "its file cannot be opened ({message}); check that the directory exists and is writable"
        )),
        (_, NOMEM) => StoreError::Unavailable(format!("out of memory ({message})")),
        (_, IOERR) => StoreError::Fatal(format!(
            "the disk failed ({message}, code {code}); check the medium, then verify the log"
        )),
        (_, CORRUPT) => StoreError::Fatal(format!(
            "the database file is corrupt ({message}); restore it from a backup"
        )),
        (_, NOTADB) => StoreError::Fatal(format!(
            "the file is not an SQLite database ({message}); check its path"
        )),
        _ => StoreError::Fatal(format!("unexpected error {code} of SQLite: {message}")),
    }
}

/// A stored value that no append can have written.
pub(super) fn damaged(position: Position, reason: impl Display) -> StoreError {
    StoreError::Damaged {
        position,
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_the_answer_of_the_failure_table() {
        let busy = [5, 261, 517, 6, 262];
        let unavailable = [13, 8, 264, 1288, 14, 526, 3, 7];
        let fatal = [10, 1034, 266, 778, 4874, 11, 267, 26, 1032, 1, 19, 2067, 0];
        for code in busy {
            assert!(matches!(classify(code, ""), StoreError::Busy(_)), "{code}");
        }
        for code in unavailable {
            assert!(
                matches!(classify(code, ""), StoreError::Unavailable(_)),
                "{code}"
            );
        }
        for code in fatal {
            assert!(matches!(classify(code, ""), StoreError::Fatal(_)), "{code}");
        }
    }
}
