//! The folds of this floor that snapshots are kept of, with their versions side by side.
//!
//! A version is raised with every change of what the state holds or of what it makes of an event:
//! `src/app/snapshots/tests.rs` notices most of them.

use crate::domain::ledger::Ledger;
use crate::domain::order::VenueOrders;
use crate::domain::risk::RiskBook;
use crate::events::{Fold, Recorded};
use crate::values::Position;

impl Fold for Ledger {
    const VERSION: u32 = 2;

    fn name(&self) -> String {
        "ledger".to_owned()
    }

    fn empty(&self) -> Self {
        Self::default()
    }

    fn folded_to(&self) -> Position {
        self.folded_to
    }

    fn fold(&mut self, recorded: &Recorded) -> Result<(), String> {
        self.apply(recorded).map_err(|error| error.to_string())
    }
}

impl Fold for RiskBook {
    const VERSION: u32 = 1;

    fn name(&self) -> String {
        "risk".to_owned()
    }

    fn empty(&self) -> Self {
        Self::default()
    }

    fn folded_to(&self) -> Position {
        self.folded_to
    }

    fn fold(&mut self, recorded: &Recorded) -> Result<(), String> {
        self.apply(recorded).map_err(|error| error.to_string())
    }
}

impl Fold for VenueOrders {
    const VERSION: u32 = 1;

    fn name(&self) -> String {
        format!("execution:{}", self.venue())
    }

    fn empty(&self) -> Self {
        Self::new(self.venue().clone())
    }

    fn folded_to(&self) -> Position {
        self.folded_to
    }

    fn fold(&mut self, recorded: &Recorded) -> Result<(), String> {
        self.apply(recorded);
        Ok(())
    }
}
