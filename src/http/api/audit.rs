//! The audit trail: every recorded event with its whole envelope.

use actix_web::HttpResponse;

use crate::events::Event as Fact;
use crate::http::endpoint::{
    Access, Answer, Body, CURSOR, Endpoint, Kind, LIMIT, MIN_POSITION, Method, Param, Shape,
};
use crate::http::page::{self, List};
use crate::http::pipeline::Request;
use crate::http::problem::{Code, Problem};
use crate::http::rows::Event;
use crate::http::services::Services;
use crate::identity::Permission;
use crate::projections::audit::{self, AuditFilter, AuditRow};
use crate::values::{AccountId, OrderId, Position, Timestamp};

pub const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::Get,
    path: "/api/v1/audit/events",
    access: Access::Needs(Permission::AuditRead),
    group: "Audit",
    summary: "List recorded events",
    description: "",
    query: &[
        ACCOUNT,
        ORDER_ID,
        TYPE,
        PRINCIPAL,
        FROM,
        TO,
        ORDER,
        CURSOR,
        LIMIT,
        MIN_POSITION,
    ],
    body: Body::None,
    answer: Answer::List(Shape::of::<Event>()),
    problems: &[],
    handler: |request| Box::pin(list(request)),
}];

const ACCOUNT: Param = Param::optional("account", Kind::Id, "Only about this account.");
const ORDER_ID: Param = Param::optional("order_id", Kind::Id, "Only about this order.");
const TYPE: Param = Param::optional(
    "type",
    Kind::Text,
    "Only of this type, such as `OrderRefused`.",
);
const PRINCIPAL: Param = Param::optional(
    "principal",
    Kind::Text,
    "Only by this user, key, strategy or part of the system, such as `user:demo`.",
);
const FROM: Param = Param::optional("from", Kind::Time, "Occurred then or later.");
const TO: Param = Param::optional("to", Kind::Time, "Occurred earlier.");
const ORDER: Param = Param::optional(
    "order",
    Kind::OneOf(&["asc", "desc"]),
    "In order, which is taken when left out, or newest first.",
);

/// Longest principal that can have acted, in bytes: an id behind its kind.
const PRINCIPAL_BYTES_MAX: usize = 160;

async fn list(mut request: Request) -> Result<HttpResponse, Problem> {
    let mut query = request.query();
    let time = "a time like 2026-01-31T09:30:00.000000Z";
    let newest_first = query.optional("order", "asc, desc", |text| match text {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err("there is no such order"),
    });
    let mut filter = AuditFilter {
        account: query.optional("account", "an id", AccountId::new),
        order_id: query.optional("order_id", "an id", OrderId::new),
        event_type: query.optional("type", "an event type", event_type),
        principal: query.optional("principal", "a principal", |text| {
            match (1..=PRINCIPAL_BYTES_MAX).contains(&text.len()) {
                true => Ok(text.to_owned()),
                false => Err("it is no principal"),
            }
        }),
        from: query.optional("from", time, str::parse::<Timestamp>),
        to: query.optional("to", time, str::parse::<Timestamp>),
        newest_first: newest_first.unwrap_or(false),
        ..AuditFilter::default()
    };
    let page = query.page::<Position>()?;
    query.finish()?;
    match filter.newest_first {
        true => filter.before = page.cursor,
        false => filter.after = page.cursor.unwrap_or_default(),
    }
    let services = &request.services;
    let rows = audit::page(&services.views, &filter, page.limit).await?;
    let list = events(services, &rows, page.limit).await?;
    Ok(HttpResponse::Ok().json(list))
}

fn event_type(text: &str) -> Result<String, String> {
    let known = Fact::TYPES.iter().find(|(name, _)| *name == text);
    match known {
        Some((name, _)) => Ok((*name).to_owned()),
        None => Err("there is no such event type".to_owned()),
    }
}

/// The events that `rows` point to, as they stand in the log, but with what is personal in the clear.
pub async fn events(
    services: &Services,
    rows: &[AuditRow],
    limit: u32,
) -> Result<List<Event>, Problem> {
    let positions: Vec<Position> = rows.iter().map(|row| row.position).collect();
    let recorded = services.feed.at(&positions).await.map_err(|error| {
        Problem::new(Code::Unavailable, "the log cannot be read now; ask again")
            .retry_after(1)
            .because(error)
    })?;
    let full = rows.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let mut items: Vec<Event> = recorded
        .iter()
        .map(|recorded| Event::from(&**recorded))
        .collect();
    let mut reader = services.identity.reader();
    for (recorded, event) in recorded.iter().zip(&mut items) {
        reader.reveal(recorded, &mut event.payload).await?;
    }
    Ok(List {
        next_cursor: positions.last().filter(|_| full).map(page::encode),
        items,
    })
}
