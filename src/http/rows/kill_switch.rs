//! Kill switches.

use serde::Serialize;
use utoipa::ToSchema;

use super::words;
use crate::events::Recorded;
use crate::events::catalogue::{HaltMode, HaltScope, KillSwitchEngaged};
use crate::projections::kill_switches::KillSwitchRow;
use crate::values::{Position, Timestamp};

/// A kill switch that is engaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KillSwitch {
    #[schema(value_type = words::HaltScopeWord)]
    pub scope: &'static str,
    /// Which account, strategy, instrument or venue; null for the firm.
    #[schema(example = "demo")]
    pub key: Option<String>,
    /// `halt`: nothing new, cancels pass.
    #[schema(value_type = String, example = "halt")]
    pub mode: HaltMode,
    #[schema(example = "unexpected losses")]
    pub cause: String,
    /// The principal.
    #[schema(example = "user:demo")]
    pub engaged_by: String,
    #[schema(value_type = String, example = "2005-05-09T23:59:59.999999Z")]
    pub engaged_at: Timestamp,
    /// The event that engaged it.
    #[schema(value_type = u64, example = 150)]
    pub position: Position,
}

/// A kill switch that was released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Release {
    #[schema(value_type = words::HaltScopeWord)]
    pub scope: &'static str,
    #[schema(example = "demo")]
    pub key: Option<String>,
    #[schema(value_type = u64, example = 151)]
    pub position: Position,
}

/// A scope's two parts on the wire.
pub fn scope_and_key(scope: &HaltScope) -> (&'static str, Option<String>) {
    match scope {
        HaltScope::Firm => ("firm", None),
        HaltScope::Account(key) => ("account", Some(key.to_string())),
        HaltScope::Strategy(key) => ("strategy", Some(key.to_string())),
        HaltScope::Instrument(key) => ("instrument", Some(key.to_string())),
        HaltScope::Venue(key) => ("venue", Some(key.to_string())),
    }
}

impl From<KillSwitchRow> for KillSwitch {
    fn from(row: KillSwitchRow) -> Self {
        let (scope, key) = scope_and_key(&row.scope);
        Self {
            scope,
            key,
            mode: row.mode,
            cause: row.cause,
            engaged_by: row.engaged_by,
            engaged_at: row.engaged_at,
            position: row.position,
        }
    }
}

impl KillSwitch {
    /// As `recorded`, which holds `engaged`, says.
    pub fn engaged(recorded: &Recorded, engaged: &KillSwitchEngaged) -> Self {
        let (scope, key) = scope_and_key(&engaged.scope);
        Self {
            scope,
            key,
            mode: engaged.mode,
            cause: engaged.cause.clone(),
            engaged_by: recorded.envelope.meta.who.principal.clone(),
            engaged_at: recorded.envelope.meta.occurred_at,
            position: recorded.position(),
        }
    }
}
