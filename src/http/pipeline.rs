//! The way of a request to its handler: who, may they, what do they ask, is it there yet.
//!
//! Entry point: [`serve`]. Each step can end the request with a problem; the handler sees only
//! what has passed all of them.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, timeout};

use super::auth::{self, Caller};
use super::endpoint::{Access, Body, Endpoint, LIMIT_DEFAULT, LIMIT_MAX, MIN_POSITION};
use super::input::Input;
use super::observe::RequestId;
use super::page::Cursor;
use super::position::{self, BLOTTER_POSITION};
use super::problem::{Code, FieldError, Problem};
use super::services::Services;
use crate::values::Position;

/// Largest body.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a body that is too large that are read all the same: a sender who is still writing
/// does not see the answer.
const DRAIN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Longest wait for a body.
const BODY_WAIT_MAX: Duration = Duration::from_secs(30);

/// A request that has passed every step before its handler.
pub struct Request {
    pub services: Services,
    pub http: HttpRequest,
    pub id: String,
    /// Absent where anybody may call.
    caller: Option<Caller>,
    query: Input,
    body: web::Bytes,
    /// Up to where the read models were complete before anything was read.
    pub viewed: Position,
    pub received: Instant,
}

/// Carries `http` through every step.
pub async fn serve(
    endpoint: &'static Endpoint,
    http: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    guarded(steps(endpoint, http, payload)).await
}

/// A handler that panics is a fault of ours, answered like any other.
async fn guarded(
    handled: impl Future<Output = Result<HttpResponse, Problem>>,
) -> Result<HttpResponse, Problem> {
    let outcome = AssertUnwindSafe(handled).catch_unwind().await;
    // The hook has printed where it happened.
    outcome.unwrap_or_else(|_| Err(Problem::internal("its handler panicked")))
}

async fn steps(
    endpoint: &'static Endpoint,
    http: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let received = Instant::now();
    let services = http.app_data::<web::Data<Services>>();
    let services = services.ok_or_else(|| Problem::internal("no services"))?;
    let services = services.get_ref().clone();
    // Read before anybody is refused: a sender that is still writing misses the answer.
    let body = timeout(BODY_WAIT_MAX, read_body(&http, payload)).await;
    let body = body.unwrap_or_else(|_| {
        let seconds = BODY_WAIT_MAX.as_secs();
        let detail = format!("the body did not arrive within {seconds} s");
        Err(Problem::new(Code::BadRequest, detail))
    });
    let caller = admitted(endpoint, &http, &services).await?;
    let body = body?;
    check_media_type(endpoint, &http, &body)?;
    let mut query = Input::of_query(http.query_string(), endpoint.query)?;
    let waits = endpoint
        .query
        .iter()
        .any(|param| param.name == MIN_POSITION.name);
    let wanted = waits.then(|| min_position(&mut query)).flatten();
    if endpoint
        .query
        .iter()
        .all(|param| param.name == MIN_POSITION.name)
    {
        // The handler has nothing to ask of it.
        std::mem::replace(&mut query, Input::of_nothing()).finish()?;
    }
    if let Some(wanted) = wanted {
        position::wait_for(&services, wanted).await?;
    }
    let id = http.extensions().get::<RequestId>().cloned();
    let request = Request {
        viewed: position::viewed(&services),
        id: id.map(|RequestId(id)| id).unwrap_or_default(),
        services,
        http,
        caller,
        query,
        body,
        received,
    };
    let viewed = request.viewed;
    let mut answer = (endpoint.handler)(request).await?;
    if endpoint.path.starts_with("/api/v1") && !answer.headers().contains_key(&BLOTTER_POSITION) {
        answer
            .headers_mut()
            .insert(BLOTTER_POSITION, viewed.get().into());
    }
    Ok(answer)
}

/// Who calls, if that matters here, and whether they may.
async fn admitted(
    endpoint: &'static Endpoint,
    http: &HttpRequest,
    services: &Services,
) -> Result<Option<Caller>, Problem> {
    if endpoint.access == Access::Open {
        return Ok(None);
    }
    let caller = auth::authenticate(http, services).await?;
    if let Access::Needs(permission) = endpoint.access {
        let place = endpoint.place();
        caller.require(services, permission, &place).await?;
    }
    Ok(Some(caller))
}

