//! Equity: what each account was worth, at every event that changed it.
//!
//! A point follows each deposit and fill of the account, and each mark of an instrument that it
//! holds at that moment. Cash is a sum of booked changes, market value of quantity times the last
//! price (before an instrument's first mark: the price of its first fill).
//!
//! This file folds, `table` holds the rows and writes them, `queries` answers.

mod queries;
mod table;

pub use queries::{SPREAD_POINTS_MAX, latest, page, spread};
pub(super) use queries::{before_in, latest_in};
pub use table::EquityPoint;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use sqlx::sqlite::SqliteConnection;

use self::table::Book;
use super::marks::Marks;
use super::{FoldError, Projection, Table, account_of, rows};
use crate::events::catalogue::FillBooked;
use crate::events::{Event, Recorded};
use crate::values::{AccountId, Money, Position, Price, Quantity, Symbol};

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

/// What an event adds to an account.
#[derive(Default)]
struct Change {
    cash: Money,
    /// Of what is held.
    cost: Money,
    market_value: Money,
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
                let book = Book::opened(recorded.position());
                self.touched_books.insert(opened.account.clone());
                self.books.insert(opened.account.clone(), book);
                Ok(())
            }
            Event::CashDeposited(deposit) => {
                let account = account_of(recorded)?;
                let change = Change {
                    cash: deposit.amount,
                    ..Change::default()
                };
                self.add(&account, change, recorded)
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
        change: Change,
        recorded: &Recorded,
    ) -> Result<(), FoldError> {
        let unknown = || FoldError::Poison(format!("account {account} was never opened"));
        let book = self.books.get_mut(account).ok_or_else(unknown)?;
        book.cash = book.cash.checked_add(change.cash)?;
        book.total_cost = book.total_cost.checked_add(change.cost)?;
        book.market_value = book.market_value.checked_add(change.market_value)?;
        let equity = book.cash.checked_add(book.market_value)?;
        let peak = book.peak.max(equity);
        if !change.cash.is_zero() || !change.cost.is_zero() || peak != book.peak {
            book.peak = peak;
            book.position = recorded.position();
            self.touched_books.insert(account.clone());
        }
        self.points.push(EquityPoint {
            account: account.clone(),
            position: recorded.position(),
            time: recorded.envelope.meta.occurred_at,
            cash: book.cash,
            market_value: book.market_value,
            equity,
            unrealised_pnl: book.market_value.checked_sub(book.total_cost)?,
            drawdown: equity.share_below(peak)?,
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
        let market_value = holding.0.times(price)?.checked_sub(before)?;
        self.touched_holdings
            .insert((fill.symbol.clone(), account.clone()));
        let change = Change {
            cash: fill.cash_change,
            cost: fill.cost_change,
            market_value,
        };
        self.add(account, change, recorded)
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
            let market_value = quantity.times(price)?.checked_sub(quantity.times(old)?)?;
            changes.push((account.clone(), market_value));
        }
        for (account, market_value) in changes {
            let change = Change {
                market_value,
                ..Change::default()
            };
            self.add(&account, change, recorded)?;
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
        2
    }

    fn tables(&self) -> &'static [Table] {
        table::TABLES
    }

    async fn load(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        *self = Self::default();
        self.marks.load(db).await?;
        self.books = table::load_books(db).await?;
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
        for account in std::mem::take(&mut self.touched_books) {
            if let Some(book) = self.books.get(&account) {
                table::write_book(db, &account, book).await?;
            }
        }
        self.write_holdings(db).await?;
        table::write_points(db, &std::mem::take(&mut self.points)).await
    }
}

impl Equity {
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
}
