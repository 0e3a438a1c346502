//! Who may come in: users, passwords, sessions, API keys, and the secrets store they live in.
//!
//! Entry point: [`Identity`]. Its methods are spread by subject: [`login`](self) and sessions in
//! `sessions`, keys in `keys`, managing users in `users`, personal data in `forgetting`; `recorder`
//! takes what happened to the event log. Below: `store` is the database, `passwords`, `tokens`,
//! `sealing`, `throttle`, `cache`, `tickets` and `repeats` are one rule each. `docs/identity.md`
//! tells it to people.
//!
//! Invariants: no password, token or secret is kept or recorded, only hashes are kept; a change and
//! the fact that it happened are one transaction; what another process revokes ends within
//! [`cache::FRESH_FOR`], what this one revokes at once.

pub mod cache;
mod denials;
mod error;
mod facts;
mod forgetting;
mod keys;
pub mod passwords;
pub mod permissions;
pub mod principal;
pub mod recorder;
mod repeats;
mod sealing;
mod sessions;
mod standing;
mod store;
pub mod throttle;
pub mod tickets;
pub mod tokens;
mod users;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteConnection;
use tokio::sync::Notify;

pub use error::{AuthError, ManageError};
pub use forgetting::{Reader, UNREADABLE};
pub use keys::{IssuedKey, KeyInfo, NewKey};
pub use permissions::{Permission, Role};
pub use principal::Principal;
pub use recorder::Recording;
pub use sessions::{OpenedSession, SESSION_IDLE, SESSION_LIFE, Session, SessionInfo};
pub use store::SecretsError;
pub use users::UserInfo;

use self::cache::Cache;
use self::denials::{Denial, Denials};
use self::facts::Fact;
use self::keys::{FailedKey, KnownKey};
use self::passwords::Hashing;
use self::repeats::Repeats;
use self::sessions::KnownSession;
use self::store::{SecretsStore, begin, log_mark, outbox};
use self::tickets::Tickets;
use self::tokens::SecretHash;
use crate::events::LogMark;
use crate::events::catalogue::AccessDenied;
use crate::runtime::{Clock, Randomness, new_id};
use crate::values::{CommandId, Timestamp, UserName};

/// Longer than repetitions are counted before they are told.
const AFTER_EVERY_WINDOW: Duration = Duration::from_secs(3_600);

/// The door. Cheap to clone, and may be used from any thread.
#[derive(Clone)]
pub struct Identity {
    inner: Arc<Inner>,
}

struct Inner {
    store: SecretsStore,
    wall: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    hashing: Hashing,
    sessions: Cache<SecretHash, KnownSession>,
    keys: Cache<String, KnownKey>,
    tickets: Tickets,
    denials: Denials,
    failed_keys: Repeats<FailedKey>,
    /// Rung when there is something to record.
    bell: Notify,
}

impl Identity {
    /// Opens the secrets store at `path`, or makes an empty one.
    pub async fn open(
        path: &Path,
        wall: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, AuthError> {
        let store = SecretsStore::open(path, tokens::random(&*randomness)).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                wall,
                randomness,
                hashing: Hashing::default(),
                sessions: Cache::default(),
                keys: Cache::default(),
                tickets: Tickets::default(),
                denials: Denials::default(),
                failed_keys: Repeats::default(),
                bell: Notify::new(),
            }),
        })
    }

    /// Where in the event log the last fact from here stands.
    pub async fn log_mark(&self) -> Result<Option<LogMark>, AuthError> {
        Ok(log_mark::read(self.inner.store.readers()).await?)
    }

    /// A single-use ticket for the stream, good until the time beside it.
    pub fn ticket(&self, principal: &Principal) -> Result<(String, Timestamp), AuthError> {
        let inner = &self.inner;
        inner
            .tickets
            .issue(principal, &*inner.randomness, inner.wall.now())
    }

    /// Who holds `ticket`; it is used up.
    pub fn redeem(&self, ticket: &str) -> Result<Principal, AuthError> {
        self.inner.tickets.redeem(ticket, self.inner.wall.now())
    }

    /// Passwords compared with a hash by this process so far.
    pub fn passwords_checked(&self) -> u64 {
        self.inner.hashing.made()
    }

    /// Notes for the record that `principal` was refused.
    pub async fn denied(&self, principal: &Principal, permission: Permission, place: &str) {
        let denial = Denial {
            principal: principal.clone(),
            permission,
            place: place.to_owned(),
        };
        let now = self.inner.wall.now();
        if let Some((denial, times)) = self.inner.denials.count(denial, now) {
            self.inner.tell_alone(&access_denied(denial, times)).await;
        }
    }
}

impl Inner {
    /// Puts a fact into the outbox, in the transaction of the change that it tells of.
    async fn tell(&self, db: &mut SqliteConnection, fact: &Fact) -> Result<(), SecretsError> {
        let id = new_id(&*self.wall, &*self.randomness);
        let command = CommandId::derived(&["identity", &id.to_string()]);
        let fact = self.seal(db, fact, &command).await?;
        outbox::add(db, &fact, &command, self.wall.now()).await
    }

    /// Puts a fact into the outbox that tells of no change. The refusal that it tells of stands
    /// whether or not this succeeds.
    async fn tell_alone(&self, fact: &Fact) {
        let told: Result<(), SecretsError> = async {
            let mut writer = self.store.writer().await;
            let mut transaction = begin(&mut writer).await?;
            self.tell(&mut transaction, fact).await?;
            Ok(transaction.commit().await?)
        }
        .await;
        match told {
            Ok(()) => self.bell.notify_one(),
            Err(error) => {
                let fact = fact.event.name();
                tracing::error!(%error, fact, "a refusal could not be noted for the record");
            }
        }
    }

    /// Tells of repetitions that were only counted, once their window has ended; at the end of all.
    async fn tell_overdue(&self, at_the_end: bool) {
        let now = match at_the_end {
            true => self.wall.now().plus(AFTER_EVERY_WINDOW),
            false => self.wall.now(),
        };
        for (denial, times) in self.denials.overdue(now) {
            self.tell_alone(&access_denied(denial, times)).await;
        }
        for (failed, times) in self.failed_keys.overdue(now) {
            self.tell_alone(&failed.fact(times)).await;
        }
    }

    /// A change has been made: what was read before is not believed any more.
    fn changed(&self) {
        self.sessions.forget_all();
        self.keys.forget_all();
        self.bell.notify_one();
    }
}

fn access_denied(denial: Denial, times: u64) -> Fact {
    let denied = AccessDenied {
        principal: denial.principal.id.clone(),
        permission: denial.permission.name().to_owned(),
        place: denial.place,
        times,
    };
    let who = denial.principal.who();
    match UserName::new(&denial.principal.user) {
        Ok(user) => Fact::of(&user, &who, denied),
        // Made by other means than this floor's.
        Err(_) => Fact {
            stream: crate::values::StreamName::unknown_user(),
            event: denied.into(),
            who,
        },
    }
}
