//! Where a log is kept: the engine and its place, as the configuration names them.
//!
//! Entry points: [`LogUrl`] from text, [`LogUrl::open`].
//! Invariant: nothing but this file and the engines themselves knows which engine a log has.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::kurrent::{self, KurrentStore, KurrentUrl};
use super::sqlite::SqliteStore;
use super::store::{EventStore, OpenMode, StoreError};

/// What a log's address may look like.
pub const URLS: &str = "sqlite:PATH or kurrentdb://USER:PASSWORD@HOST:PORT";

/// The address of a log. Shown, logged or written anywhere it holds no credentials.
#[derive(Clone, PartialEq, Eq)]
pub enum LogUrl {
    Sqlite(PathBuf),
    Kurrent(Box<KurrentUrl>),
}

impl LogUrl {
    /// Opens the log there. Nothing is changed where it cannot be opened.
    pub async fn open(&self, mode: OpenMode) -> Result<Arc<dyn EventStore>, StoreError> {
        match self {
            Self::Sqlite(path) => Ok(Arc::new(SqliteStore::open(path, mode).await?)),
            Self::Kurrent(url) => Ok(Arc::new(KurrentStore::open(url, mode).await?)),
        }
    }
}

impl FromStr for LogUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("sqlite", "")) => Err("the path is missing".to_owned()),
            Some(("sqlite", path)) => Ok(Self::Sqlite(PathBuf::from(path))),
            Some((scheme, _)) if kurrent::is_scheme(scheme) => {
                Ok(Self::Kurrent(Box::new(text.parse()?)))
            }
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
            Self::Kurrent(url) => write!(f, "{url}"),
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
    fn an_address_of_kurrentdb_is_shown_without_its_password() {
        for scheme in ["kurrentdb", "esdb"] {
            let url: LogUrl = format!("{scheme}://u:hunter2@h:2113?tls=false")
                .parse()
                .expect("an address");
            let shown = format!("{url} {url:?} {}", serde_json::json!(url));
            assert_eq!(
                shown,
                "kurrentdb://h:2113 kurrentdb://h:2113 \"kurrentdb://h:2113\""
            );
        }
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
