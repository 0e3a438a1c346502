//! Facts of one instrument (`instrument-{symbol}`), written by instruments.

use serde::{Deserialize, Serialize};

use crate::values::Instrument;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstrumentListed {
    pub instrument: Instrument,
}
