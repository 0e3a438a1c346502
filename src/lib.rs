//! Blotter: an event-sourced actor system for order flow.
//!
//! The modules in the order an order flows through them: it is put in [`values`], decided in
//! [`domain`], recorded in [`events`], and seen through [`projections`].

pub mod actors;
pub mod app;
pub mod cli;
pub mod domain;
pub mod events;
pub mod http;
pub mod identity;
pub mod market;
pub mod projections;
pub mod runtime;
pub mod sqlite;
pub mod values;
pub mod venues;
