//! Managing users. `by` is who does it, as it stands in the facts that result.

use std::collections::BTreeSet;

use super::facts::Fact;
use super::passwords;
use super::store::subjects::Subject;
use super::store::users::UserRow;
use super::store::{begin, subjects, users};
use super::tokens;
use super::{Identity, ManageError, Role};
use crate::events::catalogue::{
    PasswordChanged, RoleGranted, RoleRevoked, UserDisabled, UserRegistered,
};
use crate::events::{Event, Who};
use crate::values::{Timestamp, UserName};

/// Most users, disabled ones included.
pub const USERS_MAX: u32 = 10_000;

/// A user as an administrator sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInfo {
    pub name: UserName,
    pub roles: BTreeSet<Role>,
    pub created_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
    pub forgotten_at: Option<Timestamp>,
}

impl Identity {
    pub async fn add_user(
        &self,
        by: &Who,
        name: &UserName,
        password: &str,
        roles: &BTreeSet<Role>,
    ) -> Result<(), ManageError> {
        if roles.is_empty() {
            return Err(ManageError::NoRole);
        }
        let row = UserRow {
            name: name.clone(),
            password_hash: self.password_hash(name, password).await?,
            roles: roles.clone(),
            created_at: self.inner.wall.now(),
            disabled_at: None,
        };
        let mut writer = self.inner.store.writer().await;
        let mut change = begin(&mut writer).await?;
        let is_taken = users::find(&mut *change, name).await?.is_some()
            || subjects::find(&mut *change, name.as_str()).await? == Subject::Forgotten;
        if is_taken {
            return Err(ManageError::UserExists(name.clone()));
        }
        if users::count(&mut change).await? >= USERS_MAX {
            let (what, limit) = ("users", USERS_MAX);
            return Err(ManageError::TooMany { what, limit });
        }
        users::insert(&mut change, &row).await?;
        let registered = UserRegistered {
            user: name.clone(),
            roles: roles.iter().map(|role| role.name().to_owned()).collect(),
        };
        self.inner
            .tell(&mut change, &Fact::of(name, by, registered))
            .await?;
        change.commit().await?;
        self.inner.changed();
        Ok(())
    }

    /// All users by name, disabled ones included.
    pub async fn users(&self) -> Result<Vec<UserInfo>, ManageError> {
        let rows = users::all(self.inner.store.readers()).await?;
        let mut forgotten = subjects::forgotten(self.inner.store.readers()).await?;
        let info = |row: UserRow| UserInfo {
            forgotten_at: forgotten.remove(row.name.as_str()),
            name: row.name,
            roles: row.roles,
            created_at: row.created_at,
            disabled_at: row.disabled_at,
        };
        Ok(rows.into_iter().map(info).collect())
    }

    /// Ends a user's sessions and lets neither them nor their keys in any more, for good. False
    /// when they had been disabled before.
    pub async fn disable_user(&self, by: &Who, name: &UserName) -> Result<bool, ManageError> {
        let now = self.inner.wall.now();
        let disabled = UserDisabled { user: name.clone() };
        let change = |user: &mut UserRow| {
            let is_new = user.disabled_at.is_none();
            user.disabled_at.get_or_insert(now);
            is_new.then(|| disabled.into())
        };
        self.change_user(by, name, Some("the user was disabled"), change)
            .await
    }

    /// False when they had the role before.
    pub async fn grant_role(
        &self,
        by: &Who,
        name: &UserName,
        role: Role,
    ) -> Result<bool, ManageError> {
        let granted = RoleGranted {
            user: name.clone(),
            role: role.name().to_owned(),
        };
        let change = |user: &mut UserRow| user.roles.insert(role).then(|| granted.into());
        self.change_user(by, name, None, change).await
    }

    /// False when they did not have the role. The last role stays: disable the user instead.
    pub async fn revoke_role(
        &self,
        by: &Who,
        name: &UserName,
        role: Role,
    ) -> Result<bool, ManageError> {
        let revoked = RoleRevoked {
            user: name.clone(),
            role: role.name().to_owned(),
        };
        let change = |user: &mut UserRow| user.roles.remove(&role).then(|| revoked.into());
        self.change_user(by, name, None, change).await
    }

    /// Whether `password` is the one that the user logs in with. Nothing is recorded or counted:
    /// for whoever made the password up, and wants to know whether it was changed since.
    pub async fn is_password(&self, name: &UserName, password: &str) -> Result<bool, ManageError> {
        let found = users::find(self.inner.store.readers(), name).await?;
        let kept = found.map(|user| user.password_hash);
        let turn = self.inner.hashing.turn().await?;
        Ok(turn.verify(password, kept).await?.0)
    }

    /// Sets another password and ends the user's sessions.
    pub async fn set_password(
        &self,
        by: &Who,
        name: &UserName,
        password: &str,
    ) -> Result<(), ManageError> {
        let hash = self.password_hash(name, password).await?;
        let changed = PasswordChanged { user: name.clone() };
        let change = |user: &mut UserRow| {
            user.password_hash = hash;
            Some(changed.into())
        };
        let reason = "the password was changed";
        self.change_user(by, name, Some(reason), change).await?;
        Ok(())
    }

    /// Changes a user and says so, unless `change` finds nothing to change. With `end_sessions`,
    /// the reason why, nobody stays in on what the user was before.
    async fn change_user(
        &self,
        by: &Who,
        name: &UserName,
        end_sessions: Option<&str>,
        change: impl FnOnce(&mut UserRow) -> Option<Event>,
    ) -> Result<bool, ManageError> {
        let mut writer = self.inner.store.writer().await;
        let mut transaction = begin(&mut writer).await?;
        let user = users::find(&mut *transaction, name).await?;
        let mut user = user.ok_or(ManageError::UnknownUser(name.clone()))?;
        let was_disabled = user.disabled_at.is_some();
        let Some(event) = change(&mut user) else {
            return Ok(false);
        };
        if was_disabled {
            return Err(ManageError::UserDisabled(name.clone()));
        }
        if user.roles.is_empty() {
            return Err(ManageError::NoRole);
        }
        users::update(&mut transaction, &user).await?;
        self.inner
            .tell(&mut transaction, &Fact::of(name, by, event))
            .await?;
        if let Some(reason) = end_sessions {
            self.end_sessions(&mut transaction, name, by, reason)
                .await?;
        }
        transaction.commit().await?;
        self.inner.changed();
        self.inner.tickets.forget_user(name.as_str());
        Ok(true)
    }

    async fn password_hash(&self, name: &UserName, password: &str) -> Result<String, ManageError> {
        passwords::check(password, name)?;
        let salt = tokens::random(&*self.inner.randomness);
        let turn = self.inner.hashing.turn().await?;
        Ok(turn.hash(password, salt).await?)
    }
}
