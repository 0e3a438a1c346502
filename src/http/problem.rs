//! What a caller is told when a request fails: RFC 9457 problem details with a stable code.
//!
//! Entry points: [`Code`], the one table of everything that can go wrong, which also makes the
//! page `/api/docs/problems`; [`Problem`], which handlers return. Invariant: what only operators
//! may know (`cause`) goes to the log with the request's id and never into an answer.

use std::fmt;
use std::ops::{Deref, DerefMut};

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Map, Value};

use super::position::BLOTTER_POSITION;
use crate::identity::{AuthError, Permission};
use crate::projections::ViewsError;
use crate::values::Position;

/// Most characters of a refused value that are repeated to its sender.
const FOUND_CHARS_MAX: usize = 64;

/// Media type of every problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Declares [`Code`] as one table: status, name, title, and what to do about it.
macro_rules! codes {
    ($($code:ident = $status:literal $name:literal $title:literal $remedy:literal;)+) => {
        /// Everything that can go wrong, by stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($code,)+ }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$code,)+];

            /// As it stands in problems.
            pub const fn name(self) -> &'static str {
                match self { $(Code::$code => $name,)+ }
            }

            pub const fn status(self) -> u16 {
                match self { $(Code::$code => $status,)+ }
            }

            pub const fn title(self) -> &'static str {
                match self { $(Code::$code => $title,)+ }
            }

            /// What a caller can do.
            pub const fn remedy(self) -> &'static str {
                match self { $(Code::$code => $remedy,)+ }
            }
        }
    };
}

codes! {
    MalformedJson = 400 "malformed_json" "The body is not JSON"
        "Send one JSON object; the detail names line and column.";
    BadRequest = 400 "bad_request" "The address or its query is wrong"
        "Correct what `errors` names; the parameters of each route are in the API's description.";
    BadCursor = 400 "bad_cursor" "The cursor was not made here"
        "Send `next_cursor` of an earlier page exactly as it was, or none to start anew.";
    Unauthenticated = 401 "unauthenticated" "Nobody is signed in"
        "Sign in by `POST /api/v1/sessions`, or send an API key.";
    BadCredentials = 401 "bad_credentials" "The credentials are not valid"
        "Check user and password, or key id and secret; a revoked or expired key stays refused.";
    Forbidden = 403 "forbidden" "Not allowed"
        "Ask somebody who manages users for a role with the permission named in `permission`.";
    CsrfTokenMissing = 403 "csrf_token_missing" "The session's token is missing"
        "Repeat the session's `csrf_token` in the header `X-CSRF-Token` with every change.";
    OriginNotAllowed = 403 "origin_not_allowed" "Another site sent this"
        "Send requests from the server's own pages, or from a program with an API key and no `Origin`.";
    NotFound = 404 "not_found" "There is no such thing"
        "Check the id; what was recorded a moment ago is found with `min_position`.";
    MethodNotAllowed = 405 "method_not_allowed" "The method is not offered here"
        "Use a method that the header `Allow` names.";
    NoOpenOrder = 409 "no_open_order" "The order is not open"
        "Nothing to do: the order has ended.";
    ClientOrderIdTaken = 409 "client_order_id_taken" "The client order id was used before"
        "Choose a new `client_order_id`, or none.";
    IdempotencyKeyReused = 409 "idempotency_key_reused" "The Idempotency-Key belongs to another command"
        "Choose a new key for a new command; repeat a key only with the same command.";
    KillSwitchNotEngaged = 409 "kill_switch_not_engaged" "The kill switch is not engaged"
        "Nothing to do: look at `GET /api/v1/risk/kill-switches`.";
    HostNotAllowed = 421 "host_not_allowed" "The server does not answer to this name"
        "Use the address it listens on, or add the name to `http.allowed_origins`.";
    BodyTooLarge = 413 "body_too_large" "The body is too large"
        "Send at most 65,536 bytes.";
    UnsupportedMediaType = 415 "unsupported_media_type" "The body's type is not understood"
        "Send JSON with `Content-Type: application/json`.";
    InvalidField = 422 "invalid_field" "Fields of the body are wrong"
        "Correct every field that `errors` names.";
    UnknownAccount = 422 "unknown_account" "There is no such account"
        "Use an account of `GET /api/v1/accounts`.";
    UnknownVenue = 422 "unknown_venue" "There is no such venue"
        "Leave `venue` out, or use one that the detail names.";
    OrderRefused = 422 "order_refused" "Risk refused the order"
        "`refusal` is the first check that failed, `checks` has all of them with limit and observed value. The refusal is recorded.";
    LoginThrottled = 429 "login_throttled" "Too many failed attempts"
        "Wait as long as `Retry-After` says.";
    TooManyRequests = 429 "too_many_requests" "Too many requests"
        "Wait as long as `Retry-After` says.";
    Internal = 500 "internal" "A fault of the server"
        "Tell the operator the `request_id`; the log has more under it.";
    Unavailable = 503 "unavailable" "Not possible now"
        "Nothing was recorded: send the same request again after `Retry-After`.";
    OutcomeUnknown = 503 "outcome_unknown" "Not known whether it was recorded"
        "Send the same command with the same `Idempotency-Key` again: it is carried out once.";
    ReadModelBehind = 503 "read_model_behind" "The read models are not there yet"
        "Ask again after `Retry-After`: `min_position` is not reached, or one of them is being rebuilt.";
}

