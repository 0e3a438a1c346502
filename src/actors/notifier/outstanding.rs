//! What people are still to be told, folded from the log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rules::alert_for;
use crate::events::catalogue::Severity;
use crate::events::{Event, Fold, Recorded};
use crate::values::{EventId, IdError, Position, StreamName};

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Outstanding {
    pub(super) folded_to: Position,
    /// By the position of the event to tell about, oldest first.
    pub(super) alerts: BTreeMap<Position, Alert>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Alert {
    pub about: EventId,
    pub correlation_id: uuid::Uuid,
    pub severity: Severity,
    pub summary: String,
    pub raised: bool,
}

impl Outstanding {
    pub(super) fn apply(&mut self, recorded: &Recorded) {
        let envelope = &recorded.envelope;
        self.folded_to = envelope.position;
        match &envelope.event {
            Event::AlertRaised(raised) => {
                if let Some(alert) = self.alerts.get_mut(&raised.about_position) {
                    alert.raised = true;
                }
            }
            Event::AlertDelivered(_) => {
                let stream = &envelope.stream;
                self.alerts
                    .retain(|_, alert| alert.stream().as_ref() != Ok(stream));
            }
            event => {
                let Some((severity, summary)) = alert_for(event) else {
                    return;
                };
                let alert = Alert {
                    about: envelope.event_id,
                    correlation_id: envelope.meta.correlation_id,
                    severity,
                    summary,
                    raised: false,
                };
                self.alerts.insert(envelope.position, alert);
            }
        }
    }
}

impl Alert {
    pub fn stream(&self) -> Result<StreamName, IdError> {
        StreamName::new(&format!("alert-{}", self.about))
    }
}

impl Fold for Outstanding {
    const VERSION: u32 = 1;

    fn name(&self) -> String {
        "notifier".to_owned()
    }

    fn empty(&self) -> Self {
        Self::default()
    }

    fn folded_to(&self) -> Position {
        self.folded_to
    }

    fn fold(&mut self, recorded: &Recorded) -> Result<(), String> {
        self.apply(recorded);
        Ok(())
    }
}
