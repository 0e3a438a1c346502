//! Executions: what has been filled and booked.

use actix_web::HttpResponse;

use crate::http::endpoint::{
    ACCOUNT, Access, Answer, Body, CURSOR, Endpoint, Kind, LIMIT, MIN_POSITION, Method, Param,
    SYMBOL, Shape,
};
use crate::http::page;
use crate::http::pipeline::Request;
use crate::http::problem::Problem;
use crate::http::rows::Execution;
use crate::identity::Permission;
use crate::projections::executions::{self, ExecutionFilter};
use crate::values::{AccountId, OrderId, Position, Symbol};

pub const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::Get,
    path: "/api/v1/executions",
    access: Access::Needs(Permission::AccountsRead),
    group: "Executions",
    summary: "List executions, newest first",
    description: "",
    query: &[ACCOUNT, SYMBOL, ORDER_ID, CURSOR, LIMIT, MIN_POSITION],
    body: Body::None,
    answer: Answer::List(Shape::of::<Execution>()),
    problems: &[],
    handler: |request| Box::pin(list(request)),
}];

const ORDER_ID: Param = Param::optional("order_id", Kind::Id, "Only of this order.");

async fn list(mut request: Request) -> Result<HttpResponse, Problem> {
    let mut query = request.query();
    let mut filter = ExecutionFilter {
        account: query.optional("account", "an id", AccountId::new),
        symbol: query.optional("symbol", "an id", Symbol::new),
        order_id: query.optional("order_id", "an id", OrderId::new),
        before: None,
    };
    let page = query.page::<Position>()?;
    query.finish()?;
    filter.before = page.cursor;
    let rows = executions::page(&request.services.views, &filter, page.limit).await?;
    Ok(page::list::<_, Execution, _>(rows, page.limit, |row| {
        row.position
    }))
}
