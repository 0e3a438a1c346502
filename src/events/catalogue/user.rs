//! Facts of one user (`user-{name}`), written by identity. No password, secret, token or hash of
//! one ever stands here; roles and permissions stand by their names.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{Timestamp, UserName};

/// A user was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserRegistered {
    pub user: UserName,
    pub roles: Vec<String>,
}

/// A user got a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleGranted {
    pub user: UserName,
    pub role: String,
}

/// A user lost a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoleRevoked {
    pub user: UserName,
    pub role: String,
}

/// Neither the user nor a key of theirs comes in any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserDisabled {
    pub user: UserName,
}

/// A user has another password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PasswordChanged {
    pub user: UserName,
}

/// A user came in with their password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoginSucceeded {
    pub user: UserName,
    /// Network address.
    pub peer: String,
}

/// Somebody was not let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoginFailed {
    /// Absent: no such user. What was typed is not kept, it may have been a password.
    pub user: Option<UserName>,
    /// Network address, or `various`.
    pub peer: String,
    /// `password`, or `key:{key id}`.
    pub credential: String,
    /// How often, when repetitions are recorded as one.
    pub times: u64,
}

/// Somebody who had been let in was refused something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccessDenied {
    /// As in `who` of other events.
    pub principal: String,
    pub permission: String,
    /// What it was wanted for, for example a route, or `various`.
    pub place: String,
    /// How often, when repetitions are recorded as one.
    pub times: u64,
}

/// A user got an API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyIssued {
    pub user: UserName,
    pub key_id: String,
    pub label: String,
    pub scopes: Vec<String>,
    /// Absent: good until revoked.
    pub expires_at: Option<Timestamp>,
}

/// An API key was revoked and opens nothing any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyRevoked {
    pub user: UserName,
    pub key_id: String,
}

/// A session ended before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionRevoked {
    pub user: UserName,
    /// Names the session; does not open it.
    pub session: String,
    pub reason: String,
}
