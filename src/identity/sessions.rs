//! Coming in with a password, and what that opens: sessions.
//!
//! Invariants: every login opens a session with a new token; a token ends after [`SESSION_IDLE`]
//! without use and [`SESSION_LIFE`] altogether; a refusal takes as long for an unknown user as for
//! a known one, and says no more.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::sqlite::SqliteConnection;

use super::facts::Fact;
use super::store::sessions::SessionRow;
use super::store::users::UserRow;
use super::store::{begin, sessions, throttling, users};
use super::throttle::{FORGET_ONE_AFTER, Key};
use super::tokens::{self, SecretHash};
use super::{AuthError, Identity, ManageError, Principal, Role};
use crate::events::Who;
use crate::events::catalogue::{LoginFailed, LoginSucceeded, SessionRevoked};
use crate::runtime::new_id;
use crate::values::{Timestamp, UserName};

/// Longest pause of a session.
pub const SESSION_IDLE: Duration = Duration::from_secs(30 * 60);
/// Longest life of a session.
pub const SESSION_LIFE: Duration = Duration::from_secs(12 * 60 * 60);
/// Most sessions of one user; the oldest gives way.
pub const SESSIONS_PER_USER_MAX: usize = 32;
/// How exactly activity is kept; a pause may seem longer by as much.
pub const SEEN_EVERY: Duration = Duration::from_secs(60);
/// Counters of failed logins are kept no longer than this after the last failure.
const COUNTERS_KEPT: Duration = FORGET_ONE_AFTER.saturating_mul(40);

/// A session as its holder sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub principal: Principal,
    /// To be repeated in a header with every change.
    pub csrf_token: String,
    pub expires_at: Timestamp,
    pub idle: Duration,
}

/// A session that was just opened; `token` is shown this once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedSession {
    pub token: String,
    pub session: Session,
}

/// A session as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// Names the session; does not open it.
    pub session_id: String,
    pub user: UserName,
    pub peer: String,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A session as it was read a moment ago.
pub(super) struct KnownSession {
    row: SessionRow,
    /// Its use has been noted since.
    noted: AtomicBool,
}

impl SessionRow {
    pub fn is_good(&self, now: Timestamp) -> bool {
        let awake = self.last_seen_at.plus(SESSION_IDLE) > now;
        awake && self.expires_at > now && !self.user_disabled
    }
}

/// A user who came in with a password.
pub(super) fn principal(user: &UserName, roles: &BTreeSet<Role>) -> Principal {
    Principal {
        id: format!("user:{user}"),
        user: user.to_string(),
        roles: roles.clone(),
        permissions: roles.iter().flat_map(|role| role.permissions()).collect(),
    }
}

fn session(token: &str, row: &SessionRow) -> Session {
    Session {
        principal: principal(&row.user, &row.roles),
        csrf_token: tokens::csrf_token(token),
        expires_at: row.expires_at,
        idle: SESSION_IDLE,
    }
}

/// An address as it is kept and recorded.
fn address(peer: IpAddr) -> String {
    peer.to_canonical().to_string()
}

impl Identity {
    /// Opens a session for the right password.
    pub async fn login(
        &self,
        user: &str,
        password: &str,
        peer: IpAddr,
    ) -> Result<OpenedSession, AuthError> {
        let inner = &self.inner;
        // Held until the outcome is written down: no attempt overtakes the count of those before.
        let turn = inner.hashing.turn().await?;
        let found = match UserName::new(user) {
            Ok(name) => users::find(inner.store.readers(), &name).await?,
            Err(_) => None,
        };
        let counters = self.counters(user, found.as_ref(), peer).await?;
        self.check_wait(&counters).await?;
        let kept = found.as_ref().map(|user| user.password_hash.clone());
        let (right, _turn) = turn.verify(password, kept).await?;
        let known = found.as_ref().map(|user| user.name.clone());
        if let Some(user) = found.filter(|user| right && user.disabled_at.is_none())
            && let Some(opened) = self.open_session(&user, &counters, peer).await?
        {
            return Ok(opened);
        }
        self.login_failed(known, &counters, peer).await?;
        Err(AuthError::BadCredentials)
    }

