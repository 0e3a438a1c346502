//! What one route is: the single description from which routing, permission, the check of its
//! query and the API's document are made.
//!
//! Entry points: [`Endpoint`]; each file of `api/` has a table of them. Invariant: nothing is
//! served under `/api` that is not in such a table.

use std::borrow::Cow;

use actix_web::HttpResponse;
use futures_util::future::LocalBoxFuture;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::pipeline::Request;
use super::problem::{Code, Problem};
use crate::identity::Permission;

/// What a handler makes of a request.
pub type Handled = LocalBoxFuture<'static, Result<HttpResponse, Problem>>;

/// See the module.
pub struct Endpoint {
    pub method: Method,
    /// Pattern with `{names}`.
    pub path: &'static str,
    pub access: Access,
    /// Heading in the document.
    pub group: &'static str,
    pub summary: &'static str,
    /// More than one sentence, where it is needed.
    pub description: &'static str,
    /// Every query parameter; others are refused.
    pub query: &'static [Param],
    pub body: Body,
    pub answer: Answer,
    /// Those of its own; see [`Endpoint::problems`].
    pub problems: &'static [Code],
    pub handler: fn(Request) -> Handled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
    Delete,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without credentials.
    Open,
    /// Whoever has proved who they are.
    Authenticated,
    Needs(Permission),
}

/// One query parameter.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
    pub description: &'static str,
}

/// What a parameter may hold.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// An id: 1 to 128 letters, digits and `. _ : -`.
    Id,
    Text,
    Integer {
        min: u64,
        max: u64,
    },
    /// RFC 3339 in UTC.
    Time,
    /// `YYYY-MM-DD`.
    Date,
    OneOf(&'static [&'static str]),
    Cursor,
}

/// What a request carries.
#[derive(Debug, Clone, Copy)]
pub enum Body {
    None,
    /// JSON of this shape.
    Json(Shape),
    /// The same, or nothing.
    OptionalJson(Shape),
}

/// What success looks like.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    Json(u16, Shape),
    /// Another good answer of the same shape.
    JsonOr(u16, u16, Shape),
    /// `{"items": [...], "next_cursor": ...}`
    List(Shape),
    Empty(u16),
    /// A page or file of this media type.
    File(&'static str),
}

/// A named shape of the document.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub name: fn() -> Cow<'static, str>,
    pub schema: fn() -> RefOr<Schema>,
    /// Shapes that it is made of.
    pub parts: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl Shape {
    pub const fn of<T: ToSchema + PartialSchema>() -> Self {
        Self {
            name: T::name,
            schema: T::schema,
            parts: T::schemas,
        }
    }
}

impl Endpoint {
    /// Method and pattern, as in logs, metrics and the record.
    pub fn place(&self) -> String {
        format!("{} {}", self.method.name(), self.path)
    }

    /// Everything it may answer instead of success.
    pub fn problems(&self) -> Vec<Code> {
        let mut codes = self.problems.to_vec();
        let mut add = |more: &[Code]| codes.extend_from_slice(more);
        if self.access != Access::Open {
            add(&[Code::Unauthenticated, Code::BadCredentials]);
            add(&[Code::LoginThrottled, Code::Unavailable]);
        }
        if let Access::Needs(_) = self.access {
            add(&[Code::Forbidden]);
        }
        if self.method != Method::Get && self.access != Access::Open {
            add(&[Code::CsrfTokenMissing, Code::OriginNotAllowed]);
        }
        add(&[Code::BadRequest, Code::Internal]);
        // Of its address: for other methods, and under a name that is not the server's.
        add(&[Code::MethodNotAllowed, Code::HostNotAllowed]);
        if self.query.iter().any(|param| param.name == "min_position") {
            add(&[Code::ReadModelBehind]);
        }
        if self.query.iter().any(|param| param.name == "cursor") {
            add(&[Code::BadCursor]);
        }
        if !matches!(self.body, Body::None) {
            add(&[Code::MalformedJson, Code::BodyTooLarge]);
            add(&[Code::UnsupportedMediaType, Code::InvalidField]);
        }
        codes.sort_by_key(|code| (code.status(), code.name()));
        codes.dedup();
        codes
    }
}

impl Param {
    pub const fn optional(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self {
            name,
            kind,
            required: false,
            description,
        }
    }

    pub const fn required(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self {
            name,
            kind,
            required: true,
            description,
        }
    }
}

/// Most rows of a page.
pub const LIMIT_MAX: u64 = 1_000;
/// Rows of a page when nothing else is asked for.
pub const LIMIT_DEFAULT: u64 = 100;

pub const MIN_POSITION: Param = Param::optional(
    "min_position",
    Kind::Integer {
        min: 0,
        max: i64::MAX as u64,
    },
    "Waits until the read models have reached this position, at most 2 seconds.",
);
pub const LIMIT: Param = Param::optional(
    "limit",
    Kind::Integer {
        min: 1,
        max: LIMIT_MAX,
    },
    "Most rows of the page; 100 when left out.",
);
pub const CURSOR: Param =
    Param::optional("cursor", Kind::Cursor, "`next_cursor` of the page before.");
pub const ACCOUNT: Param = Param::optional("account", Kind::Id, "Only of this account.");
pub const SYMBOL: Param = Param::optional("symbol", Kind::Id, "Only of this instrument.");