/// What is wrong with one field or parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    #[schema(example = "quantity")]
    pub field: String,
    /// As it was sent, cut to 64 characters; absent when nothing was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "-1")]
    pub found: Option<String>,
    #[schema(example = "quantity must be above 0")]
    pub message: String,
    #[schema(example = "a decimal above 0, written as a string")]
    pub allowed: String,
}

impl FieldError {
    pub fn new(
        field: impl Into<String>,
        found: Option<&str>,
        message: impl Into<String>,
        allowed: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            found: found.map(|found| found.chars().take(FOUND_CHARS_MAX).collect()),
            message: message.into(),
            allowed: allowed.into(),
        }
    }
}

/// See the module. In a box, because most answers are none.
#[derive(Debug, Clone)]
pub struct Problem(Box<Details>);

/// What there is to say.
#[derive(Debug, Clone)]
pub struct Details {
    pub code: Code,
    /// One sentence: what was wrong, where, what is allowed.
    pub detail: String,
    pub errors: Vec<FieldError>,
    /// Members of its own, by name.
    pub members: Map<String, Value>,
    pub retry_after_seconds: Option<u64>,
    /// Methods that are offered.
    pub allow: Option<String>,
    /// Last position of what was recorded all the same.
    pub position: Option<Position>,
    /// For the log only.
    pub cause: Option<String>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Details {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            members: Map::new(),
            retry_after_seconds: None,
            allow: None,
            position: None,
            cause: None,
        }))
    }

    /// A fault of ours. `cause` is logged and not shown.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(
            Code::Internal,
            "the server failed over this request; its log says more under the request id",
        )
        .because(cause)
    }

    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("{what} does not exist"))
    }

    /// Asked too early or too often: come again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// Adds a member; one that cannot be written is left out.
    #[must_use]
    pub fn member(mut self, name: &str, value: impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.members.insert(name.to_owned(), value);
        }
        self
    }

    /// `principal` lacks `permission`.
    pub fn forbidden(permission: Permission) -> Self {
        Self::new(
            Code::Forbidden,
            format!("this needs the permission {permission}, which your roles do not give"),
        )
        .member("permission", permission)
    }

    /// The answer, under the request's id.
    pub fn answer(&self, request_id: &str) -> HttpResponse {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put(
            "type",
            format!("/api/docs/problems#{}", self.code.name()).into(),
        );
        put("title", self.code.title().into());
        put("status", self.code.status().into());
        put("detail", self.detail.as_str().into());
        put("code", self.code.name().into());
        if !self.errors.is_empty() {
            put(
                "errors",
                serde_json::to_value(&self.errors).unwrap_or_default(),
            );
        }
        put("request_id", request_id.into());
        body.extend(self.members.clone());
        let mut answer = HttpResponse::build(self.status_code());
        if let Some(seconds) = self.retry_after_seconds {
            answer.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if let Some(methods) = &self.allow {
            answer.insert_header((ALLOW, methods.as_str()));
        }
        if let Some(position) = self.position {
            answer.insert_header((BLOTTER_POSITION, position.get()));
        }
        if self.code.status() == 401 {
            // Not `Basic`: a browser would open a dialog of its own over the dashboard.
            answer.insert_header((WWW_AUTHENTICATE, "ApiKey realm=\"blotter\""));
        }
        answer
            .content_type(PROBLEM_JSON)
            .body(Value::Object(body).to_string())
    }
}

impl Deref for Problem {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Details {
        &mut self.0
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Without an id: `observe` answers again, with the request's.
    fn error_response(&self) -> HttpResponse {
        self.answer("")
    }
}

impl From<ViewsError> for Problem {
    fn from(error: ViewsError) -> Self {
        if let ViewsError::Apart { .. } = error {
            return Problem::new(Code::ReadModelBehind, error.to_string()).retry_after(1);
        }
        Problem::new(
            Code::Unavailable,
            "the read models cannot be asked now; try again",
        )
        .retry_after(1)
        .because(error)
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::BadCredentials => Problem::new(Code::BadCredentials, error.to_string()),
            AuthError::Throttled { retry_after } => {
                Problem::new(Code::LoginThrottled, error.to_string())
                    .retry_after(retry_after.as_secs().max(1))
            }
            AuthError::Unavailable(_) => Problem::new(
                Code::Unavailable,
                "credentials cannot be checked now; try again",
            )
            .retry_after(1)
            .because(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_words() {
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Code::ALL.len());
        for name in names {
            assert!(
                name.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{name}"
            );
        }
    }

    #[test]
    fn a_long_value_is_cut() {
        let error = FieldError::new("f", Some(&"x".repeat(1_000)), "m", "a");
        assert_eq!(error.found.map(|found| found.len()), Some(FOUND_CHARS_MAX));
    }
}