async fn read_body(http: &HttpRequest, mut payload: web::Payload) -> Result<web::Bytes, Problem> {
    let too_large = || {
        let detail = format!("the body is larger than {BODY_BYTES_MAX} bytes");
        Problem::new(Code::BodyTooLarge, detail)
    };
    let length = http.headers().get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > DRAIN_BYTES_MAX) {
        return Err(too_large());
    }
    let mut body = web::BytesMut::new();
    let mut read = 0;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::new(Code::BadRequest, "the body broke off"))?;
        read += chunk.len();
        if read > DRAIN_BYTES_MAX {
            break;
        }
        if read <= BODY_BYTES_MAX {
            body.extend_from_slice(&chunk);
        }
    }
    match read <= BODY_BYTES_MAX {
        true => Ok(body.freeze()),
        false => Err(too_large()),
    }
}

fn check_media_type(
    endpoint: &'static Endpoint,
    http: &HttpRequest,
    body: &[u8],
) -> Result<(), Problem> {
    let wanted = match endpoint.body {
        Body::None => {
            return match body.is_empty() {
                true => Ok(()),
                false => Err(Problem::new(Code::BadRequest, "this request takes no body")),
            };
        }
        Body::OptionalJson(_) => !body.is_empty(),
        Body::Json(_) => true,
    };
    if !wanted || http.content_type().eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let found = http
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|found| found.to_str().ok());
    let detail = "the body is taken as JSON only: send Content-Type: application/json";
    let error = FieldError::new("Content-Type", found, detail, "application/json");
    Err(Problem::new(Code::UnsupportedMediaType, detail).with_errors(vec![error]))
}

/// A mistake in it is reported with all the others.
fn min_position(query: &mut Input) -> Option<Position> {
    let allowed = "a position: a whole number";
    query.optional("min_position", allowed, stored_position)
}

/// Positions are stored as signed numbers.
fn stored_position(text: &str) -> Result<Position, &'static str> {
    match text.parse::<i64>() {
        Ok(number) if number >= 0 => Ok(Position::new(number.unsigned_abs())),
        _ => Err("it is no position"),
    }
}

impl Request {
    /// Whoever has proved who they are.
    pub fn caller(&self) -> Result<&Caller, Problem> {
        let nobody = || Problem::internal("the route is open to anybody");
        self.caller.as_ref().ok_or_else(nobody)
    }

    /// The query, to be read and finished once.
    pub fn query(&mut self) -> Input {
        let none = Input::of_nothing();
        std::mem::replace(&mut self.query, none)
    }

    /// The body, to be read and finished once.
    pub fn body(&self) -> Result<Input, Problem> {
        Input::of_body(&self.body)
    }

    /// A part of the path.
    pub fn path<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Problem> {
        let text = self.http.match_info().get(name).unwrap_or_default();
        parse(text).ok_or_else(|| {
            let allowed = "1 to 128 letters, digits and . _ : -";
            let message = format!("{name} in the path is no id");
            let error = FieldError::new(name, Some(text), &*message, allowed);
            Problem::new(Code::BadRequest, format!("{message}; allowed: {allowed}"))
                .with_errors(vec![error])
        })
    }
}

/// Where a page begins and how long it may be.
pub struct Page<K> {
    pub cursor: Option<K>,
    pub limit: u32,
}

impl Input {
    /// `limit`.
    pub fn limit(&mut self) -> u32 {
        let allowed = format!("a whole number from 1 to {LIMIT_MAX}");
        let limit = self.optional("limit", &allowed, |text| match text.parse::<u32>() {
            Ok(limit) if (1..=LIMIT_MAX).contains(&u64::from(limit)) => Ok(limit),
            _ => Err(format!("limit is not {allowed}")),
        });
        limit.unwrap_or(LIMIT_DEFAULT as u32)
    }

    /// `after`: a position.
    pub fn after(&mut self) -> Option<Position> {
        let allowed = "a position: a whole number";
        self.optional("after", allowed, stored_position)
    }

    /// `cursor` and `limit`.
    pub fn page<K: Cursor>(&mut self) -> Result<Page<K>, Problem> {
        let text = self.optional("cursor", "next_cursor of a page", |text| {
            Ok::<_, String>(text.to_owned())
        });
        let cursor = text.map(|text| super::page::decode(&text)).transpose()?;
        Ok(Page {
            cursor,
            limit: self.limit(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn a_panic_is_an_answer_that_tells_nothing() {
        let answered = guarded(async { panic!("the secret is 42") }).await;
        let problem = answered.expect_err("a problem");
        assert_eq!(problem.code, Code::Internal);
        assert!(!problem.detail.contains("42"));
    }
}
