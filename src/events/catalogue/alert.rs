//! Facts of one alert (`alert-{id}`), written by the notifier.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::{EventId, Position};

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Warning,
    Error,
    Critical,
}

/// People are to be told of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertRaised {
    pub severity: Severity,
    pub summary: String,
    /// The event that it is about.
    pub about: EventId,
    pub about_position: Position,
}

/// An alert went out over one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlertDelivered {
    /// Where it went, for example `log`.
    pub channel: String,
}
