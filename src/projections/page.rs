//! A page of a table: the rows that meet the conditions given, in one order, so many at most.

use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder, Sqlite};

use super::{PAGE_ROWS_MAX, Views, ViewsError, rows};
use crate::values::Position;

/// Conditions are SQL up to the value that is compared with, for example `account =`.
pub(super) struct Page(QueryBuilder<Sqlite>);

impl Page {
    pub fn of(table: &'static str) -> Self {
        let mut query = QueryBuilder::new("SELECT * FROM ");
        query.push(table).push(" WHERE true");
        Self(query)
    }

    /// A condition without a value.
    pub fn only(mut self, condition: &'static str) -> Self {
        self.0.push(" AND ").push(condition);
        self
    }

    /// Left out where there is no value.
    pub fn text(mut self, condition: &'static str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self = self.only(condition);
            self.0.push_bind(value.to_string());
        }
        self
    }

    pub fn number(mut self, condition: &'static str, value: Option<i64>) -> Self {
        if let Some(value) = value {
            self = self.only(condition);
            self.0.push_bind(value);
        }
        self
    }

    pub fn position(self, condition: &'static str, value: Option<Position>) -> Self {
        self.number(condition, value.map(|value| rows::stored(value.get())))
    }

    /// `order`: SQL, for example `position DESC`.
    pub async fn fetch<R>(
        mut self,
        views: &Views,
        order: &'static str,
        limit: u32,
    ) -> Result<Vec<R>, ViewsError>
    where
        R: for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        self.0.push(" ORDER BY ").push(order).push(" LIMIT ");
        self.0.push_bind(limit.min(PAGE_ROWS_MAX));
        let page = self.0.build_query_as().fetch_all(views.readers()).await?;
        Ok(page)
    }
}
