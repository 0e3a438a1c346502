//! One order at its venue: what execution sends and what the venue says.
//!
//! Invariants: nothing is sent before its `OrderRouted` is durable; an order is only ever sent
//! under its one client order id; an execution is counted once per execution id; what a venue
//! reports is always recorded, also after the order had ended.

mod book;
mod command;
mod decide;
mod lifecycle;
mod state;
#[cfg(test)]
mod tests;

pub use book::{OrderStep, VenueOrders, report_of};
pub use command::{Approval, OrderReport, ReportedChange};
pub use decide::{
    ATTEMPTS_MAX, OrderError, mark_in_doubt, reconcile, record_report, request_cancel, route,
};
pub use lifecycle::{OrderStatus, Step};
pub use state::Order;
