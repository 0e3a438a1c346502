//! What a failure of PostgreSQL means for the log.
//!
//! Entry points: [`failure`] of a statement, [`of_reading`] where nothing can have been recorded,
//! [`of_connecting`].
//! Invariant: nothing is called `Busy` or `Unavailable` unless the server said that it rolled back,
//! or was never asked to record. A connection that ends leaves the question open.
//!
//! Codes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.

use sqlx::postgres::{PgDatabaseError, PgSeverity};

use super::address::PostgresUrl;
use crate::events::store::StoreError;

/// How a statement failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// The server said so and rolled back; its connection is gone all the same.
    Refused(StoreError),
    /// No answer came: whether it was carried out is not known.
    Lost(String),
}

/// What `error` of any statement means.
pub(super) fn failure(error: sqlx::Error) -> Failure {
    match error {
        sqlx::Error::Database(error) => match error.try_downcast_ref::<PgDatabaseError>() {
            Some(error) => classify(error.severity(), error.code(), error.message()),
            None => Failure::Lost(error.to_string()),
        },
        sqlx::Error::Io(error) => Failure::Lost(format!("the connection was lost ({error})")),
        sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => {
            Failure::Lost(format!("the connection cannot be understood ({error})"))
        }
        error => Failure::Refused(StoreError::Fatal(format!(
            "unexpected answer of PostgreSQL: {error}"
        ))),
    }
}

/// No answer within the time that one may take.
pub(super) fn no_answer() -> Failure {
    Failure::Lost("the server does not answer".to_owned())
}

/// The same of a statement that records nothing.
pub(super) fn of_reading(failure: Failure) -> StoreError {
    match failure {
        Failure::Refused(error) => error,
        Failure::Lost(reason) => StoreError::Unavailable(reason),
    }
}

fn classify(severity: PgSeverity, code: &str, message: &str) -> Failure {
    // The session ends with it. The server checks for that after a COMMIT too, before it answers.
    if matches!(severity, PgSeverity::Fatal | PgSeverity::Panic) || code == "40003" {
        return Failure::Lost(format!("the server ended the session: {message} ({code})"));
    }
    let said = format!("{message}, code {code}");
    Failure::Refused(match code {
        // A lock that was not to be had in time, a deadlock, a statement that took too long.
        "55P03" | "40001" | "40P01" | "57014" => StoreError::Busy(said),
        "53100" => StoreError::Unavailable(format!(
            "the server has no room left ({said}); free some disk space"
        )),
        "42501" => StoreError::Unavailable(format!(
            "the role may not do that ({said}); grant it with `blotter migrate --grant`"
        )),
        "25006" => StoreError::Unavailable(format!(
            "the server may only be read ({said}); give the address of the primary"
        )),
        "58030" => StoreError::Fatal(format!(
            "the server's disk failed ({said}); check the medium, then verify the log"
        )),
        "XX001" | "XX002" => StoreError::Fatal(format!(
            "the database is corrupt ({said}); restore it from a backup"
        )),
        // Only a role can be named that is not there.
        "42704" => StoreError::Unavailable(said),
        // Out of memory, connections or the like.
        _ if code.starts_with("53") => StoreError::Unavailable(said),
        _ => StoreError::Fatal(format!("unexpected error of PostgreSQL: {said}")),
    })
}

/// Why there is no connection; nothing has been asked of the server yet.
pub(super) fn of_connecting(url: &PostgresUrl, error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code());
    let said = match &error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    };
    let remedy = match code.as_deref() {
        Some("28P01" | "28000") => "check user, password and the server's pg_hba.conf",
        Some("3D000") => "create the database first",
        Some(_) => "check the server's log",
        None => "check the address, and that PostgreSQL answers there",
    };
    StoreError::Unavailable(format!("{url} cannot be entered: {said}; {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_the_answer_of_the_failure_table() {
        let answer = |code| classify(PgSeverity::Error, code, "");
        for code in ["55P03", "40001", "40P01", "57014"] {
            let found = answer(code);
            assert!(
                matches!(found, Failure::Refused(StoreError::Busy(_))),
                "{code}"
            );
        }
        for code in ["53100", "53200", "53300", "42501", "42704", "25006"] {
            let found = answer(code);
            let is_unavailable = matches!(found, Failure::Refused(StoreError::Unavailable(_)));
            assert!(is_unavailable, "{code}");
        }
        for code in [
            "58030", "XX000", "XX001", "XX002", "23505", "P0001", "42P01", "0A000",
        ] {
            let found = answer(code);
            assert!(
                matches!(found, Failure::Refused(StoreError::Fatal(_))),
                "{code}"
            );
        }
    }

    #[test]
    fn the_end_of_a_session_says_nothing_about_its_last_statement() {
        for severity in [PgSeverity::Fatal, PgSeverity::Panic] {
            // Also where the code alone would mean that it was rolled back.
            for code in ["57P01", "57P02", "57P03", "53100", "55P03", "XX000"] {
                assert!(
                    matches!(classify(severity, code, ""), Failure::Lost(_)),
                    "{code}"
                );
            }
        }
        assert!(matches!(
            classify(PgSeverity::Error, "40003", ""),
            Failure::Lost(_)
        ));
        let cut = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert!(matches!(failure(sqlx::Error::Io(cut)), Failure::Lost(_)));
        assert!(matches!(
            failure(sqlx::Error::Protocol("?".to_owned())),
            Failure::Lost(_)
        ));
    }
}
