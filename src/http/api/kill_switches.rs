//! Kill switches: who is halted, halting, releasing.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use utoipa::ToSchema;

use crate::actors::messages::{CommandOutcome, RiskCommand};
use crate::events::Event;
use crate::events::catalogue::HaltScope;
use crate::http::commands;
use crate::http::endpoint::{Access, Answer, Body, Endpoint, MIN_POSITION, Method, Shape};
use crate::http::page;
use crate::http::pipeline::Request;
use crate::http::position;
use crate::http::problem::{Code, Problem};
use crate::http::rows::KillSwitch;
use crate::http::rows::kill_switch::{Release, scope_and_key};
use crate::http::rows::words::HaltScopeWord;
use crate::identity::Permission;
use crate::projections::kill_switches;
use crate::values::{AccountId, StrategyId, Symbol, VenueId};

const GROUP: &str = "Kill switches";
const PATH: &str = "/api/v1/risk/kill-switches";
const SCOPES: &str = "firm, account, strategy, instrument, venue";
const ID: &str = "1 to 128 letters, digits and . _ : -";

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: PATH,
        access: Access::Needs(Permission::KillSwitchesRead),
        group: GROUP,
        summary: "List the kill switches that are engaged",
        description: "",
        query: &[MIN_POSITION],
        body: Body::None,
        answer: Answer::List(Shape::of::<KillSwitch>()),
        problems: &[],
        handler: |request| Box::pin(list(request)),
    },
    Endpoint {
        method: Method::Post,
        path: PATH,
        access: Access::Needs(Permission::KillSwitchesEngage),
        group: GROUP,
        summary: "Engage a kill switch",
        description: "Nothing new passes in its scope from then on; cancels do. 200 when it was \
                      engaged already.",
        query: &[],
        body: Body::Json(Shape::of::<KillSwitchRequest>()),
        answer: Answer::JsonOr(201, 200, Shape::of::<KillSwitch>()),
        problems: &[
            Code::IdempotencyKeyReused,
            Code::OutcomeUnknown,
            Code::ReadModelBehind,
        ],
        handler: |request| Box::pin(engage(request)),
    },
    Endpoint {
        method: Method::Post,
        path: "/api/v1/risk/kill-switches/release",
        access: Access::Needs(Permission::KillSwitchesRelease),
        group: GROUP,
        summary: "Release a kill switch",
        description: "Trading in its scope goes on once the release is on disk.",
        query: &[],
        body: Body::Json(Shape::of::<KillSwitchRequest>()),
        answer: Answer::Json(200, Shape::of::<Release>()),
        problems: &[
            Code::KillSwitchNotEngaged,
            Code::IdempotencyKeyReused,
            Code::OutcomeUnknown,
        ],
        handler: |request| Box::pin(release(request)),
    },
];

/// Which kill switch, and why.
#[derive(ToSchema)]
#[schema(example = json!({"scope": "account", "key": "demo", "cause": "unexpected losses"}))]
#[expect(
    dead_code,
    reason = "its shape is for the document; bodies are read field by field"
)]
pub struct KillSwitchRequest {
    scope: HaltScopeWord,
    /// Which account, strategy, instrument or venue; not for the firm.
    #[schema(pattern = "^[A-Za-z0-9._:-]{1,128}$")]
    key: Option<String>,
    #[schema(min_length = 1, max_length = 1000)]
    cause: String,
}

async fn list(request: Request) -> Result<HttpResponse, Problem> {
    let rows = kill_switches::all(&request.services.views).await?;
    Ok(page::whole(
        rows.into_iter().map(KillSwitch::from).collect(),
    ))
}

async fn engage(request: Request) -> Result<HttpResponse, Problem> {
    let (scope, cause) = read(&request)?;
    let command = RiskCommand::EngageKillSwitch {
        scope: scope.clone(),
        cause,
    };
    let CommandOutcome::Recorded(appended) = commands::send(&request, command).await? else {
        return engaged_already(&request, &scope).await;
    };
    let engaged = appended
        .records
        .iter()
        .find_map(|recorded| match recorded.event() {
            Event::KillSwitchEngaged(engaged) => Some(KillSwitch::engaged(recorded, engaged)),
            _ => None,
        });
    let engaged = engaged.ok_or_else(|| Problem::internal("no kill switch was recorded"))?;
    Ok(commands::answer(
        StatusCode::CREATED,
        engaged.position,
        &engaged,
    ))
}

/// What was engaged before stands in the read model, or will in a moment.
async fn engaged_already(request: &Request, scope: &HaltScope) -> Result<HttpResponse, Problem> {
    let services = &request.services;
    position::wait_for(services, services.feed.head()).await?;
    // Later than when the request came: then it may not have been shown yet.
    let viewed = position::viewed(services);
    let mut rows = kill_switches::all(&services.views).await?.into_iter();
    match rows.find(|row| row.scope == *scope) {
        Some(row) => {
            let engaged = KillSwitch::from(row);
            Ok(commands::answer(StatusCode::OK, viewed, &engaged))
        }
        None => {
            let detail =
                format!("the kill switch for {scope} is just being released; send it again");
            Err(Problem::new(Code::Unavailable, detail).retry_after(1))
        }
    }
}

async fn release(request: Request) -> Result<HttpResponse, Problem> {
    let (scope, cause) = read(&request)?;
    let command = RiskCommand::ReleaseKillSwitch {
        scope: scope.clone(),
        cause,
    };
    match commands::send(&request, command).await? {
        CommandOutcome::Recorded(appended) => {
            let position = appended.receipt.last_position();
            let (scope, key) = scope_and_key(&scope);
            let release = Release {
                scope,
                key,
                position,
            };
            Ok(commands::answer(StatusCode::OK, position, &release))
        }
        CommandOutcome::NothingToDo => Err(Problem::internal("a release always records something")),
    }
}

/// The scope and the cause in the request's body, or every mistake in it.
fn read(request: &Request) -> Result<(HaltScope, String), Problem> {
    let mut body = request.body()?;
    let cause_allowed = commands::free_text_allowed();
    let cause = body.required("cause", &cause_allowed, commands::free_text);
    let word = body.required("scope", SCOPES, |text| {
        let known = SCOPES.split(", ").find(|scope| *scope == text);
        known.ok_or("there is no such scope")
    });
    let scope = match word {
        None => {
            body.has("key");
            None
        }
        Some("firm") => {
            if body.has("key") {
                body.wrong("key", None, "the firm has no key", "nothing for scope firm");
            }
            Some(HaltScope::Firm)
        }
        Some("account") => {
            let key = body.required("key", ID, AccountId::new);
            key.map(HaltScope::Account)
        }
        Some("strategy") => {
            let key = body.required("key", ID, StrategyId::new);
            key.map(HaltScope::Strategy)
        }
        Some("instrument") => {
            let key = body.required("key", ID, Symbol::new);
            key.map(HaltScope::Instrument)
        }
        Some(_) => {
            let key = body.required("key", ID, VenueId::new);
            key.map(HaltScope::Venue)
        }
    };
    body.made(scope.zip(cause))
}
