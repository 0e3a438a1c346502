//! The table of orders: its columns, and a row as a type.

use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{FromRow, Row};

use super::evolve::OrdStatus;
use crate::events::catalogue::CheckCode;
use crate::projections::{FoldError, Table, rows};
use crate::values::{
    AccountId, ClientOrderId, Money, OrderId, OrderTerms, OrderType, Position, Quantity,
    StrategyId, Timestamp, VenueId, VenueOrderId,
};

pub(super) const TABLES: &[Table] = &[Table {
    name: "orders",
    create: "
        CREATE TABLE orders (
            order_id            TEXT NOT NULL PRIMARY KEY,
            client_order_id     TEXT NOT NULL,
            venue_order_id      TEXT,
            account             TEXT NOT NULL,
            ordinal             INTEGER NOT NULL,
            strategy            TEXT,
            venue               TEXT NOT NULL,
            symbol              TEXT NOT NULL,
            side                TEXT NOT NULL,
            type                TEXT NOT NULL,
            limit_price         TEXT,
            time_in_force       TEXT NOT NULL,
            quantity            TEXT NOT NULL,
            status              TEXT NOT NULL,
            in_doubt            INTEGER NOT NULL,
            cumulative_quantity TEXT NOT NULL,
            leaves_quantity     TEXT NOT NULL,
            filled_notional     TEXT NOT NULL,
            refusal_code        TEXT,
            reject_reason       TEXT,
            submitted_at_micros INTEGER NOT NULL,
            updated_at_micros   INTEGER NOT NULL,
            submitted_position  INTEGER NOT NULL,
            position            INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX orders_by_position ON orders (submitted_position);
        CREATE INDEX orders_by_account ON orders (account, submitted_position);
        CREATE INDEX orders_by_client_id ON orders (account, client_order_id);
        CREATE INDEX orders_open ON orders (submitted_position)
            WHERE status IN ('pending_new', 'new', 'partially_filled', 'pending_cancel');
        CREATE INDEX orders_in_doubt ON orders (submitted_position) WHERE in_doubt = 1",
}];

/// One order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    pub order_id: OrderId,
    pub client_order_id: ClientOrderId,
    /// Known once the venue has acknowledged the order.
    pub venue_order_id: Option<VenueOrderId>,
    pub account: AccountId,
    /// 1 for the account's first order.
    pub ordinal: u64,
    pub strategy: Option<StrategyId>,
    pub venue: VenueId,
    pub terms: OrderTerms,
    pub status: OrdStatus,
    /// Sent, and it is not known whether it arrived.
    pub in_doubt: bool,
    /// FIX CumQty.
    pub cumulative_quantity: Quantity,
    /// FIX LeavesQty; 0 once the order has ended.
    pub leaves_quantity: Quantity,
    /// Sum of quantity times price over all executions; divided by CumQty it is FIX AvgPx.
    pub filled_notional: Money,
    /// The check that refused it.
    pub refusal_code: Option<CheckCode>,
    /// Why execution or the venue rejected it.
    pub reject_reason: Option<String>,
    pub submitted_at: Timestamp,
    pub updated_at: Timestamp,
    pub submitted_position: Position,
    /// The last event that changed this row.
    pub position: Position,
}

impl FromRow<'_, SqliteRow> for OrderRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let order_type = match rows::optional_text(row, "limit_price")? {
            Some(limit_price) => OrderType::Limit { limit_price },
            None => OrderType::Market,
        };
        Ok(Self {
            order_id: rows::text(row, "order_id")?,
            client_order_id: rows::text(row, "client_order_id")?,
            venue_order_id: rows::optional_text(row, "venue_order_id")?,
            account: rows::text(row, "account")?,
            ordinal: rows::count(row, "ordinal")?,
            strategy: rows::optional_text(row, "strategy")?,
            venue: rows::text(row, "venue")?,
            terms: OrderTerms {
                symbol: rows::text(row, "symbol")?,
                side: rows::word(row, "side")?,
                quantity: rows::text(row, "quantity")?,
                order_type,
                time_in_force: rows::word(row, "time_in_force")?,
            },
            status: rows::word(row, "status")?,
            in_doubt: row.try_get("in_doubt")?,
            cumulative_quantity: rows::text(row, "cumulative_quantity")?,
            leaves_quantity: rows::text(row, "leaves_quantity")?,
            filled_notional: rows::text(row, "filled_notional")?,
            refusal_code: rows::optional_word(row, "refusal_code")?,
            reject_reason: row.try_get("reject_reason")?,
            submitted_at: rows::time(row, "submitted_at_micros")?,
            updated_at: rows::time(row, "updated_at_micros")?,
            submitted_position: rows::position(row, "submitted_position")?,
            position: rows::position(row, "position")?,
        })
    }
}

pub(super) async fn select(
    db: &mut SqliteConnection,
    order: &OrderId,
) -> Result<Option<OrderRow>, sqlx::Error> {
    sqlx::query_as("SELECT * FROM orders WHERE order_id = ?")
        .bind(order.as_str())
        .fetch_optional(db)
        .await
}

/// Inserts the row, or brings an older one up to date.
pub(super) async fn write(db: &mut SqliteConnection, row: &OrderRow) -> Result<(), FoldError> {
    sqlx::query(
        "INSERT INTO orders VALUES
             (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (order_id) DO UPDATE SET
             venue_order_id = excluded.venue_order_id, status = excluded.status,
             in_doubt = excluded.in_doubt, cumulative_quantity = excluded.cumulative_quantity,
             leaves_quantity = excluded.leaves_quantity, filled_notional = excluded.filled_notional,
             refusal_code = excluded.refusal_code, reject_reason = excluded.reject_reason,
             updated_at_micros = excluded.updated_at_micros, position = excluded.position
         WHERE excluded.position > orders.position",
    )
    .bind(row.order_id.as_str())
    .bind(row.client_order_id.as_str())
    .bind(row.venue_order_id.as_ref().map(VenueOrderId::as_str))
    .bind(row.account.as_str())
    .bind(rows::stored(row.ordinal))
    .bind(row.strategy.as_ref().map(StrategyId::as_str))
    .bind(row.venue.as_str())
    .bind(row.terms.symbol.as_str())
    .bind(row.terms.side.to_string())
    .bind(row.terms.order_type.name())
    .bind(
        row.terms
            .order_type
            .limit_price()
            .map(|price| price.to_string()),
    )
    .bind(row.terms.time_in_force.name())
    .bind(row.terms.quantity.to_string())
    .bind(row.status.name())
    .bind(row.in_doubt)
    .bind(row.cumulative_quantity.to_string())
    .bind(row.leaves_quantity.to_string())
    .bind(row.filled_notional.to_string())
    .bind(row.refusal_code.map(rows::word_of).transpose()?)
    .bind(&row.reject_reason)
    .bind(row.submitted_at.micros())
    .bind(row.updated_at.micros())
    .bind(rows::stored(row.submitted_position.get()))
    .bind(rows::stored(row.position.get()))
    .execute(db)
    .await?;
    Ok(())
}
