//! Refusals of those who had been let in, as they are told of: see [`Repeats`]. A principal who is
//! refused at ever new places is told of with the place `various`.

use super::facts::VARIOUS;
use super::repeats::Repeats;
use super::{Permission, Principal};
use crate::values::Timestamp;

/// Places of one principal told apart within a window.
pub const PLACES_MAX: usize = 16;
/// Longest place in characters.
const PLACE_CHARS_MAX: usize = 200;

#[derive(Default)]
pub struct Denials {
    repeats: Repeats<Denial>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Denial {
    pub principal: Principal,
    pub permission: Permission,
    pub place: String,
}

impl Denials {
    /// Counts a refusal; `Some`: it is to be told now, so many times.
    pub fn count(&self, mut denial: Denial, now: Timestamp) -> Option<(Denial, u64)> {
        denial.place = denial.place.chars().take(PLACE_CHARS_MAX).collect();
        let own = |other: &Denial| other.principal.id == denial.principal.id;
        let (places, is_known) = self.repeats.known(&denial, own);
        if places >= PLACES_MAX && !is_known {
            denial.place = VARIOUS.to_owned();
        }
        let times = self.repeats.count(denial.clone(), now)?;
        Some((denial, times))
    }

    /// What was counted in windows that have ended.
    pub fn overdue(&self, now: Timestamp) -> Vec<(Denial, u64)> {
        self.repeats.overdue(now)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;

    #[test]
    fn ever_new_places_become_one_and_none_is_lost() {
        let denials = Denials::default();
        let denial = |place: String| Denial {
            principal: Principal {
                id: "user:bob".to_owned(),
                user: "bob".to_owned(),
                roles: BTreeSet::new(),
                permissions: BTreeSet::new(),
            },
            permission: Permission::AuditRead,
            place,
        };
        let now = Timestamp::default();
        let told: Vec<_> = (0..100)
            .filter_map(|n| denials.count(denial(format!("orders/{n}")), now))
            .collect();
        assert_eq!(told.len(), PLACES_MAX + 1);
        assert_eq!(told.last(), Some(&(denial(VARIOUS.to_owned()), 1)));
        let later = now.plus(Duration::from_secs(60));
        let counted: u64 = denials.overdue(later).iter().map(|(_, times)| times).sum();
        assert_eq!(counted + told.len() as u64, 100);
    }
}
