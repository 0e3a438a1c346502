//! Strategies: how each one decides, for which account, on what, and whether it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{FromRow, Row};

use super::{FoldError, PAGE_ROWS_MAX, Projection, Table, Views, ViewsError, rows, strategy_of};
use crate::events::catalogue::StrategyRule;
use crate::events::{Event, Recorded};
use crate::values::{AccountId, Position, StrategyId, Symbol, VenueId};

const TABLES: &[Table] = &[Table {
    name: "strategies",
    create: "
        CREATE TABLE strategies (
            strategy TEXT NOT NULL PRIMARY KEY,
            name     TEXT NOT NULL,
            rule     TEXT NOT NULL,
            account  TEXT NOT NULL,
            venue    TEXT NOT NULL,
            symbols  TEXT NOT NULL,
            status   TEXT NOT NULL,
            position INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID",
}];

/// How far a strategy has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrategyStatus {
    Registered,
    /// A person has approved it; it does not run yet.
    Approved,
    Running,
}

impl StrategyStatus {
    pub fn name(self) -> &'static str {
        match self {
            StrategyStatus::Registered => "registered",
            StrategyStatus::Approved => "approved",
            StrategyStatus::Running => "running",
        }
    }
}

impl fmt::Display for StrategyStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One strategy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrategyRow {
    pub strategy: StrategyId,
    pub name: String,
    /// How it decides, with its parameters.
    pub rule: StrategyRule,
    pub account: AccountId,
    pub venue: VenueId,
    pub symbols: Vec<Symbol>,
    pub status: StrategyStatus,
    /// The last event that changed this row.
    pub position: Position,
}

impl FromRow<'_, SqliteRow> for StrategyRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            strategy: rows::text(row, "strategy")?,
            name: row.try_get("name")?,
            rule: json(row, "rule")?,
            account: rows::text(row, "account")?,
            venue: rows::text(row, "venue")?,
            symbols: json(row, "symbols")?,
            status: rows::word(row, "status")?,
            position: rows::position(row, "position")?,
        })
    }
}

fn json<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T, sqlx::Error> {
    let stored: &str = row.try_get(column)?;
    serde_json::from_str(stored).map_err(|error| rows::bad_column(column, error))
}

fn json_of(value: &impl Serialize) -> Result<String, FoldError> {
    serde_json::to_string(value).map_err(|error| FoldError::Poison(error.to_string()))
}

/// The fold. Holds every strategy.
#[derive(Default)]
pub struct Strategies {
    strategies: BTreeMap<StrategyId, StrategyRow>,
    /// Not written yet.
    touched: BTreeSet<StrategyId>,
}

impl Strategies {
    fn set(&mut self, recorded: &Recorded, status: StrategyStatus) -> Result<(), FoldError> {
        let id = strategy_of(recorded)?;
        let unknown = || FoldError::Poison(format!("strategy {id} was never registered"));
        let row = self.strategies.get_mut(&id).ok_or_else(unknown)?;
        row.status = status;
        row.position = recorded.position();
        self.touched.insert(id);
        Ok(())
    }

    fn fold(&mut self, recorded: &Recorded) -> Result<(), FoldError> {
        match recorded.event() {
            Event::StrategyRegistered(registered) => {
                let row = StrategyRow {
                    strategy: registered.strategy.clone(),
                    name: registered.name.clone(),
                    rule: registered.rule.clone(),
                    account: registered.account.clone(),
                    venue: registered.venue.clone(),
                    symbols: registered.symbols.clone(),
                    status: StrategyStatus::Registered,
                    position: recorded.position(),
                };
                self.touched.insert(row.strategy.clone());
                self.strategies.insert(row.strategy.clone(), row);
                Ok(())
            }
            Event::StrategyApproved(_) => self.set(recorded, StrategyStatus::Approved),
            Event::StrategyStarted(_) => self.set(recorded, StrategyStatus::Running),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Projection for Strategies {
    fn name(&self) -> &'static str {
        "strategies"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        TABLES
    }

    async fn load(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        let stored: Vec<StrategyRow> = sqlx::query_as("SELECT * FROM strategies")
            .fetch_all(db)
            .await?;
        let by_id = |row: StrategyRow| (row.strategy.clone(), row);
        self.strategies = stored.into_iter().map(by_id).collect();
        self.touched.clear();
        Ok(())
    }

    async fn apply(
        &mut self,
        _: &mut SqliteConnection,
        recorded: &Recorded,
    ) -> Result<(), FoldError> {
        self.fold(recorded)
    }

    async fn flush(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        for id in std::mem::take(&mut self.touched) {
            let Some(row) = self.strategies.get(&id) else {
                continue;
            };
            sqlx::query(
                "INSERT INTO strategies VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT (strategy) DO UPDATE SET
                     name = excluded.name, rule = excluded.rule, account = excluded.account,
                     venue = excluded.venue, symbols = excluded.symbols,
                     status = excluded.status, position = excluded.position
                 WHERE excluded.position > strategies.position",
            )
            .bind(row.strategy.as_str())
            .bind(&row.name)
            .bind(json_of(&row.rule)?)
            .bind(row.account.as_str())
            .bind(row.venue.as_str())
            .bind(json_of(&row.symbols)?)
            .bind(row.status.name())
            .bind(rows::stored(row.position.get()))
            .execute(&mut *db)
            .await?;
        }
        Ok(())
    }
}

/// Strategies by id, those after `after`.
pub async fn page(
    views: &Views,
    after: Option<&StrategyId>,
    limit: u32,
) -> Result<Vec<StrategyRow>, ViewsError> {
    let page =
        sqlx::query_as("SELECT * FROM strategies WHERE strategy > ? ORDER BY strategy LIMIT ?")
            .bind(after.map_or("", StrategyId::as_str))
            .bind(limit.min(PAGE_ROWS_MAX))
            .fetch_all(views.readers())
            .await?;
    Ok(page)
}
