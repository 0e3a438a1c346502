//! Tickets for the stream: a browser cannot put a header on a WebSocket, so it sends a ticket.
//!
//! In memory only: a ticket lives for [`GOOD_FOR`] and is used up by its first use. Bounded for
//! each user and altogether.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::tokens::{self, SecretHash};
use super::{AuthError, Principal};
use crate::runtime::Randomness;
use crate::values::Timestamp;

pub const GOOD_FOR: Duration = Duration::from_secs(30);
/// Most unused tickets of one user.
pub const PER_USER_MAX: usize = 64;
/// Most unused tickets altogether.
pub const TICKETS_MAX: usize = 4_096;

#[derive(Default)]
pub struct Tickets {
    issued: Mutex<HashMap<SecretHash, Ticket>>,
}

struct Ticket {
    principal: Principal,
    expires_at: Timestamp,
}

impl Tickets {
    pub fn issue(
        &self,
        principal: &Principal,
        randomness: &dyn Randomness,
        now: Timestamp,
    ) -> Result<(String, Timestamp), AuthError> {
        let mut issued = self.issued();
        issued.retain(|_, ticket| ticket.expires_at > now);
        let own = issued
            .values()
            .filter(|ticket| ticket.principal.user == principal.user)
            .count();
        if own >= PER_USER_MAX || issued.len() >= TICKETS_MAX {
            return Err(AuthError::Throttled {
                retry_after: GOOD_FOR,
            });
        }
        let token = tokens::token(randomness);
        let expires_at = now.plus(GOOD_FOR);
        let ticket = Ticket {
            principal: principal.clone(),
            expires_at,
        };
        issued.insert(tokens::hash(&token), ticket);
        Ok((token, expires_at))
    }

    pub fn redeem(&self, token: &str, now: Timestamp) -> Result<Principal, AuthError> {
        let ticket = self.issued().remove(&tokens::hash(token));
        let good = ticket.filter(|ticket| ticket.expires_at > now);
        good.map(|ticket| ticket.principal)
            .ok_or(AuthError::BadCredentials)
    }

    /// Those of one user are good for nothing any more.
    pub fn forget_user(&self, user: &str) {
        self.issued()
            .retain(|_, ticket| ticket.principal.user != user);
    }

    fn issued(&self) -> MutexGuard<'_, HashMap<SecretHash, Ticket>> {
        // Tickets are put in and taken out in one step.
        self.issued.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
