//! Facts of one user (`user-{name}`), written by identity. No password, secret, token or hash of
//! one ever stands here; roles and permissions stand by their names. What is [`Personal`] is sealed
//! under the user's key; [`Event::personal`] has to name each such field.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Event, Former, Personal};
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
    pub peer: Personal,
}

/// As it was before anything was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoginSucceededV1 {
    pub user: UserName,
    /// Network address.
    pub peer: String,
}

impl Former for LoginSucceededV1 {
    type Next = LoginSucceeded;

    fn upcast(self) -> LoginSucceeded {
        LoginSucceeded {
            user: self.user,
            peer: self.peer.into(),
        }
    }
}

/// Somebody was not let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoginFailed {
    /// Absent: no such user. What was typed is not kept, it may have been a password.
    pub user: Option<UserName>,
    /// Network address, or `various`. In the clear where there is no such user.
    pub peer: Personal,
    /// `password`, or `key:{key id}`.
    pub credential: String,
    /// How often, when repetitions are recorded as one.
    pub times: u64,
}

/// As it was before anything was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoginFailedV1 {
    /// Absent: no such user.
    pub user: Option<UserName>,
    /// Network address, or `various`.
    pub peer: String,
    /// `password`, or `key:{key id}`.
    pub credential: String,
    /// How often, when repetitions are recorded as one.
    pub times: u64,
}

impl Former for LoginFailedV1 {
    type Next = LoginFailed;

    fn upcast(self) -> LoginFailed {
        LoginFailed {
            user: self.user,
            peer: self.peer.into(),
            credential: self.credential,
            times: self.times,
        }
    }
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
    /// Whatever its owner calls it.
    pub label: Personal,
    pub scopes: Vec<String>,
    /// Absent: good until revoked.
    pub expires_at: Option<Timestamp>,
}

/// As it was before anything was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeyIssuedV1 {
    pub user: UserName,
    pub key_id: String,
    /// Whatever its owner calls it.
    pub label: String,
    pub scopes: Vec<String>,
    /// Absent: good until revoked.
    pub expires_at: Option<Timestamp>,
}

impl Former for ApiKeyIssuedV1 {
    type Next = ApiKeyIssued;

    fn upcast(self) -> ApiKeyIssued {
        ApiKeyIssued {
            user: self.user,
            key_id: self.key_id,
            label: self.label.into(),
            scopes: self.scopes,
            expires_at: self.expires_at,
        }
    }
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

/// What is personal about a user was made unreadable for good, in all facts before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserForgotten {
    pub user: UserName,
}

impl Event {
    /// What is personal in this fact, by the name of its field.
    pub fn personal(&mut self) -> Option<(&'static str, &mut Personal)> {
        match self {
            Event::LoginSucceeded(fact) => Some(("peer", &mut fact.peer)),
            Event::LoginFailed(fact) => Some(("peer", &mut fact.peer)),
            Event::ApiKeyIssued(fact) => Some(("label", &mut fact.label)),
            _ => None,
        }
    }
}
