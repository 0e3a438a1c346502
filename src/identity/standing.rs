//! Whether somebody who came in is still somebody: for connections that live long.
//!
//! Asking counts neither as activity of a session nor as use of a key.

use super::store::{keys, sessions, users};
use super::{AuthError, Identity, Principal, tokens};
use crate::values::UserName;

impl Identity {
    /// The same principal with what it may do by now; `BadCredentials` once the key, or the user's
    /// last session, has ended.
    pub async fn standing(&self, principal: &Principal) -> Result<Principal, AuthError> {
        let readers = self.inner.store.readers();
        let now = self.inner.wall.now();
        if let Some(key_id) = principal.id.strip_prefix("key:") {
            let row = keys::find(readers, key_id).await?;
            let good = row.filter(|row| row.is_good(now));
            return good
                .map(|row| super::keys::principal(&row))
                .ok_or(AuthError::BadCredentials);
        }
        let name: UserName = principal
            .user
            .parse()
            .map_err(|_| AuthError::BadCredentials)?;
        let user = users::find(readers, &name).await?;
        let user = user.filter(|user| user.disabled_at.is_none());
        let open = sessions::of_user(readers, &name).await?;
        match user.filter(|_| open.iter().any(|session| session.is_good(now))) {
            Some(user) => Ok(super::sessions::principal(&user.name, &user.roles)),
            None => Err(AuthError::BadCredentials),
        }
    }

    /// Whether the session that `token` opens is still good.
    pub async fn session_stands(&self, token: &str) -> Result<bool, AuthError> {
        let (readers, now) = (self.inner.store.readers(), self.inner.wall.now());
        let row = sessions::find(readers, &tokens::hash(token)).await?;
        Ok(row.is_some_and(|row| row.is_good(now)))
    }

    /// Whether the secrets store answers.
    pub async fn check(&self) -> Result<(), AuthError> {
        let nobody = keys::find(self.inner.store.readers(), "").await?;
        debug_assert!(nobody.is_none());
        Ok(())
    }
}
