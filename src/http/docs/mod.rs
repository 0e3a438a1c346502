//! The API's description as pages: for people, without scripts, fonts or requests elsewhere.
//!
//! Made from [`openapi::document`], so they show what is served.

mod page;

use actix_web::HttpResponse;

use super::endpoint::{Access, Answer, Body, Endpoint, Handled, Method};
use super::openapi;
use super::pipeline::Request;
use super::problem::Problem;

const GROUP: &str = "Description";
const STYLE: &str = include_str!("style.css");

pub const ENDPOINTS: &[Endpoint] = &[
    file(
        "/api/openapi.json",
        "This description",
        "application/json",
        |_| Box::pin(async { Ok(HttpResponse::Ok().json(openapi::document())) }),
    ),
    file(
        "/api/docs",
        "This description as a page",
        "text/html",
        |request| Box::pin(routes(request)),
    ),
    file(
        "/api/docs/problems",
        "Every problem by its code",
        "text/html",
        |_| Box::pin(async { Ok(html(page::problems())) }),
    ),
    file(
        "/api/docs/style.css",
        "How these pages look",
        "text/css",
        |_| {
            Box::pin(async {
                Ok(HttpResponse::Ok()
                    .content_type("text/css; charset=utf-8")
                    .body(STYLE))
            })
        },
    ),
];

const fn file(
    path: &'static str,
    summary: &'static str,
    media_type: &'static str,
    handler: fn(Request) -> Handled,
) -> Endpoint {
    Endpoint {
        method: Method::Get,
        path,
        access: Access::Open,
        group: GROUP,
        summary,
        description: "",
        query: &[],
        body: Body::None,
        answer: Answer::File(media_type),
        problems: &[],
        handler,
    }
}

async fn routes(_: Request) -> Result<HttpResponse, Problem> {
    Ok(html(page::routes(&openapi::document())))
}

fn html(text: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(text)
}
