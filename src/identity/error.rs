//! Why somebody was not let in, and why users and keys could not be changed as asked.

use std::time::Duration;

use super::passwords::PasswordError;
use super::store::SecretsError;
use crate::values::UserName;

/// Why somebody was not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Unknown, wrong, expired, revoked or disabled: on purpose not said which.
    #[error("the credentials are not valid")]
    BadCredentials,
    #[error("too many attempts; try again in {} s", retry_after.as_secs().max(1))]
    Throttled { retry_after: Duration },
    #[error("the secrets store cannot be used: {0}")]
    Unavailable(String),
}

/// Why users or keys could not be changed. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManageError {
    #[error("there is no user {0}; see `blotter users list`")]
    UnknownUser(UserName),
    #[error("there is a user {0} already; names are never given a second time")]
    UserExists(UserName),
    #[error("user {0} is disabled; add a user with another name")]
    UserDisabled(UserName),
    #[error(
        "a user needs a role; allowed: one or more of {}",
        super::permissions::role_names()
    )]
    NoRole,
    #[error("{0}")]
    Password(#[from] PasswordError),
    #[error("there are {limit} {what} already; remove one first")]
    TooMany { what: &'static str, limit: u32 },
    #[error("the roles of {user} do not give {asked}; allowed: {allowed}")]
    ScopeNotAllowed {
        user: UserName,
        asked: String,
        allowed: String,
    },
    #[error("the label is too long or not printable; allowed: up to {0} printable characters")]
    BadLabel(usize),
    #[error("a key has to expire later than now")]
    ExpiresInThePast,
    #[error("there is no API key {0}; see `blotter keys list`")]
    UnknownKey(String),
    #[error("there is no session {0}")]
    UnknownSession(String),
    #[error("{0}")]
    Busy(AuthError),
    #[error("the secrets store cannot be used: {0}")]
    Unavailable(String),
}

impl From<SecretsError> for AuthError {
    fn from(error: SecretsError) -> Self {
        AuthError::Unavailable(error.to_string())
    }
}

impl From<sqlx::Error> for AuthError {
    fn from(error: sqlx::Error) -> Self {
        SecretsError::from(error).into()
    }
}

impl From<SecretsError> for ManageError {
    fn from(error: SecretsError) -> Self {
        ManageError::Unavailable(error.to_string())
    }
}

impl From<sqlx::Error> for ManageError {
    fn from(error: sqlx::Error) -> Self {
        SecretsError::from(error).into()
    }
}

impl From<AuthError> for ManageError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Unavailable(reason) => ManageError::Unavailable(reason),
            busy => ManageError::Busy(busy),
        }
    }
}
