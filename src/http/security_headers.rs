//! Headers that tell browsers to be careful, in every answer.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::middleware::Next;

/// Everything from the server itself, nothing inline, nothing framed.
pub const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; object-src 'none'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

const ALWAYS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Two years; only ever said over TLS.
const STRICT_TRANSPORT: &str = "max-age=63072000; includeSubDomains";

/// The middleware; outside of all others. What an answer says itself is left as it is.
pub async fn security_headers(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let is_private = ["/api", "/v2"].iter().any(|root| {
        let rest = request.path().strip_prefix(root);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let came_by_tls = came_by_tls(&request);
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    for (name, value) in &ALWAYS {
        put(headers, name, value);
    }
    if is_private {
        put(headers, &CACHE_CONTROL, "no-store");
    }
    if came_by_tls {
        put(headers, &STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT);
    }
    Ok(response)
}

/// A proxy on this machine says so; anybody else is not believed.
fn came_by_tls(request: &ServiceRequest) -> bool {
    let peer = request.peer_addr();
    let forwarded = request.headers().get(X_FORWARDED_PROTO);
    peer.is_some_and(|peer| peer.ip().is_loopback())
        && forwarded.is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"))
}

fn put(headers: &mut HeaderMap, name: &HeaderName, value: &'static str) {
    if !headers.contains_key(name) {
        headers.insert(name.clone(), HeaderValue::from_static(value));
    }
}
