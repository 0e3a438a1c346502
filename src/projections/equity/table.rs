//! The tables of equity: their columns, a point as a type, and how rows are written.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{FromRow, QueryBuilder, Row};

use crate::projections::{FoldError, Table, rows};
use crate::values::{AccountId, Money, Position, Ratio, Timestamp};

pub(super) const TABLES: &[Table] = &[
    Table {
        name: "equity_points",
        create: "
            CREATE TABLE equity_points (
                account             TEXT NOT NULL,
                position            INTEGER NOT NULL,
                time_micros         INTEGER NOT NULL,
                cash                TEXT NOT NULL,
                market_value        TEXT NOT NULL,
                equity              TEXT NOT NULL,
                unrealised_pnl      TEXT NOT NULL,
                drawdown_millionths INTEGER NOT NULL,
                PRIMARY KEY (account, position)
            ) STRICT, WITHOUT ROWID",
    },
    Table {
        name: "equity_books",
        create: "
            CREATE TABLE equity_books (
                account    TEXT NOT NULL PRIMARY KEY,
                cash       TEXT NOT NULL,
                total_cost TEXT NOT NULL,
                peak       TEXT NOT NULL,
                position   INTEGER NOT NULL
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
    /// Market value minus what the holdings cost.
    pub unrealised_pnl: Money,
    /// Share below the highest equity so far, rounded half to even to six decimals; above 1 where
    /// more was lost than there was.
    pub drawdown: Ratio,
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
            unrealised_pnl: rows::text(row, "unrealised_pnl")?,
            drawdown: millionths(row, "drawdown_millionths")?,
        })
    }
}

/// One account as it stands.
pub(super) struct Book {
    pub cash: Money,
    /// Of all holdings.
    pub total_cost: Money,
    /// Of all holdings, each at its last price. Not stored: it follows from holdings and prices.
    pub market_value: Money,
    /// Highest equity so far.
    pub peak: Money,
    /// The last event that changed what is stored of it.
    pub position: Position,
}

impl Book {
    pub fn opened(position: Position) -> Self {
        Self {
            cash: Money::ZERO,
            total_cost: Money::ZERO,
            market_value: Money::ZERO,
            peak: Money::ZERO,
            position,
        }
    }
}

/// The books as stored, without market values.
pub(super) async fn load_books(
    db: &mut SqliteConnection,
) -> Result<BTreeMap<AccountId, Book>, FoldError> {
    let mut books = BTreeMap::new();
    for row in sqlx::query("SELECT * FROM equity_books")
        .fetch_all(db)
        .await?
    {
        let book = Book {
            cash: rows::text(&row, "cash")?,
            total_cost: rows::text(&row, "total_cost")?,
            market_value: Money::ZERO,
            peak: rows::text(&row, "peak")?,
            position: rows::position(&row, "position")?,
        };
        books.insert(rows::text(&row, "account")?, book);
    }
    Ok(books)
}

pub(super) async fn write_book(
    db: &mut SqliteConnection,
    account: &AccountId,
    book: &Book,
) -> Result<(), FoldError> {
    sqlx::query(
        "INSERT INTO equity_books VALUES (?, ?, ?, ?, ?) ON CONFLICT (account)
         DO UPDATE SET cash = excluded.cash, total_cost = excluded.total_cost,
             peak = excluded.peak, position = excluded.position
         WHERE excluded.position > equity_books.position",
    )
    .bind(account.as_str())
    .bind(book.cash.to_string())
    .bind(book.total_cost.to_string())
    .bind(book.peak.to_string())
    .bind(rows::stored(book.position.get()))
    .execute(db)
    .await?;
    Ok(())
}

pub(super) async fn write_points(
    db: &mut SqliteConnection,
    points: &[EquityPoint],
) -> Result<(), FoldError> {
    for points in points.chunks(INSERT_ROWS_MAX) {
        let drawdowns: Result<Vec<i64>, FoldError> = points
            .iter()
            .map(|point| stored_millionths(point.drawdown))
            .collect();
        let drawdowns = drawdowns?;
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO equity_points ");
        insert.push_values(
            points.iter().zip(drawdowns),
            |mut row, (point, drawdown)| {
                row.push_bind(point.account.as_str())
                    .push_bind(rows::stored(point.position.get()))
                    .push_bind(point.time.micros())
                    .push_bind(point.cash.to_string())
                    .push_bind(point.market_value.to_string())
                    .push_bind(point.equity.to_string())
                    .push_bind(point.unrealised_pnl.to_string())
                    .push_bind(drawdown);
            },
        );
        // A point that is there already says the same.
        insert.push(" ON CONFLICT (account, position) DO NOTHING");
        let one = points.len() == 1;
        insert.build().persistent(one).execute(&mut *db).await?;
    }
    Ok(())
}

/// A share of six decimals as a whole number, which SQLite can compare.
fn stored_millionths(share: Ratio) -> Result<i64, FoldError> {
    let scaled = share.decimal().checked_mul(Decimal::from(MILLION));
    let whole = scaled.and_then(|scaled| i64::try_from(scaled).ok());
    whole.ok_or_else(|| FoldError::Poison(format!("a drawdown of {share} does not fit")))
}

fn millionths(row: &SqliteRow, column: &str) -> Result<Ratio, sqlx::Error> {
    let stored: i64 = row.try_get(column)?;
    let share = Decimal::try_from_i128_with_scale(stored.into(), 6);
    let share = share.map_err(|error| rows::bad_column(column, error))?;
    Ratio::new(share).map_err(|error| rows::bad_column(column, error))
}

const MILLION: i64 = 1_000_000;
