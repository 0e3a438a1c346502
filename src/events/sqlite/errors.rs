//! What a failure of SQLite means for the log.
//!
//! Entry point: [`store_error`].
//! Invariant: nothing is called `Busy` or `Unavailable` unless it is certain that a rollback
//! leaves nothing behind.

use crate::events::store::StoreError;
use crate::sqlite::{Failure, code_of};

/// What `error` of any statement but COMMIT means.
pub(super) fn store_error(error: rusqlite::Error) -> StoreError {
    match code_of(&error) {
        Some(code) => classify(code, &error.to_string()),
        None => StoreError::Fatal(format!("unexpected answer of SQLite: {error}")),
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
            "the database file is corrupt ({message}); restore it from a backup"
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
