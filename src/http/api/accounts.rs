//! Accounts and what they were worth over time.

use actix_web::HttpResponse;

use crate::http::endpoint::{
    Access, Answer, Body, CURSOR, Endpoint, Kind, LIMIT, MIN_POSITION, Method, Param, Shape,
};
use crate::http::page;
use crate::http::pipeline::Request;
use crate::http::problem::{Code, Problem};
use crate::http::rows::{Account, EquityPoint, Portfolio};
use crate::identity::Permission;
use crate::projections::equity::{self, SPREAD_POINTS_MAX};
use crate::projections::{accounts, portfolio, standings};
use crate::values::{AccountId, Position};

const GROUP: &str = "Accounts";

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/api/v1/accounts",
        access: Access::Needs(Permission::AccountsRead),
        group: GROUP,
        summary: "List accounts by id",
        description: "",
        query: &[CURSOR, LIMIT, MIN_POSITION],
        body: Body::None,
        answer: Answer::List(Shape::of::<Account>()),
        problems: &[],
        handler: |request| Box::pin(list(request)),
    },
    Endpoint {
        method: Method::Get,
        path: "/api/v1/accounts/{account}/equity",
        access: Access::Needs(Permission::AccountsRead),
        group: GROUP,
        summary: "What an account was worth, in order",
        description: "Point by point with `after` and `limit`, or with `points` spread over the \
                      whole history, the newest always among them. The two are not combined.",
        query: &[AFTER, LIMIT, POINTS, MIN_POSITION],
        body: Body::None,
        answer: Answer::List(Shape::of::<EquityPoint>()),
        problems: &[Code::NotFound],
        handler: |request| Box::pin(equity_points(request)),
    },
    Endpoint {
        method: Method::Get,
        path: "/api/v1/accounts/{account}/portfolio",
        access: Access::Needs(Permission::AccountsRead),
        group: GROUP,
        summary: "One account and what it holds, as of one position",
        description: "What is shown together is asked for together: cash, equity, drawdown and \
                      positions of one moment, which add up. Separate requests may be answered \
                      from different moments.",
        query: &[MIN_POSITION],
        body: Body::None,
        answer: Answer::Json(200, Shape::of::<Portfolio>()),
        problems: &[Code::NotFound],
        handler: |request| Box::pin(portfolio_of(request)),
    },
    Endpoint {
        method: Method::Get,
        path: "/api/v1/accounts/{account}",
        access: Access::Needs(Permission::AccountsRead),
        group: GROUP,
        summary: "One account",
        description: "",
        query: &[MIN_POSITION],
        body: Body::None,
        answer: Answer::Json(200, Shape::of::<Account>()),
        problems: &[Code::NotFound],
        handler: |request| Box::pin(one(request)),
    },
];

const AFTER: Param = Param::optional(
    "after",
    Kind::Integer {
        min: 0,
        max: i64::MAX as u64,
    },
    "Only points after this position: the last item's `position` asks for the next page.",
);
const POINTS: Param = Param::optional(
    "points",
    Kind::Integer {
        min: 2,
        max: SPREAD_POINTS_MAX as u64,
    },
    "At most so many points, spread over the whole history.",
);

async fn list(mut request: Request) -> Result<HttpResponse, Problem> {
    let mut query = request.query();
    let page = query.page::<AccountId>()?;
    query.finish()?;
    let views = &request.services.views;
    let rows = standings::page(views, page.cursor.as_ref(), page.limit).await?;
    Ok(page::list::<_, Account, _>(rows, page.limit, |row| {
        row.account.account.clone()
    }))
}

async fn one(request: Request) -> Result<HttpResponse, Problem> {
    let account = account_id(&request)?;
    let found = standings::find(&request.services.views, &account).await?;
    let row = found.ok_or_else(|| Problem::not_found(format!("account {account}")))?;
    Ok(HttpResponse::Ok().json(Account::from(row)))
}

async fn portfolio_of(request: Request) -> Result<HttpResponse, Problem> {
    let account = account_id(&request)?;
    let found = portfolio::find(&request.services.views, &account).await?;
    let found = found.ok_or_else(|| Problem::not_found(format!("account {account}")))?;
    Ok(HttpResponse::Ok().json(Portfolio::from(found)))
}

async fn equity_points(mut request: Request) -> Result<HttpResponse, Problem> {
    let account = account_id(&request)?;
    let mut query = request.query();
    let allowed = format!("a whole number from 2 to {SPREAD_POINTS_MAX}");
    let points = query.optional("points", &allowed, |text| match text.parse::<u32>() {
        Ok(points) if (2..=SPREAD_POINTS_MAX).contains(&points) => Ok(points),
        _ => Err(format!("points is not {allowed}")),
    });
    let after = query.after();
    if points.is_some() && (query.has("after") || query.has("limit")) {
        let message = "points spreads over the whole history";
        query.wrong("points", None, message, "alone, without after and limit");
    }
    let limit = query.limit();
    query.finish()?;
    let views = &request.services.views;
    if accounts::find(views, &account).await?.is_none() {
        return Err(Problem::not_found(format!("account {account}")));
    }
    let rows = match points {
        Some(points) => equity::spread(views, &account, points).await?,
        None => {
            let after = after.unwrap_or(Position::ZERO);
            equity::page(views, &account, after, limit).await?
        }
    };
    Ok(page::whole(
        rows.into_iter().map(EquityPoint::from).collect(),
    ))
}

fn account_id(request: &Request) -> Result<AccountId, Problem> {
    request.path("account", |text| AccountId::new(text).ok())
}
