//! Counters of failed logins, and where users came in before. Both are bounded: what was left
//! alone longest goes first.

use sqlx::sqlite::{Sqlite, SqliteConnection};
use sqlx::{Executor, Row};

use super::rows;
use crate::identity::throttle::Counter;
use crate::values::{Timestamp, UserName};

/// Most counters of failed logins.
pub const COUNTERS_MAX: u32 = 32_768;
/// Most addresses remembered of one user.
pub const KNOWN_PEERS_MAX: u32 = 32;

pub async fn counter(
    db: impl Executor<'_, Database = Sqlite>,
    name: &str,
) -> Result<Counter, sqlx::Error> {
    let row = sqlx::query("SELECT failures, last_at FROM failed_logins WHERE counter = ?")
        .bind(name)
        .fetch_optional(db)
        .await?;
    let Some(row) = row else {
        return Ok(Counter::default());
    };
    Ok(Counter {
        failures: row.try_get("failures")?,
        last_at: rows::time(&row, "last_at")?,
    })
}

/// Keeps a counter, and removes one that was left alone longest when there are too many.
pub async fn set_counter(
    db: &mut SqliteConnection,
    name: &str,
    counter: Counter,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO failed_logins VALUES (?, ?, ?)
         ON CONFLICT (counter) DO UPDATE SET failures = excluded.failures, last_at = excluded.last_at",
    )
    .bind(name)
    .bind(counter.failures)
    .bind(counter.last_at.micros())
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "DELETE FROM failed_logins WHERE counter IN (
             SELECT counter FROM failed_logins ORDER BY last_at
             LIMIT max(0, (SELECT count(*) FROM failed_logins) - ?))",
    )
    .bind(COUNTERS_MAX)
    .execute(db)
    .await?;
    Ok(())
}

pub async fn forget_counter(db: &mut SqliteConnection, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM failed_logins WHERE counter = ?")
        .bind(name)
        .execute(db)
        .await?;
    Ok(())
}

/// Removes counters untouched since `before`: they count nothing any more.
pub async fn forget_old(db: &mut SqliteConnection, before: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM failed_logins WHERE last_at < ?")
        .bind(before.micros())
        .execute(db)
        .await?;
    Ok(())
}

pub async fn is_known_peer(
    db: impl Executor<'_, Database = Sqlite>,
    user: &str,
    peer: &str,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM known_peers WHERE user = ? AND peer = ?)")
        .bind(user)
        .bind(peer)
        .fetch_one(db)
        .await
}

pub async fn remember_peer(
    db: &mut SqliteConnection,
    user: &UserName,
    peer: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO known_peers VALUES (?, ?, ?)
         ON CONFLICT (user, peer) DO UPDATE SET seen_at = excluded.seen_at",
    )
    .bind(user.as_str())
    .bind(peer)
    .bind(now.micros())
    .execute(&mut *db)
    .await?;
    sqlx::query(
        "DELETE FROM known_peers WHERE user = ?1 AND peer NOT IN (
             SELECT peer FROM known_peers WHERE user = ?1 ORDER BY seen_at DESC LIMIT ?2)",
    )
    .bind(user.as_str())
    .bind(KNOWN_PEERS_MAX)
    .execute(db)
    .await?;
    Ok(())
}
