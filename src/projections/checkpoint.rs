//! How far each projection has folded, of which log, by which code.
//!
//! A checkpoint names the record it stands at by its leaf hash, so that a log which was restored
//! from an older backup, or is another log altogether, is noticed before anything is folded on.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, FromRow, Row};
use uuid::Uuid;

use super::rows;
use crate::events::LogMark;
use crate::values::Position;

pub(super) const CREATE: &str = "
    CREATE TABLE IF NOT EXISTS checkpoints (
        projection  TEXT NOT NULL PRIMARY KEY,
        position    INTEGER NOT NULL,
        fingerprint TEXT NOT NULL,
        log_id      TEXT NOT NULL,
        leaf_hash   TEXT NOT NULL,
        tables      TEXT NOT NULL
    ) STRICT, WITHOUT ROWID";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checkpoint {
    pub projection: String,
    pub position: Position,
    pub fingerprint: String,
    pub log_id: Uuid,
    /// Of the record at `position`, hexadecimal; empty at position 0.
    pub leaf_hash: String,
    /// What the projection made, space-separated: its code may have forgotten a table since.
    pub tables: String,
}

impl FromRow<'_, SqliteRow> for Checkpoint {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            projection: row.try_get("projection")?,
            position: rows::position(row, "position")?,
            fingerprint: row.try_get("fingerprint")?,
            log_id: rows::text(row, "log_id")?,
            leaf_hash: row.try_get("leaf_hash")?,
            tables: row.try_get("tables")?,
        })
    }
}

pub(super) async fn all(db: &mut SqliteConnection) -> Result<Vec<Checkpoint>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM checkpoints ORDER BY projection")
        .fetch_all(db)
        .await
}

impl Checkpoint {
    /// The record it stands at; `None` at the start of the log. A leaf hash that does not parse is
    /// that of no record.
    pub fn mark(&self) -> Option<LogMark> {
        let mut leaf = [0; 32];
        // Left at zero, it disagrees with every log.
        let _ = hex::decode_to_slice(&self.leaf_hash, &mut leaf);
        (self.position > Position::ZERO).then_some(LogMark {
            position: self.position,
            leaf,
        })
    }

    /// Puts a projection at the start of the log.
    pub async fn insert(&self, db: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        sqlx::query("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?)")
            .bind(&self.projection)
            .bind(rows::stored(self.position.get()))
            .bind(&self.fingerprint)
            .bind(self.log_id.to_string())
            .bind(&self.leaf_hash)
            .bind(&self.tables)
            .execute(db)
            .await?;
        Ok(())
    }

    /// Removes the checkpoint together with the tables that it vouches for.
    pub async fn drop_with_tables(&self, db: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        for table in self.tables.split_whitespace() {
            let quoted = table.replace('"', "\"\"");
            let drop = format!("DROP TABLE IF EXISTS \"{quoted}\"");
            // A table's name cannot be a parameter; this one comes from our own row, quoted.
            sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut *db).await?;
        }
        sqlx::query("DELETE FROM checkpoints WHERE projection = ?")
            .bind(&self.projection)
            .execute(db)
            .await?;
        Ok(())
    }
}

/// Moves a checkpoint; false when it did not stand at `from`.
pub(super) async fn advance(
    db: &mut SqliteConnection,
    projection: &str,
    from: Position,
    to: Position,
    leaf_hash: &str,
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query(
        "UPDATE checkpoints SET position = ?, leaf_hash = ? WHERE projection = ? AND position = ?",
    )
    .bind(rows::stored(to.get()))
    .bind(leaf_hash)
    .bind(projection)
    .bind(rows::stored(from.get()))
    .execute(db)
    .await?;
    Ok(moved.rows_affected() == 1)
}
