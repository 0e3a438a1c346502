//! Signing in and out.

use actix_web::HttpResponse;
use actix_web::http::header::SET_COOKIE;
use utoipa::ToSchema;

use crate::http::auth::{self, Caller, SESSION_COOKIE};
use crate::http::endpoint::{Access, Answer, Body, Endpoint, Method, Shape};
use crate::http::origin;
use crate::http::pipeline::Request;
use crate::http::problem::{Code, Problem};
use crate::http::rows::Session;

const GROUP: &str = "Sessions";
const PATH: &str = "/api/v1/sessions";
const CURRENT: &str = "/api/v1/sessions/current";
/// Longest user name or password that is looked at.
const CREDENTIAL_BYTES_MAX: usize = 1_024;

pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Post,
        path: PATH,
        access: Access::Open,
        group: GROUP,
        summary: "Sign in",
        description: "Opens a session and sets its cookie. Needs no CSRF token, but an `Origin`, \
                      if one is sent, has to be the server's own.",
        query: &[],
        body: Body::Json(Shape::of::<Login>()),
        answer: Answer::Json(201, Shape::of::<Session>()),
        problems: &[
            Code::BadCredentials,
            Code::OriginNotAllowed,
            Code::LoginThrottled,
            Code::Unavailable,
        ],
        handler: |request| Box::pin(open(request)),
    },
    Endpoint {
        method: Method::Get,
        path: CURRENT,
        access: Access::Authenticated,
        group: GROUP,
        summary: "Who is calling",
        description: "For an API key too.",
        query: &[],
        body: Body::None,
        answer: Answer::Json(200, Shape::of::<Session>()),
        problems: &[],
        handler: |request| Box::pin(current(request)),
    },
    Endpoint {
        method: Method::Delete,
        path: CURRENT,
        access: Access::Authenticated,
        group: GROUP,
        summary: "Sign out",
        description: "",
        query: &[],
        body: Body::None,
        answer: Answer::Empty(204),
        problems: &[Code::NotFound],
        handler: |request| Box::pin(close(request)),
    },
];

/// Who wants to sign in.
#[derive(ToSchema)]
#[schema(example = json!({"user": "demo", "password": "the password that was printed"}))]
#[expect(
    dead_code,
    reason = "its shape is for the document; bodies are read field by field"
)]
pub struct Login {
    user: String,
    #[schema(format = Password)]
    password: String,
}

async fn open(request: Request) -> Result<HttpResponse, Problem> {
    origin::require_own(&request.http)?;
    let mut body = request.body()?;
    let allowed = format!("a string of 1 to {CREDENTIAL_BYTES_MAX} bytes");
    let user = body.required("user", &allowed, sized);
    let password = body.secret("password", &allowed, sized);
    let (user, password) = body.made(user.zip(password))?;
    let peer = auth::visitor(&request.http);
    let opened = request
        .services
        .identity
        .login(&user, &password, peer)
        .await?;
    let cookie = cookie(&opened.token, "");
    let caller = Caller {
        principal: opened.session.principal.clone(),
        session: Some((opened.token, opened.session)),
    };
    Ok(HttpResponse::Created()
        .insert_header((SET_COOKIE, cookie))
        .json(Session::from(&caller)))
}

async fn current(request: Request) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(Session::from(request.caller()?)))
}

async fn close(request: Request) -> Result<HttpResponse, Problem> {
    let Some((token, _)) = &request.caller()?.session else {
        let detail = "an API key has no session; revoke the key instead";
        return Err(Problem::new(Code::NotFound, detail));
    };
    request.services.identity.logout(token).await?;
    Ok(HttpResponse::NoContent()
        .insert_header((SET_COOKIE, cookie("", "; Max-Age=0")))
        .finish())
}

/// For this site's own pages only, out of the reach of scripts.
fn cookie(token: &str, more: &str) -> String {
    format!("{SESSION_COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict{more}")
}

fn sized(text: &str) -> Result<String, &'static str> {
    match (1..=CREDENTIAL_BYTES_MAX).contains(&text.len()) {
        true => Ok(text.to_owned()),
        false => Err("it is empty or too long"),
    }
}
