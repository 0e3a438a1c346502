//! Signals of strategies, also those that nothing was done about.

use actix_web::HttpResponse;

use crate::http::endpoint::{
    Access, Answer, Body, CURSOR, Endpoint, Kind, LIMIT, MIN_POSITION, Method, Param, SYMBOL, Shape,
};
use crate::http::page;
use crate::http::pipeline::Request;
use crate::http::problem::Problem;
use crate::http::rows::Signal;
use crate::identity::Permission;
use crate::projections::signals::{self, SignalFilter};
use crate::values::{Position, StrategyId, Symbol};

pub const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::Get,
    path: "/api/v1/signals",
    access: Access::Needs(Permission::StrategiesRead),
    group: "Strategies",
    summary: "List signals, newest first",
    description: "",
    query: &[STRATEGY, SYMBOL, CURSOR, LIMIT, MIN_POSITION],
    body: Body::None,
    answer: Answer::List(Shape::of::<Signal>()),
    problems: &[],
    handler: |request| Box::pin(list(request)),
}];

const STRATEGY: Param = Param::optional("strategy", Kind::Id, "Only of this strategy.");

async fn list(mut request: Request) -> Result<HttpResponse, Problem> {
    let mut query = request.query();
    let mut filter = SignalFilter {
        strategy: query.optional("strategy", "an id", StrategyId::new),
        symbol: query.optional("symbol", "an id", Symbol::new),
        before: None,
    };
    let page = query.page::<Position>()?;
    query.finish()?;
    filter.before = page.cursor;
    let rows = signals::page(&request.services.views, &filter, page.limit).await?;
    Ok(page::list::<_, Signal, _>(rows, page.limit, |row| {
        row.position
    }))
}
