//! The vocabulary: ids, money, quantity, price, instrument, order terms, time.
//!
//! Every type here can only be made by a fallible parse or a checked operation, so a value that
//! exists is a valid one. Nothing in this floor does IO, reads a clock or makes an id.

pub mod amounts;
pub mod canonical;
pub mod ids;
pub mod instrument;
pub mod order;
pub mod pairs;
pub mod time;
pub mod user;

pub use amounts::{AmountError, Money, Price, Quantity, Ratio};
pub use ids::{
    AccountId, ClientOrderId, CommandId, EventId, ExecutionId, IdError, NodeId, OrderId, Position,
    StrategyId, StreamName, Symbol, VenueId, VenueOrderId, Version,
};
pub use instrument::{Instrument, InstrumentKind};
pub use order::{OrderTerms, OrderType, Side, TimeInForce};
pub use time::{BarDate, Timestamp};
pub use user::{UserName, UserNameError};
