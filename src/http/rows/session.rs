//! Who is signed in.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::auth::Caller;
use crate::identity::{Permission, Role};
use crate::values::Timestamp;

/// The caller: a browser's session, or an API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Session {
    #[schema(example = "demo")]
    pub user: String,
    #[schema(example = "user:demo")]
    pub principal: String,
    #[schema(value_type = Vec<String>, example = json!(["trader"]))]
    pub roles: Vec<Role>,
    #[schema(value_type = Vec<String>, example = json!(["orders.read", "orders.submit"]))]
    pub permissions: Vec<Permission>,
    /// To be repeated in the header `X-CSRF-Token` with every change; null for a key.
    pub csrf_token: Option<String>,
    /// Null for a key.
    #[schema(value_type = Option<String>)]
    pub expires_at: Option<Timestamp>,
    /// The session ends after so long without a request; null for a key.
    #[schema(example = 1800)]
    pub idle_seconds: Option<u64>,
}

impl From<&Caller> for Session {
    fn from(caller: &Caller) -> Self {
        let principal = &caller.principal;
        let session = caller.session.as_ref().map(|(_, session)| session);
        Self {
            user: principal.user.clone(),
            principal: principal.id.clone(),
            roles: principal.roles.iter().copied().collect(),
            permissions: principal.permissions.iter().copied().collect(),
            csrf_token: session.map(|session| session.csrf_token.clone()),
            expires_at: session.map(|session| session.expires_at),
            idle_seconds: session.map(|session| session.idle.as_secs()),
        }
    }
}

/// A ticket for the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StreamTicket {
    /// Good once, in the first frame on the stream.
    pub ticket: String,
    #[schema(value_type = String, example = "2026-01-31T09:30:30.000000Z")]
    pub expires_at: Timestamp,
}
