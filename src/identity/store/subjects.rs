//! Keys of the people whom facts are about. A forgotten subject keeps a row without a key, so that
//! it never gets another.

use std::collections::BTreeMap;

use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{Executor, Row};

use super::rows;
use crate::identity::sealing::SubjectKey;
use crate::values::{Timestamp, UserName};

/// What there is of a subject's key.
#[derive(Clone, PartialEq, Eq)]
pub enum Subject {
    /// Nothing was sealed yet.
    Unknown,
    Key(SubjectKey),
    Forgotten,
}

pub async fn find(
    db: impl Executor<'_, Database = Sqlite>,
    subject: &str,
) -> Result<Subject, sqlx::Error> {
    let row = sqlx::query("SELECT key FROM subject_keys WHERE subject = ?")
        .bind(subject)
        .fetch_optional(db)
        .await?;
    let Some(row) = row else {
        return Ok(Subject::Unknown);
    };
    match row.try_get::<Option<&[u8]>, _>("key")? {
        None => Ok(Subject::Forgotten),
        Some(_) => Ok(Subject::Key(SubjectKey::from_bytes(rows::hash(
            &row, "key",
        )?))),
    }
}

/// Who was forgotten, and when.
pub async fn forgotten(
    db: impl Executor<'_, Database = Sqlite>,
) -> Result<BTreeMap<String, Timestamp>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT subject, forgotten_at FROM subject_keys WHERE forgotten_at IS NOT NULL",
    )
    .fetch_all(db)
    .await?;
    let subject = |row: &SqliteRow| Ok((row.try_get("subject")?, rows::time(row, "forgotten_at")?));
    rows.iter().map(subject).collect()
}

pub async fn insert(
    db: &mut SqliteConnection,
    subject: &str,
    key: &SubjectKey,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO subject_keys (subject, key) VALUES (?, ?)")
        .bind(subject)
        .bind(&key.as_bytes()[..])
        .execute(db)
        .await?;
    Ok(())
}

/// Destroys a user's key, and everything else here that says where they were and what they called
/// their keys; leaves `password_hash` in place of theirs. False when that had been done before.
pub async fn forget(
    db: &mut SqliteConnection,
    user: &UserName,
    password_hash: &str,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let destroyed = sqlx::query(
        "INSERT INTO subject_keys (subject, key, forgotten_at) VALUES (?1, NULL, ?2)
         ON CONFLICT (subject) DO UPDATE SET key = NULL, forgotten_at = ?2 WHERE key IS NOT NULL",
    )
    .bind(user.as_str())
    .bind(now.micros())
    .execute(&mut *db)
    .await?;
    for erase in [
        "DELETE FROM sessions WHERE user = ?1",
        "DELETE FROM known_peers WHERE user = ?1",
        "UPDATE api_keys SET label = '' WHERE user = ?1",
        "DELETE FROM failed_logins WHERE counter = 'user:' || ?1 OR counter GLOB 'user:' || ?1 || '@*'",
        "UPDATE users SET disabled_at = coalesce(disabled_at, ?2), password_hash = ?3 WHERE name = ?1",
    ] {
        sqlx::query(erase)
            .bind(user.as_str())
            .bind(now.micros())
            .bind(password_hash)
            .execute(&mut *db)
            .await?;
    }
    Ok(destroyed.rows_affected() > 0)
}
