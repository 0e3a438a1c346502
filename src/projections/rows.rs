//! Reading typed values out of rows, and writing counters into them.
//!
//! A value that does not parse was not written by this program: it comes back as
//! [`sqlx::Error::ColumnDecode`] with the column's name.

use std::error::Error;
use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::FoldError;
use crate::values::{Position, Timestamp};

pub(super) fn bad_column<E>(column: &str, source: E) -> sqlx::Error
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: source.into(),
    }
}

/// A value stored as its text.
pub(super) fn text<T>(row: &SqliteRow, column: &str) -> Result<T, sqlx::Error>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    let stored: &str = row.try_get(column)?;
    stored
        .parse()
        .map_err(|error| bad_column::<T::Err>(column, error))
}

/// The same where the column may be NULL.
pub(super) fn optional_text<T>(row: &SqliteRow, column: &str) -> Result<Option<T>, sqlx::Error>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    let stored: Option<&str> = row.try_get(column)?;
    let parsed = stored.map(str::parse).transpose();
    parsed.map_err(|error| bad_column::<T::Err>(column, error))
}

/// A value stored as the word that it is in events, for example `buy`.
pub(super) fn word<T: DeserializeOwned>(row: &SqliteRow, column: &str) -> Result<T, sqlx::Error> {
    let stored: String = row.try_get(column)?;
    serde_json::from_value(stored.into()).map_err(|error| bad_column(column, error))
}

pub(super) fn optional_word<T: DeserializeOwned>(
    row: &SqliteRow,
    column: &str,
) -> Result<Option<T>, sqlx::Error> {
    let stored: Option<String> = row.try_get(column)?;
    let parsed = stored
        .map(|word| serde_json::from_value(word.into()))
        .transpose();
    parsed.map_err(|error| bad_column(column, error))
}

/// The word that a value is in events.
pub(super) fn word_of<T: Serialize>(value: T) -> Result<String, FoldError> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        other => Err(FoldError::Poison(format!("{other:?} is not a single word"))),
    }
}

/// A count as SQLite stores it. No log reaches 2^63 events.
pub(super) fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn count(row: &SqliteRow, column: &str) -> Result<u64, sqlx::Error> {
    let stored: i64 = row.try_get(column)?;
    u64::try_from(stored).map_err(|error| bad_column(column, error))
}

pub(super) fn position(row: &SqliteRow, column: &str) -> Result<Position, sqlx::Error> {
    count(row, column).map(Position::new)
}

pub(super) fn time(row: &SqliteRow, column: &str) -> Result<Timestamp, sqlx::Error> {
    let micros: i64 = row.try_get(column)?;
    Timestamp::from_micros(micros).ok_or_else(|| bad_column(column, "not a time"))
}