    /// What a failure would be counted under.
    async fn counters(
        &self,
        typed: &str,
        found: Option<&UserRow>,
        peer: IpAddr,
    ) -> Result<[Key; 2], AuthError> {
        let store = &self.inner.store;
        // Looked up for a name that nobody has too, so that it takes as long.
        let is_known = throttling::is_known_peer(store.readers(), typed, &address(peer)).await?;
        let user = match found {
            None => Key::unknown(typed, store.salt()),
            Some(user) => Key::user(&user.name, is_known.then_some(peer)),
        };
        Ok([user, Key::address(peer)])
    }

    async fn check_wait(&self, counters: &[Key]) -> Result<(), AuthError> {
        let now = self.inner.wall.now();
        let mut longest = None;
        for key in counters {
            let counter = throttling::counter(self.inner.store.readers(), &key.name).await?;
            longest = longest.max(key.wait(counter, now));
        }
        match longest {
            None => Ok(()),
            Some(retry_after) => Err(AuthError::Throttled { retry_after }),
        }
    }

    /// `None` when the user has changed since the password was checked.
    async fn open_session(
        &self,
        user: &UserRow,
        counters: &[Key; 2],
        peer: IpAddr,
    ) -> Result<Option<OpenedSession>, AuthError> {
        let inner = &self.inner;
        let token = tokens::token(&*inner.randomness);
        let now = inner.wall.now();
        let row = SessionRow {
            token_hash: tokens::hash(&token),
            session_id: new_id(&*inner.wall, &*inner.randomness).to_string(),
            user: user.name.clone(),
            peer: address(peer),
            created_at: now,
            last_seen_at: now,
            expires_at: now.plus(SESSION_LIFE),
            roles: user.roles.clone(),
            user_disabled: false,
        };
        let who = principal(&user.name, &user.roles).who();
        let mut writer = inner.store.writer().await;
        let mut change = begin(&mut writer).await?;
        let current = users::find(&mut *change, &user.name).await?;
        let unchanged = |current: &UserRow| {
            current.password_hash == user.password_hash && current.disabled_at.is_none()
        };
        if !current.as_ref().is_some_and(unchanged) {
            return Ok(None);
        }
        let [of_user, _] = counters;
        throttling::forget_counter(&mut change, &of_user.name).await?;
        throttling::remember_peer(&mut change, &user.name, &row.peer, now).await?;
        let idle_since = before(now, SESSION_IDLE);
        sessions::delete_ended(&mut change, now, idle_since).await?;
        let gave_way = self.make_room(&mut change, &user.name, &who).await?;
        sessions::insert(&mut change, &row).await?;
        let succeeded = LoginSucceeded {
            user: user.name.clone(),
            peer: row.peer.clone().into(),
        };
        inner
            .tell(&mut change, &Fact::of(&user.name, &who, succeeded))
            .await?;
        change.commit().await?;
        match gave_way {
            true => inner.changed(),
            false => inner.bell.notify_one(),
        }
        let session = session(&token, &row);
        Ok(Some(OpenedSession { token, session }))
    }

    /// Ends the oldest sessions of a user who has as many as there may be.
    async fn make_room(
        &self,
        db: &mut SqliteConnection,
        user: &UserName,
        who: &Who,
    ) -> Result<bool, AuthError> {
        let open = sessions::of_user(&mut *db, user).await?;
        let excess = (open.len() + 1).saturating_sub(SESSIONS_PER_USER_MAX);
        for row in &open[..excess] {
            self.end_session(db, row, who, "there were too many")
                .await?;
        }
        Ok(excess > 0)
    }

    async fn login_failed(
        &self,
        user: Option<UserName>,
        counters: &[Key],
        peer: IpAddr,
    ) -> Result<(), AuthError> {
        let inner = &self.inner;
        let failed = LoginFailed {
            user,
            peer: address(peer).into(),
            credential: "password".to_owned(),
            times: 1,
        };
        let now = inner.wall.now();
        let mut writer = inner.store.writer().await;
        let mut change = begin(&mut writer).await?;
        throttling::forget_old(&mut change, before(now, COUNTERS_KEPT)).await?;
        for key in counters {
            let counter = throttling::counter(&mut *change, &key.name).await?;
            throttling::set_counter(&mut change, &key.name, counter.failed(now)).await?;
        }
        inner.tell(&mut change, &Fact::login_failed(failed)).await?;
        change.commit().await?;
        inner.bell.notify_one();
        Ok(())
    }

