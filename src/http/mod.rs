//! The way in: the native REST API, the event stream, the dashboard's assets, health and metrics.
//!
//! Entry points: [`bind`] and [`serve`]. [`Services`] is everything that a handler may use; it is
//! put together by `app`. A request passes [`observe`], then [`pipeline`], then its handler in
//! [`api`]; [`endpoint`] is the one description of a route. Invariants: no handler knows a store,
//! decides anything itself, or answers a command before it is durable.

pub mod api;
pub mod auth;
mod commands;
pub mod docs;
pub mod endpoint;
mod input;
pub mod observe;
pub mod openapi;
pub mod origin;
mod page;
pub mod pipeline;
pub mod position;
pub mod problem;
pub mod rows;
mod server;
mod services;

pub use server::{BindError, Listening, bind, serve};
pub use services::{NodeInfo, Services};

use actix_web::web::ServiceConfig;

/// Every part of what is served; each knows its own routes.
pub fn configure(config: &mut ServiceConfig) {
    api::configure(config);
}
