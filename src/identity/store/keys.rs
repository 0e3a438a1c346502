//! API keys.

use std::collections::BTreeSet;

use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{Executor, FromRow, Row};

use super::rows;
use crate::identity::tokens::SecretHash;
use crate::identity::{Permission, Role};
use crate::values::{Timestamp, UserName};

/// An API key as kept, with what it needs of its user.
#[derive(Debug, Clone)]
pub struct KeyRow {
    pub key_id: String,
    pub secret_hash: SecretHash,
    pub user: UserName,
    pub scopes: BTreeSet<Permission>,
    pub label: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub roles: BTreeSet<Role>,
    pub user_disabled: bool,
}

impl KeyRow {
    pub fn is_good(&self, now: Timestamp) -> bool {
        let expired = self.expires_at.is_some_and(|end| end <= now);
        self.revoked_at.is_none() && !expired && !self.user_disabled
    }
}

impl FromRow<'_, SqliteRow> for KeyRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            key_id: row.try_get("key_id")?,
            secret_hash: rows::hash(row, "secret_hash")?,
            user: rows::text(row, "user")?,
            scopes: rows::words(row, "scopes")?,
            label: row.try_get("label")?,
            created_at: rows::time(row, "created_at")?,
            expires_at: rows::optional_time(row, "expires_at")?,
            revoked_at: rows::optional_time(row, "revoked_at")?,
            last_used_at: rows::optional_time(row, "last_used_at")?,
            roles: rows::words(row, "roles")?,
            user_disabled: row.try_get("user_disabled")?,
        })
    }
}

pub async fn find(
    db: impl Executor<'_, Database = Sqlite>,
    key_id: &str,
) -> Result<Option<KeyRow>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM api_keys_with_user WHERE key_id = ?")
        .bind(key_id)
        .fetch_optional(db)
        .await
}

/// All, or those of one user; oldest first.
pub async fn list(
    db: impl Executor<'_, Database = Sqlite>,
    user: Option<&UserName>,
) -> Result<Vec<KeyRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM api_keys_with_user WHERE ?1 IS NULL OR user = ?1
         ORDER BY user, created_at, key_id",
    )
    .bind(user.map(UserName::as_str))
    .fetch_all(db)
    .await
}

/// Keys of a user that are not revoked.
pub async fn count(db: &mut SqliteConnection, user: &UserName) -> Result<u32, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM api_keys WHERE user = ? AND revoked_at IS NULL")
        .bind(user.as_str())
        .fetch_one(db)
        .await
}

pub async fn insert(db: &mut SqliteConnection, key: &KeyRow) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(&key.key_id)
        .bind(&key.secret_hash[..])
        .bind(key.user.as_str())
        .bind(rows::joined(&key.scopes))
        .bind(&key.label)
        .bind(key.created_at.micros())
        .bind(key.expires_at.map(Timestamp::micros))
        .bind(key.revoked_at.map(Timestamp::micros))
        .bind(key.last_used_at.map(Timestamp::micros))
        .execute(db)
        .await?;
    Ok(())
}

/// Notes a use, unless another process has noted a later one.
pub async fn used(
    db: &mut SqliteConnection,
    key_id: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE api_keys SET last_used_at = ?1
         WHERE key_id = ?2 AND (last_used_at IS NULL OR last_used_at < ?1)",
    )
    .bind(now.micros())
    .bind(key_id)
    .execute(db)
    .await?;
    Ok(())
}

/// False when it was revoked already.
pub async fn revoke(
    db: &mut SqliteConnection,
    key_id: &str,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let revoked =
        sqlx::query("UPDATE api_keys SET revoked_at = ? WHERE key_id = ? AND revoked_at IS NULL")
            .bind(now.micros())
            .bind(key_id)
            .execute(db)
            .await?;
    Ok(revoked.rows_affected() > 0)
}
