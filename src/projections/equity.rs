//! Equity: what each account was worth, at every event that changed it.
//!
//! A point follows each deposit and fill of the account, and each mark of an instrument that it
//! holds at that moment. Cash is a sum of booked changes, market value of quantity times the last
//! price (before an instrument's first mark: the price of its first fill).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{FromRow, QueryBuilder};

use super::marks::Marks;
use super::{FoldError, PAGE_ROWS_MAX, Projection, Table, Views, ViewsError, account_of, rows};
use crate::events::catalogue::FillBooked;
use crate::events::{Event, Recorded};
use crate::values::{AccountId, Money, Position, Price, Quantity, Symbol, Timestamp};

const TABLES: &[Table] = &[
    Table {
        name: "equity_points",
        create: "
            CREATE TABLE equity_points (
                account      TEXT NOT NULL,
                position     INTEGER NOT NULL,
                time_micros  INTEGER NOT NULL,
                cash         TEXT NOT NULL,
                market_value TEXT NOT NULL,
                equity       TEXT NOT NULL,
                PRIMARY KEY (account, position)
            ) STRICT, WITHOUT ROWID",
    },
    Table {
        name: "equity_cash",
        create: "
            CREATE TABLE equity_cash (
                account  TEXT NOT NULL PRIMARY KEY,
                cash     TEXT NOT NULL,
                position INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID",
    },
    Table {
        name: "equity_holdings",
        create: "
            CREATE TABLE equity_holdings (
                account  TEXT NOT NULL,
                symbol   TEXT NOT NULL,
                quantity TEXT NOT NULL,
                position INTEGER NOT NULL,
                PRIMARY KEY (account, symbol)
            ) STRICT, WITHOUT ROWID",
    },
    Table {
        name: "equity_marks",
        create: "
            CREATE TABLE equity_marks (
                symbol   TEXT NOT NULL PRIMARY KEY,
                price    TEXT NOT NULL,
                position INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID",
    },
];

/// Points of one INSERT; SQLite takes 32,766 parameters.
const INSERT_ROWS_MAX: usize = 1_000;

/// What one account was worth after one event. Money is in the account's currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EquityPoint {
    pub account: AccountId,
    /// The event.
    pub position: Position,
    /// When the event occurred.
    pub time: Timestamp,
    pub cash: Money,
    pub market_value: Money,
    /// Cash plus market value.
    pub equity: Money,
}

impl FromRow<'_, SqliteRow> for EquityPoint {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            account: rows::text(row, "account")?,
            position: rows::position(row, "position")?,
            time: rows::time(row, "time_micros")?,
            cash: rows::text(row, "cash")?,
            market_value: rows::text(row, "market_value")?,
            equity: rows::text(row, "equity")?,
        })
    }
}

/// One account as it stands.
struct Book {
    cash: Money,
    /// Of all holdings, each at its last price.
    market_value: Money,
    /// The last event that changed the cash.
    position: Position,
}

/// The fold. Holds accounts, holdings and prices, but no points.
pub struct Equity {
    books: BTreeMap<AccountId, Book>,
    /// Quantity, and the event that last changed it.
    held: HashMap<Symbol, BTreeMap<AccountId, (Quantity, Position)>>,
    marks: Marks,
    /// Not written yet.
    points: Vec<EquityPoint>,
    touched_books: BTreeSet<AccountId>,
    touched_holdings: BTreeSet<(Symbol, AccountId)>,
}

impl Default for Equity {
    fn default() -> Self {
        Self {
            books: BTreeMap::new(),
            held: HashMap::new(),
            marks: Marks::new("equity_marks"),
            points: Vec::new(),
            touched_books: BTreeSet::new(),
            touched_holdings: BTreeSet::new(),
        }
    }
}

impl Equity {
    fn fold(&mut self, recorded: &Recorded) -> Result<(), FoldError> {
        match recorded.event() {
            Event::AccountOpened(opened) => {
                let book = Book {
                    cash: Money::ZERO,
                    market_value: Money::ZERO,
                    position: recorded.position(),
                };
                self.touched_books.insert(opened.account.clone());
                self.books.insert(opened.account.clone(), book);
                Ok(())
            }
            Event::CashDeposited(deposit) => {
                let account = account_of(recorded)?;
                self.add(&account, deposit.amount, Money::ZERO, recorded)
            }
            Event::FillBooked(fill) => self.book(&account_of(recorded)?, fill, recorded),
            Event::PriceMarked(mark) => self.mark(&mark.symbol, mark.bar.close, recorded),
            _ => Ok(()),
        }
    }

    /// Changes an account and notes the point.
    fn add(
        &mut self,
        account: &AccountId,
        cash: Money,
        market_value: Money,
        recorded: &Recorded,
    ) -> Result<(), FoldError> {
        let unknown = || FoldError::Poison(format!("account {account} was never opened"));
        let book = self.books.get_mut(account).ok_or_else(unknown)?;
        book.market_value = book.market_value.checked_add(market_value)?;
        if !cash.is_zero() {
            book.cash = book.cash.checked_add(cash)?;
            book.position = recorded.position();
            self.touched_books.insert(account.clone());
        }
        self.points.push(EquityPoint {
            account: account.clone(),
            position: recorded.position(),
            time: recorded.envelope.meta.occurred_at,
            cash: book.cash,
            market_value: book.market_value,
            equity: book.cash.checked_add(book.market_value)?,
        });
        Ok(())
    }

