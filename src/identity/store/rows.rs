//! Reading typed values out of rows. A value that does not parse was not written by this program.

use std::error::Error;
use std::str::FromStr;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::values::Timestamp;

pub fn bad_column<E>(column: &str, source: E) -> sqlx::Error
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: source.into(),
    }
}

/// A value stored as its text.
pub fn text<T>(row: &SqliteRow, column: &str) -> Result<T, sqlx::Error>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    let stored: &str = row.try_get(column)?;
    stored.parse().map_err(|error| bad_column(column, error))
}

/// Values stored as their texts, separated by spaces.
pub fn words<C, T>(row: &SqliteRow, column: &str) -> Result<C, sqlx::Error>
where
    C: FromIterator<T>,
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    let stored: &str = row.try_get(column)?;
    let parsed: Result<C, T::Err> = stored.split_whitespace().map(str::parse).collect();
    parsed.map_err(|error| bad_column(column, error))
}

pub fn joined<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    let values: Vec<_> = values.into_iter().map(|value| value.to_string()).collect();
    values.join(" ")
}

pub fn time(row: &SqliteRow, column: &str) -> Result<Timestamp, sqlx::Error> {
    let micros: i64 = row.try_get(column)?;
    Timestamp::from_micros(micros).ok_or_else(|| bad_column(column, "not a time"))
}

pub fn optional_time(row: &SqliteRow, column: &str) -> Result<Option<Timestamp>, sqlx::Error> {
    let micros: Option<i64> = row.try_get(column)?;
    let time = micros.map(|micros| {
        Timestamp::from_micros(micros).ok_or_else(|| bad_column(column, "not a time"))
    });
    time.transpose()
}

pub fn hash(row: &SqliteRow, column: &str) -> Result<[u8; 32], sqlx::Error> {
    let bytes: &[u8] = row.try_get(column)?;
    bytes
        .try_into()
        .map_err(|error: std::array::TryFromSliceError| bad_column(column, error))
}
