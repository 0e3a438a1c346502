//! Which events become alerts, how severe, and in which words.

use crate::events::Event;
use crate::events::catalogue::Severity;

/// Severity and summary, or `None` for an event that nobody has to be told about.
pub fn alert_for(event: &Event) -> Option<(Severity, String)> {
    match event {
        Event::OrderRefused(refused) => {
            let failed = refused
                .checks
                .iter()
                .find(|check| check.code == refused.code);
            let unknown = || "unknown".to_owned();
            let limit = failed
                .and_then(|check| check.limit.clone())
                .unwrap_or_else(unknown);
            let observed = failed
                .and_then(|check| check.observed.clone())
                .unwrap_or_else(unknown);
            let code = serde_json::to_string(&refused.code).unwrap_or_default();
            let summary = format!(
                "order {} refused by {code}: limit {limit}, observed {observed}",
                refused.order_id
            );
            Some((Severity::Warning, summary))
        }
        Event::OrderRejected(rejected) => {
            let summary = format!("order {} rejected: {}", rejected.order_id, rejected.reason);
            Some((Severity::Warning, summary))
        }
        Event::OrderInDoubt(doubt) => {
            let summary = format!("order {} is in doubt: {}", doubt.order_id, doubt.reason);
            Some((Severity::Error, summary))
        }
        Event::KillSwitchEngaged(engaged) => {
            let summary = format!(
                "kill switch engaged for {}: {}",
                engaged.scope, engaged.cause
            );
            Some((Severity::Critical, summary))
        }
        Event::KillSwitchReleased(released) => {
            let summary = format!(
                "kill switch released for {}: {}",
                released.scope, released.cause
            );
            Some((Severity::Info, summary))
        }
        Event::ActorRestarted(restarted) => {
            let summary = format!("actor {} was rebuilt: {}", restarted.actor, restarted.cause);
            Some((Severity::Error, summary))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::catalogue::{
        ActorRestarted, HaltMode, HaltScope, KillSwitchEngaged, NodeStopped,
    };
    use crate::values::NodeId;

    #[test]
    fn what_people_must_know_becomes_an_alert_and_routine_does_not() {
        let engaged = Event::from(KillSwitchEngaged {
            scope: HaltScope::Firm,
            mode: HaltMode::Halt,
            cause: "fat finger".to_owned(),
        });
        let (severity, summary) = alert_for(&engaged).expect("an alert");
        assert_eq!(severity, Severity::Critical);
        assert!(
            summary.contains("firm") && summary.contains("fat finger"),
            "{summary}"
        );
        let restarted = Event::from(ActorRestarted {
            actor: "risk".to_owned(),
            cause: "it panicked".to_owned(),
            restarts_in_window: 1,
        });
        assert_eq!(alert_for(&restarted).expect("an alert").0, Severity::Error);
        let stopped = Event::from(NodeStopped {
            node: NodeId::new("n").expect("id"),
            reason: String::new(),
        });
        assert_eq!(alert_for(&stopped), None);
    }
}
