//! What a failure of SQLite means for the log.
//!
//! Entry points: [`store_error`], and [`commit_error`] of COMMIT.
//! Invariant: nothing is called `Busy` or `Unavailable` unless it is certain that a rollback
//! leaves nothing behind.

use rusqlite::ffi::SQLITE_FULL;

use crate::events::store::StoreError;
use crate::sqlite::{Failure, code_of};

/// What `error` of any statement but COMMIT means.
pub(super) fn store_error(error: rusqlite::Error) -> StoreError {
    match code_of(&error) {
        Some(code) => classify(code, &error.to_string()),
        None => StoreError::Fatal(format!("unexpected answer of SQLite: {error}")),
    }
}

/// What `error` of COMMIT means. The last that a COMMIT does, after the batch has reached the disk,
/// is to enter it in the index of the write-ahead log, in memory. Where that fails SQLite rolls
/// back, but the batch counts as recorded if the process ends before another one is written over
/// it. Running out of room for the batch itself comes before that.
pub(super) fn commit_error(error: rusqlite::Error) -> StoreError {
    let is_before_the_end = matches!(code_of(&error), Some(SQLITE_FULL));
    match store_error(error) {
        StoreError::Unavailable(reason) if !is_before_the_end => StoreError::Fatal(format!(
            "a COMMIT failed at its end: {reason}; start again, and the log tells what it holds"
        )),
        other => other,
    }
}

fn classify(code: i32, message: &str) -> StoreError {
    match Failure::of_code(code) {
        Failure::Moved => StoreError::Fatal(
            "its file was moved or deleted while in use; put it back and start again".into(),
        ),
        Failure::Locked => {
            StoreError::Busy(format!("another connection holds its lock ({message})"))
        }
        Failure::NoRoom => {
            StoreError::Unavailable(format!("no room left ({message}); free some disk space"))
        }
        Failure::NotWritable => StoreError::Unavailable(format!(
            "it may not be written ({message}); check the permissions of file and directory"
        )),
        Failure::CannotOpen => StoreError::Unavailable(format!(
            "its file cannot be opened ({message}); check that the directory exists and is writable"
        )),
        Failure::NoMemory => StoreError::Unavailable(format!("out of memory ({message})")),
        Failure::Disk => StoreError::Fatal(format!(
            "the disk failed ({message}, code {code}); check the medium, then verify the log"
        )),
        Failure::Corrupt => StoreError::Fatal(format!(
            "the database file is corrupt, or the disk cannot read it ({message}); check the \
             medium, restore the file from a backup"
        )),
        Failure::NotADatabase => StoreError::Fatal(format!(
            "the file is not an SQLite database ({message}); check its path"
        )),
        Failure::Interrupted | Failure::TooBig | Failure::Constraint | Failure::Unexpected => {
            StoreError::Fatal(format!("unexpected error {code} of SQLite: {message}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_the_answer_of_the_failure_table() {
        let busy = [5, 261, 517, 6, 262];
        let unavailable = [13, 4874, 8, 264, 1288, 14, 526, 3, 7];
        let fatal = [10, 1034, 266, 778, 11, 267, 26, 1032, 1, 19, 2067, 0];
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

    #[test]
    fn what_fails_at_the_end_of_a_commit_is_not_called_unrecorded() {
        let failed = |code| {
            let code = rusqlite::ffi::Error::new(code);
            commit_error(rusqlite::Error::SqliteFailure(code, None))
        };
        for code in [4874, 7] {
            assert!(matches!(failed(code), StoreError::Fatal(_)), "{code}");
        }
        assert!(matches!(failed(13), StoreError::Unavailable(_)));
        assert!(matches!(failed(5), StoreError::Busy(_)));
    }
}
