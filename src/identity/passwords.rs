//! Passwords: which are taken, and how they are hashed.
//!
//! Argon2id with the parameters OWASP recommends. A hash takes 19 MiB and tens of milliseconds, so
//! only [`AT_ONCE_MAX`] are made at a time, on threads that may block, and only [`WAITING_MAX`]
//! callers wait for their turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::AuthError;
use crate::values::UserName;

pub const PASSWORD_CHARS_MIN: usize = 8;
pub const PASSWORD_CHARS_MAX: usize = 128;
/// Hashes made at the same time.
pub const AT_ONCE_MAX: usize = 2;
/// Callers that wait for their turn; more are told to come back.
pub const WAITING_MAX: usize = 32;

/// OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Compared with when there is no such user, so that a refusal takes as long. Made with the
/// parameters above from a password that nobody knows.
pub(super) const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGNhbGxlZA$\
                            AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Those of the passwords found most often in leaks that are long enough to be asked about.
const COMMON: &str = include_str!("common_passwords.txt");

/// Why a password is not taken. It never repeats the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error(
        "the password is too short; allowed: {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"
    )]
    TooShort,
    #[error(
        "the password is too long; allowed: {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"
    )]
    TooLong,
    #[error(
        "the password is one of the most common ones; take another, any characters are allowed"
    )]
    Common,
    #[error(
        "the password is little more than the user's name; take another, any characters are allowed"
    )]
    UserName,
}

/// Length, the most common ones and the user's name; no rules about which characters.
pub fn check(password: &str, user: &UserName) -> Result<(), PasswordError> {
    let chars = password.chars().count();
    if chars < PASSWORD_CHARS_MIN {
        return Err(PasswordError::TooShort);
    }
    if chars > PASSWORD_CHARS_MAX {
        return Err(PasswordError::TooLong);
    }
    let lower = password.to_lowercase();
    if COMMON.split_whitespace().any(|common| common == lower) {
        return Err(PasswordError::Common);
    }
    // A name of a letter or two says nothing about a password that holds it.
    let name = user.as_str();
    let rest = lower.replace(name, "").chars().count();
    match lower == name || (name.len() > 2 && rest < PASSWORD_CHARS_MIN) && lower.contains(name) {
        true => Err(PasswordError::UserName),
        false => Ok(()),
    }
}

/// Hashes in turn. Cheap to clone.
#[derive(Clone)]
pub struct Hashing {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
    made: Arc<AtomicU64>,
}

/// Permission to hash; held until the hash is made, also when nobody waits for it any more.
pub struct Turn {
    _permit: OwnedSemaphorePermit,
    made: Arc<AtomicU64>,
}

impl Default for Hashing {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE_MAX)),
            places: Arc::new(Semaphore::new(WAITING_MAX)),
            made: Arc::default(),
        }
    }
}

impl Hashing {
    /// Waits for a turn, unless too many wait already.
    pub async fn turn(&self) -> Result<Turn, AuthError> {
        let place = self.places.try_acquire();
        let _place = place.map_err(|_| AuthError::Throttled {
            retry_after: std::time::Duration::from_secs(1),
        })?;
        let turn = self.turns.clone().acquire_owned().await;
        let made = self.made.clone();
        turn.map(|_permit| Turn { _permit, made })
            .map_err(|_| unavailable("no more passwords are checked"))
    }

    /// Passwords compared with a hash so far.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }
}

impl Turn {
    /// Whether `password` is the one that `kept` was made from; without one it takes as long and
    /// is not. Gives the turn back to whoever still has to write the outcome down.
    pub async fn verify(
        self,
        password: &str,
        kept: Option<String>,
    ) -> Result<(bool, Turn), AuthError> {
        let password = password.to_owned();
        let made = self.made.clone();
        self.work(move || {
            let hash = kept.as_deref().unwrap_or(NOBODYS_HASH);
            let matches = argon2()?.verify_password(password.as_bytes(), hash).is_ok();
            made.fetch_add(1, Ordering::Relaxed);
            Ok(matches && kept.is_some())
        })
        .await
    }

    /// What is kept of a password.
    pub async fn hash(self, password: &str, salt: [u8; 32]) -> Result<String, AuthError> {
        let password = password.to_owned();
        let hashed = self.work(move || {
            let hashed = argon2()?.hash_password_with_salt(password.as_bytes(), &salt[..16]);
            let hashed = hashed.map_err(|error| unavailable(&error.to_string()))?;
            Ok(hashed.to_string())
        });
        Ok(hashed.await?.0)
    }

