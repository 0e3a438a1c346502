//! Where a log is kept: the engine and its place, as the configuration names them.
//!
//! Entry points: [`LogUrl`] from text, [`LogUrl::open`].
//! Invariant: nothing but this file and the engines themselves knows which engine a log has.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::postgres::PostgresStore;
use super::postgres::address::PostgresUrl;
use super::sqlite::SqliteStore;
use super::store::{EventStore, OpenMode, StoreError};

/// What a log's address may look like.
pub const URLS: &str = "sqlite:PATH or postgres://USER@HOST:PORT/DATABASE";

/// The address of a log. Shown, logged or written anywhere it holds no credentials.
#[derive(Clone, PartialEq, Eq)]
pub enum LogUrl {
    Sqlite(PathBuf),
    Postgres(PostgresUrl),
}

impl LogUrl {
    /// Opens the log there. Nothing is changed where it cannot be opened.
    pub async fn open(&self, mode: OpenMode) -> Result<Arc<dyn EventStore>, StoreError> {
        match self {
            Self::Sqlite(path) => Ok(Arc::new(SqliteStore::open(path, mode).await?)),
            Self::Postgres(url) => Ok(Arc::new(PostgresStore::open(url, mode).await?)),
        }
    }
}

impl FromStr for LogUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", "")) => Err("the path is missing".to_owned()),
            Some(("sqlite", path)) => Ok(Self::Sqlite(PathBuf::from(path))),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(text.parse()?)),
            // Only the scheme: what follows it may hold a password.
            Some((scheme, _)) => Err(format!("unknown engine {scheme:?}")),
            None => Err("no engine is named".to_owned()),
        }
    }
}

impl fmt::Display for LogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => fmt::Display::fmt(url, f),
        }
    }
}

impl Serialize for LogUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for LogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_shown() {
        let url: LogUrl = "sqlite:/data/events.db".parse().expect("an address");
        assert_eq!(url, LogUrl::Sqlite(PathBuf::from("/data/events.db")));
        assert_eq!(
            format!("{url} {url:?}"),
            "sqlite:/data/events.db sqlite:/data/events.db"
        );
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for (text, said) in [
            ("sqlite:", "the path is missing"),
            ("mysql://u:hunter2@h/db", "unknown engine \"mysql\""),
            ("events.db", "no engine is named"),
            ("", "no engine is named"),
        ] {
            assert_eq!(text.parse::<LogUrl>(), Err(said.to_owned()), "{text}");
        }
    }
}
