//! Signals: what each strategy saw, and what it did about it.

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{FromRow, Row};

use super::page::Page;
use super::{FoldError, Projection, Table, Views, ViewsError, rows, strategy_of};
use crate::events::catalogue::SignalAction;
use crate::events::{Event, Recorded};
use crate::values::{BarDate, Position, Price, Ratio, Side, StrategyId, Symbol, Timestamp};

const TABLES: &[Table] = &[Table {
    name: "signals",
    create: "
        CREATE TABLE signals (
            position        INTEGER NOT NULL PRIMARY KEY,
            strategy        TEXT NOT NULL,
            symbol          TEXT NOT NULL,
            side            TEXT NOT NULL,
            bar             TEXT NOT NULL,
            price           TEXT NOT NULL,
            confidence      TEXT NOT NULL,
            action          TEXT NOT NULL,
            reason          TEXT,
            command_id      TEXT,
            client_order_id TEXT,
            quantity        TEXT,
            time_micros     INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX signals_by_strategy ON signals (strategy, position);
        CREATE INDEX signals_by_symbol ON signals (symbol, position)",
}];

/// One signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalRow {
    pub strategy: StrategyId,
    pub symbol: Symbol,
    pub side: Side,
    /// The bar it was seen at.
    pub bar: BarDate,
    pub price: Price,
    pub confidence: Ratio,
    pub action: SignalAction,
    pub time: Timestamp,
    /// The event.
    pub position: Position,
}

impl FromRow<'_, SqliteRow> for SignalRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let action = match row.try_get("action")? {
            ORDER => SignalAction::Order {
                command_id: rows::text(row, "command_id")?,
                client_order_id: rows::text(row, "client_order_id")?,
                quantity: rows::text(row, "quantity")?,
            },
            NONE => SignalAction::None {
                reason: row.try_get("reason")?,
            },
            other => {
                let unknown = format!("{other:?} is not what a strategy does");
                return Err(rows::bad_column("action", unknown));
            }
        };
        Ok(Self {
            strategy: rows::text(row, "strategy")?,
            symbol: rows::text(row, "symbol")?,
            side: rows::word(row, "side")?,
            bar: rows::text(row, "bar")?,
            price: rows::text(row, "price")?,
            confidence: rows::text(row, "confidence")?,
            action,
            time: rows::time(row, "time_micros")?,
            position: rows::position(row, "position")?,
        })
    }
}

const ORDER: &str = "order";
const NONE: &str = "none";

/// The fold. Holds the batch being folded.
#[derive(Default)]
pub struct Signals {
    rows: Vec<SignalRow>,
}

#[async_trait]
impl Projection for Signals {
    fn name(&self) -> &'static str {
        "signals"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        TABLES
    }

    async fn load(&mut self, _: &mut SqliteConnection) -> Result<(), FoldError> {
        self.rows.clear();
        Ok(())
    }

    async fn apply(
        &mut self,
        _: &mut SqliteConnection,
        recorded: &Recorded,
    ) -> Result<(), FoldError> {
        if let Event::SignalGenerated(signal) = recorded.event() {
            self.rows.push(SignalRow {
                strategy: strategy_of(recorded)?,
                symbol: signal.symbol.clone(),
                side: signal.side,
                bar: signal.bar,
                price: signal.price,
                confidence: signal.confidence,
                action: signal.action.clone(),
                time: recorded.envelope.meta.occurred_at,
                position: recorded.position(),
            });
        }
        Ok(())
    }

    async fn flush(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        for signal in std::mem::take(&mut self.rows) {
            let (action, reason, order) = match &signal.action {
                SignalAction::None { reason } => (NONE, Some(reason), None),
                SignalAction::Order {
                    command_id,
                    client_order_id,
                    quantity,
                } => (ORDER, None, Some((command_id, client_order_id, quantity))),
            };
            // A signal that is there already is the same signal.
            sqlx::query(
                "INSERT INTO signals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT (position) DO NOTHING",
            )
            .bind(rows::stored(signal.position.get()))
            .bind(signal.strategy.as_str())
            .bind(signal.symbol.as_str())
            .bind(signal.side.to_string())
            .bind(signal.bar.to_string())
            .bind(signal.price.to_string())
            .bind(signal.confidence.to_string())
            .bind(action)
            .bind(reason)
            .bind(order.map(|(command, _, _)| command.as_str()))
            .bind(order.map(|(_, client_order, _)| client_order.as_str()))
            .bind(order.map(|(_, _, quantity)| quantity.to_string()))
            .bind(signal.time.micros())
            .execute(&mut *db)
            .await?;
        }
        Ok(())
    }
}

/// Which signals to show; `None` leaves a condition out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignalFilter {
    pub strategy: Option<StrategyId>,
    pub symbol: Option<Symbol>,
    /// Only signals before this position: the last row's `position` asks for the next page.
    pub before: Option<Position>,
}

/// Signals, newest first.
pub async fn page(
    views: &Views,
    filter: &SignalFilter,
    limit: u32,
) -> Result<Vec<SignalRow>, ViewsError> {
    Page::of("signals")
        .text("strategy =", filter.strategy.as_ref())
        .text("symbol =", filter.symbol.as_ref())
        .position("position <", filter.before)
        .fetch(views, "position DESC", limit)
        .await
}
