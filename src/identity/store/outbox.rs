//! Facts on their way into the event log. Written in the transaction of the change that they tell
//! of, read and removed by the [`recorder`](crate::identity::recorder).
//!
//! Invariants: rows leave in order of their sequence; a row that the recorder has taken up does
//! not change any more; the table is bounded. From [`MERGE_FROM`] rows on, refusals are counted in
//! rows that are there already, and at [`ROWS_MAX`] nothing is changed that would add one.

use serde_json::value::RawValue;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{Executor, FromRow, Row};

use super::{SecretsError, rows};
use crate::events::{Event, Who};
use crate::identity::facts::{Fact, Merging};
use crate::values::{CommandId, StreamName, Timestamp};

/// From this many waiting facts on, refusals are merged.
pub const MERGE_FROM: u32 = 1_000;
/// Most waiting facts.
pub const ROWS_MAX: u32 = 10_000;

/// A fact that waits.
#[derive(Debug, Clone)]
pub struct OutboxRow {
    pub sequence: i64,
    /// Drawn for this fact: what makes a repeated append of it a repetition.
    pub command_id: CommandId,
    pub stream: StreamName,
    pub event: Event,
    pub who: Who,
    pub occurred_at: Timestamp,
}

impl FromRow<'_, SqliteRow> for OutboxRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            sequence: row.try_get("sequence")?,
            command_id: rows::text(row, "command_id")?,
            stream: rows::text(row, "stream")?,
            event: event(row)?,
            who: serde_json::from_str(row.try_get("who")?)
                .map_err(|error| rows::bad_column("who", error))?,
            occurred_at: rows::time(row, "occurred_at")?,
        })
    }
}

fn event(row: &SqliteRow) -> Result<Event, sqlx::Error> {
    let bad = |error: String| rows::bad_column("payload", error);
    let payload: String = row.try_get("payload")?;
    let payload = RawValue::from_string(payload).map_err(|error| bad(error.to_string()))?;
    Event::read(row.try_get("type")?, row.try_get("version")?, &payload)
        .map_err(|error| bad(error.to_string()))
}

/// Puts a fact behind all others.
pub async fn add(
    db: &mut SqliteConnection,
    fact: &Fact,
    command_id: &CommandId,
    now: Timestamp,
) -> Result<(), SecretsError> {
    let pending = pending(&mut *db).await?;
    let merging = fact.merging().filter(|_| pending >= MERGE_FROM);
    if let Some(merging) = &merging
        && merge(db, merging).await?
    {
        return Ok(());
    }
    if pending >= ROWS_MAX {
        return Err(SecretsError::OutboxFull { pending });
    }
    let event = merging
        .as_ref()
        .map_or(&fact.event, |merging| &merging.event);
    sqlx::query(
        "INSERT INTO outbox (command_id, stream, type, version, payload, who, occurred_at, merge_key)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(command_id.as_str())
    .bind(fact.stream.as_str())
    .bind(event.name())
    .bind(event.schema_version())
    .bind(json(event)?)
    .bind(json(&fact.who)?)
    .bind(now.micros())
    .bind(merging.as_ref().map(|merging| &merging.key))
    .execute(db)
    .await?;
    Ok(())
}

/// Counts a fact in a row that is there already; false when there is none.
async fn merge(db: &mut SqliteConnection, merging: &Merging) -> Result<bool, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM outbox WHERE merge_key = ? LIMIT 1")
        .bind(&merging.key)
        .fetch_optional(&mut *db)
        .await?;
    let Some(row) = row else { return Ok(false) };
    let merged = merging.onto(event(&row)?);
    sqlx::query("UPDATE outbox SET payload = ? WHERE sequence = ?")
        .bind(json(&merged)?)
        .bind(row.try_get::<i64, _>("sequence")?)
        .execute(db)
        .await?;
    Ok(true)
}

fn json(value: &impl serde::Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| rows::bad_column("payload", error))
}

/// Facts that wait.
pub async fn pending(db: impl Executor<'_, Database = Sqlite>) -> Result<u32, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM outbox WHERE refused IS NULL")
        .fetch_one(db)
        .await
}

/// The first facts, in order. From here on they do not change.
pub async fn take_up(db: &mut SqliteConnection, limit: u32) -> Result<Vec<OutboxRow>, sqlx::Error> {
    sqlx::query(
        "UPDATE outbox SET merge_key = NULL WHERE merge_key IS NOT NULL AND sequence IN (
             SELECT sequence FROM outbox WHERE refused IS NULL ORDER BY sequence LIMIT ?)",
    )
    .bind(limit)
    .execute(&mut *db)
    .await?;
    sqlx::query_as("SELECT * FROM outbox WHERE refused IS NULL ORDER BY sequence LIMIT ?")
        .bind(limit)
        .fetch_all(db)
        .await
}

/// Removes facts that are in the log.
pub async fn remove_through(db: &mut SqliteConnection, sequence: i64) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM outbox WHERE refused IS NULL AND sequence <= ?")
        .bind(sequence)
        .execute(db)
        .await?;
    Ok(())
}

/// Leaves a fact aside that the log will never take.
pub async fn set_aside(
    db: &mut SqliteConnection,
    sequence: i64,
    reason: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE outbox SET refused = ?, merge_key = NULL WHERE sequence = ?")
        .bind(reason)
        .bind(sequence)
        .execute(db)
        .await?;
    Ok(())
}
