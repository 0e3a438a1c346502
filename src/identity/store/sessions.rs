//! Sessions: found by the hash of their token.

use std::collections::BTreeSet;

use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{Executor, FromRow, Row};

use super::rows;
use crate::identity::Role;
use crate::identity::tokens::SecretHash;
use crate::values::{Timestamp, UserName};

/// A session as kept, with what it needs of its user.
#[derive(Debug, Clone)]
pub struct SessionRow {
    pub token_hash: SecretHash,
    pub session_id: String,
    pub user: UserName,
    pub peer: String,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
    pub roles: BTreeSet<Role>,
    pub user_disabled: bool,
}

impl FromRow<'_, SqliteRow> for SessionRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            token_hash: rows::hash(row, "token_hash")?,
            session_id: row.try_get("session_id")?,
            user: rows::text(row, "user")?,
            peer: row.try_get("peer")?,
            created_at: rows::time(row, "created_at")?,
            last_seen_at: rows::time(row, "last_seen_at")?,
            expires_at: rows::time(row, "expires_at")?,
            roles: rows::words(row, "roles")?,
            user_disabled: row.try_get("user_disabled")?,
        })
    }
}

pub async fn find(
    db: impl Executor<'_, Database = Sqlite>,
    token: &SecretHash,
) -> Result<Option<SessionRow>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM sessions_with_user WHERE token_hash = ?")
        .bind(&token[..])
        .fetch_optional(db)
        .await
}

pub async fn find_by_id(
    db: impl Executor<'_, Database = Sqlite>,
    session_id: &str,
) -> Result<Option<SessionRow>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM sessions_with_user WHERE session_id = ?")
        .bind(session_id)
        .fetch_optional(db)
        .await
}

/// Those of one user, oldest first.
pub async fn of_user(
    db: impl Executor<'_, Database = Sqlite>,
    user: &UserName,
) -> Result<Vec<SessionRow>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM sessions_with_user WHERE user = ? ORDER BY created_at")
        .bind(user.as_str())
        .fetch_all(db)
        .await
}

pub async fn insert(db: &mut SqliteConnection, session: &SessionRow) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)")
        .bind(&session.token_hash[..])
        .bind(&session.session_id)
        .bind(session.user.as_str())
        .bind(&session.peer)
        .bind(session.created_at.micros())
        .bind(session.last_seen_at.micros())
        .bind(session.expires_at.micros())
        .execute(db)
        .await?;
    Ok(())
}

/// Notes activity, unless another process has noted later activity.
pub async fn seen(
    db: &mut SqliteConnection,
    token: &SecretHash,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE sessions SET last_seen_at = ?1 WHERE token_hash = ?2 AND last_seen_at < ?1",
    )
    .bind(now.micros())
    .bind(&token[..])
    .execute(db)
    .await?;
    Ok(())
}

/// False when it was gone already.
pub async fn delete(db: &mut SqliteConnection, token: &SecretHash) -> Result<bool, sqlx::Error> {
    let deleted = sqlx::query("DELETE FROM sessions WHERE token_hash = ?")
        .bind(&token[..])
        .execute(db)
        .await?;
    Ok(deleted.rows_affected() > 0)
}

/// Removes those that have ended by themselves.
pub async fn delete_ended(
    db: &mut SqliteConnection,
    now: Timestamp,
    idle_since: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM sessions WHERE expires_at <= ? OR last_seen_at <= ?")
        .bind(now.micros())
        .bind(idle_since.micros())
        .execute(db)
        .await?;
    Ok(())
}
