//! Orders: terms, FIX OrdStatus and what has been executed.
//!
//! `evolve` is the life of one order, `table` its row; this file folds batches and answers
//! queries.

mod evolve;
mod table;

pub use evolve::OrdStatus;
pub use table::OrderRow;

use std::collections::BTreeMap;

use async_trait::async_trait;
use sqlx::sqlite::SqliteConnection;

use super::page::Page;
use super::{FoldError, Projection, Table, Views, ViewsError, rows};
use crate::events::{Event, Recorded};
use crate::values::{AccountId, ClientOrderId, OrderId, Position, Symbol};

/// The fold. Holds only the orders of the batch being folded; others are read when they change.
#[derive(Default)]
pub struct Orders {
    touched: BTreeMap<OrderId, OrderRow>,
}

#[async_trait]
impl Projection for Orders {
    fn name(&self) -> &'static str {
        "orders"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        table::TABLES
    }

    async fn load(&mut self, _: &mut SqliteConnection) -> Result<(), FoldError> {
        self.touched.clear();
        Ok(())
    }

    async fn apply(
        &mut self,
        db: &mut SqliteConnection,
        recorded: &Recorded,
    ) -> Result<(), FoldError> {
        if let Event::OrderSubmitted(order) = recorded.event() {
            let row = evolve::submitted(recorded, order)?;
            self.touched.insert(row.order_id.clone(), row);
            return Ok(());
        }
        let Some(id) = evolve::changed_order(recorded.event()) else {
            return Ok(());
        };
        if let Some(row) = self.touched.get_mut(id) {
            return evolve::evolve(row, recorded);
        }
        let stored = table::select(db, id).await?;
        let unknown = || FoldError::Poison(format!("order {id} was never submitted"));
        let mut row = stored.ok_or_else(unknown)?;
        evolve::evolve(&mut row, recorded)?;
        self.touched.insert(id.clone(), row);
        Ok(())
    }

    async fn flush(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        for row in std::mem::take(&mut self.touched).into_values() {
            table::write(db, &row).await?;
        }
        Ok(())
    }
}

/// One order by our id.
pub async fn find(views: &Views, order: &OrderId) -> Result<Option<OrderRow>, ViewsError> {
    let mut reader = views.readers().acquire().await?;
    Ok(table::select(&mut reader, order).await?)
}

/// The account's newest order with this client order id.
pub async fn find_by_client_order_id(
    views: &Views,
    account: &AccountId,
    client_order_id: &ClientOrderId,
) -> Result<Option<OrderRow>, ViewsError> {
    let found = sqlx::query_as(
        "SELECT * FROM orders WHERE account = ? AND client_order_id = ?
         ORDER BY submitted_position DESC LIMIT 1",
    )
    .bind(account.as_str())
    .bind(client_order_id.as_str())
    .fetch_optional(views.readers())
    .await?;
    Ok(found)
}

/// How many orders were sent of which it is not known whether they arrived.
pub async fn count_in_doubt(views: &Views) -> Result<u64, ViewsError> {
    let row = sqlx::query("SELECT count(*) AS orders FROM orders WHERE in_doubt = 1")
        .fetch_one(views.readers())
        .await?;
    Ok(rows::count(&row, "orders")?)
}

/// Which orders to show; `None` leaves a condition out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    pub account: Option<AccountId>,
    pub symbol: Option<Symbol>,
    /// True for open orders only, false for ended ones only.
    pub open: Option<bool>,
    /// Only orders submitted before this position: the last row's `submitted_position` asks for
    /// the next page.
    pub before: Option<Position>,
}

/// Orders, newest first.
pub async fn page(
    views: &Views,
    filter: &OrderFilter,
    limit: u32,
) -> Result<Vec<OrderRow>, ViewsError> {
    let page = Page::of("orders")
        .text("account =", filter.account.as_ref())
        .text("symbol =", filter.symbol.as_ref())
        .position("submitted_position <", filter.before);
    let page = match filter.open {
        Some(true) => page.only(OPEN),
        Some(false) => page.only(ENDED),
        None => page,
    };
    page.fetch(views, "submitted_position DESC", limit).await
}

/// The same words as in the index of open orders.
const OPEN: &str = "status IN ('pending_new', 'new', 'partially_filled', 'pending_cancel')";
const ENDED: &str = "status IN ('filled', 'canceled', 'rejected', 'expired')";
