//! The composition root: configuration -> stores -> actors. The only floor that knows everyone.
//!
//! Entry points: [`config::NodeConfig`], [`node::Node::start`].

pub mod build;
pub mod config;
pub mod demo_login;
pub mod error;
pub mod lock;
pub mod metrics;
pub mod node;
mod opening;
pub mod player;
pub mod regression;
pub mod setup;
pub mod snapshots;
pub mod staff;
pub mod summary;
