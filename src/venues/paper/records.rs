//! What is written to and read from the book within one call.

use std::collections::HashSet;

use super::book::Work;
use super::error::damaged;
use crate::values::{ClientOrderId, CommandId, OrderTerms, Symbol, Timestamp};
use crate::venues::{NewOrder, REPORTS_MAX, Report, ReportBody, VenueError};

/// Resting orders read at once.
const RESTING_PAGE: i64 = 256;

/// Where an order stands. Every state but `Open` is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Filled,
    Canceled,
    Expired,
    Rejected,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Filled => "filled",
            State::Canceled => "canceled",
            State::Expired => "expired",
            State::Rejected => "rejected",
        }
    }

    fn parse(name: &str) -> Result<Self, VenueError> {
        let all = [
            State::Open,
            State::Filled,
            State::Canceled,
            State::Expired,
            State::Rejected,
        ];
        let found = all.into_iter().find(|state| state.name() == name);
        found.ok_or_else(|| damaged(&format!("no order state is called {name:?}")))
    }
}

/// An order in the book that can still trade.
#[derive(Debug)]
pub(super) struct Resting {
    /// Counts up in order of entry.
    pub entry: i64,
    pub client_order_id: ClientOrderId,
    pub terms: OrderTerms,
}

/// An order that arrived, and what the venue makes of it.
pub(super) struct Admitted<'o> {
    pub order: &'o NewOrder,
    pub at: Timestamp,
    pub state: State,
    pub report: ReportBody,
}

