//! The last fact that the event log took from here, so that an older copy of the log is noticed:
//! facts that are recorded have left the outbox and would be missing for good.

use sqlx::sqlite::{Sqlite, SqliteConnection};
use sqlx::{Executor, Row};

use super::rows;
use crate::events::LogMark;
use crate::values::Position;

pub async fn read(
    db: impl Executor<'_, Database = Sqlite>,
) -> Result<Option<LogMark>, sqlx::Error> {
    let row = sqlx::query("SELECT position, leaf_hash FROM log_mark")
        .fetch_optional(db)
        .await?;
    let mark = row.map(|row| {
        let position: i64 = row.try_get("position")?;
        Ok(LogMark {
            position: Position::new(position.unsigned_abs()),
            leaf: rows::hash(&row, "leaf_hash")?,
        })
    });
    mark.transpose()
}

pub async fn set(db: &mut SqliteConnection, mark: &LogMark) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT OR REPLACE INTO log_mark (only_row, position, leaf_hash) VALUES (1, ?, ?)")
        .bind(i64::try_from(mark.position.get()).unwrap_or(i64::MAX))
        .bind(mark.leaf.as_slice())
        .execute(db)
        .await?;
    Ok(())
}
