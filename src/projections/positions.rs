//! Positions: what each account holds, what it cost, and what it is worth at the last price.
//!
//! Quantity and cost are sums of booked fills. Market value is quantity times the last price,
//! exactly; a product that does not fit stops the fold rather than being rounded.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use sqlx::FromRow;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::marks::Marks;
use super::{FoldError, PAGE_ROWS_MAX, Projection, Table, Views, ViewsError, account_of, rows};
use crate::events::catalogue::FillBooked;
use crate::events::{Event, Recorded};
use crate::values::{AccountId, Money, Position, Price, Quantity, Symbol};

const TABLES: &[Table] = &[
    Table {
        name: "positions",
        create: "
            CREATE TABLE positions (
                account        TEXT NOT NULL,
                symbol         TEXT NOT NULL,
                quantity       TEXT NOT NULL,
                total_cost     TEXT NOT NULL,
                last_price     TEXT NOT NULL,
                market_value   TEXT NOT NULL,
                unrealised_pnl TEXT NOT NULL,
                position       INTEGER NOT NULL,
                PRIMARY KEY (account, symbol)
            ) STRICT, WITHOUT ROWID",
    },
    Table {
        name: "position_marks",
        create: "
            CREATE TABLE position_marks (
                symbol   TEXT NOT NULL PRIMARY KEY,
                price    TEXT NOT NULL,
                position INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID",
    },
];

/// What one account holds of one instrument. Money is in the account's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionRow {
    pub account: AccountId,
    pub symbol: Symbol,
    /// Negative for a short position; 0 once closed.
    pub quantity: Quantity,
    /// What the quantity held was bought for; not an average, so nothing is rounded.
    pub total_cost: Money,
    /// The last mark while the position was open; before the first mark the first fill's price.
    pub last_price: Price,
    pub market_value: Money,
    pub unrealised_pnl: Money,
    /// The last event that changed this row.
    pub position: Position,
}

impl PositionRow {
    fn revalue(&mut self, price: Price, position: Position) -> Result<(), FoldError> {
        self.last_price = price;
        self.market_value = self.quantity.times(price)?;
        self.unrealised_pnl = self.market_value.checked_sub(self.total_cost)?;
        self.position = position;
        Ok(())
    }
}

impl FromRow<'_, SqliteRow> for PositionRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            account: rows::text(row, "account")?,
            symbol: rows::text(row, "symbol")?,
            quantity: rows::text(row, "quantity")?,
            total_cost: rows::text(row, "total_cost")?,
            last_price: rows::text(row, "last_price")?,
            market_value: rows::text(row, "market_value")?,
            unrealised_pnl: rows::text(row, "unrealised_pnl")?,
            position: rows::position(row, "position")?,
        })
    }
}

/// The fold. Holds every position, by instrument because prices come by instrument.
pub struct Positions {
    held: HashMap<Symbol, BTreeMap<AccountId, PositionRow>>,
    marks: Marks,
    /// Not written yet.
    touched: BTreeSet<(Symbol, AccountId)>,
}

impl Default for Positions {
    fn default() -> Self {
        Self {
            held: HashMap::new(),
            marks: Marks::new("position_marks"),
            touched: BTreeSet::new(),
        }
    }
}

impl Positions {
    fn fold(&mut self, recorded: &Recorded) -> Result<(), FoldError> {
        match recorded.event() {
            Event::FillBooked(fill) => self.book(account_of(recorded)?, fill, recorded.position()),
            Event::PriceMarked(mark) => {
                self.mark(&mark.symbol, mark.bar.close, recorded.position())
            }
            _ => Ok(()),
        }
    }

    fn book(
        &mut self,
        account: AccountId,
        fill: &FillBooked,
        position: Position,
    ) -> Result<(), FoldError> {
        let price = self.marks.or_fill(&fill.symbol, fill.price, position);
        self.touched.insert((fill.symbol.clone(), account.clone()));
        let holders = self.held.entry(fill.symbol.clone()).or_default();
        let row = holders
            .entry(account.clone())
            .or_insert_with(|| PositionRow {
                account,
                symbol: fill.symbol.clone(),
                quantity: Quantity::ZERO,
                total_cost: Money::ZERO,
                last_price: price,
                market_value: Money::ZERO,
                unrealised_pnl: Money::ZERO,
                position,
            });
        row.quantity = row.quantity.checked_add(fill.quantity_change)?;
        row.total_cost = row.total_cost.checked_add(fill.cost_change)?;
        row.revalue(price, position)
    }

