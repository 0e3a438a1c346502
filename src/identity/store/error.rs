//! What can be wrong with the secrets store, and what to do about it.

use std::io;
use std::path::PathBuf;

use crate::sqlite::Failure;

/// Why the secrets store cannot be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    #[error("{path} cannot be made or protected: {source}; check its directory and free space")]
    File { path: PathBuf, source: io::Error },
    #[error(
        "{path} has layout {found}, this program uses {supported}; use the program that wrote it, \
         or a newer one"
    )]
    Format {
        path: PathBuf,
        found: i64,
        supported: i64,
    },
    #[error("{path}: {source}; {remedy}", remedy = remedy(source))]
    Opening { path: PathBuf, source: sqlx::Error },
    #[error("{0}; nothing was changed, {remedy}", remedy = remedy(.0))]
    Database(#[from] sqlx::Error),
    #[error(
        "{pending} facts wait to be recorded in the event log; start a node, or make its log \
         writable again"
    )]
    OutboxFull { pending: u32 },
    #[error("what is personal in a fact cannot be sealed; nothing was changed, please report it")]
    Sealing,
}

fn remedy(error: &sqlx::Error) -> &'static str {
    let Some(failure) = Failure::of_sqlx(error) else {
        return "try again";
    };
    match failure {
        Failure::Locked => "another process holds its lock: try again",
        Failure::NoRoom => "no room left: free some disk space",
        Failure::NotWritable | Failure::CannotOpen => {
            "check the permissions of the file and of its directory"
        }
        Failure::Disk => "the disk failed: check the medium",
        Failure::Corrupt => "the file is corrupt: restore it from a backup",
        Failure::NotADatabase => "the file is no SQLite database: check its path",
        _ => "check that it is a secrets store",
    }
}
