//! Where a log is kept: the engine and its place, as the configuration names them.
//!
//! Entry points: [`LogUrl`] from text, [`LogUrl::open`].
//! Invariant: nothing but this file and the engines themselves knows which engine a log has.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::kurrent::{self, KurrentStore, KurrentUrl};
use super::postgres::PostgresStore;
use super::postgres::address::PostgresUrl;
use super::sqlite::SqliteStore;
use super::store::{EventStore, OpenMode, StoreError};

/// What a log's address may look like.
pub const URLS: &str =
    "sqlite:PATH, postgres://USER@HOST:PORT/DATABASE or kurrentdb://USER:PASSWORD@HOST:PORT";

/// The address of a log. Shown, logged or written anywhere it holds no credentials.
#[derive(Clone, PartialEq, Eq)]
pub enum LogUrl {
    Sqlite(PathBuf),
    Postgres(PostgresUrl),
    Kurrent(Box<KurrentUrl>),
}

impl LogUrl {
    /// Opens the log there. Nothing is changed where it cannot be opened.
    pub async fn open(&self, mode: OpenMode) -> Result<Arc<dyn EventStore>, StoreError> {
        match self {
            Self::Sqlite(path) => Ok(Arc::new(SqliteStore::open(path, mode).await?)),
            Self::Postgres(url) => Ok(Arc::new(PostgresStore::open(url, mode).await?)),
            Self::Kurrent(url) => Ok(Arc::new(KurrentStore::open(url, mode).await?)),
        }
    }

    /// Makes what a log needs there, unless it is there, and lets the database role `grant_to`
    /// use it; gives the log's identity.
    pub async fn migrate(
        &self,
        new_log_id: Uuid,
        grant_to: Option<&str>,
    ) -> Result<Uuid, StoreError> {
        let mode = OpenMode::CreateOrOpen { new_log_id };
        if let (Self::Postgres(url), Some(role)) = (self, grant_to) {
            let store = PostgresStore::open(url, mode).await?;
            store.grant(role).await?;
            store.close().await?;
        }
        let store = self.open(mode).await?;
        let log_id = store.log_id().await?;
        store.close().await?;
        Ok(log_id)
    }

    /// Whether somebody else than the owner can be let in.
    pub fn has_roles(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// The address with this password instead of any other.
    pub fn with_password(self, password: &str) -> Result<Self, String> {
        match self {
            Self::Sqlite(_) => Err("a file takes no password".to_owned()),
            Self::Postgres(url) => Ok(Self::Postgres(url.with_password(password))),
            Self::Kurrent(url) => Ok(Self::Kurrent(Box::new(url.with_password(password)?))),
        }
    }

    /// A password has been given with the address.
    pub fn has_password(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(url) => url.has_password(),
            Self::Kurrent(url) => url.has_password(),
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
            Self::Postgres(url) => fmt::Display::fmt(url, f),
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
    fn both_names_of_an_engine_mean_the_same() {
        for text in ["postgres://u:hunter2@h/db", "postgresql://u@h:5432/db"] {
            let url: LogUrl = text.parse().expect("an address");
            assert_eq!(url.to_string(), "postgres://u@h:5432/db");
            assert!(url.has_roles());
        }
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
            ("postgres://u:hunter2@h/", "the database is missing"),
            ("events.db", "no engine is named"),
            ("", "no engine is named"),
        ] {
            assert_eq!(text.parse::<LogUrl>(), Err(said.to_owned()), "{text}");
        }
    }
}
