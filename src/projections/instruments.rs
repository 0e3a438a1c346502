//! Instruments: what can be traded, and the last price of each.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{FromRow, Row};

use super::{FoldError, PAGE_ROWS_MAX, Projection, Table, Views, ViewsError, rows};
use crate::events::{Event, Recorded};
use crate::values::{BarDate, Instrument, Position, Price, Symbol};

const TABLES: &[Table] = &[Table {
    name: "instruments",
    create: "
        CREATE TABLE instruments (
            symbol            TEXT NOT NULL PRIMARY KEY,
            kind              TEXT,
            currency          TEXT,
            price_decimals    INTEGER,
            quantity_decimals INTEGER,
            last_price        TEXT,
            last_bar          TEXT,
            position          INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID",
}];

/// One listed instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstrumentRow {
    pub instrument: Instrument,
    /// Close of the bar last marked; `None` before the first.
    pub last_price: Option<Price>,
    /// Day of that bar.
    pub last_bar: Option<BarDate>,
    /// The last event that changed this row.
    pub position: Position,
}

impl FromRow<'_, SqliteRow> for InstrumentRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            instrument: Instrument {
                symbol: rows::text(row, "symbol")?,
                kind: rows::word(row, "kind")?,
                currency: row.try_get("currency")?,
                price_decimals: row.try_get("price_decimals")?,
                quantity_decimals: row.try_get("quantity_decimals")?,
            },
            last_price: rows::optional_text(row, "last_price")?,
            last_bar: rows::optional_text(row, "last_bar")?,
            position: rows::position(row, "position")?,
        })
    }
}

/// What is known of a symbol; it may be marked before it is listed.
#[derive(Default)]
struct Known {
    instrument: Option<Instrument>,
    last: Option<(Price, BarDate)>,
    position: Position,
}

/// The fold. Holds every instrument.
#[derive(Default)]
pub struct Instruments {
    known: BTreeMap<Symbol, Known>,
    /// Not written yet.
    touched: BTreeSet<Symbol>,
}

impl Instruments {
    fn touch(&mut self, symbol: &Symbol, position: Position) -> &mut Known {
        if !self.touched.contains(symbol) {
            self.touched.insert(symbol.clone());
        }
        let known = self.known.entry(symbol.clone()).or_default();
        known.position = position;
        known
    }
}

#[async_trait]
impl Projection for Instruments {
    fn name(&self) -> &'static str {
        "instruments"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        TABLES
    }

    async fn load(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        *self = Self::default();
        for row in sqlx::query("SELECT * FROM instruments")
            .fetch_all(db)
            .await?
        {
            let is_listed = row.try_get::<Option<&str>, _>("kind")?.is_some();
            let listed = is_listed.then(|| InstrumentRow::from_row(&row));
            let price = rows::optional_text(&row, "last_price")?;
            let known = Known {
                instrument: listed.transpose()?.map(|listed| listed.instrument),
                last: price.zip(rows::optional_text(&row, "last_bar")?),
                position: rows::position(&row, "position")?,
            };
            self.known.insert(rows::text(&row, "symbol")?, known);
        }
        Ok(())
    }

    async fn apply(
        &mut self,
        _: &mut SqliteConnection,
        recorded: &Recorded,
    ) -> Result<(), FoldError> {
        let position = recorded.position();
        match recorded.event() {
            Event::InstrumentListed(listed) => {
                let known = self.touch(&listed.instrument.symbol, position);
                known.instrument = Some(listed.instrument.clone());
            }
            Event::PriceMarked(mark) => {
                let known = self.touch(&mark.symbol, position);
                known.last = Some((mark.bar.close, mark.bar.date));
            }
            _ => {}
        }
        Ok(())
    }

    async fn flush(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        for symbol in std::mem::take(&mut self.touched) {
            let Some(known) = self.known.get(&symbol) else {
                continue;
            };
            let listed = known.instrument.as_ref();
            sqlx::query(
                "INSERT INTO instruments VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT (symbol) DO UPDATE SET
                     kind = excluded.kind, currency = excluded.currency,
                     price_decimals = excluded.price_decimals,
                     quantity_decimals = excluded.quantity_decimals,
                     last_price = excluded.last_price, last_bar = excluded.last_bar,
                     position = excluded.position
                 WHERE excluded.position > instruments.position",
            )
            .bind(symbol.as_str())
            .bind(
                listed
                    .map(|listed| rows::word_of(listed.kind))
                    .transpose()?,
            )
            .bind(listed.map(|listed| &listed.currency))
            .bind(listed.map(|listed| listed.price_decimals))
            .bind(listed.map(|listed| listed.quantity_decimals))
            .bind(known.last.map(|(price, _)| price.to_string()))
            .bind(known.last.map(|(_, bar)| bar.to_string()))
            .bind(rows::stored(known.position.get()))
            .execute(&mut *db)
            .await?;
        }
        Ok(())
    }
}

/// One listed instrument.
pub async fn find(views: &Views, symbol: &Symbol) -> Result<Option<InstrumentRow>, ViewsError> {
    let found = sqlx::query_as("SELECT * FROM instruments WHERE symbol = ? AND kind IS NOT NULL")
        .bind(symbol.as_str())
        .fetch_optional(views.readers())
        .await?;
    Ok(found)
}

/// Listed instruments by symbol, those after `after`.
pub async fn page(
    views: &Views,
    after: Option<&Symbol>,
    limit: u32,
) -> Result<Vec<InstrumentRow>, ViewsError> {
    let page = sqlx::query_as(
        "SELECT * FROM instruments WHERE symbol > ? AND kind IS NOT NULL ORDER BY symbol LIMIT ?",
    )
    .bind(after.map_or("", Symbol::as_str))
    .bind(limit.min(PAGE_ROWS_MAX))
    .fetch_all(views.readers())
    .await?;
    Ok(page)
}
