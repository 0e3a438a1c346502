//! Whether a request comes from the server's own pages.
//!
//! There is no CORS: other sites' pages get nothing. A program sends no `Origin` at all.

use actix_web::http::header::{HOST, ORIGIN};
use actix_web::{HttpRequest, web};

use super::problem::{Code, Problem};
use super::services::Services;

/// Refuses a request whose `Origin` is another site than the one it was sent to.
pub fn require_own(http: &HttpRequest) -> Result<(), Problem> {
    let Some(origin) = http.headers().get(ORIGIN) else {
        return Ok(());
    };
    let host = http.headers().get(HOST).and_then(|host| host.to_str().ok());
    let services = http.app_data::<web::Data<Services>>();
    let allowed = services.map_or(&[][..], |services| &services.settings.allowed_origins);
    let is_allowed = |origin: &str| {
        allowed
            .iter()
            .any(|a| origin.eq_ignore_ascii_case(a.as_str()))
    };
    match origin.to_str().ok().zip(host) {
        Some((origin, host)) if is_own(origin, host) || is_allowed(origin) => Ok(()),
        _ => Err(Problem::new(
            Code::OriginNotAllowed,
            "the header Origin names another site than this server's own pages",
        )),
    }
}

/// `host` carries no scheme: a proxy in front may speak TLS for us.
fn is_own(origin: &str, host: &str) -> bool {
    let site = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    site.is_some_and(|site| site.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_host_and_port_is_ones_own() {
        assert!(is_own("http://127.0.0.1:8080", "127.0.0.1:8080"));
        assert!(is_own("https://Trade.Example", "trade.example"));
        for other in [
            "null",
            "http://127.0.0.1:8081",
            "http://evil.example",
            "http://127.0.0.1:8080.evil.example",
            "127.0.0.1:8080",
            "",
        ] {
            assert!(!is_own(other, "127.0.0.1:8080"), "{other}");
        }
    }
}
