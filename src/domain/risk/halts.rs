//! Kill switches: what is halted, and whom that concerns.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::Decided;
use crate::events::Event;
use crate::events::catalogue::{HaltMode, HaltScope, KillSwitchEngaged, KillSwitchReleased};
use crate::values::{AccountId, StrategyId, Symbol, VenueId, Version, pairs};

/// The fold of `system-halts`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halts {
    /// Version of the stream, unrecorded commits of ours included.
    pub version: Version,
    #[serde(with = "pairs")]
    pub engaged: BTreeMap<HaltScope, Engaged>,
    /// Engaged switches whose release is on its way to disk.
    releasing: BTreeSet<HaltScope>,
}

/// An engaged switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engaged {
    pub mode: HaltMode,
    /// Stream version of the fact that engaged it.
    pub version: Version,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HaltError {
    #[error("the kill switch for {0} is not engaged")]
    NotEngaged(HaltScope),
}

/// Whom an order belongs to and where it goes.
#[derive(Debug, Clone, Copy)]
pub struct OrderContext<'a> {
    pub account: &'a AccountId,
    pub strategy: Option<&'a StrategyId>,
    pub symbol: &'a Symbol,
    pub venue: &'a VenueId,
}

impl Halts {
    /// Folds a fact that is not on disk yet: engaging acts at once, releasing only once it is
    /// durable and comes back through [`Halts::apply`].
    pub fn apply_ahead(&mut self, version: Version, event: &Event) {
        self.version = version;
        match event {
            Event::KillSwitchEngaged(engaged) => self.engage(version, engaged),
            Event::KillSwitchReleased(released) => {
                self.releasing.insert(released.scope.clone());
            }
            _ => {}
        }
    }

    /// Folds a durable fact. Folding it twice changes nothing.
    pub fn apply(&mut self, version: Version, event: &Event) {
        self.version = self.version.max(version);
        match event {
            Event::KillSwitchEngaged(engaged) => self.engage(version, engaged),
            Event::KillSwitchReleased(released) => self.release(version, &released.scope),
            _ => {}
        }
    }

    fn engage(&mut self, version: Version, engaged: &KillSwitchEngaged) {
        let before = self
            .engaged
            .get(&engaged.scope)
            .map(|engaged| engaged.version);
        if before.is_some_and(|before| before >= version) {
            return;
        }
        // Whatever release is under way is of an earlier engagement.
        self.releasing.remove(&engaged.scope);
        let entry = Engaged {
            mode: engaged.mode,
            version,
        };
        self.engaged.insert(engaged.scope.clone(), entry);
    }

    fn release(&mut self, version: Version, scope: &HaltScope) {
        let engaged_since = self
            .engaged
            .get(scope)
            .is_some_and(|engaged| engaged.version > version);
        if !engaged_since {
            self.engaged.remove(scope);
            self.releasing.remove(scope);
        }
    }

    /// Engaged, and not about to be released.
    fn stays_engaged(&self, scope: &HaltScope) -> bool {
        self.engaged.contains_key(scope) && !self.releasing.contains(scope)
    }

    /// The first engaged switch that stops such an order.
    pub fn stopping(&self, order: OrderContext<'_>) -> Option<&HaltScope> {
        self.engaged.keys().find(|scope| match scope {
            HaltScope::Firm => true,
            HaltScope::Account(key) => key == order.account,
            HaltScope::Strategy(key) => Some(key) == order.strategy,
            HaltScope::Instrument(key) => key == order.symbol,
            HaltScope::Venue(key) => key == order.venue,
        })
    }
}

pub fn engage_kill_switch(halts: &Halts, scope: &HaltScope, cause: &str) -> Decided {
    if halts.stays_engaged(scope) {
        return Decided::AlreadyApplied;
    }
    Decided::one(KillSwitchEngaged {
        scope: scope.clone(),
        mode: HaltMode::Halt,
        cause: cause.to_owned(),
    })
}

pub fn release_kill_switch(
    halts: &Halts,
    scope: &HaltScope,
    cause: &str,
) -> Result<Decided, HaltError> {
    if !halts.stays_engaged(scope) {
        return Err(HaltError::NotEngaged(scope.clone()));
    }
    Ok(Decided::one(KillSwitchReleased {
        scope: scope.clone(),
        cause: cause.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_stops_what_is_in_its_scope_until_released() {
        let account = AccountId::new("a").expect("id");
        let symbol = Symbol::new("AAPL").expect("id");
        let venue = VenueId::new("paper").expect("id");
        let strategy = StrategyId::new("s").expect("id");
        let order = OrderContext {
            account: &account,
            strategy: None,
            symbol: &symbol,
            venue: &venue,
        };
        let mut halts = Halts::default();
        assert_eq!(halts.stopping(order), None);
        let scopes = [
            HaltScope::Firm,
            HaltScope::Account(account.clone()),
            HaltScope::Instrument(symbol.clone()),
            HaltScope::Venue(venue.clone()),
        ];
        for scope in scopes {
            let Decided::Events(events) = engage_kill_switch(&halts, &scope, "test") else {
                panic!("{scope} was not engaged");
            };
            halts.apply(Version::new(1), &events[0]);
            assert_eq!(halts.stopping(order), Some(&scope));
            assert_eq!(
                engage_kill_switch(&halts, &scope, "again"),
                Decided::AlreadyApplied
            );
            let released = release_kill_switch(&halts, &scope, "test").expect("engaged");
            let Decided::Events(events) = released else {
                panic!("not released")
            };
            halts.apply(Version::new(2), &events[0]);
            assert_eq!(halts.stopping(order), None);
            assert!(release_kill_switch(&halts, &scope, "again").is_err());
        }
        let engaged = Engaged {
            mode: HaltMode::Halt,
            version: Version::new(9),
        };
        halts
            .engaged
            .insert(HaltScope::Strategy(strategy.clone()), engaged);
        assert_eq!(halts.stopping(order), None);
        let by_strategy = OrderContext {
            strategy: Some(&strategy),
            ..order
        };
        assert!(halts.stopping(by_strategy).is_some());
    }

    #[test]
    fn engaging_acts_at_once_and_releasing_only_when_durable() {
        let engaged = Event::from(KillSwitchEngaged {
            scope: HaltScope::Firm,
            mode: HaltMode::Halt,
            cause: String::new(),
        });
        let released = Event::from(KillSwitchReleased {
            scope: HaltScope::Firm,
            cause: String::new(),
        });
        let [one, two, three, four, five] = [1, 2, 3, 4, 5].map(Version::new);
        let mut halts = Halts::default();
        halts.apply_ahead(one, &engaged);
        assert!(halts.engaged.contains_key(&HaltScope::Firm));
        halts.apply(one, &engaged);
        halts.apply_ahead(two, &released);
        assert!(
            halts.engaged.contains_key(&HaltScope::Firm),
            "released before it was durable"
        );
        halts.apply(two, &released);
        assert!(halts.engaged.is_empty());
        // Engaged again while a release is still on its way: that is no repetition, and it stays.
        halts.apply_ahead(three, &engaged);
        halts.apply(three, &engaged);
        halts.apply_ahead(four, &released);
        let again = engage_kill_switch(&halts, &HaltScope::Firm, "again");
        assert!(matches!(again, Decided::Events(_)), "swallowed: {again:?}");
        halts.apply_ahead(five, &engaged);
        halts.apply(four, &released);
        assert!(halts.engaged.contains_key(&HaltScope::Firm));
        assert_eq!(
            engage_kill_switch(&halts, &HaltScope::Firm, "once more"),
            Decided::AlreadyApplied
        );
    }
}
