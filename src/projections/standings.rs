//! What an account amounts to now: its cash, what it holds at the last prices, and both together.
//!
//! One query over the read models of accounts and equity. Each is complete up to its own
//! position, and the equity is added up here from what the query found, so that the figures of one
//! answer always add up.

use sqlx::FromRow;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::accounts::AccountRow;
use super::{PAGE_ROWS_MAX, Views, ViewsError, rows};
use crate::values::{AccountId, Money};

/// One account and what it is worth. Money is in the account's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub account: AccountRow,
    /// Cash that no open order holds back.
    pub available_cash: Money,
    /// Of all holdings, each at its last price.
    pub market_value: Money,
    /// Cash plus market value.
    pub equity: Money,
    /// Market value minus what the holdings cost.
    pub unrealised_pnl: Money,
}

impl FromRow<'_, SqliteRow> for Standing {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let account = AccountRow::from_row(row)?;
        let market_value: Money = rows::optional_text(row, "market_value")?.unwrap_or_default();
        let unrealised = rows::optional_text(row, "unrealised_pnl")?;
        let available_cash = account.cash.checked_sub(account.reserved_cash);
        let equity = account.cash.checked_add(market_value);
        Ok(Self {
            available_cash: available_cash.map_err(|e| rows::bad_column("reserved_cash", e))?,
            market_value,
            equity: equity.map_err(|error| rows::bad_column("market_value", error))?,
            unrealised_pnl: unrealised.unwrap_or_default(),
            account,
        })
    }
}

/// One account.
pub async fn find(views: &Views, account: &AccountId) -> Result<Option<Standing>, ViewsError> {
    let mut db = views.readers().acquire().await?;
    Ok(find_in(&mut db, account).await?)
}

pub(super) async fn find_in(
    db: &mut SqliteConnection,
    account: &AccountId,
) -> Result<Option<Standing>, sqlx::Error> {
    sqlx::query_as(
        "SELECT accounts.*, newest.market_value, newest.unrealised_pnl FROM accounts
         LEFT JOIN equity_points AS newest ON newest.account = accounts.account
             AND newest.position =
                 (SELECT max(position) FROM equity_points WHERE account = accounts.account)
         WHERE accounts.account = ?",
    )
    .bind(account.as_str())
    .fetch_optional(db)
    .await
}

/// Accounts by id, those after `after`.
pub async fn page(
    views: &Views,
    after: Option<&AccountId>,
    limit: u32,
) -> Result<Vec<Standing>, ViewsError> {
    let page = sqlx::query_as(
        "SELECT accounts.*, newest.market_value, newest.unrealised_pnl FROM accounts
         LEFT JOIN equity_points AS newest ON newest.account = accounts.account
             AND newest.position =
                 (SELECT max(position) FROM equity_points WHERE account = accounts.account)
         WHERE accounts.account > ? ORDER BY accounts.account LIMIT ?",
    )
    .bind(after.map_or("", AccountId::as_str))
    .bind(limit.min(PAGE_ROWS_MAX))
    .fetch_all(views.readers())
    .await?;
    Ok(page)
}
