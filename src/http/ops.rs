//! `/live`, `/ready`, `/health`, `/metrics`: for whoever operates the node.
//!
//! Invariant: what may name files or causes is shown to operators only: somebody on this machine,
//! or with the permission `ops.read`.

use actix_web::http::header::{CACHE_CONTROL, FORWARDED, HeaderName, VIA};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::json;

use super::auth;
use super::health::{self, Component, Readings, Status};
use super::hosts;
use super::metrics;
use super::problem::Problem;
use super::services::Services;
use super::stream::Hub;
use crate::identity::Permission;
use crate::values::{NodeId, Position, Timestamp};

/// A request with one of these came through a proxy: its peer says nothing about who sent it.
const FORWARDING: [HeaderName; 7] = [
    FORWARDED,
    VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-real-ip"),
];

/// The exposition format's media type.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub fn configure(config: &mut web::ServiceConfig) {
    for (path, route) in [
        ("/live", web::get().to(live)),
        ("/live", web::head().to(live)),
        ("/ready", web::get().to(ready)),
        ("/ready", web::head().to(ready)),
        ("/health", web::get().to(health)),
        ("/metrics", web::get().to(show_metrics)),
    ] {
        config.route(path, route);
    }
}

/// The event loop turns; nothing else is looked at.
async fn live() -> HttpResponse {
    answer(200, &json!({ "status": "live" }))
}

async fn ready(services: web::Data<Services>, hub: web::Data<Hub>) -> HttpResponse {
    let reasons = Readings::of(&services, hub.is_stopping()).not_ready();
    match reasons.is_empty() {
        true => answer(200, &json!({ "status": "ready", "reasons": reasons })),
        false => answer(503, &json!({ "status": "not_ready", "reasons": reasons })),
    }
}

#[derive(Serialize)]
struct Health<'a> {
    status: Status,
    version: &'static str,
    build: &'a str,
    node: &'a NodeId,
    log_head: Position,
    views_position: Position,
    components: Vec<Component>,
    time: Timestamp,
    business_time: Timestamp,
}

async fn health(
    http: HttpRequest,
    services: web::Data<Services>,
    hub: web::Data<Hub>,
) -> HttpResponse {
    let readings = Readings::of(&services, hub.is_stopping());
    let secrets = services.identity.check().await;
    let secrets = secrets.map_err(|error| error.to_string());
    let mut components = health::components(&readings, &services, secrets);
    if require_operator(&http, &services, "GET /health")
        .await
        .is_err()
    {
        for component in &mut components {
            component.detail = None;
        }
    }
    answer(
        200,
        &Health {
            status: health::overall(&components),
            version: services.info.version,
            build: &services.info.build,
            node: &services.info.node,
            log_head: readings.head,
            views_position: readings.viewed,
            components,
            time: services.wall.now(),
            business_time: services.business.now(),
        },
    )
}

async fn show_metrics(
    http: HttpRequest,
    services: web::Data<Services>,
) -> Result<HttpResponse, Problem> {
    require_operator(&http, &services, "GET /metrics").await?;
    let text = metrics::render()
        .ok_or_else(|| Problem::internal("no recorder of metrics is installed in this process"))?;
    Ok(HttpResponse::Ok()
        .content_type(METRICS_TYPE)
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(text))
}

/// Somebody on this machine, or with `ops.read`.
async fn require_operator(
    http: &HttpRequest,
    services: &Services,
    place: &str,
) -> Result<(), Problem> {
    let is_forwarded = FORWARDING
        .iter()
        .any(|name| http.headers().contains_key(name));
    // A proxy that forwards without a word is found out by the name it was asked for.
    let is_local = auth::peer(http).is_loopback() && hosts::names_this_machine(http);
    if is_local && !is_forwarded {
        return Ok(());
    }
    let caller = auth::authenticate(http, services).await?;
    caller.require(services, Permission::OpsRead, place).await
}

fn answer(status: u16, body: &impl Serialize) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status).unwrap_or_default();
    HttpResponse::build(status)
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(body)
}
