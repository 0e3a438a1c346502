//! Which names the server answers to, against DNS rebinding: a page of another site whose name is
//! made to point at 127.0.0.1 would otherwise count as the server's own page.
//!
//! A server that listens on a loopback address answers to `localhost`, to loopback addresses and
//! to the hosts of `http.allowed_origins`. One that listens elsewhere is known by names that only
//! its operator knows, and answers to all; there the proxy in front has to check.

use std::net::{IpAddr, SocketAddr};

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HOST;
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, web};

use super::problem::{Code, Problem};
use super::services::Services;
use super::settings::Origin;

/// The middleware.
pub async fn check_host(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let listens_on = request.app_config().local_addr();
    let services = request.app_data::<web::Data<Services>>();
    let allowed = services.map_or(&[][..], |services| &services.settings.allowed_origins);
    let host = request.headers().get(HOST);
    let is_ours = match host.map(|host| host.to_str()) {
        // Browsers always send one.
        None => true,
        Some(Ok(host)) => answers_to(host, listens_on, allowed),
        Some(Err(_)) => false,
    };
    if is_ours {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let problem = Problem::new(
        Code::HostNotAllowed,
        "the header Host names another host; this server answers to localhost, to loopback \
         addresses, and to the hosts of http.allowed_origins",
    );
    Ok(request.error_response(problem))
}

/// Whether the caller asked for this machine by a name of its own.
pub fn names_this_machine(http: &HttpRequest) -> bool {
    let host = http.headers().get(HOST);
    let host = host.and_then(|host| host.to_str().ok());
    host.is_some_and(|host| is_loopback(name_of(host)))
}

fn is_loopback(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn answers_to(host: &str, listens_on: SocketAddr, allowed: &[Origin]) -> bool {
    let name = name_of(host);
    let is_allowed = |origin: &Origin| name_of(origin.site()).eq_ignore_ascii_case(name);
    !listens_on.ip().is_loopback() || is_loopback(name) || allowed.iter().any(is_allowed)
}

/// Without the port; an IPv6 address without its brackets.
fn name_of(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(address, _)| address);
    }
    host.split_once(':').map_or(host, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_goes_by_loopback_names_only() {
        let named = |host: &str| {
            let request = actix_web::test::TestRequest::default().insert_header((HOST, host));
            names_this_machine(&request.to_http_request())
        };
        for own in ["localhost:8080", "127.0.0.1", "[::1]:80"] {
            assert!(named(own), "{own}");
        }
        for other in ["desk.example.com", "192.0.2.1:8080", ""] {
            assert!(!named(other), "{other}");
        }
    }

    #[test]
    fn on_loopback_only_loopback_names_and_configured_ones_are_answered_to() {
        let here: SocketAddr = "127.0.0.1:8080".parse().expect("an address");
        let allowed = ["https://blotter.example:8443".parse().expect("an origin")];
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:8080",
            "[::1]",
            "blotter.example",
            "Blotter.Example:8443",
        ] {
            assert!(answers_to(host, here, &allowed), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:8080",
            "192.168.0.1",
            "[::2]",
            "x.blotter.example",
        ] {
            assert!(!answers_to(host, here, &allowed), "{host}");
        }
    }

    #[test]
    fn elsewhere_every_name_is_answered_to() {
        let there: SocketAddr = "0.0.0.0:8080".parse().expect("an address");
        assert!(answers_to("desk.example", there, &[]));
    }
}
