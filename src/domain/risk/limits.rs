//! Limits in force: of the firm and of accounts, the tighter one binding.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::Decided;
use crate::events::catalogue::{LimitScope, RiskLimits, RiskLimitsChanged};
use crate::values::{AccountId, Version};

/// The fold of all `limits-…` streams.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LimitBook {
    firm: Scoped,
    accounts: BTreeMap<AccountId, Scoped>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Scoped {
    version: Version,
    limits: Option<RiskLimits>,
}

impl LimitBook {
    pub fn apply(&mut self, version: Version, changed: &RiskLimitsChanged) {
        let scoped = Scoped {
            version,
            limits: Some(changed.after.clone()),
        };
        match &changed.scope {
            LimitScope::Firm => self.firm = scoped,
            LimitScope::Account(account) => {
                self.accounts.insert(account.clone(), scoped);
            }
        }
    }

    fn scoped(&self, scope: &LimitScope) -> Option<&Scoped> {
        match scope {
            LimitScope::Firm => Some(&self.firm),
            LimitScope::Account(account) => self.accounts.get(account),
        }
    }

    pub fn version(&self, scope: &LimitScope) -> Version {
        self.scoped(scope)
            .map(|scoped| scoped.version)
            .unwrap_or_default()
    }

    pub fn limits(&self, scope: &LimitScope) -> Option<&RiskLimits> {
        self.scoped(scope)?.limits.as_ref()
    }

    /// What binds an account: of each limit the tightest that anybody set.
    pub fn effective(&self, account: &AccountId) -> RiskLimits {
        let own = self.limits(&LimitScope::Account(account.clone()));
        let sets: Vec<&RiskLimits> = self.firm.limits.iter().chain(own).collect();
        RiskLimits {
            max_order_notional: sets.iter().filter_map(|l| l.max_order_notional).min(),
            max_position: sets.iter().filter_map(|l| l.max_position).min(),
            price_collar: sets.iter().filter_map(|l| l.price_collar).min(),
            reference_age_seconds_max: sets
                .iter()
                .filter_map(|l| l.reference_age_seconds_max)
                .min(),
        }
    }
}

/// Replaces the limits of `scope`; the same ones again change nothing.
pub fn change_limits(
    book: &LimitBook,
    scope: &LimitScope,
    after: &RiskLimits,
    reason: &str,
) -> Decided {
    let before = book.limits(scope);
    if before == Some(after) {
        return Decided::AlreadyApplied;
    }
    Decided::one(RiskLimitsChanged {
        scope: scope.clone(),
        before: before.cloned(),
        after: after.clone(),
        reason: reason.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(notional: &str) -> RiskLimits {
        RiskLimits {
            max_order_notional: notional.parse().ok(),
            ..RiskLimits::default()
        }
    }

    fn changed(scope: LimitScope, after: RiskLimits) -> RiskLimitsChanged {
        RiskLimitsChanged {
            scope,
            before: None,
            after,
            reason: String::new(),
        }
    }

    #[test]
    fn the_tightest_limit_binds_and_nobody_elses() {
        let account = AccountId::new("a").expect("id");
        let other = AccountId::new("b").expect("id");
        let mut book = LimitBook::default();
        assert_eq!(book.effective(&account), RiskLimits::default());
        book.apply(Version::new(1), &changed(LimitScope::Firm, limits("100")));
        book.apply(
            Version::new(1),
            &changed(LimitScope::Account(account.clone()), limits("50")),
        );
        assert_eq!(book.effective(&account), limits("50"));
        assert_eq!(book.effective(&other), limits("100"));
        book.apply(Version::new(2), &changed(LimitScope::Firm, limits("10")));
        assert_eq!(book.effective(&account), limits("10"));
    }

    #[test]
    fn the_same_limits_again_are_no_change() {
        let mut book = LimitBook::default();
        book.apply(Version::new(1), &changed(LimitScope::Firm, limits("1")));
        assert_eq!(
            change_limits(&book, &LimitScope::Firm, &limits("1"), "x"),
            Decided::AlreadyApplied
        );
        assert!(matches!(
            change_limits(&book, &LimitScope::Firm, &limits("2"), "x"),
            Decided::Events(events) if events.len() == 1
        ));
    }
}
