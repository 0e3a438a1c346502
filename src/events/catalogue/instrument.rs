//! Facts of one instrument (`instrument-{symbol}`), written by instruments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::values::Instrument;

/// An instrument can be traded, on these terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstrumentListed {
    pub instrument: Instrument,
}
