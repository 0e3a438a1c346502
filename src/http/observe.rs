//! Around every request: its id, its metrics, the position in its answer, and its failure's way
//! into the log.

use actix_web::HttpMessage;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use tokio::time::Instant;

use super::position::{BLOTTER_POSITION, viewed};
use super::problem::{Code, Problem};
use super::services::Services;
use crate::runtime;

/// Stands in every answer and in the log beside failures; never taken from outside.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The request's id, among its extensions.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// The middleware.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let services = request.app_data::<web::Data<Services>>().cloned();
    let services = services.ok_or_else(|| Error::from(Problem::internal("no services")))?;
    let id = runtime::new_id(&*services.wall, &*services.randomness).to_string();
    request.extensions_mut().insert(RequestId(id.clone()));
    let is_api = request.path().starts_with("/api/v1");

    let response = next.call(request).await?;
    let mut response = explained(response, &id);
    if is_api && !response.headers().contains_key(&BLOTTER_POSITION) {
        let position = HeaderValue::from(viewed(&services).get());
        response.headers_mut().insert(BLOTTER_POSITION, position);
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    count(&response, started);
    Ok(response)
}

/// A failure as a problem with the request's id; one of ours goes to the log.
fn explained<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
    id: &str,
) -> ServiceResponse<actix_web::body::BoxBody> {
    let Some(error) = response.response().error() else {
        return response.map_into_boxed_body();
    };
    let problem = match error.as_error::<Problem>() {
        Some(problem) => problem.clone(),
        None => foreign(response.status().as_u16(), error),
    };
    if problem.code.status() >= 500 {
        let place = place(&response);
        let cause = problem.cause.as_deref().unwrap_or_default();
        tracing::error!(
            request_id = id,
            place,
            code = problem.code.name(),
            cause,
            "a request failed"
        );
    }
    let (request, _) = response.into_parts();
    let answer = problem.answer(id);
    ServiceResponse::new(request, answer)
}

/// An error that the framework made before a handler was reached.
fn foreign(status: u16, error: &Error) -> Problem {
    match status {
        404 => Problem::not_found("this address"),
        405 => Problem::new(Code::MethodNotAllowed, "the method is not offered here"),
        413 => Problem::new(Code::BodyTooLarge, "the body is too large"),
        415 => Problem::new(
            Code::UnsupportedMediaType,
            "the body's type is not understood",
        ),
        400..=499 => Problem::new(Code::BadRequest, "the request cannot be read").because(error),
        _ => Problem::internal(error),
    }
}

/// The route's pattern: a raw path would make a label of every id.
fn place<B>(response: &ServiceResponse<B>) -> String {
    let pattern = response.request().match_pattern();
    pattern.unwrap_or_else(|| "unmatched".to_owned())
}

fn count<B>(response: &ServiceResponse<B>, started: Instant) {
    let method = match response.request().method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    }
    .to_owned();
    let route = place(response);
    let status = response.status().as_str().to_owned();
    let seconds = started.elapsed().as_secs_f64();
    metrics::histogram!("http_request_duration_seconds", "method" => method.clone(), "route" => route.clone())
        .record(seconds);
    metrics::counter!("http_requests_total", "method" => method, "route" => route, "status" => status)
        .increment(1);
}
