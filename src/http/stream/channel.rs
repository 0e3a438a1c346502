//! What can be subscribed to: which events, under which permission.

use serde::{Deserialize, Serialize};

use crate::events::Event;
use crate::identity::Permission;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Orders,
    Executions,
    Accounts,
    Prices,
    Signals,
    KillSwitches,
    Ops,
    Audit,
}

impl Channel {
    pub const ALL: [Channel; 8] = [
        Channel::Orders,
        Channel::Executions,
        Channel::Accounts,
        Channel::Prices,
        Channel::Signals,
        Channel::KillSwitches,
        Channel::Ops,
        Channel::Audit,
    ];

    /// On the wire.
    pub fn name(self) -> &'static str {
        match self {
            Channel::Orders => "orders",
            Channel::Executions => "executions",
            Channel::Accounts => "accounts",
            Channel::Prices => "prices",
            Channel::Signals => "signals",
            Channel::KillSwitches => "kill_switches",
            Channel::Ops => "ops",
            Channel::Audit => "audit",
        }
    }

    pub fn permission(self) -> Permission {
        match self {
            Channel::Orders => Permission::OrdersRead,
            Channel::Executions | Channel::Accounts => Permission::AccountsRead,
            Channel::Prices => Permission::MarketRead,
            Channel::Signals => Permission::StrategiesRead,
            Channel::KillSwitches => Permission::KillSwitchesRead,
            Channel::Ops => Permission::OpsRead,
            Channel::Audit => Permission::AuditRead,
        }
    }

    /// Whether it has rows to begin with; the audit trail is nothing but its events.
    pub fn has_snapshot(self) -> bool {
        self != Channel::Audit
    }

    pub fn carries(self, event: &Event) -> bool {
        self == Channel::Audit || homes(event).contains(&self)
    }
}

/// The channels of an event besides the audit trail. Without a wildcard, so that whoever adds an
/// event decides who hears of it.
fn homes(event: &Event) -> &'static [Channel] {
    match event {
        Event::OrderSubmitted(_)
        | Event::OrderApproved(_)
        | Event::OrderRefused(_)
        | Event::CancelRequested(_)
        | Event::ReservationReleased(_)
        | Event::OrderRouted(_)
        | Event::OrderAcknowledged(_)
        | Event::OrderRejected(_)
        | Event::OrderExecuted(_)
        | Event::CancelPending(_)
        | Event::OrderCanceled(_)
        | Event::CancelRejected(_)
        | Event::OrderExpired(_)
        | Event::OrderInDoubt(_)
        | Event::OrderReconciled(_) => &[Channel::Orders],
        Event::FillBooked(_) => &[Channel::Orders, Channel::Executions, Channel::Accounts],
        Event::AccountOpened(_) | Event::CashDeposited(_) | Event::RiskLimitsChanged(_) => {
            &[Channel::Accounts]
        }
        Event::PriceMarked(_) | Event::InstrumentListed(_) => &[Channel::Prices],
        Event::SignalGenerated(_)
        | Event::StrategyRegistered(_)
        | Event::StrategyApproved(_)
        | Event::StrategyStarted(_) => &[Channel::Signals],
        Event::KillSwitchEngaged(_) | Event::KillSwitchReleased(_) => &[Channel::KillSwitches],
        Event::NodeStarted(_)
        | Event::NodeStopped(_)
        | Event::ActorRestarted(_)
        | Event::AlertRaised(_)
        | Event::AlertDelivered(_) => &[Channel::Ops],
        Event::UserRegistered(_)
        | Event::RoleGranted(_)
        | Event::RoleRevoked(_)
        | Event::UserDisabled(_)
        | Event::PasswordChanged(_)
        | Event::LoginSucceeded(_)
        | Event::LoginFailed(_)
        | Event::AccessDenied(_)
        | Event::ApiKeyIssued(_)
        | Event::ApiKeyRevoked(_)
        | Event::SessionRevoked(_)
        | Event::UserForgotten(_) => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::catalogue::ActorRestarted;

    #[test]
    fn a_channel_is_named_alike_everywhere() {
        for channel in Channel::ALL {
            let wire = serde_json::to_value(channel).expect("a word");
            assert_eq!(wire, channel.name());
            let page = include_str!("../../../docs/stream.md");
            assert!(page.contains(&format!("| `{}` |", channel.name())));
            assert!(page.contains(channel.permission().name()));
        }
    }

    #[test]
    fn an_event_stands_on_its_channel_and_on_the_audit_trail() {
        let restarted = Event::from(ActorRestarted {
            actor: "risk".to_owned(),
            cause: "a test".to_owned(),
            restarts_in_window: 1,
        });
        let carrying = Channel::ALL
            .into_iter()
            .filter(|channel| channel.carries(&restarted));
        assert_eq!(carrying.collect::<Vec<_>>(), [Channel::Ops, Channel::Audit]);
    }
}
