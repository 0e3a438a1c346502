//! What can be traded.

use actix_web::HttpResponse;

use crate::http::endpoint::{
    Access, Answer, Body, CURSOR, Endpoint, LIMIT, MIN_POSITION, Method, Shape,
};
use crate::http::page;
use crate::http::pipeline::Request;
use crate::http::problem::Problem;
use crate::http::rows::Instrument;
use crate::identity::Permission;
use crate::projections::instruments;
use crate::values::Symbol;

pub const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::Get,
    path: "/api/v1/instruments",
    access: Access::Needs(Permission::MarketRead),
    group: "Market",
    summary: "List instruments by symbol, each with its last price",
    description: "",
    query: &[CURSOR, LIMIT, MIN_POSITION],
    body: Body::None,
    answer: Answer::List(Shape::of::<Instrument>()),
    problems: &[],
    handler: |request| Box::pin(list(request)),
}];

async fn list(mut request: Request) -> Result<HttpResponse, Problem> {
    let mut query = request.query();
    let page = query.page::<Symbol>()?;
    query.finish()?;
    let views = &request.services.views;
    let rows = instruments::page(views, page.cursor.as_ref(), page.limit).await?;
    Ok(page::list::<_, Instrument, _>(rows, page.limit, |row| {
        row.instrument.symbol.clone()
    }))
}
