//! Open positions.

use actix_web::HttpResponse;

use crate::http::endpoint::{
    ACCOUNT, Access, Answer, Body, CURSOR, Endpoint, LIMIT, MIN_POSITION, Method, Shape,
};
use crate::http::page;
use crate::http::pipeline::Request;
use crate::http::problem::Problem;
use crate::http::rows::Position;
use crate::identity::Permission;
use crate::projections::positions;
use crate::values::{AccountId, Symbol};

pub const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::Get,
    path: "/api/v1/positions",
    access: Access::Needs(Permission::AccountsRead),
    group: "Positions",
    summary: "List open positions by account and symbol",
    description: "",
    query: &[ACCOUNT, CURSOR, LIMIT, MIN_POSITION],
    body: Body::None,
    answer: Answer::List(Shape::of::<Position>()),
    problems: &[],
    handler: |request| Box::pin(list(request)),
}];

async fn list(mut request: Request) -> Result<HttpResponse, Problem> {
    let mut query = request.query();
    let account = query.optional("account", "an id", AccountId::new);
    let page = query.page::<(AccountId, Symbol)>()?;
    query.finish()?;
    let views = &request.services.views;
    let after = page.cursor.as_ref();
    let rows = match &account {
        Some(account) => {
            let after = after.map(|(_, symbol)| symbol);
            positions::page(views, account, after, page.limit).await?
        }
        None => {
            let after = after.map(|(account, symbol)| (account, symbol));
            positions::page_all(views, after, page.limit).await?
        }
    };
    Ok(page::list::<_, Position, _>(rows, page.limit, |row| {
        (row.account.clone(), row.symbol.clone())
    }))
}
