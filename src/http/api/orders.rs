//! Orders: submit, preview, cancel, look at.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::order_input::{self, NewOrder};
use crate::actors::messages::{CommandOutcome, PreviewOrder, RiskCommand};
use crate::domain::account::CancelOrder;
use crate::http::commands;
use crate::http::endpoint::{
    ACCOUNT, Access, Answer, Body, CURSOR, Endpoint, Kind, LIMIT, MIN_POSITION, Method, Param,
    SYMBOL, Shape,
};
use crate::http::page::{self, List};
use crate::http::pipeline::Request;
use crate::http::position;
use crate::http::problem::{Code, Problem};
use crate::http::rows::decision::Decided;
use crate::http::rows::{Event, Order, OrderDecision, Preview};
use crate::identity::Permission;
use crate::projections::audit::{self, AuditFilter};
use crate::projections::orders::{self, OrderFilter, OrderRow};
use crate::values::{AccountId, OrderId, Position, Symbol};

const GROUP: &str = "Orders";

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Post,
        path: "/api/v1/orders",
        access: Access::Needs(Permission::OrdersSubmit),
        group: GROUP,
        summary: "Submit an order",
        description: "Risk decides it at once; the answer comes when the decision is on disk. A \
                      refused order is recorded too.",
        query: &[],
        body: Body::Json(Shape::of::<NewOrder>()),
        answer: Answer::Json(201, Shape::of::<OrderDecision>()),
        problems: &[
            Code::OrderRefused,
            Code::UnknownAccount,
            Code::UnknownVenue,
            Code::ClientOrderIdTaken,
            Code::IdempotencyKeyReused,
            Code::OutcomeUnknown,
        ],
        handler: |request| Box::pin(submit(request)),
    },
    Endpoint {
        method: Method::Post,
        path: "/api/v1/orders/preview",
        access: Access::Needs(Permission::OrdersSubmit),
        group: GROUP,
        summary: "Ask what risk would say to an order",
        description: "Records nothing and promises nothing.",
        query: &[],
        body: Body::Json(Shape::of::<NewOrder>()),
        answer: Answer::Json(200, Shape::of::<Preview>()),
        problems: &[
            Code::UnknownAccount,
            Code::UnknownVenue,
            Code::ClientOrderIdTaken,
        ],
        handler: |request| Box::pin(preview(request)),
    },
    Endpoint {
        method: Method::Get,
        path: "/api/v1/orders",
        access: Access::Needs(Permission::OrdersRead),
        group: GROUP,
        summary: "List orders, newest first",
        description: "",
        query: &[ACCOUNT, SYMBOL, STATUS, CURSOR, LIMIT, MIN_POSITION],
        body: Body::None,
        answer: Answer::List(Shape::of::<Order>()),
        problems: &[],
        handler: |request| Box::pin(list(request)),
    },
    Endpoint {
        method: Method::Post,
        path: "/api/v1/orders/{order_id}/cancel",
        access: Access::Needs(Permission::OrdersCancel),
        group: GROUP,
        summary: "Ask for an order's cancellation",
        description: "The answer says that the request is on disk; whether the venue could still \
                      cancel shows in the order.",
        query: &[],
        body: Body::OptionalJson(Shape::of::<CancelRequest>()),
        answer: Answer::Json(202, Shape::of::<Accepted>()),
        problems: &[
            Code::NotFound,
            Code::NoOpenOrder,
            Code::IdempotencyKeyReused,
            Code::OutcomeUnknown,
        ],
        handler: |request| Box::pin(cancel(request)),
    },
    Endpoint {
        method: Method::Get,
        path: "/api/v1/orders/{order_id}/events",
        access: Access::Needs(Permission::OrdersRead),
        group: GROUP,
        summary: "Everything recorded about an order, in order",
        description: "",
        query: &[CURSOR, LIMIT, MIN_POSITION],
        body: Body::None,
        answer: Answer::List(Shape::of::<Event>()),
        problems: &[Code::NotFound],
        handler: |request| Box::pin(events(request)),
    },
    Endpoint {
        method: Method::Get,
        path: "/api/v1/orders/{order_id}",
        access: Access::Needs(Permission::OrdersRead),
        group: GROUP,
        summary: "One order",
        description: "",
        query: &[MIN_POSITION],
        body: Body::None,
        answer: Answer::Json(200, Shape::of::<Order>()),
        problems: &[Code::NotFound],
        handler: |request| Box::pin(one(request)),
    },
];

const STATUS: Param = Param::optional(
    "status",
    Kind::OneOf(&["open", "closed", "all"]),
    "Open orders, ended ones, or all, which is taken when left out.",
);

/// Why an order is to be cancelled.
#[derive(ToSchema)]
#[schema(example = json!({"reason": "no longer wanted"}))]
#[expect(
    dead_code,
    reason = "its shape is for the document; bodies are read field by field"
)]
pub struct CancelRequest {
    #[schema(min_length = 1, max_length = 1000)]
    reason: Option<String>,
}

/// A cancel request that is on disk.
#[derive(Serialize, ToSchema)]
pub struct Accepted {
    #[schema(value_type = String)]
    order_id: OrderId,
    #[schema(value_type = u64, example = 122)]
    position: Position,
}

