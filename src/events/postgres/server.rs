//! Connections, and what a server has to be before a log is trusted to it.
//!
//! Entry point: [`connect`].
//! Invariant: each new connection is checked, not only the first: after a failover, or a restart
//! with other settings, the same address may lead to a server that loses what it confirms.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{ConnectOptions, PgConnection, Row};
use tokio::time::timeout;

use super::address::PostgresUrl;
use super::errors::{Failure, failure, no_answer, of_connecting, of_reading};
use crate::events::seeded::Bug;
use crate::events::store::StoreError;

/// Oldest server version taken, as `server_version_num` counts.
const VERSION_MIN: i32 = 150_000;
const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// How long a statement waits for another transaction's lock before it counts as busy.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// Longest that the server works on one statement, and longest that an answer is waited for: a
/// server that has vanished says nothing.
const STATEMENT_WAIT: Duration = Duration::from_secs(30);
const ANSWER_WAIT: Duration = Duration::from_secs(40);

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Writing,
    Reading,
}

// `off` answers before a commit is on disk; every stronger choice of the server's is left alone.
const ASK: &str = "SELECT current_setting('server_version_num')::int AS version,
    current_setting('fsync') AS fsync,
    current_setting('full_page_writes') AS full_page_writes,
    getdatabaseencoding()::text AS encoding,
    pg_is_in_recovery() AS is_standby,
    CASE current_setting('synchronous_commit')
        WHEN 'off' THEN set_config('synchronous_commit', 'on', false)
        ELSE current_setting('synchronous_commit') END AS synchronous_commit";

/// For [`Bug::LazyCommit`].
const LAZILY: &str = "SET synchronous_commit TO off";

/// A connection to a server that passed the checks.
pub(super) async fn connect(url: &PostgresUrl, access: Access) -> Result<PgConnection, StoreError> {
    let options = session(url.options(), access);
    let mut connection = match timeout(CONNECT_WAIT, options.connect()).await {
        Ok(connected) => connected.map_err(|error| of_connecting(url, error))?,
        Err(_) => {
            let wait = CONNECT_WAIT.as_secs();
            return Err(StoreError::Unavailable(format!(
                "{url} does not answer within {wait} s; check the address and the network"
            )));
        }
    };
    let asked = answer(sqlx::query(ASK).fetch_one(&mut connection)).await;
    let server = asked.and_then(|row| Server::of(&row).map_err(failure));
    let server = server.map_err(of_reading)?;
    if Bug::LazyCommit.is_on() {
        let lazily = sqlx::query(LAZILY).execute(&mut connection);
        answer(lazily).await.map_err(of_reading)?;
    }
    match server.refusal(access) {
        Some(refusal) => Err(refusal(url)),
        None => Ok(connection),
    }
}

/// Waits for the answer to a statement, within bounds.
pub(super) async fn answer<T>(
    asked: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Failure> {
    match timeout(ANSWER_WAIT, asked).await {
        Ok(answer) => answer.map_err(failure),
        Err(_) => Err(no_answer()),
    }
}

/// How our statements are run, whatever the server's own settings are.
fn session(options: PgConnectOptions, access: Access) -> PgConnectOptions {
    let read_only = match access {
        Access::Reading => "on",
        Access::Writing => "off",
    };
    options.options([
        ("default_transaction_isolation", "read committed".to_owned()),
        ("default_transaction_read_only", read_only.to_owned()),
        ("lock_timeout", LOCK_WAIT.as_millis().to_string()),
        ("statement_timeout", STATEMENT_WAIT.as_millis().to_string()),
        // There is an index for every statement of ours. A plan made while the tables were small
        // must not scan them when they have grown.
        ("enable_seqscan", "off".to_owned()),
        ("jit", "off".to_owned()),
    ])
}

/// What the server says of itself.
struct Server {
    version: i32,
    fsync: String,
    full_page_writes: String,
    encoding: String,
    is_standby: bool,
}

impl Server {
    fn of(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            version: row.try_get("version")?,
            fsync: row.try_get("fsync")?,
            full_page_writes: row.try_get("full_page_writes")?,
            encoding: row.try_get("encoding")?,
            is_standby: row.try_get("is_standby")?,
        })
    }

    /// Why a log is not opened on this server, if it is not.
    fn refusal(&self, access: Access) -> Option<impl FnOnce(&PostgresUrl) -> StoreError + use<>> {
        let (is_fatal, reason) = self.objection(access)?;
        Some(move |url: &PostgresUrl| {
            let reason = format!("{url}: {reason}");
            match is_fatal {
                true => StoreError::Fatal(reason),
                false => StoreError::Unavailable(reason),
            }
        })
    }

    /// What is wrong with it, and whether it has already confirmed what it may lose.
    fn objection(&self, access: Access) -> Option<(bool, String)> {
        if self.version < VERSION_MIN {
            let (found, least) = (self.version / 10_000, VERSION_MIN / 10_000);
            let reason = format!("PostgreSQL {found} is too old; use {least} or newer");
            return Some((false, reason));
        }
        if self.encoding != "UTF8" {
            let reason = format!(
                "the database's encoding is {}; create one with ENCODING 'UTF8'",
                self.encoding
            );
            return Some((false, reason));
        }
        if access == Access::Reading {
            return None;
        }
        if self.is_standby {
            let reason = "the server is a standby, which cannot be written; give the address of \
                the primary";
            return Some((false, reason.to_owned()));
        }
        for (setting, value) in [
            ("fsync", &self.fsync),
            ("full_page_writes", &self.full_page_writes),
        ] {
            if value != "on" {
                let reason = format!(
                    "the server's setting {setting} is {value}, so a crash of its machine can \
                     destroy what was recorded; set {setting} = on"
                );
                return Some((true, reason));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Server {
        Server {
            version: VERSION_MIN,
            fsync: "on".to_owned(),
            full_page_writes: "on".to_owned(),
            encoding: "UTF8".to_owned(),
            is_standby: false,
        }
    }

    fn objection(server: &Server, access: Access) -> Option<(bool, String)> {
        server.objection(access)
    }

    #[test]
    fn a_server_has_to_be_new_enough_safe_and_writable() {
        assert_eq!(objection(&good(), Access::Writing), None);
        let said = |server: Server| objection(&server, Access::Writing).expect("refused");
        let old = Server {
            version: 140_012,
            ..good()
        };
        assert_eq!(
            said(old),
            (
                false,
                "PostgreSQL 14 is too old; use 15 or newer".to_owned()
            )
        );
        let latin = Server {
            encoding: "LATIN1".to_owned(),
            ..good()
        };
        assert!(said(latin).1.contains("encoding is LATIN1"));
        let standby = Server {
            is_standby: true,
            ..good()
        };
        assert!(said(standby).1.contains("standby"));
        let fast = Server {
            fsync: "off".to_owned(),
            ..good()
        };
        let (is_fatal, reason) = said(fast);
        assert!(
            is_fatal && reason.contains("setting fsync is off"),
            "{reason}"
        );
        let torn = Server {
            full_page_writes: "off".to_owned(),
            ..good()
        };
        let (is_fatal, reason) = said(torn);
        assert!(is_fatal && reason.contains("full_page_writes"), "{reason}");
    }

    #[test]
    fn a_standby_may_be_read() {
        let standby = Server {
            is_standby: true,
            fsync: "off".to_owned(),
            ..good()
        };
        assert_eq!(objection(&standby, Access::Reading), None);
        let old = Server {
            version: 90_624,
            ..good()
        };
        assert!(objection(&old, Access::Reading).is_some());
    }
}
