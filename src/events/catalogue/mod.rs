//! The catalogue of facts: one struct an event, past tense, grouped by the stream it belongs to.
//!
//! Stored events are a public contract. A field is never removed or given another meaning; a
//! changed shape is a new schema version with a typed conversion from the old one.

pub mod account;
pub mod alert;
pub mod halts;
pub mod instrument;
pub mod limits;
pub mod market;
pub mod node;
pub mod order;
pub mod strategy;
pub mod user;

pub use account::*;
pub use alert::*;
pub use halts::*;
pub use instrument::*;
pub use limits::*;
pub use market::*;
pub use node::*;
pub use order::*;
pub use strategy::*;
pub use user::*;

use serde::Serialize;
use serde_json::value::RawValue;

/// Why a stored payload could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    #[error(
        "event type {name} with schema version {schema_version} is not known to this program; \
         it was written by a newer one"
    )]
    Unknown { name: String, schema_version: u32 },
    #[error("payload of {name}: {source}")]
    Malformed {
        name: String,
        source: serde_json::Error,
    },
}

/// Declares [`Event`] over the structs of the catalogue, each with its current schema version.
macro_rules! catalogue {
    ($($name:ident = $version:literal;)+) => {
        /// Any fact that can be recorded.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum Event {
            $($name($name),)+
        }

        impl Event {
            /// Every event type with its current schema version.
            pub const TYPES: &'static [(&'static str, u32)] = &[$((stringify!($name), $version),)+];

            /// The type's name, as it stands in the record.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Event::$name(_) => stringify!($name),)+
                }
            }

            pub fn schema_version(&self) -> u32 {
                match self {
                    $(Event::$name(_) => $version,)+
                }
            }

            /// Reads a stored payload of the given type and version.
            pub fn read(name: &str, schema_version: u32, payload: &RawValue) -> Result<Self, PayloadError> {
                match (name, schema_version) {
                    $((stringify!($name), $version) => serde_json::from_str(payload.get())
                        .map(Event::$name)
                        .map_err(|source| PayloadError::Malformed { name: name.to_owned(), source }),)+
                    _ => Err(PayloadError::Unknown { name: name.to_owned(), schema_version }),
                }
            }
        }

        $(impl From<$name> for Event {
            fn from(fact: $name) -> Event {
                Event::$name(fact)
            }
        })+
    };
}

catalogue! {
    AccountOpened = 1;
    CashDeposited = 1;
    OrderSubmitted = 1;
    OrderApproved = 1;
    OrderRefused = 1;
    CancelRequested = 1;
    FillBooked = 1;
    ReservationReleased = 1;
    OrderRouted = 1;
    OrderAcknowledged = 1;
    OrderRejected = 1;
    OrderExecuted = 1;
    CancelPending = 1;
    OrderCanceled = 1;
    CancelRejected = 1;
    OrderExpired = 1;
    OrderInDoubt = 1;
    OrderReconciled = 1;
    RiskLimitsChanged = 1;
    KillSwitchEngaged = 1;
    KillSwitchReleased = 1;
    StrategyRegistered = 1;
    StrategyApproved = 1;
    StrategyStarted = 1;
    SignalGenerated = 1;
    PriceMarked = 1;
    InstrumentListed = 1;
    NodeStarted = 1;
    NodeStopped = 1;
    ActorRestarted = 1;
    AlertRaised = 1;
    AlertDelivered = 1;
    UserRegistered = 1;
    RoleGranted = 1;
    RoleRevoked = 1;
    UserDisabled = 1;
    PasswordChanged = 1;
    LoginSucceeded = 1;
    LoginFailed = 1;
    AccessDenied = 1;
    ApiKeyIssued = 1;
    ApiKeyRevoked = 1;
    SessionRevoked = 1;
}