    fn book(
        &mut self,
        account: &AccountId,
        fill: &FillBooked,
        recorded: &Recorded,
    ) -> Result<(), FoldError> {
        let position = recorded.position();
        let price = self.marks.or_fill(&fill.symbol, fill.price, position);
        let holders = self.held.entry(fill.symbol.clone()).or_default();
        let holding = holders.entry(account.clone()).or_default();
        let before = holding.0.times(price)?;
        *holding = (holding.0.checked_add(fill.quantity_change)?, position);
        let change = holding.0.times(price)?.checked_sub(before)?;
        self.touched_holdings
            .insert((fill.symbol.clone(), account.clone()));
        self.add(account, fill.cash_change, change, recorded)
    }

    fn mark(
        &mut self,
        symbol: &Symbol,
        price: Price,
        recorded: &Recorded,
    ) -> Result<(), FoldError> {
        let old = self.marks.get(symbol);
        self.marks.set(symbol, price, recorded.position());
        let (Some(old), Some(holders)) = (old, self.held.get(symbol)) else {
            return Ok(());
        };
        let mut changes = Vec::with_capacity(holders.len());
        for (account, (quantity, _)) in holders.iter().filter(|(_, held)| !held.0.is_zero()) {
            let change = quantity.times(price)?.checked_sub(quantity.times(old)?)?;
            changes.push((account.clone(), change));
        }
        for (account, change) in changes {
            self.add(&account, Money::ZERO, change, recorded)?;
        }
        Ok(())
    }

    /// Market values are not stored: they follow from holdings and prices.
    fn value_books(&mut self) -> Result<(), FoldError> {
        for (symbol, holders) in &self.held {
            for (account, (quantity, _)) in holders {
                let book = self.books.get_mut(account);
                let (Some(price), Some(book)) = (self.marks.get(symbol), book) else {
                    let broken = format!("{symbol} held by {account} has no price or no account");
                    return Err(FoldError::Poison(broken));
                };
                book.market_value = book.market_value.checked_add(quantity.times(price)?)?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Projection for Equity {
    fn name(&self) -> &'static str {
        "equity"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        TABLES
    }

    async fn load(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        *self = Self::default();
        self.marks.load(db).await?;
        for row in sqlx::query("SELECT * FROM equity_cash")
            .fetch_all(&mut *db)
            .await?
        {
            let book = Book {
                cash: rows::text(&row, "cash")?,
                market_value: Money::ZERO,
                position: rows::position(&row, "position")?,
            };
            self.books.insert(rows::text(&row, "account")?, book);
        }
        for row in sqlx::query("SELECT * FROM equity_holdings")
            .fetch_all(&mut *db)
            .await?
        {
            let holders = self.held.entry(rows::text(&row, "symbol")?).or_default();
            let holding = (
                rows::text(&row, "quantity")?,
                rows::position(&row, "position")?,
            );
            holders.insert(rows::text(&row, "account")?, holding);
        }
        self.value_books()
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
        self.write_books(db).await?;
        self.write_holdings(db).await?;
        self.write_points(db).await
    }
}

impl Equity {
    async fn write_books(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        for account in std::mem::take(&mut self.touched_books) {
            let Some(book) = self.books.get(&account) else {
                continue;
            };
            sqlx::query(
                "INSERT INTO equity_cash VALUES (?, ?, ?) ON CONFLICT (account)
                 DO UPDATE SET cash = excluded.cash, position = excluded.position
                 WHERE excluded.position > equity_cash.position",
            )
            .bind(account.as_str())
            .bind(book.cash.to_string())
            .bind(rows::stored(book.position.get()))
            .execute(&mut *db)
            .await?;
        }
        Ok(())
    }

    async fn write_holdings(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        for (symbol, account) in std::mem::take(&mut self.touched_holdings) {
            let held = self
                .held
                .get(&symbol)
                .and_then(|holders| holders.get(&account));
            let Some((quantity, position)) = held else {
                continue;
            };
            sqlx::query(
                "INSERT INTO equity_holdings VALUES (?, ?, ?, ?) ON CONFLICT (account, symbol)
                 DO UPDATE SET quantity = excluded.quantity, position = excluded.position
                 WHERE excluded.position > equity_holdings.position",
            )
            .bind(account.as_str())
            .bind(symbol.as_str())
            .bind(quantity.to_string())
            .bind(rows::stored(position.get()))
            .execute(&mut *db)
            .await?;
        }
        Ok(())
    }

    async fn write_points(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        for points in std::mem::take(&mut self.points).chunks(INSERT_ROWS_MAX) {
            let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO equity_points ");
            insert.push_values(points, |mut row, point| {
                row.push_bind(point.account.as_str())
                    .push_bind(rows::stored(point.position.get()))
                    .push_bind(point.time.micros())
                    .push_bind(point.cash.to_string())
                    .push_bind(point.market_value.to_string())
                    .push_bind(point.equity.to_string());
            });
            // A point that is there already says the same.
            insert.push(" ON CONFLICT (account, position) DO NOTHING");
            insert.build().persistent(false).execute(&mut *db).await?;
        }
        Ok(())
    }
}

/// Points of an account in order, those after `after`.
pub async fn page(
    views: &Views,
    account: &AccountId,
    after: Position,
    limit: u32,
) -> Result<Vec<EquityPoint>, ViewsError> {
    let page = sqlx::query_as(
        "SELECT * FROM equity_points WHERE account = ? AND position > ? ORDER BY position LIMIT ?",
    )
    .bind(account.as_str())
    .bind(rows::stored(after.get()))
    .bind(limit.min(PAGE_ROWS_MAX))
    .fetch_all(views.readers())
    .await?;
    Ok(page)
}

/// The account's newest point.
pub async fn latest(views: &Views, account: &AccountId) -> Result<Option<EquityPoint>, ViewsError> {
    let newest = sqlx::query_as(
        "SELECT * FROM equity_points WHERE account = ? ORDER BY position DESC LIMIT 1",
    )
    .bind(account.as_str())
    .fetch_optional(views.readers())
    .await?;
    Ok(newest)
}
