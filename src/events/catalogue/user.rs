//! Facts of one user (`user-{name}`), written by identity. No password, secret, token or hash of
//! one ever stands here; roles and permissions stand by their names.

use serde::{Deserialize, Serialize};

use crate::values::{Timestamp, UserName};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRegistered {
    pub user: UserName,
    pub roles: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleGranted {
    pub user: UserName,
    pub role: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleRevoked {
    pub user: UserName,
    pub role: String,
}

/// Neither the user nor a key of theirs comes in any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDisabled {
    pub user: UserName,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordChanged {
    pub user: UserName,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginSucceeded {
    pub user: UserName,
    /// Network address.
    pub peer: String,
}

/// Somebody was not let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginFailed {
    /// `None`: no such user. What was typed is not kept, it may have been a password.
    pub user: Option<UserName>,
    /// Network address, or `various`.
    pub peer: String,
    /// `password`, or `key:{key id}`.
    pub credential: String,
    /// How often, when repetitions are recorded as one.
    pub times: u64,
}

/// Somebody who had been let in was refused something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessDenied {
    /// As in `who` of other events.
    pub principal: String,
    pub permission: String,
    /// What it was wanted for, for example a route, or `various`.
    pub place: String,
    /// How often, when repetitions are recorded as one.
    pub times: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyIssued {
    pub user: UserName,
    pub key_id: String,
    pub label: String,
    pub scopes: Vec<String>,
    /// `None`: good until revoked.
    pub expires_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyRevoked {
    pub user: UserName,
    pub key_id: String,
}

/// A session ended before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRevoked {
    pub user: UserName,
    /// Names the session; does not open it.
    pub session: String,
    pub reason: String,
}