    fn mark(&mut self, symbol: &Symbol, price: Price, position: Position) -> Result<(), FoldError> {
        self.marks.set(symbol, price, position);
        let Some(holders) = self.held.get_mut(symbol) else {
            return Ok(());
        };
        for (account, row) in holders
            .iter_mut()
            .filter(|(_, row)| !row.quantity.is_zero())
        {
            row.revalue(price, position)?;
            self.touched.insert((symbol.clone(), account.clone()));
        }
        Ok(())
    }
}

#[async_trait]
impl Projection for Positions {
    fn name(&self) -> &'static str {
        "positions"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        TABLES
    }

    async fn load(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        self.held.clear();
        self.touched.clear();
        self.marks.load(db).await?;
        let rows: Vec<PositionRow> = sqlx::query_as("SELECT * FROM positions")
            .fetch_all(db)
            .await?;
        for row in rows {
            let holders = self.held.entry(row.symbol.clone()).or_default();
            holders.insert(row.account.clone(), row);
        }
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
        self.marks.flush(db).await?;
        for (symbol, account) in std::mem::take(&mut self.touched) {
            let row = self
                .held
                .get(&symbol)
                .and_then(|holders| holders.get(&account));
            let Some(row) = row else { continue };
            sqlx::query(
                "INSERT INTO positions VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT (account, symbol) DO UPDATE SET
                     quantity = excluded.quantity, total_cost = excluded.total_cost,
                     last_price = excluded.last_price, market_value = excluded.market_value,
                     unrealised_pnl = excluded.unrealised_pnl, position = excluded.position
                 WHERE excluded.position > positions.position",
            )
            .bind(row.account.as_str())
            .bind(row.symbol.as_str())
            .bind(row.quantity.to_string())
            .bind(row.total_cost.to_string())
            .bind(row.last_price.to_string())
            .bind(row.market_value.to_string())
            .bind(row.unrealised_pnl.to_string())
            .bind(rows::stored(row.position.get()))
            .execute(&mut *db)
            .await?;
        }
        Ok(())
    }
}

/// One position; closed ones too.
pub async fn find(
    views: &Views,
    account: &AccountId,
    symbol: &Symbol,
) -> Result<Option<PositionRow>, ViewsError> {
    let found = sqlx::query_as("SELECT * FROM positions WHERE account = ? AND symbol = ?")
        .bind(account.as_str())
        .bind(symbol.as_str())
        .fetch_optional(views.readers())
        .await?;
    Ok(found)
}

/// Open positions of an account by symbol, those after `after`.
pub async fn page(
    views: &Views,
    account: &AccountId,
    after: Option<&Symbol>,
    limit: u32,
) -> Result<Vec<PositionRow>, ViewsError> {
    let mut db = views.readers().acquire().await?;
    Ok(page_in(&mut db, account, after, limit).await?)
}

pub(super) async fn page_in(
    db: &mut SqliteConnection,
    account: &AccountId,
    after: Option<&Symbol>,
    limit: u32,
) -> Result<Vec<PositionRow>, sqlx::Error> {
    sqlx::query_as(
        "SELECT * FROM positions WHERE account = ? AND symbol > ? AND quantity <> '0'
         ORDER BY symbol LIMIT ?",
    )
    .bind(account.as_str())
    .bind(after.map_or("", Symbol::as_str))
    .bind(limit.min(PAGE_ROWS_MAX))
    .fetch_all(db)
    .await
}

/// How many positions of an account are open.
pub(super) async fn count_in(
    db: &mut SqliteConnection,
    account: &AccountId,
) -> Result<u64, sqlx::Error> {
    let row =
        sqlx::query("SELECT count(*) AS open FROM positions WHERE account = ? AND quantity <> '0'")
            .bind(account.as_str())
            .fetch_one(db)
            .await?;
    rows::count(&row, "open")
}

/// Open positions of all accounts by account and symbol, those after `after`.
pub async fn page_all(
    views: &Views,
    after: Option<(&AccountId, &Symbol)>,
    limit: u32,
) -> Result<Vec<PositionRow>, ViewsError> {
    let (account, symbol) = after.map_or(("", ""), |(account, symbol)| {
        (account.as_str(), symbol.as_str())
    });
    let page = sqlx::query_as(
        "SELECT * FROM positions WHERE (account, symbol) > (?, ?) AND quantity <> '0'
         ORDER BY account, symbol LIMIT ?",
    )
    .bind(account)
    .bind(symbol)
    .bind(limit.min(PAGE_ROWS_MAX))
    .fetch_all(views.readers())
    .await?;
    Ok(page)
}