async fn submit(request: Request) -> Result<HttpResponse, Problem> {
    let order = order_input::read(&request)?;
    let account = order.account.clone();
    let outcome = commands::send(&request, RiskCommand::SubmitOrder(order)).await?;
    metrics::histogram!("blotter_order_ack_seconds")
        .record(request.received.elapsed().as_secs_f64());
    let decided = match &outcome {
        CommandOutcome::Recorded(appended) => match appended.records.as_slice() {
            [submitted, decision] => Decided::of(&account, submitted, decision),
            _ => None,
        },
        CommandOutcome::NothingToDo => None,
    };
    match decided {
        Some(Decided::Approved(decision)) => Ok(commands::answer(
            StatusCode::CREATED,
            decision.position,
            &decision,
        )),
        Some(Decided::Refused(refusal)) => Err(refusal.problem()),
        None => Err(Problem::internal(
            "risk recorded something else than a submission and its decision",
        )),
    }
}

async fn preview(request: Request) -> Result<HttpResponse, Problem> {
    let submit = order_input::read(&request)?;
    let port = &request.services.preview;
    let ask = PreviewOrder {
        submit: submit.clone(),
    };
    let silent =
        || Problem::new(Code::Unavailable, "risk does not answer now; ask again").retry_after(1);
    let asked = timeout(commands::ANSWER_WAIT_MAX, port.ask(ask)).await;
    let asked = asked.map_err(|_| silent())?;
    let answer = asked.map_err(|error| silent().because(error))?;
    let preview = answer.map_err(commands::problem_of)?;
    Ok(HttpResponse::Ok().json(Preview::of(preview, &submit)))
}

async fn cancel(request: Request) -> Result<HttpResponse, Problem> {
    let order_id = order_id(&request)?;
    let mut body = request.body()?;
    let allowed = commands::free_text_allowed();
    let reason = body.optional("reason", &allowed, commands::free_text);
    body.finish()?;
    let order = known(&request, &order_id).await?;
    let command = RiskCommand::CancelOrder(CancelOrder {
        account: order.account,
        order_id: order_id.clone(),
        reason: reason.unwrap_or_else(|| "no reason given".to_owned()),
    });
    match commands::send(&request, command).await? {
        CommandOutcome::Recorded(appended) => {
            let position = appended.receipt.last_position();
            let accepted = Accepted { order_id, position };
            Ok(commands::answer(StatusCode::ACCEPTED, position, &accepted))
        }
        CommandOutcome::NothingToDo => Err(Problem::internal("a cancel always records something")),
    }
}

/// The order, also when it was submitted just now and the read models are a moment behind.
async fn known(request: &Request, order_id: &OrderId) -> Result<OrderRow, Problem> {
    let services = &request.services;
    if let Some(row) = orders::find(&services.views, order_id).await? {
        return Ok(row);
    }
    position::wait_for(services, services.feed.head()).await?;
    let found = orders::find(&services.views, order_id).await?;
    found.ok_or_else(|| Problem::not_found(format!("order {order_id}")))
}

async fn list(mut request: Request) -> Result<HttpResponse, Problem> {
    let mut query = request.query();
    let mut filter = OrderFilter {
        account: query.optional("account", "an id", AccountId::new),
        symbol: query.optional("symbol", "an id", Symbol::new),
        ..OrderFilter::default()
    };
    let status = query.optional("status", "open, closed, all", |text| match text {
        "open" => Ok(Some(true)),
        "closed" => Ok(Some(false)),
        "all" => Ok(None),
        _ => Err("there is no such status"),
    });
    filter.open = status.flatten();
    let page = query.page::<Position>()?;
    query.finish()?;
    filter.before = page.cursor;
    let rows = orders::page(&request.services.views, &filter, page.limit).await?;
    Ok(page::list::<_, Order, _>(rows, page.limit, |row| {
        row.submitted_position
    }))
}

async fn one(request: Request) -> Result<HttpResponse, Problem> {
    let order_id = order_id(&request)?;
    let found = orders::find(&request.services.views, &order_id).await?;
    let row = found.ok_or_else(|| Problem::not_found(format!("order {order_id}")))?;
    Ok(HttpResponse::Ok().json(Order::from(row)))
}

async fn events(mut request: Request) -> Result<HttpResponse, Problem> {
    let order_id = order_id(&request)?;
    let mut query = request.query();
    let page = query.page::<Position>()?;
    query.finish()?;
    let services = &request.services;
    if orders::find(&services.views, &order_id).await?.is_none() {
        return Err(Problem::not_found(format!("order {order_id}")));
    }
    let filter = AuditFilter {
        order_id: Some(order_id),
        after: page.cursor.unwrap_or_default(),
        ..AuditFilter::default()
    };
    let rows = audit::page(&services.views, &filter, page.limit).await?;
    let list: List<Event> = super::audit::events(services, &rows, page.limit).await?;
    Ok(HttpResponse::Ok().json(list))
}

fn order_id(request: &Request) -> Result<OrderId, Problem> {
    request.path("order_id", |text| OrderId::new(text).ok())
}