    async fn work<T: Send + 'static>(
        self,
        job: impl FnOnce() -> Result<T, AuthError> + Send + 'static,
    ) -> Result<(T, Turn), AuthError> {
        let done = tokio::task::spawn_blocking(move || (job(), self)).await;
        let (result, turn) = done.map_err(|error| unavailable(&error.to_string()))?;
        Ok((result?, turn))
    }
}

fn argon2() -> Result<Argon2<'static>, AuthError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None);
    let params = params.map_err(|error| unavailable(&error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn unavailable(reason: &str) -> AuthError {
    AuthError::Unavailable(format!("passwords cannot be checked: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> UserName {
        UserName::new("alice").expect("a name")
    }

    #[test]
    fn length_common_ones_and_the_name_are_all_that_is_asked() {
        let taken = [
            "correct horse",
            "        ",
            "aaaabbbb",
            "ÄÖÜäöüßé",
            "alice-in-wonderland",
        ];
        for password in taken {
            assert_eq!(check(password, &alice()), Ok(()), "{password}");
        }
        assert_eq!(check("passwor", &alice()), Err(PasswordError::TooShort));
        assert_eq!(check("PassWord1", &alice()), Err(PasswordError::Common));
        for named in ["alice123", "Alicealice", "1alice1!", "aliceALICEalice"] {
            assert_eq!(
                check(named, &alice()),
                Err(PasswordError::UserName),
                "{named}"
            );
        }
        // Counted in characters, not bytes.
        assert_eq!(check(&"é".repeat(PASSWORD_CHARS_MAX), &alice()), Ok(()));
        let longer = "é".repeat(PASSWORD_CHARS_MAX + 1);
        assert_eq!(check(&longer, &alice()), Err(PasswordError::TooLong));
        let short = UserName::new("a").expect("a name");
        assert_eq!(check("banana-salad", &short), Ok(()));
    }

    #[test]
    fn the_common_ones_are_such_as_would_be_taken_otherwise() {
        for common in COMMON.split_whitespace() {
            assert!(common.chars().count() >= PASSWORD_CHARS_MIN, "{common}");
            assert_eq!(common, common.to_lowercase());
        }
    }

    #[test]
    fn nobodys_hash_takes_the_work_of_a_real_one() {
        use argon2::password_hash::phc::PasswordHash;
        let nobodys = PasswordHash::new(NOBODYS_HASH).expect("a hash");
        let made = argon2()
            .expect("parameters")
            .hash_password_with_salt(b"some password", b"0123456789abcdef")
            .expect("a hash");
        assert_eq!(nobodys.algorithm, made.algorithm);
        assert_eq!(nobodys.version, made.version);
        assert_eq!(nobodys.params.to_string(), made.params.to_string());
        let length = |hash: &PasswordHash| hash.hash.map(|output| output.len());
        assert_eq!(length(&nobodys), length(&made));
        assert_eq!(
            nobodys.salt.map(|salt| salt.len()),
            made.salt.map(|salt| salt.len())
        );
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other() {
        let hashing = Hashing::default();
        let turn = hashing.turn().await.expect("a turn");
        let kept = turn.hash("correct horse", [7; 32]).await.expect("a hash");
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{kept}"
        );
        for (password, kept, expected) in [
            ("correct horse", Some(kept.clone()), true),
            ("correct horsf", Some(kept), false),
            ("correct horse", None, false),
        ] {
            let turn = hashing.turn().await.expect("a turn");
            let (right, _) = turn.verify(password, kept).await.expect("checked");
            assert_eq!(right, expected);
        }
    }

    #[tokio::test]
    async fn only_so_many_wait_for_their_turn() {
        let hashing = Hashing::default();
        let mut held = Vec::new();
        for _ in 0..AT_ONCE_MAX {
            held.push(hashing.turn().await.expect("a turn"));
        }
        let mut waiting: Vec<_> = (0..WAITING_MAX).map(|_| Box::pin(hashing.turn())).collect();
        for turn in &mut waiting {
            assert!(futures_util::poll!(turn).is_pending());
        }
        assert!(matches!(
            hashing.turn().await,
            Err(AuthError::Throttled { .. })
        ));
        held.clear();
        assert!(waiting.remove(0).await.is_ok());
    }
}
