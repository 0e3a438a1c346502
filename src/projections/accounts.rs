//! Accounts: cash, what open orders hold back, realised profit and commissions.
//!
//! Every figure is a sum of what the account's own events say; nothing is computed anew.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{FromRow, Row};

use super::{FoldError, PAGE_ROWS_MAX, Projection, Table, Views, ViewsError, account_of, rows};
use crate::events::{Event, Recorded};
use crate::values::{AccountId, Money, Position, Timestamp};

const TABLES: &[Table] = &[Table {
    name: "accounts",
    create: "
        CREATE TABLE accounts (
            account          TEXT NOT NULL PRIMARY KEY,
            name             TEXT NOT NULL,
            currency         TEXT NOT NULL,
            cash             TEXT NOT NULL,
            reserved_cash    TEXT NOT NULL,
            realised_pnl     TEXT NOT NULL,
            commission       TEXT NOT NULL,
            opened_at_micros INTEGER NOT NULL,
            position         INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX accounts_by_name ON accounts (name)",
}];

/// One account. Money is in `currency`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    pub account: AccountId,
    pub name: String,
    /// ISO 4217 code.
    pub currency: String,
    pub cash: Money,
    /// Held back by open buy orders.
    pub reserved_cash: Money,
    /// Before commission.
    pub realised_pnl: Money,
    /// All commissions paid.
    pub commission: Money,
    pub opened_at: Timestamp,
    /// The last event that changed this row.
    pub position: Position,
}

impl FromRow<'_, SqliteRow> for AccountRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            account: rows::text(row, "account")?,
            name: row.try_get("name")?,
            currency: row.try_get("currency")?,
            cash: rows::text(row, "cash")?,
            reserved_cash: rows::text(row, "reserved_cash")?,
            realised_pnl: rows::text(row, "realised_pnl")?,
            commission: rows::text(row, "commission")?,
            opened_at: rows::time(row, "opened_at_micros")?,
            position: rows::position(row, "position")?,
        })
    }
}

/// The fold. Holds every account: there are as many as people opened.
#[derive(Default)]
pub struct Accounts {
    accounts: BTreeMap<AccountId, AccountRow>,
    /// Not written yet.
    touched: BTreeSet<AccountId>,
}

impl Accounts {
    fn change(
        &mut self,
        recorded: &Recorded,
        change: impl FnOnce(&mut AccountRow) -> Result<(), FoldError>,
    ) -> Result<(), FoldError> {
        let id = account_of(recorded)?;
        let unknown = || FoldError::Poison(format!("account {id} was never opened"));
        let row = self.accounts.get_mut(&id).ok_or_else(unknown)?;
        change(row)?;
        row.position = recorded.position();
        self.touched.insert(id);
        Ok(())
    }

    fn fold(&mut self, recorded: &Recorded) -> Result<(), FoldError> {
        match recorded.event() {
            Event::AccountOpened(opened) => {
                let row = AccountRow {
                    account: opened.account.clone(),
                    name: opened.name.clone(),
                    currency: opened.currency.clone(),
                    cash: Money::ZERO,
                    reserved_cash: Money::ZERO,
                    realised_pnl: Money::ZERO,
                    commission: Money::ZERO,
                    opened_at: recorded.envelope.meta.occurred_at,
                    position: recorded.position(),
                };
                self.touched.insert(row.account.clone());
                self.accounts.insert(row.account.clone(), row);
                Ok(())
            }
            Event::CashDeposited(deposit) => self.change(recorded, |row| {
                row.cash = row.cash.checked_add(deposit.amount)?;
                Ok(())
            }),
            Event::OrderApproved(approved) => self.change(recorded, |row| {
                row.reserved_cash = row.reserved_cash.checked_add(approved.reservation.cash)?;
                Ok(())
            }),
            Event::FillBooked(fill) => self.change(recorded, |row| {
                row.cash = row.cash.checked_add(fill.cash_change)?;
                row.reserved_cash = row
                    .reserved_cash
                    .checked_sub(fill.reservation_released.cash)?;
                row.realised_pnl = row.realised_pnl.checked_add(fill.realised_pnl)?;
                row.commission = row.commission.checked_add(fill.commission)?;
                Ok(())
            }),
            Event::ReservationReleased(release) => self.change(recorded, |row| {
                row.reserved_cash = row.reserved_cash.checked_sub(release.released.cash)?;
                Ok(())
            }),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Projection for Accounts {
    fn name(&self) -> &'static str {
        "accounts"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        TABLES
    }

    async fn load(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        let rows: Vec<AccountRow> = sqlx::query_as("SELECT * FROM accounts")
            .fetch_all(db)
            .await?;
        self.accounts = rows
            .into_iter()
            .map(|row| (row.account.clone(), row))
            .collect();
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
            let Some(row) = self.accounts.get(&id) else {
                continue;
            };
            sqlx::query(
                "INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT (account) DO UPDATE SET
                     cash = excluded.cash, reserved_cash = excluded.reserved_cash,
                     realised_pnl = excluded.realised_pnl, commission = excluded.commission,
                     position = excluded.position
                 WHERE excluded.position > accounts.position",
            )
            .bind(row.account.as_str())
            .bind(&row.name)
            .bind(&row.currency)
            .bind(row.cash.to_string())
            .bind(row.reserved_cash.to_string())
            .bind(row.realised_pnl.to_string())
            .bind(row.commission.to_string())
            .bind(row.opened_at.micros())
            .bind(rows::stored(row.position.get()))
            .execute(&mut *db)
            .await?;
        }
        Ok(())
    }
}

/// One account.
pub async fn find(views: &Views, account: &AccountId) -> Result<Option<AccountRow>, ViewsError> {
    let found = sqlx::query_as("SELECT * FROM accounts WHERE account = ?")
        .bind(account.as_str())
        .fetch_optional(views.readers())
        .await?;
    Ok(found)
}

/// The account that people call `name`.
pub async fn find_by_name(views: &Views, name: &str) -> Result<Option<AccountRow>, ViewsError> {
    let found = sqlx::query_as("SELECT * FROM accounts WHERE name = ?")
        .bind(name)
        .fetch_optional(views.readers())
        .await?;
    Ok(found)
}

/// Accounts by id, those after `after`.
pub async fn page(
    views: &Views,
    after: Option<&AccountId>,
    limit: u32,
) -> Result<Vec<AccountRow>, ViewsError> {
    let page = sqlx::query_as("SELECT * FROM accounts WHERE account > ? ORDER BY account LIMIT ?")
        .bind(after.map_or("", AccountId::as_str))
        .bind(limit.min(PAGE_ROWS_MAX))
        .fetch_all(views.readers())
        .await?;
    Ok(page)
}
