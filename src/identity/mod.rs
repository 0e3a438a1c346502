//! Who may come in: users, passwords, sessions, API keys, and the secrets store they live in.

pub mod permissions;
pub mod principal;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use permissions::{Permission, Role};
pub use principal::Principal;

use crate::runtime::{Clock, Randomness};
use crate::values::Timestamp;

/// Why somebody was not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// Unknown, wrong, expired, revoked or disabled: on purpose not said which.
    #[error("the credentials are not valid")]
    BadCredentials,
    #[error("too many failed attempts; try again in {} s", retry_after.as_secs())]
    Throttled { retry_after: Duration },
    #[error("the secrets store cannot be used: {0}")]
    Unavailable(String),
}

/// A session as its holder sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub principal: Principal,
    /// To be repeated in a header with every change.
    pub csrf_token: String,
    pub expires_at: Timestamp,
    pub idle: Duration,
}

/// A session that was just opened; `token` is shown this once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedSession {
    pub token: String,
    pub session: Session,
}

/// The door. Cheap to clone, and may be used from any thread.
#[derive(Clone)]
pub struct Identity {
    _wall: Arc<dyn Clock>,
    _randomness: Arc<dyn Randomness>,
}

impl Identity {
    pub async fn open(
        _path: &Path,
        wall: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, AuthError> {
        Ok(Self {
            _wall: wall,
            _randomness: randomness,
        })
    }

    /// Opens a session for the right password.
    pub async fn login(
        &self,
        _user: &str,
        _password: &str,
        _peer: IpAddr,
    ) -> Result<OpenedSession, AuthError> {
        Err(AuthError::BadCredentials)
    }

    /// The session that `token` opens, if it is still good; counts as activity.
    pub async fn session(&self, _token: &str) -> Result<Session, AuthError> {
        Err(AuthError::BadCredentials)
    }

    /// Ends a session; ending it twice is no error.
    pub async fn logout(&self, _token: &str) -> Result<(), AuthError> {
        Ok(())
    }

    /// Whoever holds this API key.
    pub async fn api_key(
        &self,
        _key_id: &str,
        _secret: &str,
        _peer: IpAddr,
    ) -> Result<Principal, AuthError> {
        Err(AuthError::BadCredentials)
    }

    /// A single-use ticket for the stream, good until the time beside it.
    pub fn ticket(&self, _principal: &Principal) -> Result<(String, Timestamp), AuthError> {
        Err(AuthError::Unavailable("no tickets".to_owned()))
    }

    /// Who holds `ticket`; it is used up.
    pub fn redeem(&self, _ticket: &str) -> Result<Principal, AuthError> {
        Err(AuthError::BadCredentials)
    }

    /// The same principal as it stands by now, for a connection that lives long.
    pub async fn standing(&self, _principal: &Principal) -> Result<Principal, AuthError> {
        Err(AuthError::BadCredentials)
    }

    /// Whether the secrets store answers.
    pub async fn check(&self) -> Result<(), AuthError> {
        Ok(())
    }

    /// Notes for the record that `principal` was refused.
    pub async fn denied(&self, _principal: &Principal, _permission: Permission, _place: &str) {}
}