impl Work<'_> {
    /// Where an order stands; `None` when it was never entered.
    pub async fn state_of(&mut self, order: &ClientOrderId) -> Result<Option<State>, VenueError> {
        let state: Option<String> =
            sqlx::query_scalar("SELECT state FROM orders WHERE client_order_id = ?")
                .bind(order.as_str())
                .fetch_optional(&mut self.connection)
                .await
                .map_err(|failure| self.failed(failure))?;
        state.as_deref().map(State::parse).transpose()
    }

    /// Which of these orders were entered before, by client order id.
    pub async fn known(
        &mut self,
        orders: impl Iterator<Item = &NewOrder>,
    ) -> Result<HashSet<String>, VenueError> {
        let ids: Vec<_> = orders.map(|order| order.client_order_id.as_str()).collect();
        let known: Vec<String> = sqlx::query_scalar(
            "SELECT client_order_id FROM json_each(?) CROSS JOIN orders ON client_order_id = value",
        )
        .bind(text(&ids)?)
        .fetch_all(&mut self.connection)
        .await
        .map_err(|failure| self.failed(failure))?;
        Ok(known.into_iter().collect())
    }

    /// Enters orders behind all others, and reports on each, in their order.
    pub async fn enter(&mut self, orders: &[Admitted<'_>]) -> Result<(), VenueError> {
        let (mut entries, mut reports) = (Vec::new(), Vec::new());
        let mut sequence = self.last_report;
        for admitted in orders {
            let NewOrder {
                client_order_id,
                terms,
            } = admitted.order;
            sequence += 1;
            let at = admitted.at.micros();
            let state = admitted.state.name();
            entries.push((client_order_id, &terms.symbol, text(terms)?, at, state));
            let report = text(&admitted.report)?;
            reports.push((integer(sequence)?, client_order_id, at, report));
        }
        sqlx::query(
            "INSERT INTO orders (client_order_id, symbol, terms, entered_at, state)
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
             FROM json_each(?) ORDER BY key;
             INSERT INTO reports (sequence, client_order_id, transact_time, body)
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3
             FROM json_each(?) ORDER BY key",
        )
        .bind(text(&entries)?)
        .bind(text(&reports)?)
        .execute(&mut self.connection)
        .await
        .map_err(|failure| self.failed(failure))?;
        self.last_report = sequence;
        Ok(())
    }

    /// Ends an open order.
    pub async fn end(&mut self, order: &ClientOrderId, state: State) -> Result<(), VenueError> {
        sqlx::query("UPDATE orders SET state = ? WHERE client_order_id = ?")
            .bind(state.name())
            .bind(order.as_str())
            .execute(&mut self.connection)
            .await
            .map_err(|failure| self.failed(failure))?;
        Ok(())
    }

    /// Some of a symbol's open orders, in order of entry after `entry`; empty at the end.
    pub async fn resting(
        &mut self,
        symbol: &Symbol,
        entry: i64,
    ) -> Result<Vec<Resting>, VenueError> {
        let rows: Vec<(i64, String, String)> = sqlx::query_as(
            "SELECT entry, client_order_id, terms FROM orders
             WHERE symbol = ? AND state = 'open' AND entry > ? ORDER BY entry LIMIT ?",
        )
        .bind(symbol.as_str())
        .bind(entry)
        .bind(RESTING_PAGE)
        .fetch_all(&mut self.connection)
        .await
        .map_err(|failure| self.failed(failure))?;
        let parse = |(entry, id, terms): (i64, String, String)| {
            Ok(Resting {
                entry,
                client_order_id: ClientOrderId::new(&id).map_err(|error| damaged(&error))?,
                terms: serde_json::from_str(&terms).map_err(|error| damaged(&error))?,
            })
        };
        rows.into_iter().map(parse).collect()
    }

    /// Appends the next report; `cancel` is the request that it answers.
    pub async fn report(
        &mut self,
        order: &ClientOrderId,
        at: Timestamp,
        body: &ReportBody,
        cancel: Option<&CommandId>,
    ) -> Result<(), VenueError> {
        let sequence = self.last_report + 1;
        sqlx::query(
            "INSERT INTO reports (sequence, client_order_id, transact_time, body, cancel_id)
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(integer(sequence)?)
        .bind(order.as_str())
        .bind(at.micros())
        .bind(text(body)?)
        .bind(cancel.map(CommandId::as_str))
        .execute(&mut self.connection)
        .await
        .map_err(|failure| self.failed(failure))?;
        self.last_report = sequence;
        Ok(())
    }

    /// Whether this request to cancel this order has its answer.
    pub async fn is_answered(
        &mut self,
        order: &ClientOrderId,
        cancel: &CommandId,
    ) -> Result<bool, VenueError> {
        sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM reports WHERE client_order_id = ? AND cancel_id = ?)",
        )
        .bind(order.as_str())
        .bind(cancel.as_str())
        .fetch_one(&mut self.connection)
        .await
        .map_err(|failure| self.failed(failure))
    }

    /// Reports after number `after`, in order, at most [`REPORTS_MAX`].
    pub async fn reports(&mut self, after: u64) -> Result<Vec<Report>, VenueError> {
        let rows: Vec<(i64, String, i64, String)> = sqlx::query_as(
            "SELECT sequence, client_order_id, transact_time, body FROM reports
             WHERE sequence > ? ORDER BY sequence LIMIT ?",
        )
        .bind(integer(after)?)
        .bind(integer(REPORTS_MAX as u64)?)
        .fetch_all(&mut self.connection)
        .await
        .map_err(|failure| self.failed(failure))?;
        rows.into_iter().map(parse_report).collect()
    }

    /// The last row played for a symbol; 0 before the first.
    pub async fn last_row(&mut self, symbol: &Symbol) -> Result<u64, VenueError> {
        let row: Option<i64> =
            sqlx::query_scalar("SELECT last_row FROM bars_played WHERE symbol = ?")
                .bind(symbol.as_str())
                .fetch_optional(&mut self.connection)
                .await
                .map_err(|failure| self.failed(failure))?;
        u64::try_from(row.unwrap_or(0)).map_err(|error| damaged(&error))
    }

    /// Notes that `row` was played.
    pub async fn set_last_row(&mut self, symbol: &Symbol, row: u64) -> Result<(), VenueError> {
        sqlx::query(
            "INSERT INTO bars_played (symbol, last_row) VALUES (?, ?)
             ON CONFLICT (symbol) DO UPDATE SET last_row = excluded.last_row
             WHERE excluded.last_row > bars_played.last_row",
        )
        .bind(symbol.as_str())
        .bind(integer(row)?)
        .execute(&mut self.connection)
        .await
        .map_err(|failure| self.failed(failure))?;
        Ok(())
    }
}

fn parse_report(row: (i64, String, i64, String)) -> Result<Report, VenueError> {
    let (sequence, order, micros, body) = row;
    Ok(Report {
        sequence: u64::try_from(sequence).map_err(|error| damaged(&error))?,
        client_order_id: ClientOrderId::new(&order).map_err(|error| damaged(&error))?,
        transact_time: Timestamp::from_micros(micros)
            .ok_or_else(|| damaged(&format!("{micros} is no time")))?,
        body: serde_json::from_str(&body).map_err(|error| damaged(&error))?,
    })
}

fn text(value: &impl serde::Serialize) -> Result<String, VenueError> {
    serde_json::to_string(value)
        .map_err(|error| VenueError::Unavailable(format!("it cannot be written down: {error}")))
}

/// SQLite's integers are signed.
fn integer(number: u64) -> Result<i64, VenueError> {
    i64::try_from(number)
        .map_err(|_| VenueError::Unavailable(format!("{number} is too large; stay below 2^63")))
}
