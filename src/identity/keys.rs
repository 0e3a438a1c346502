//! API keys: what programs come in with.
//!
//! Invariants: a key's secret leaves once, when it is issued; a key may do no more than its scopes
//! and no more than its user's roles allow at the time.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::facts::Fact;
use super::store::keys::KeyRow;
use super::store::{begin, keys, users};
use super::tokens;
use super::{AuthError, Identity, ManageError, Permission, Principal};
use crate::events::Who;
use crate::events::catalogue::{ApiKeyIssued, ApiKeyRevoked, LoginFailed};
use crate::values::{Timestamp, UserName};

/// Most keys of one user that are not revoked.
pub const KEYS_PER_USER_MAX: u32 = 100;
pub const LABEL_CHARS_MAX: usize = 64;
/// How exactly the last use is kept.
pub const USED_EVERY: Duration = Duration::from_secs(60);

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    pub user: UserName,
    /// `None`: all that the user's roles allow now.
    pub scopes: Option<BTreeSet<Permission>>,
    pub label: String,
    pub expires_at: Option<Timestamp>,
}

/// A key that was just issued; `secret` is shown this once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedKey {
    pub key_id: String,
    pub secret: String,
    pub scopes: BTreeSet<Permission>,
}

/// A key as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    pub key_id: String,
    pub user: UserName,
    pub scopes: BTreeSet<Permission>,
    pub label: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

/// A key as it was read a moment ago.
pub(super) struct KnownKey {
    row: KeyRow,
    /// Its use has been noted since.
    noted: AtomicBool,
}

/// A key that was not good, as repetitions are counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct FailedKey {
    user: Option<UserName>,
    credential: String,
    peer: IpAddr,
}

impl FailedKey {
    pub fn fact(&self, times: u64) -> Fact {
        Fact::login_failed(LoginFailed {
            user: self.user.clone(),
            peer: self.peer.to_string().into(),
            credential: self.credential.clone(),
            times,
        })
    }
}

pub(super) fn principal(row: &KeyRow) -> Principal {
    let allowed: BTreeSet<_> = row
        .roles
        .iter()
        .flat_map(|role| role.permissions())
        .collect();
    Principal {
        id: format!("key:{}", row.key_id),
        user: row.user.to_string(),
        roles: row.roles.clone(),
        permissions: allowed.intersection(&row.scopes).copied().collect(),
    }
}

impl Identity {
    /// Whoever holds this API key.
    pub async fn api_key(
        &self,
        key_id: &str,
        secret: &str,
        peer: IpAddr,
    ) -> Result<Principal, AuthError> {
        if !tokens::is_key_id(key_id) {
            return Err(AuthError::BadCredentials);
        }
        let inner = &self.inner;
        let wanted = key_id.to_owned();
        let found = inner.keys.get(&wanted, &*inner.wall, |_| async {
            let row = keys::find(inner.store.readers(), key_id).await?;
            let noted = AtomicBool::new(false);
            Ok::<_, AuthError>(row.map(|row| KnownKey { row, noted }))
        });
        let known = found.await?;
        let now = inner.wall.now();
        let good = known
            .as_ref()
            .filter(|known| tokens::is_secret(secret, &known.row.secret_hash))
            .filter(|known| known.row.is_good(now));
        let Some(good) = good else {
            self.key_failed(known.as_ref().map(|known| &known.row), peer, now)
                .await;
            return Err(AuthError::BadCredentials);
        };
        let used = good.row.last_used_at;
        let is_old = used.is_none_or(|used| used.plus(USED_EVERY) <= now);
        if is_old && !good.noted.swap(true, Ordering::Relaxed) {
            self.note_used(key_id, now).await;
        }
        Ok(principal(&good.row))
    }

    async fn key_failed(&self, row: Option<&KeyRow>, peer: IpAddr, now: Timestamp) {
        let failed = FailedKey {
            user: row.map(|row| row.user.clone()),
            credential: row.map_or("key".to_owned(), |row| format!("key:{}", row.key_id)),
            peer: peer.to_canonical(),
        };
        if let Some(times) = self.inner.failed_keys.count(failed.clone(), now) {
            self.inner.tell_alone(&failed.fact(times)).await;
        }
    }

    async fn note_used(&self, key_id: &str, now: Timestamp) {
        let mut writer = self.inner.store.writer().await;
        if let Err(error) = keys::used(&mut writer, key_id, now).await {
            tracing::warn!(%error, "the use of an API key was not noted");
        }
    }

