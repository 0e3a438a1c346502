//! Who is calling: a session's cookie, or an API key in headers of its own or as HTTP Basic.
//!
//! Entry point: [`authenticate`], or [`Caller`] as an argument of a handler. Invariants: a change
//! by cookie needs the session's token in a header and comes from our own pages; a refusal is
//! noted for the record; no secret reaches a log or an answer.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderName};
use actix_web::{FromRequest, HttpRequest, web};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;

use super::origin;
use super::problem::{Code, Problem};
use super::services::Services;
use crate::identity::{AuthError, Permission, Principal, Session};

/// Name of the cookie; the prefix makes browsers insist on Secure, Path=/ and no Domain.
pub const SESSION_COOKIE: &str = "__Host-blotter_session";
pub const KEY_ID: HeaderName = HeaderName::from_static("apca-api-key-id");
pub const SECRET_KEY: HeaderName = HeaderName::from_static("apca-api-secret-key");
pub const CSRF_TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");

/// A caller whose identity was proved.
#[derive(Debug, Clone)]
pub struct Caller {
    pub principal: Principal,
    /// For a browser: its session, and the token that opens it.
    pub session: Option<(String, Session)>,
}

impl Caller {
    /// Refuses, and notes the refusal for the record, unless the caller has `permission`.
    /// `place`: method and pattern of the route, never the raw path.
    pub async fn require(
        &self,
        services: &Services,
        permission: Permission,
        place: &str,
    ) -> Result<(), Problem> {
        if self.principal.may(permission) {
            return Ok(());
        }
        let identity = &services.identity;
        identity.denied(&self.principal, permission, place).await;
        Err(Problem::forbidden(permission))
    }
}

/// What a request offers as proof.
enum Proof {
    Key { id: String, secret: String },
    Cookie(String),
}

/// Proves who is calling.
pub async fn authenticate(http: &HttpRequest, services: &Services) -> Result<Caller, Problem> {
    match proof(http)? {
        Proof::Key { id, secret } => {
            let principal = services
                .identity
                .api_key(&id, &secret, visitor(http))
                .await?;
            Ok(Caller {
                principal,
                session: None,
            })
        }
        Proof::Cookie(token) => {
            let session = services.identity.session(&token).await;
            let session = session.map_err(|error| match error {
                AuthError::BadCredentials => Problem::new(
                    Code::Unauthenticated,
                    "the session has ended or never was; sign in again",
                ),
                other => other.into(),
            })?;
            check_change(http, &session)?;
            Ok(Caller {
                principal: session.principal.clone(),
                session: Some((token, session)),
            })
        }
    }
}

/// Where the connection comes from.
pub fn peer(http: &HttpRequest) -> IpAddr {
    let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    http.peer_addr().map_or(unknown, |address| address.ip())
}

/// Who is at the other end, as far as a proxy on this machine says: the last hop, which the proxy
/// itself has added. Proxies elsewhere are not believed.
pub fn visitor(http: &HttpRequest) -> IpAddr {
    let peer = peer(http);
    let hops = http.headers().get_all("X-Forwarded-For");
    let last = hops
        .last()
        .and_then(|hops| hops.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    match last {
        Some(visitor) if peer.is_loopback() => visitor,
        _ => peer,
    }
}

fn proof(http: &HttpRequest) -> Result<Proof, Problem> {
    let headers = http.headers();
    match (headers.get(KEY_ID), headers.get(SECRET_KEY)) {
        (None, None) => {}
        (Some(id), Some(secret)) => {
            let text = |value: &actix_web::http::header::HeaderValue| {
                value.to_str().map(str::to_owned).map_err(|_| bad_key())
            };
            return Ok(Proof::Key {
                id: text(id)?,
                secret: text(secret)?,
            });
        }
        _ => {
            return Err(Problem::new(
                Code::Unauthenticated,
                "an API key is two headers: APCA-API-KEY-ID and APCA-API-SECRET-KEY",
            ));
        }
    }
    if let Some(value) = headers.get(AUTHORIZATION) {
        return value.to_str().ok().and_then(basic).ok_or_else(bad_key);
    }
    cookie(http).map(Proof::Cookie).ok_or_else(|| {
        Problem::new(
            Code::Unauthenticated,
            "sign in by POST /api/v1/sessions, or send an API key in the headers \
             APCA-API-KEY-ID and APCA-API-SECRET-KEY",
        )
    })
}

/// The API key that a request offers, if it offers one.
pub fn key(http: &HttpRequest) -> Result<Option<(String, String)>, Problem> {
    let offers = [KEY_ID, SECRET_KEY, AUTHORIZATION];
    if !offers.iter().any(|name| http.headers().contains_key(name)) {
        return Ok(None);
    }
    match proof(http)? {
        Proof::Key { id, secret } => Ok(Some((id, secret))),
        Proof::Cookie(_) => Ok(None),
    }
}

fn bad_key() -> Problem {
    AuthError::BadCredentials.into()
}

/// `Basic base64(id:secret)`.
fn basic(header: &str) -> Option<Proof> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    Some(Proof::Key {
        id: id.to_owned(),
        secret: secret.to_owned(),
    })
}

