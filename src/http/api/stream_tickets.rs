//! Tickets for the stream: a browser cannot send headers when it opens a WebSocket.

use actix_web::HttpResponse;

use crate::http::endpoint::{Access, Answer, Body, Endpoint, Method, Shape};
use crate::http::pipeline::Request;
use crate::http::problem::{Code, Problem};
use crate::http::rows::session::StreamTicket;
use crate::identity::AuthError;

pub const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::Post,
    path: "/api/v1/stream-tickets",
    access: Access::Authenticated,
    group: "Sessions",
    summary: "Get a ticket for the stream",
    description: "Good once, for 30 seconds, in the first frame on `/ws/v1`.",
    query: &[],
    body: Body::None,
    answer: Answer::Json(201, Shape::of::<StreamTicket>()),
    problems: &[Code::TooManyRequests],
    handler: |request| Box::pin(make(request)),
}];

async fn make(request: Request) -> Result<HttpResponse, Problem> {
    let principal = &request.caller()?.principal;
    let made = request.services.identity.ticket(principal);
    let (ticket, expires_at) = made.map_err(|error| match error {
        AuthError::Throttled { retry_after } => {
            let detail = "too many tickets were made that nobody has used yet";
            Problem::new(Code::TooManyRequests, detail).retry_after(retry_after.as_secs().max(1))
        }
        other => other.into(),
    })?;
    Ok(HttpResponse::Created().json(StreamTicket { ticket, expires_at }))
}
