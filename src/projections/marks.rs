//! The price each instrument is valued at: its last mark, or before the first mark the price of
//! its first fill.
//!
//! Positions and equity each keep such a table of their own, because a projection reads no other
//! projection's rows.

use std::collections::{BTreeSet, HashMap};

use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;

use super::{FoldError, rows};
use crate::values::{Position, Price, Symbol};

pub(super) struct Marks {
    table: &'static str,
    prices: HashMap<Symbol, (Price, Position)>,
    /// Not written yet.
    touched: BTreeSet<Symbol>,
}

impl Marks {
    /// Marks that live in `table (symbol, price, position)`.
    pub fn new(table: &'static str) -> Self {
        Self {
            table,
            prices: HashMap::new(),
            touched: BTreeSet::new(),
        }
    }

    pub async fn load(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        self.prices.clear();
        self.touched.clear();
        let select = format!("SELECT symbol, price, position FROM {}", self.table);
        for row in sqlx::query(AssertSqlSafe(select)).fetch_all(db).await? {
            let mark = (
                rows::text(&row, "price")?,
                rows::position(&row, "position")?,
            );
            self.prices.insert(rows::text(&row, "symbol")?, mark);
        }
        Ok(())
    }

    pub fn set(&mut self, symbol: &Symbol, price: Price, position: Position) {
        self.prices.insert(symbol.clone(), (price, position));
        self.touched.insert(symbol.clone());
    }

    /// What the instrument is valued at; `fill` where it was never marked.
    pub fn or_fill(&mut self, symbol: &Symbol, fill: Price, position: Position) -> Price {
        if let Some((price, _)) = self.prices.get(symbol) {
            return *price;
        }
        self.set(symbol, fill, position);
        fill
    }

    pub fn get(&self, symbol: &Symbol) -> Option<Price> {
        self.prices.get(symbol).map(|(price, _)| *price)
    }

    pub async fn flush(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        let upsert = format!(
            "INSERT INTO {0} (symbol, price, position) VALUES (?, ?, ?)
             ON CONFLICT (symbol) DO UPDATE SET price = excluded.price, position = excluded.position
             WHERE excluded.position > {0}.position",
            self.table
        );
        for symbol in std::mem::take(&mut self.touched) {
            let Some((price, position)) = self.prices.get(&symbol) else {
                continue;
            };
            sqlx::query(AssertSqlSafe(upsert.clone()))
                .bind(symbol.as_str())
                .bind(price.to_string())
                .bind(rows::stored(position.get()))
                .execute(&mut *db)
                .await?;
        }
        Ok(())
    }
}
