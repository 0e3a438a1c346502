//! The way in: the native REST API, the event stream, the dashboard's assets, health and metrics.
//!
//! Entry points: [`bind`] and [`serve`]. [`Services`] is everything that a handler may use; it is
//! put together by `app`. Invariants: no handler knows a store, decides anything itself, or
//! answers a command before it is durable.

mod assets;
pub mod auth;
pub mod endpoint;
mod health;
mod hosts;
mod input;
pub mod metrics;
pub mod observe;
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
    stream::configure(config);
    ops::configure(config);
    assets::configure(config);
}
