//! The way in: the native REST API, the event stream, the dashboard's assets, health and metrics.
//!
//! Entry points: [`bind`] and [`serve`]. [`Services`] is everything that a handler may use; it is
//! put together by `app`. A request passes [`security_headers`], [`observe`] and [`hosts`], in the
//! API [`pipeline`], then its handler in [`api`]; [`endpoint`] is the one description of a route.
//! Invariants: no handler knows a store, decides anything itself, or answers a command before it is
//! durable.

pub mod api;
mod assets;
pub mod auth;
mod commands;
pub mod docs;
pub mod endpoint;
mod health;
mod hosts;
mod input;
pub mod metrics;
pub mod observe;
pub mod openapi;
mod ops;
pub mod origin;
mod page;
pub mod pipeline;
pub mod position;
pub mod problem;
pub mod rows;
pub mod security_headers;
mod server;
mod services;
mod settings;
pub mod stream;

pub use server::{BindError, Listening, bind, serve};
pub use services::{NodeInfo, Services};
pub use settings::{HttpSettings, NotAnOrigin, Origin};

use actix_web::web::ServiceConfig;

/// Every part of what is served; each knows its own routes.
pub fn configure(config: &mut ServiceConfig) {
    api::configure(config);
    stream::configure(config);
    ops::configure(config);
    // Last: it takes whatever is left.
    assets::configure(config);
}
