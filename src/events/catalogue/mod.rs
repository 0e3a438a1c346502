//! The catalogue of facts: one struct an event, past tense, grouped by the stream it belongs to.
//!
//! Stored events are a public contract. A field is never removed or given another meaning; a
//! changed shape is a new schema version with a typed conversion from the old one, see
//! [`evolution`]. `docs/events` describes every shape, `tests/golden` holds records of each.

pub mod account;
pub mod alert;
pub mod evolution;
pub mod halts;
pub mod instrument;
pub mod limits;
pub mod market;
pub mod node;
pub mod order;
pub mod personal;
pub mod schema;
pub mod strategy;
pub mod user;

pub use account::*;
pub use alert::*;
pub use evolution::{Former, Shape, Stored};
pub use halts::*;
pub use instrument::*;
pub use limits::*;
pub use market::*;
pub use node::*;
pub use order::*;
pub use personal::{FORGOTTEN, Personal};
pub use strategy::*;
pub use user::*;

use serde_json::Value;
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

evolution::catalogue! {
    "account-{id}" {
        AccountOpened = 1 since "0.1";
        CashDeposited = 1 since "0.1";
        OrderSubmitted = 1 since "0.1";
        OrderApproved = 1 since "0.1";
        OrderRefused = 1 since "0.1";
        CancelRequested = 1 since "0.1";
        FillBooked = 1 since "0.1";
        ReservationReleased = 1 since "0.1";
    }
    "order-{id}" {
        OrderRouted = 1 since "0.1";
        OrderAcknowledged = 1 since "0.1";
        OrderRejected = 1 since "0.1";
        OrderExecuted = 1 since "0.1";
        CancelPending = 1 since "0.1";
        OrderCanceled = 1 since "0.1";
        CancelRejected = 1 since "0.1";
        OrderExpired = 1 since "0.1";
        OrderInDoubt = 1 since "0.1";
        OrderReconciled = 1 since "0.1";
    }
    "limits-{scope}" {
        RiskLimitsChanged = 1 since "0.1";
    }
    "system-halts" {
        KillSwitchEngaged = 1 since "0.1";
        KillSwitchReleased = 1 since "0.1";
    }
    "strategy-{id}" {
        StrategyRegistered = 1 since "0.1";
        StrategyApproved = 1 since "0.1";
        StrategyStarted = 1 since "0.1";
        SignalGenerated = 1 since "0.1";
    }
    "market-{symbol}" {
        PriceMarked = 1 since "0.1";
    }
    "instrument-{symbol}" {
        InstrumentListed = 1 since "0.1";
    }
    "node-{id}" {
        NodeStarted = 1 since "0.1";
        NodeStopped = 1 since "0.1";
        ActorRestarted = 1 since "0.1";
    }
    "alert-{id}" {
        AlertRaised = 1 since "0.1";
        AlertDelivered = 1 since "0.1";
    }
    "user-{name}" {
        UserRegistered = 1 since "0.1";
        RoleGranted = 1 since "0.1";
        RoleRevoked = 1 since "0.1";
        UserDisabled = 1 since "0.1";
        PasswordChanged = 1 since "0.1";
        LoginSucceeded = 2 since "0.1" [LoginSucceededV1 since "0.1"];
        LoginFailed = 2 since "0.1" [LoginFailedV1 since "0.1"];
        AccessDenied = 1 since "0.1";
        ApiKeyIssued = 2 since "0.1" [ApiKeyIssuedV1 since "0.1"];
        ApiKeyRevoked = 1 since "0.1";
        SessionRevoked = 1 since "0.1";
        UserForgotten = 1 since "0.1";
    }
}

impl Event {
    /// Reads a stored payload of the given type and version.
    pub fn read(name: &str, schema_version: u32, payload: &RawValue) -> Result<Self, PayloadError> {
        let read = shape(name, schema_version)?.read(payload);
        read.map_err(|source| malformed(name, source))
    }

    /// Writes a stored payload anew, in the version it was stored in.
    pub fn rewrite(
        name: &str,
        schema_version: u32,
        payload: &RawValue,
    ) -> Result<Value, PayloadError> {
        let written = shape(name, schema_version)?.rewrite(payload);
        written.map_err(|source| malformed(name, source))
    }
}

fn shape(name: &str, schema_version: u32) -> Result<&'static Shape<Event>, PayloadError> {
    let mut shapes = Event::SHAPES.iter();
    let found = shapes.find(|shape| shape.schema_version == schema_version && shape.name == name);
    found.ok_or_else(|| PayloadError::Unknown {
        name: name.to_owned(),
        schema_version,
    })
}

fn malformed(name: &str, source: serde_json::Error) -> PayloadError {
    PayloadError::Malformed {
        name: name.to_owned(),
        source,
    }
}
