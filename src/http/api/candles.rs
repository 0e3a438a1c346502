//! Daily bars.

use actix_web::HttpResponse;

use crate::http::endpoint::{
    Access, Answer, Body, Endpoint, Kind, LIMIT, MIN_POSITION, Method, Param, Shape,
};
use crate::http::page;
use crate::http::pipeline::Request;
use crate::http::problem::Problem;
use crate::http::rows::Candle;
use crate::identity::Permission;
use crate::projections::candles::{self, CandleFilter};
use crate::values::{BarDate, Symbol};

pub const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::Get,
    path: "/api/v1/candles",
    access: Access::Needs(Permission::MarketRead),
    group: "Market",
    summary: "List daily bars of an instrument by day",
    description: "Without `from` and `after` the newest `limit` bars, otherwise the first ones.",
    query: &[SYMBOL, FROM, TO, AFTER, LIMIT, MIN_POSITION],
    body: Body::None,
    answer: Answer::List(Shape::of::<Candle>()),
    problems: &[],
    handler: |request| Box::pin(list(request)),
}];

const SYMBOL: Param = Param::required("symbol", Kind::Id, "Of which instrument.");
const FROM: Param = Param::optional("from", Kind::Date, "That day or later.");
const TO: Param = Param::optional("to", Kind::Date, "That day or earlier.");
const AFTER: Param = Param::optional(
    "after",
    Kind::Integer {
        min: 0,
        max: i64::MAX as u64,
    },
    "Only bars recorded after this position: the highest `position` of a page asks for the next.",
);

async fn list(mut request: Request) -> Result<HttpResponse, Problem> {
    let mut query = request.query();
    let symbol = query.required("symbol", "an id", Symbol::new);
    let from = query.optional("from", "YYYY-MM-DD", str::parse::<BarDate>);
    let to = query.optional("to", "YYYY-MM-DD", str::parse::<BarDate>);
    let after = query.after();
    let limit = query.limit();
    let filter = symbol.map(|symbol| CandleFilter {
        symbol,
        from,
        to,
        after,
    });
    let filter = query.made(filter)?;
    let rows = candles::page(&request.services.views, &filter, limit).await?;
    Ok(page::whole(rows.into_iter().map(Candle::from).collect()))
}
