//! Users.

use std::collections::BTreeSet;

use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{Executor, FromRow, Row};

use super::rows;
use crate::identity::Role;
use crate::values::{Timestamp, UserName};

/// A user as kept.
#[derive(Debug, Clone)]
pub struct UserRow {
    pub name: UserName,
    pub password_hash: String,
    pub roles: BTreeSet<Role>,
    pub created_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
}

impl FromRow<'_, SqliteRow> for UserRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            name: rows::text(row, "name")?,
            password_hash: row.try_get("password_hash")?,
            roles: rows::words(row, "roles")?,
            created_at: rows::time(row, "created_at")?,
            disabled_at: rows::optional_time(row, "disabled_at")?,
        })
    }
}

pub async fn find(
    db: impl Executor<'_, Database = Sqlite>,
    name: &UserName,
) -> Result<Option<UserRow>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM users WHERE name = ?")
        .bind(name.as_str())
        .fetch_optional(db)
        .await
}

pub async fn all(db: impl Executor<'_, Database = Sqlite>) -> Result<Vec<UserRow>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM users ORDER BY name")
        .fetch_all(db)
        .await
}

pub async fn count(db: &mut SqliteConnection) -> Result<u32, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM users")
        .fetch_one(db)
        .await
}

pub async fn insert(db: &mut SqliteConnection, user: &UserRow) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO users VALUES (?, ?, ?, ?, ?)")
        .bind(user.name.as_str())
        .bind(&user.password_hash)
        .bind(rows::joined(&user.roles))
        .bind(user.created_at.micros())
        .bind(user.disabled_at.map(Timestamp::micros))
        .execute(db)
        .await?;
    Ok(())
}

/// Everything of a user but the name and when they were made.
pub async fn update(db: &mut SqliteConnection, user: &UserRow) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE users SET password_hash = ?, roles = ?, disabled_at = ? WHERE name = ?")
        .bind(&user.password_hash)
        .bind(rows::joined(&user.roles))
        .bind(user.disabled_at.map(Timestamp::micros))
        .bind(user.name.as_str())
        .execute(db)
        .await?;
    Ok(())
}
