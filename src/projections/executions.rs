//! Executions: every booked fill, with the strategy that its order came from.
//!
//! A fill says everything but its order's strategy; that is remembered from the order's approval,
//! because whatever is filled was approved before.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sqlx::FromRow;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::page::Page;
use super::{FoldError, Projection, Table, Views, ViewsError, account_of, rows};
use crate::events::catalogue::FillBooked;
use crate::events::{Event, Recorded};
use crate::values::{
    AccountId, ExecutionId, Money, OrderId, Position, Price, Quantity, Side, StrategyId, Symbol,
    Timestamp,
};

const TABLES: &[Table] = &[
    Table {
        name: "executions",
        create: "
            CREATE TABLE executions (
                position        INTEGER NOT NULL PRIMARY KEY,
                execution_id    TEXT NOT NULL,
                order_id        TEXT NOT NULL,
                account         TEXT NOT NULL,
                strategy        TEXT,
                symbol          TEXT NOT NULL,
                side            TEXT NOT NULL,
                quantity        TEXT NOT NULL,
                price           TEXT NOT NULL,
                commission      TEXT NOT NULL,
                cash_change     TEXT NOT NULL,
                realised_pnl    TEXT NOT NULL,
                leaves_quantity TEXT NOT NULL,
                time_micros     INTEGER NOT NULL
            ) STRICT;
            CREATE INDEX executions_by_account ON executions (account, position);
            CREATE INDEX executions_by_symbol ON executions (symbol, position);
            CREATE INDEX executions_by_order ON executions (order_id, position)",
    },
    Table {
        name: "execution_strategies",
        create: "
            CREATE TABLE execution_strategies (
                order_id TEXT NOT NULL PRIMARY KEY,
                strategy TEXT NOT NULL
            ) STRICT, WITHOUT ROWID",
    },
];

/// One booked fill. Money is in the account's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionRow {
    pub execution_id: ExecutionId,
    pub order_id: OrderId,
    pub account: AccountId,
    /// The strategy that the order came from; `None` where a person or a program sent it.
    pub strategy: Option<StrategyId>,
    pub symbol: Symbol,
    pub side: Side,
    /// FIX LastQty.
    pub quantity: Quantity,
    /// FIX LastPx.
    pub price: Price,
    pub commission: Money,
    /// Negative for a buy.
    pub cash_change: Money,
    /// Before commission.
    pub realised_pnl: Money,
    /// FIX LeavesQty after this fill.
    pub leaves_quantity: Quantity,
    /// When it was booked.
    pub time: Timestamp,
    /// The event.
    pub position: Position,
}

impl FromRow<'_, SqliteRow> for ExecutionRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            execution_id: rows::text(row, "execution_id")?,
            order_id: rows::text(row, "order_id")?,
            account: rows::text(row, "account")?,
            strategy: rows::optional_text(row, "strategy")?,
            symbol: rows::text(row, "symbol")?,
            side: rows::word(row, "side")?,
            quantity: rows::text(row, "quantity")?,
            price: rows::text(row, "price")?,
            commission: rows::text(row, "commission")?,
            cash_change: rows::text(row, "cash_change")?,
            realised_pnl: rows::text(row, "realised_pnl")?,
            leaves_quantity: rows::text(row, "leaves_quantity")?,
            time: rows::time(row, "time_micros")?,
            position: rows::position(row, "position")?,
        })
    }
}

/// The fold. Holds the batch being folded.
#[derive(Default)]
pub struct Executions {
    fills: Vec<ExecutionRow>,
    /// Strategies of the batch's approved orders.
    strategies: BTreeMap<OrderId, StrategyId>,
}