    /// Makes a key. Its secret is in the answer and nowhere else.
    pub async fn issue_key(&self, by: &Who, asked: NewKey) -> Result<IssuedKey, ManageError> {
        let now = self.inner.wall.now();
        let printable = !asked.label.chars().any(char::is_control);
        if !printable || asked.label.chars().count() > LABEL_CHARS_MAX {
            return Err(ManageError::BadLabel(LABEL_CHARS_MAX));
        }
        if asked.expires_at.is_some_and(|end| end <= now) {
            return Err(ManageError::ExpiresInThePast);
        }
        let mut writer = self.inner.store.writer().await;
        let mut change = begin(&mut writer).await?;
        let user = users::find(&mut *change, &asked.user).await?;
        let user = user.ok_or(ManageError::UnknownUser(asked.user.clone()))?;
        if user.disabled_at.is_some() {
            return Err(ManageError::UserDisabled(asked.user));
        }
        if keys::count(&mut change, &asked.user).await? >= KEYS_PER_USER_MAX {
            let (what, limit) = ("API keys of this user", KEYS_PER_USER_MAX);
            return Err(ManageError::TooMany { what, limit });
        }
        let allowed = user
            .roles
            .iter()
            .flat_map(|role| role.permissions())
            .collect();
        let scopes = scopes(&asked, allowed)?;
        let (key_id, secret) = tokens::api_key(&*self.inner.randomness);
        let row = KeyRow {
            key_id: key_id.clone(),
            secret_hash: tokens::hash(&secret),
            user: asked.user,
            scopes: scopes.clone(),
            label: asked.label,
            created_at: now,
            expires_at: asked.expires_at,
            revoked_at: None,
            last_used_at: None,
            roles: user.roles,
            user_disabled: false,
        };
        keys::insert(&mut change, &row).await?;
        let issued = ApiKeyIssued {
            user: row.user.clone(),
            key_id: row.key_id,
            label: row.label.into(),
            scopes: scopes.iter().map(|scope| scope.name().to_owned()).collect(),
            expires_at: row.expires_at,
        };
        self.inner
            .tell(&mut change, &Fact::of(&row.user, by, issued))
            .await?;
        change.commit().await?;
        self.inner.changed();
        Ok(IssuedKey {
            key_id,
            secret,
            scopes,
        })
    }

    /// Keys of all users, or of one; oldest first. Revoked ones too.
    pub async fn keys(&self, user: Option<&UserName>) -> Result<Vec<KeyInfo>, ManageError> {
        let rows = keys::list(self.inner.store.readers(), user).await?;
        let info = |row: KeyRow| KeyInfo {
            key_id: row.key_id,
            user: row.user,
            scopes: row.scopes,
            label: row.label,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        };
        Ok(rows.into_iter().map(info).collect())
    }

    /// Ends a key. False when it had been revoked before.
    pub async fn revoke_key(&self, by: &Who, key_id: &str) -> Result<bool, ManageError> {
        let mut writer = self.inner.store.writer().await;
        let mut change = begin(&mut writer).await?;
        let Some(row) = keys::find(&mut *change, key_id).await? else {
            return Err(ManageError::UnknownKey(key_id.to_owned()));
        };
        if !keys::revoke(&mut change, key_id, self.inner.wall.now()).await? {
            return Ok(false);
        }
        let revoked = ApiKeyRevoked {
            user: row.user.clone(),
            key_id: row.key_id,
        };
        self.inner
            .tell(&mut change, &Fact::of(&row.user, by, revoked))
            .await?;
        change.commit().await?;
        self.inner.changed();
        Ok(true)
    }
}

/// Those asked for, all of which have to be `allowed`.
fn scopes(
    asked: &NewKey,
    allowed: BTreeSet<Permission>,
) -> Result<BTreeSet<Permission>, ManageError> {
    let Some(scopes) = &asked.scopes else {
        return Ok(allowed);
    };
    match scopes.difference(&allowed).next() {
        None if !scopes.is_empty() => Ok(scopes.clone()),
        refused => {
            let names: Vec<_> = allowed.iter().map(|allowed| allowed.name()).collect();
            Err(ManageError::ScopeNotAllowed {
                user: asked.user.clone(),
                asked: refused.map_or("nothing".to_owned(), |refused| refused.to_string()),
                allowed: names.join(", "),
            })
        }
    }
}
