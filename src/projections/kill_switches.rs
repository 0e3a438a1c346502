//! Kill switches: which are engaged now, by whom and why. A released one is gone from here; its
//! history is in the audit.

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{FromRow, Row};

use super::{FoldError, PAGE_ROWS_MAX, Projection, Table, Views, ViewsError, rows};
use crate::events::catalogue::{HaltMode, HaltScope};
use crate::events::{Event, Recorded};
use crate::values::{Position, Timestamp};

const TABLES: &[Table] = &[Table {
    name: "kill_switches",
    create: "
        CREATE TABLE kill_switches (
            scope             TEXT NOT NULL,
            key               TEXT NOT NULL,
            mode              TEXT NOT NULL,
            cause             TEXT NOT NULL,
            engaged_by        TEXT NOT NULL,
            human             TEXT,
            engaged_at_micros INTEGER NOT NULL,
            position          INTEGER NOT NULL,
            PRIMARY KEY (scope, key)
        ) STRICT, WITHOUT ROWID",
}];

/// One engaged kill switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillSwitchRow {
    pub scope: HaltScope,
    pub mode: HaltMode,
    pub cause: String,
    /// The principal.
    pub engaged_by: String,
    /// The person behind it, where there is one.
    pub human: Option<String>,
    pub engaged_at: Timestamp,
    /// The event that engaged it.
    pub position: Position,
}

impl FromRow<'_, SqliteRow> for KillSwitchRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let scope = match row.try_get("scope")? {
            "firm" => HaltScope::Firm,
            "account" => HaltScope::Account(rows::text(row, "key")?),
            "strategy" => HaltScope::Strategy(rows::text(row, "key")?),
            "instrument" => HaltScope::Instrument(rows::text(row, "key")?),
            "venue" => HaltScope::Venue(rows::text(row, "key")?),
            other => return Err(rows::bad_column("scope", format!("{other:?} is no scope"))),
        };
        Ok(Self {
            scope,
            mode: rows::word(row, "mode")?,
            cause: row.try_get("cause")?,
            engaged_by: row.try_get("engaged_by")?,
            human: row.try_get("human")?,
            engaged_at: rows::time(row, "engaged_at_micros")?,
            position: rows::position(row, "position")?,
        })
    }
}

/// A scope's word in events, and whom it concerns; empty for the firm.
fn columns(scope: &HaltScope) -> (&'static str, &str) {
    match scope {
        HaltScope::Firm => ("firm", ""),
        HaltScope::Account(key) => ("account", key.as_str()),
        HaltScope::Strategy(key) => ("strategy", key.as_str()),
        HaltScope::Instrument(key) => ("instrument", key.as_str()),
        HaltScope::Venue(key) => ("venue", key.as_str()),
    }
}

/// The fold. Holds nothing: these events are rare, and go straight into the table.
#[derive(Default)]
pub struct KillSwitches;

#[async_trait]
impl Projection for KillSwitches {
    fn name(&self) -> &'static str {
        "kill_switches"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        TABLES
    }

    async fn load(&mut self, _: &mut SqliteConnection) -> Result<(), FoldError> {
        Ok(())
    }

    async fn apply(
        &mut self,
        db: &mut SqliteConnection,
        recorded: &Recorded,
    ) -> Result<(), FoldError> {
        let position = rows::stored(recorded.position().get());
        match recorded.event() {
            Event::KillSwitchEngaged(engaged) => {
                let (scope, key) = columns(&engaged.scope);
                let meta = &recorded.envelope.meta;
                sqlx::query(
                    "INSERT INTO kill_switches VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                     ON CONFLICT (scope, key) DO UPDATE SET
                         mode = excluded.mode, cause = excluded.cause,
                         engaged_by = excluded.engaged_by, human = excluded.human,
                         engaged_at_micros = excluded.engaged_at_micros,
                         position = excluded.position
                     WHERE excluded.position > kill_switches.position",
                )
                .bind(scope)
                .bind(key)
                .bind(rows::word_of(engaged.mode)?)
                .bind(&engaged.cause)
                .bind(&meta.who.principal)
                .bind(&meta.who.human)
                .bind(meta.occurred_at.micros())
                .bind(position)
                .execute(db)
                .await?;
            }
            Event::KillSwitchReleased(released) => {
                let (scope, key) = columns(&released.scope);
                sqlx::query(
                    "DELETE FROM kill_switches WHERE scope = ? AND key = ? AND position < ?",
                )
                .bind(scope)
                .bind(key)
                .bind(position)
                .execute(db)
                .await?;
            }
            _ => {}
        }
        Ok(())
    }

    async fn flush(&mut self, _: &mut SqliteConnection) -> Result<(), FoldError> {
        Ok(())
    }
}

/// The engaged switches, the firm's first; at most [`PAGE_ROWS_MAX`].
pub async fn all(views: &Views) -> Result<Vec<KillSwitchRow>, ViewsError> {
    let all =
        sqlx::query_as("SELECT * FROM kill_switches ORDER BY scope <> 'firm', scope, key LIMIT ?")
            .bind(PAGE_ROWS_MAX)
            .fetch_all(views.readers())
            .await?;
    Ok(all)
}
