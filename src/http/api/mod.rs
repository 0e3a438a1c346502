//! The resources: one file each, with its table of endpoints and its handlers.
//!
//! Entry points: [`endpoints`], every route there is; [`configure`], which serves them.

pub mod accounts;
pub mod audit;
pub mod candles;
pub mod executions;
pub mod instruments;
pub mod kill_switches;
pub mod ops;
pub mod order_input;
pub mod orders;
pub mod positions;
pub mod sessions;
pub mod signals;
pub mod strategies;
pub mod stream_tickets;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, http};

use super::docs;
use super::endpoint::{Endpoint, Method};
use super::pipeline;
use super::problem::{Code, Problem};

/// In the order of the document; of two patterns that fit an address the earlier one is taken.
const TABLES: [&[Endpoint]; 14] = [
    sessions::ENDPOINTS,
    stream_tickets::ENDPOINTS,
    orders::ENDPOINTS,
    executions::ENDPOINTS,
    positions::ENDPOINTS,
    accounts::ENDPOINTS,
    instruments::ENDPOINTS,
    candles::ENDPOINTS,
    strategies::ENDPOINTS,
    signals::ENDPOINTS,
    kill_switches::ENDPOINTS,
    audit::ENDPOINTS,
    ops::ENDPOINTS,
    docs::ENDPOINTS,
];

/// Every route of the API.
pub fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    TABLES.into_iter().flatten()
}

/// Serves every endpoint, and answers everything else under `/api` with a problem.
pub fn configure(config: &mut ServiceConfig) {
    let mut served: Vec<&'static str> = Vec::new();
    for endpoint in endpoints() {
        if served.contains(&endpoint.path) {
            continue;
        }
        served.push(endpoint.path);
        config.service(resource(endpoint.path));
    }
    config.service(web::scope("/api").default_service(web::to(unknown)));
}

/// All methods of one address.
fn resource(path: &'static str) -> actix_web::Resource {
    let methods: Vec<_> = endpoints()
        .filter(|endpoint| endpoint.path == path)
        .collect();
    let names: Vec<_> = methods.iter().map(|other| other.method.name()).collect();
    let allow = names.join(", ");
    let mut resource = web::resource(path);
    for endpoint in methods {
        let method = match endpoint.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
            Method::Delete => http::Method::DELETE,
        };
        let serve = move |http, payload| pipeline::serve(endpoint, http, payload);
        resource = resource.route(web::method(method).to(serve));
    }
    resource.default_service(web::to(move || {
        let allow = allow.clone();
        async move {
            let detail = format!("this address takes {allow} only");
            let mut problem = Problem::new(Code::MethodNotAllowed, detail);
            problem.allow = Some(allow);
            Err::<HttpResponse, Problem>(problem)
        }
    }))
}

async fn unknown(http: HttpRequest) -> Result<HttpResponse, Problem> {
    let path: String = http.path().chars().take(128).collect();
    Err(Problem::not_found(format!("the address {path}")))
}