impl Executions {
    async fn row(
        &self,
        db: &mut SqliteConnection,
        fill: &FillBooked,
        recorded: &Recorded,
    ) -> Result<ExecutionRow, FoldError> {
        let strategy = match self.strategies.get(&fill.order_id) {
            Some(strategy) => Some(strategy.clone()),
            None => stored_strategy(db, &fill.order_id).await?,
        };
        Ok(ExecutionRow {
            execution_id: fill.execution_id.clone(),
            order_id: fill.order_id.clone(),
            account: account_of(recorded)?,
            strategy,
            symbol: fill.symbol.clone(),
            side: fill.side,
            quantity: fill.quantity,
            price: fill.price,
            commission: fill.commission,
            cash_change: fill.cash_change,
            realised_pnl: fill.realised_pnl,
            leaves_quantity: fill.leaves_quantity,
            time: recorded.envelope.meta.occurred_at,
            position: recorded.position(),
        })
    }
}

async fn stored_strategy(
    db: &mut SqliteConnection,
    order: &OrderId,
) -> Result<Option<StrategyId>, sqlx::Error> {
    let stored = sqlx::query("SELECT strategy FROM execution_strategies WHERE order_id = ?")
        .bind(order.as_str())
        .fetch_optional(db)
        .await?;
    stored.map(|row| rows::text(&row, "strategy")).transpose()
}

#[async_trait]
impl Projection for Executions {
    fn name(&self) -> &'static str {
        "executions"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        TABLES
    }

    async fn load(&mut self, _: &mut SqliteConnection) -> Result<(), FoldError> {
        *self = Self::default();
        Ok(())
    }

    async fn apply(
        &mut self,
        db: &mut SqliteConnection,
        recorded: &Recorded,
    ) -> Result<(), FoldError> {
        match recorded.event() {
            Event::OrderApproved(approved) => {
                let strategy = approved.strategy.clone();
                let known = strategy.map(|strategy| (approved.order_id.clone(), strategy));
                self.strategies.extend(known);
            }
            Event::FillBooked(fill) => {
                let row = self.row(db, fill, recorded).await?;
                self.fills.push(row);
            }
            _ => {}
        }
        Ok(())
    }

    async fn flush(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        for (order, strategy) in std::mem::take(&mut self.strategies) {
            // An order is approved once.
            sqlx::query("INSERT INTO execution_strategies VALUES (?, ?) ON CONFLICT DO NOTHING")
                .bind(order.as_str())
                .bind(strategy.as_str())
                .execute(&mut *db)
                .await?;
        }
        for fill in std::mem::take(&mut self.fills) {
            // A fill that is there already is the same fill.
            sqlx::query(
                "INSERT INTO executions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT (position) DO NOTHING",
            )
            .bind(rows::stored(fill.position.get()))
            .bind(fill.execution_id.as_str())
            .bind(fill.order_id.as_str())
            .bind(fill.account.as_str())
            .bind(fill.strategy.as_ref().map(StrategyId::as_str))
            .bind(fill.symbol.as_str())
            .bind(fill.side.to_string())
            .bind(fill.quantity.to_string())
            .bind(fill.price.to_string())
            .bind(fill.commission.to_string())
            .bind(fill.cash_change.to_string())
            .bind(fill.realised_pnl.to_string())
            .bind(fill.leaves_quantity.to_string())
            .bind(fill.time.micros())
            .execute(&mut *db)
            .await?;
        }
        Ok(())
    }
}

/// Which executions to show; `None` leaves a condition out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecutionFilter {
    pub account: Option<AccountId>,
    pub symbol: Option<Symbol>,
    pub order_id: Option<OrderId>,
    /// Only executions before this position: the last row's `position` asks for the next page.
    pub before: Option<Position>,
}

/// Executions, newest first.
pub async fn page(
    views: &Views,
    filter: &ExecutionFilter,
    limit: u32,
) -> Result<Vec<ExecutionRow>, ViewsError> {
    Page::of("executions")
        .text("account =", filter.account.as_ref())
        .text("symbol =", filter.symbol.as_ref())
        .text("order_id =", filter.order_id.as_ref())
        .position("position <", filter.before)
        .fetch(views, "position DESC", limit)
        .await
}
