//! Strategies.

use actix_web::HttpResponse;

use crate::http::endpoint::{
    Access, Answer, Body, CURSOR, Endpoint, LIMIT, MIN_POSITION, Method, Shape,
};
use crate::http::page;
use crate::http::pipeline::Request;
use crate::http::problem::Problem;
use crate::http::rows::Strategy;
use crate::identity::Permission;
use crate::projections::strategies;
use crate::values::StrategyId;

pub const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::Get,
    path: "/api/v1/strategies",
    access: Access::Needs(Permission::StrategiesRead),
    group: "Strategies",
    summary: "List strategies by id",
    description: "",
    query: &[CURSOR, LIMIT, MIN_POSITION],
    body: Body::None,
    answer: Answer::List(Shape::of::<Strategy>()),
    problems: &[],
    handler: |request| Box::pin(list(request)),
}];

async fn list(mut request: Request) -> Result<HttpResponse, Problem> {
    let mut query = request.query();
    let page = query.page::<StrategyId>()?;
    query.finish()?;
    let views = &request.services.views;
    let rows = strategies::page(views, page.cursor.as_ref(), page.limit).await?;
    Ok(page::list::<_, Strategy, _>(rows, page.limit, |row| {
        row.strategy.clone()
    }))
}
