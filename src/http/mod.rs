//! The way in: the native REST API, the event stream, the dashboard's assets, health and metrics.
//!
//! Entry points: [`bind`] and [`serve`]. [`Services`] is everything that a handler may use; it is
//! put together by `app`. Invariants: no handler knows a store, decides anything itself, or
//! answers a command before it is durable.

mod server;
mod services;
pub mod stream;

pub use server::{BindError, Listening, bind, serve};
pub use services::{NodeInfo, Services};
