//! How long to wait after failed logins. Pure: what is counted lives in the secrets store.
//!
//! A counter forgets one failure every [`FORGET_ONE_AFTER`]. Up to a free number there is no wait,
//! then it doubles from [`WAIT_FIRST`] to [`WAIT_MAX`]. Nobody is ever locked out for good, and a
//! user is not kept out by others: who came in from an address before has a counter of their own
//! there.

use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::values::{Timestamp, UserName};

/// Failures of one user without a wait.
pub const FREE_PER_USER: u32 = 5;
/// Failures from one address without a wait; many people may share it.
pub const FREE_PER_ADDRESS: u32 = 20;
pub const WAIT_FIRST: Duration = Duration::from_secs(1);
pub const WAIT_MAX: Duration = Duration::from_secs(15 * 60);
pub const FORGET_ONE_AFTER: Duration = Duration::from_secs(15 * 60);
/// Failures counted at most: enough for the longest wait, little enough to be forgotten.
const COUNTED_MAX: u32 = FREE_PER_ADDRESS + 12;
/// Counters shared by all names that nobody has.
const UNKNOWN_COUNTERS: u16 = 1 << 14;

/// What failures are counted under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub name: String,
    free: u32,
}

/// A counter as it was left by the last failure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counter {
    pub failures: u32,
    pub last_at: Timestamp,
}

impl Key {
    /// Of a user, or of a user at an address where they came in before.
    pub fn user(user: &UserName, known_at: Option<IpAddr>) -> Self {
        let name = match known_at {
            Some(peer) => format!("user:{user}@{}", network(peer)),
            None => format!("user:{user}"),
        };
        let free = FREE_PER_USER;
        Self { name, free }
    }

    /// Of a name that nobody has. It is treated as one that somebody has, but is not kept: it may
    /// be a password. `salt` is the store's own.
    pub fn unknown(typed: &str, salt: &[u8]) -> Self {
        let mut hashed = Sha256::new();
        hashed.update(salt);
        hashed.update(typed.as_bytes());
        let hashed: [u8; 32] = hashed.finalize().into();
        let counter = u16::from_be_bytes([hashed[0], hashed[1]]) % UNKNOWN_COUNTERS;
        Self {
            name: format!("unknown:{counter}"),
            free: FREE_PER_USER,
        }
    }

    pub fn address(peer: IpAddr) -> Self {
        Self {
            name: format!("address:{}", network(peer)),
            free: FREE_PER_ADDRESS,
        }
    }

    /// How long to wait from `now` on; `None`: not at all.
    pub fn wait(&self, counter: Counter, now: Timestamp) -> Option<Duration> {
        let over = counter.failures.checked_sub(self.free)?.checked_sub(1)?;
        let wait = WAIT_FIRST.saturating_mul(1 << over.min(20)).min(WAIT_MAX);
        let left = counter.last_at.plus(wait).micros_since(now);
        // A clock that was set back makes nobody wait longer than the longest wait.
        let left = Duration::from_micros(u64::try_from(left).ok()?).min(WAIT_MAX);
        (!left.is_zero()).then_some(left)
    }
}

impl Counter {
    /// After one more failure.
    pub fn failed(self, now: Timestamp) -> Self {
        Self {
            failures: (self.remembered(now) + 1).min(COUNTED_MAX),
            last_at: now,
        }
    }

    /// Failures not forgotten yet.
    pub fn remembered(self, now: Timestamp) -> u32 {
        let elapsed = now.micros_since(self.last_at).max(0).unsigned_abs();
        let forgotten = elapsed / FORGET_ONE_AFTER.as_micros() as u64;
        let forgotten = u32::try_from(forgotten).unwrap_or(u32::MAX);
        self.failures.saturating_sub(forgotten)
    }
}

/// One subscriber: an IPv4 address, or the 64 bits of an IPv6 address that tell networks apart.
fn network(peer: IpAddr) -> String {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        let start = Timestamp::from_micros(1_700_000_000_000_000).expect("a time");
        start.plus(Duration::from_secs(seconds))
    }

    fn key() -> Key {
        Key::user(&UserName::new("alice").expect("a name"), None)
    }

    fn after(failures: u32) -> Counter {
        (0..failures).fold(Counter::default(), |counter, _| counter.failed(at(0)))
    }

    #[test]
    fn five_are_free_then_the_wait_doubles_to_a_quarter_of_an_hour() {
        let seconds = |failures| {
            key()
                .wait(after(failures), at(0))
                .map(|wait| wait.as_secs())
        };
        let waits: Vec<_> = (0..=17).map(seconds).collect();
        let expected = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900].map(Some);
        assert_eq!(waits, [vec![None; 6], expected.to_vec()].concat());
        assert_eq!(seconds(10_000), Some(900), "and never longer");
    }

    #[test]
    fn a_wait_ends_and_failures_are_forgotten_one_by_one() {
        let counter = after(8);
        assert_eq!(key().wait(counter, at(3)), Some(Duration::from_secs(1)));
        assert_eq!(key().wait(counter, at(4)), None);
        let quarter = FORGET_ONE_AFTER.as_secs();
        assert_eq!(counter.remembered(at(quarter - 1)), 8);
        assert_eq!(counter.remembered(at(3 * quarter)), 5);
        let again = counter.failed(at(3 * quarter));
        assert_eq!(again.failures, 6);
        assert_eq!(again.remembered(at(9 * quarter)), 0);
    }

    #[test]
    fn a_clock_set_back_keeps_nobody_out() {
        let ahead = Counter {
            failures: COUNTED_MAX,
            last_at: at(1_000_000),
        };
        assert_eq!(key().wait(ahead, at(0)), Some(WAIT_MAX));
        assert_eq!(ahead.failed(at(0)).last_at, at(0));
    }

    #[test]
    fn an_address_has_more_attempts_than_a_user() {
        let peer = "192.0.2.7".parse().expect("an address");
        let address = Key::address(peer);
        assert_eq!(address.wait(after(FREE_PER_ADDRESS), at(0)), None);
        let first = address.wait(after(FREE_PER_ADDRESS + 1), at(0));
        assert_eq!(first, Some(WAIT_FIRST));
        assert_eq!(
            address.wait(after(u32::from(u8::MAX)), at(0)),
            Some(WAIT_MAX)
        );
    }

    #[test]
    fn one_network_is_one_subscriber() {
        let key = |text: &str| Key::address(text.parse().expect("an address")).name;
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.7"), key("192.0.2.7"));
    }

    #[test]
    fn what_was_typed_cannot_be_told_from_its_counter() {
        let one = Key::unknown("hunter2hunter2", b"salt");
        assert!(!one.name.contains("hunter2"));
        assert_ne!(one, Key::unknown("hunter2hunter2", b"pepper"));
        let number = one.name.strip_prefix("unknown:").expect("a number");
        assert!(number.parse::<u16>().expect("a number") < UNKNOWN_COUNTERS);
    }
}