    /// The session that `token` opens, if it is still good; counts as activity.
    pub async fn session(&self, token: &str) -> Result<Session, AuthError> {
        let inner = &self.inner;
        let hash = tokens::hash(token);
        let found = inner.sessions.get(&hash, &*inner.wall, |_| async {
            let row = sessions::find(inner.store.readers(), &hash).await?;
            let noted = AtomicBool::new(false);
            Ok::<_, AuthError>(row.map(|row| KnownSession { row, noted }))
        });
        let known = found.await?.ok_or(AuthError::BadCredentials)?;
        let now = inner.wall.now();
        if !known.row.is_good(now) {
            return Err(AuthError::BadCredentials);
        }
        let is_old = known.row.last_seen_at.plus(SEEN_EVERY) <= now;
        if is_old && !known.noted.swap(true, Ordering::Relaxed) {
            self.note_seen(&hash, now).await;
        }
        Ok(session(token, &known.row))
    }

    async fn note_seen(&self, token: &SecretHash, now: Timestamp) {
        let mut writer = self.inner.store.writer().await;
        if let Err(error) = sessions::seen(&mut writer, token, now).await {
            tracing::warn!(%error, "a session's activity was not noted; it may end too early");
        }
    }

    /// Ends a session; ending it twice is no error.
    pub async fn logout(&self, token: &str) -> Result<(), AuthError> {
        let hash = tokens::hash(token);
        let mut writer = self.inner.store.writer().await;
        let mut change = begin(&mut writer).await?;
        let Some(row) = sessions::find(&mut *change, &hash).await? else {
            return Ok(());
        };
        let who = principal(&row.user, &row.roles).who();
        self.end_session(&mut change, &row, &who, "logged out")
            .await?;
        change.commit().await?;
        self.inner.changed();
        self.inner.tickets.forget_user(row.user.as_str());
        Ok(())
    }

    /// The open sessions of a user, oldest first.
    pub async fn sessions(&self, user: &UserName) -> Result<Vec<SessionInfo>, ManageError> {
        let rows = sessions::of_user(self.inner.store.readers(), user).await?;
        let now = self.inner.wall.now();
        let good = rows.into_iter().filter(|row| row.is_good(now));
        let info = |row: SessionRow| SessionInfo {
            session_id: row.session_id,
            user: row.user,
            peer: row.peer,
            created_at: row.created_at,
            last_seen_at: row.last_seen_at,
            expires_at: row.expires_at,
        };
        Ok(good.map(info).collect())
    }

    /// Ends somebody's session by its id.
    pub async fn revoke_session(&self, by: &Who, session_id: &str) -> Result<(), ManageError> {
        let mut writer = self.inner.store.writer().await;
        let mut change = begin(&mut writer).await?;
        let Some(row) = sessions::find_by_id(&mut *change, session_id).await? else {
            return Err(ManageError::UnknownSession(session_id.to_owned()));
        };
        self.end_session(&mut change, &row, by, "revoked").await?;
        change.commit().await?;
        self.inner.changed();
        self.inner.tickets.forget_user(row.user.as_str());
        Ok(())
    }

    /// Ends all of a user's sessions, in the transaction of what makes them end.
    pub(super) async fn end_sessions(
        &self,
        db: &mut SqliteConnection,
        user: &UserName,
        by: &Who,
        reason: &str,
    ) -> Result<(), AuthError> {
        for row in sessions::of_user(&mut *db, user).await? {
            self.end_session(db, &row, by, reason).await?;
        }
        Ok(())
    }

    async fn end_session(
        &self,
        db: &mut SqliteConnection,
        row: &SessionRow,
        by: &Who,
        reason: &str,
    ) -> Result<(), AuthError> {
        if sessions::delete(&mut *db, &row.token_hash).await? {
            let revoked = SessionRevoked {
                user: row.user.clone(),
                session: row.session_id.clone(),
                reason: reason.to_owned(),
            };
            self.inner
                .tell(db, &Fact::of(&row.user, by, revoked))
                .await?;
        }
        Ok(())
    }
}

fn before(now: Timestamp, by: Duration) -> Timestamp {
    let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(now.micros().saturating_sub(by)).unwrap_or_default()
}
