//! Candles: the bars that prices were marked from, one for each instrument and day.
//!
//! A bar marked again for the same day replaces the earlier one, and counts as recorded then.

use async_trait::async_trait;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{FromRow, QueryBuilder};

use super::page::Page;
use super::{FoldError, Projection, Table, Views, ViewsError, rows};
use crate::events::{Event, Recorded};
use crate::values::{BarDate, Position, Price, Symbol};

const TABLES: &[Table] = &[Table {
    name: "candles",
    create: "
        CREATE TABLE candles (
            symbol   TEXT NOT NULL,
            date     TEXT NOT NULL,
            open     TEXT NOT NULL,
            high     TEXT NOT NULL,
            low      TEXT NOT NULL,
            close    TEXT NOT NULL,
            volume   INTEGER NOT NULL,
            position INTEGER NOT NULL,
            PRIMARY KEY (symbol, date)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX candles_by_position ON candles (symbol, position)",
}];

/// Candles of one INSERT; SQLite takes 32,766 parameters.
const INSERT_ROWS_MAX: usize = 1_024;

/// One bar of one instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandleRow {
    pub symbol: Symbol,
    pub date: BarDate,
    pub open: Price,
    pub high: Price,
    pub low: Price,
    pub close: Price,
    /// Units traded.
    pub volume: u64,
    /// The last event that marked it.
    pub position: Position,
}

impl FromRow<'_, SqliteRow> for CandleRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            symbol: rows::text(row, "symbol")?,
            date: rows::text(row, "date")?,
            open: rows::text(row, "open")?,
            high: rows::text(row, "high")?,
            low: rows::text(row, "low")?,
            close: rows::text(row, "close")?,
            volume: rows::count(row, "volume")?,
            position: rows::position(row, "position")?,
        })
    }
}

/// The fold. Holds the batch being folded.
#[derive(Default)]
pub struct Candles {
    rows: Vec<CandleRow>,
}

#[async_trait]
impl Projection for Candles {
    fn name(&self) -> &'static str {
        "candles"
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
        if let Event::PriceMarked(mark) = recorded.event() {
            self.rows.push(CandleRow {
                symbol: mark.symbol.clone(),
                date: mark.bar.date,
                open: mark.bar.open,
                high: mark.bar.high,
                low: mark.bar.low,
                close: mark.bar.close,
                volume: mark.bar.volume,
                position: recorded.position(),
            });
        }
        Ok(())
    }

    async fn flush(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        for candles in std::mem::take(&mut self.rows).chunks(INSERT_ROWS_MAX) {
            let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO candles ");
            insert.push_values(candles, |mut row, candle| {
                row.push_bind(candle.symbol.as_str())
                    .push_bind(candle.date.to_string())
                    .push_bind(candle.open.to_string())
                    .push_bind(candle.high.to_string())
                    .push_bind(candle.low.to_string())
                    .push_bind(candle.close.to_string())
                    .push_bind(rows::stored(candle.volume))
                    .push_bind(rows::stored(candle.position.get()));
            });
            insert.push(
                " ON CONFLICT (symbol, date) DO UPDATE SET
                     open = excluded.open, high = excluded.high, low = excluded.low,
                     close = excluded.close, volume = excluded.volume,
                     position = excluded.position
                 WHERE excluded.position > candles.position",
            );
            let one = candles.len() == 1;
            insert.build().persistent(one).execute(&mut *db).await?;
        }
        Ok(())
    }
}

/// Which candles to show; `None` leaves a condition out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandleFilter {
    pub symbol: Symbol,
    /// That day or later.
    pub from: Option<BarDate>,
    /// That day or earlier.
    pub to: Option<BarDate>,
    /// Only candles recorded after this position: the highest position of a page, or that of its
    /// last row, asks for the next one.
    pub after: Option<Position>,
}

/// Candles by day. With `from` or `after` a page holds those recorded first, without either the
/// newest.
pub async fn page(
    views: &Views,
    filter: &CandleFilter,
    limit: u32,
) -> Result<Vec<CandleRow>, ViewsError> {
    // Pages are cut by position, so that a day marked again never pushes another one out of them.
    let order = match (filter.from, filter.after) {
        (None, None) => "position DESC",
        _ => "position",
    };
    let mut page: Vec<CandleRow> = Page::of("candles")
        .text("symbol =", Some(&filter.symbol))
        .text("date >=", filter.from)
        .text("date <=", filter.to)
        .position("position >", filter.after)
        .fetch(views, order, limit)
        .await?;
    page.sort_by_key(|candle| candle.date);
    Ok(page)
}
