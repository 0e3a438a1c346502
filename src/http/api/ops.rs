//! How actors and read models are.

use actix_web::HttpResponse;

use crate::http::endpoint::{Access, Answer, Body, Endpoint, Method, Shape};
use crate::http::page;
use crate::http::pipeline::Request;
use crate::http::problem::Problem;
use crate::http::rows::{Actor, ProjectionStatus};
use crate::identity::Permission;

const GROUP: &str = "Operations";

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/api/v1/ops/actors",
        access: Access::Needs(Permission::OpsRead),
        group: GROUP,
        summary: "List the supervised actors",
        description: "",
        query: &[],
        body: Body::None,
        answer: Answer::List(Shape::of::<Actor>()),
        problems: &[],
        handler: |request| Box::pin(actors(request)),
    },
    Endpoint {
        method: Method::Get,
        path: "/api/v1/ops/projections",
        access: Access::Needs(Permission::OpsRead),
        group: GROUP,
        summary: "List the read models and how far each is",
        description: "",
        query: &[],
        body: Body::None,
        answer: Answer::List(Shape::of::<ProjectionStatus>()),
        problems: &[],
        handler: |request| Box::pin(projections(request)),
    },
];

async fn actors(request: Request) -> Result<HttpResponse, Problem> {
    let actors = request.services.actors.borrow();
    Ok(page::whole(actors.iter().map(Actor::from).collect()))
}

async fn projections(request: Request) -> Result<HttpResponse, Problem> {
    let services = &request.services;
    // Progress first: it never runs ahead of the head that is read after it.
    let progress = services.views_progress.borrow().clone();
    let state = services.views_state.borrow().clone();
    let head = services.feed.head();
    let of = |progress| ProjectionStatus::of(progress, &state, head);
    Ok(page::whole(progress.iter().map(of).collect()))
}
