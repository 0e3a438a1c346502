//! What can be wrong with the secrets store, and what to do about it.

use std::io;
use std::path::PathBuf;

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
}

/// SQLite's result codes, the primary ones: https://sqlite.org/rescode.html
fn remedy(error: &sqlx::Error) -> &'static str {
    let sqlx::Error::Database(cause) = error else {
        return "try again";
    };
    let code: i32 = cause
        .code()
        .and_then(|code| code.parse().ok())
        .unwrap_or_default();
    match code & 0xff {
        5 | 6 => "another process holds its lock: try again",
        13 => "no room left: free some disk space",
        3 | 8 | 14 => "check the permissions of the file and of its directory",
        10 => "the disk failed: check the medium",
        11 => "the file is corrupt: restore it from a backup",
        26 => "the file is no SQLite database: check its path",
        _ => "check that it is a secrets store",
    }
}