/// The token of the session that a request's cookie names.
pub fn cookie(http: &HttpRequest) -> Option<String> {
    let headers = http.headers().get_all(COOKIE);
    let texts = headers.filter_map(|value| value.to_str().ok());
    let mut pairs = texts.flat_map(|text| text.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == SESSION_COOKIE && !value.is_empty()).then(|| value.to_owned())
    })
}

/// A browser sends its cookie with whatever any page asks of it: a change has to show that it
/// comes from ours.
fn check_change(http: &HttpRequest, session: &Session) -> Result<(), Problem> {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(http.method()) {
        return Ok(());
    }
    origin::require_own(http)?;
    let given = http.headers().get(CSRF_TOKEN);
    let matches = given
        .is_some_and(|given| bool::from(given.as_bytes().ct_eq(session.csrf_token.as_bytes())));
    match matches {
        true => Ok(()),
        false => Err(Problem::new(
            Code::CsrfTokenMissing,
            "a change by session needs the header X-CSRF-Token with the session's csrf_token",
        )),
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(http: &HttpRequest, _: &mut Payload) -> Self::Future {
        let http = http.clone();
        Box::pin(async move {
            let services = http.app_data::<web::Data<Services>>().cloned();
            let services = services.ok_or_else(|| Problem::internal("no services"))?;
            authenticate(&http, &services).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_proxy_on_this_machine_says_who_visits_and_no_other_does() {
        let visitor_of = |peer: &str, hops: &[&str]| {
            let mut request = TestRequest::default().peer_addr(peer.parse().expect("an address"));
            for hop in hops {
                request = request.append_header(("X-Forwarded-For", *hop));
            }
            visitor(&request.to_http_request()).to_string()
        };
        let (local, other) = ("127.0.0.1:9", "192.0.2.7:9");
        assert_eq!(visitor_of(local, &[]), "127.0.0.1");
        assert_eq!(
            visitor_of(local, &["198.51.100.1, 203.0.113.9"]),
            "203.0.113.9"
        );
        assert_eq!(
            visitor_of(local, &["198.51.100.1", "203.0.113.9"]),
            "203.0.113.9"
        );
        assert_eq!(visitor_of(local, &["nonsense"]), "127.0.0.1");
        assert_eq!(visitor_of(other, &["203.0.113.9"]), "192.0.2.7");
    }

    #[test]
    fn basic_is_the_key_pair() {
        let encoded = STANDARD.encode("PKID:se:cret");
        for scheme in ["Basic", "basic"] {
            match basic(&format!("{scheme} {encoded}")) {
                Some(Proof::Key { id, secret }) => {
                    assert_eq!((&*id, &*secret), ("PKID", "se:cret"))
                }
                _ => panic!("{scheme}"),
            }
        }
        assert!(basic("Bearer abc").is_none());
        assert!(basic("Basic %%%").is_none());
        assert!(basic("Basic").is_none());
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let with = |text: &str| {
            let http = TestRequest::get()
                .insert_header((COOKIE, text))
                .to_http_request();
            cookie(&http)
        };
        let own = format!("a=b; {SESSION_COOKIE}=token; c=d");
        assert_eq!(with(&own).as_deref(), Some("token"));
        assert_eq!(with(&format!("x{SESSION_COOKIE}=token")), None);
        assert_eq!(with(&format!("{SESSION_COOKIE}=")), None);
    }
}
