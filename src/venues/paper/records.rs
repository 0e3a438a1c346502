//! What is written to and read from the book within one call.

use rusqlite::{OptionalExtension, params};

use super::book::Work;
use super::error::{Fault, damaged};
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
    pub fn state_of(&self, order: &ClientOrderId) -> Result<Option<State>, Fault> {
        let state: Option<String> = self
            .connection
            .prepare_cached("SELECT state FROM orders WHERE client_order_id = ?")?
            .query_row([order.as_str()], |row| row.get(0))
            .optional()?;
        Ok(state.as_deref().map(State::parse).transpose()?)
    }

    /// Enters an order behind all others and reports on it.
    pub fn enter(&mut self, admitted: &Admitted<'_>) -> Result<(), Fault> {
        let NewOrder {
            client_order_id,
            terms,
        } = admitted.order;
        self.connection
            .prepare_cached(
                "INSERT INTO orders (client_order_id, symbol, terms, entered_at, state)
                 VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![
                client_order_id.as_str(),
                terms.symbol.as_str(),
                text(terms)?,
                admitted.at.micros(),
                admitted.state.name(),
            ])?;
        self.report(client_order_id, admitted.at, &admitted.report, None)
    }

    /// Ends an open order.
    pub fn end(&self, order: &ClientOrderId, state: State) -> Result<(), Fault> {
        self.connection
            .prepare_cached("UPDATE orders SET state = ? WHERE client_order_id = ?")?
            .execute([state.name(), order.as_str()])?;
        Ok(())
    }

    /// Some of a symbol's open orders, in order of entry after `entry`; empty at the end.
    pub fn resting(&self, symbol: &Symbol, entry: i64) -> Result<Vec<Resting>, Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT entry, client_order_id, terms FROM orders
             WHERE symbol = ? AND state = 'open' AND entry > ? ORDER BY entry LIMIT ?",
        )?;
        let rows = statement.query_map(params![symbol.as_str(), entry, RESTING_PAGE], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
        rows.map(|row| Ok(parse_resting(row?)?)).collect()
    }

    /// Appends the next report; `cancel` is the request that it answers.
    pub fn report(
        &mut self,
        order: &ClientOrderId,
        at: Timestamp,
        body: &ReportBody,
        cancel: Option<&CommandId>,
    ) -> Result<(), Fault> {
        let sequence = self.last_report + 1;
        self.connection
            .prepare_cached(
                "INSERT INTO reports (sequence, client_order_id, transact_time, body, cancel_id)
                 VALUES (?, ?, ?, ?, ?)",
            )?
            .execute(params![
                sequence,
                order.as_str(),
                at.micros(),
                text(body)?,
                cancel.map(CommandId::as_str),
            ])?;
        self.last_report = sequence;
        Ok(())
    }

    /// Whether this request to cancel this order has its answer.
    pub fn is_answered(&self, order: &ClientOrderId, cancel: &CommandId) -> Result<bool, Fault> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT 1 FROM reports WHERE client_order_id = ? AND cancel_id = ?")?;
        Ok(statement.exists([order.as_str(), cancel.as_str()])?)
    }

    /// Reports after number `after`, in order, at most [`REPORTS_MAX`].
    pub fn reports(&self, after: u64) -> Result<Vec<Report>, Fault> {
        // A number past what SQLite can hold is past every number in it.
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let mut statement = self.connection.prepare_cached(
            "SELECT sequence, client_order_id, transact_time, body FROM reports
             WHERE sequence > ? ORDER BY sequence LIMIT ?",
        )?;
        let rows = statement.query_map(params![after, REPORTS_MAX], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        rows.map(|row| Ok(parse_report(row?)?)).collect()
    }

    /// The last row played for a symbol; 0 before the first.
    pub fn last_row(&self, symbol: &Symbol) -> Result<u64, Fault> {
        let row: Option<u64> = self
            .connection
            .prepare_cached("SELECT last_row FROM bars_played WHERE symbol = ?")?
            .query_row([symbol.as_str()], |row| row.get(0))
            .optional()?;
        Ok(row.unwrap_or(0))
    }

    /// The last row played at all; 0 before the first.
    pub fn last_row_of_all(&self) -> Result<u64, Fault> {
        let row = self
            .connection
            .prepare_cached("SELECT COALESCE(MAX(last_row), 0) FROM bars_played")?
            .query_row([], |row| row.get(0))?;
        Ok(row)
    }

    /// Notes that `row` was played.
    pub fn set_last_row(&self, symbol: &Symbol, row: u64) -> Result<(), Fault> {
        self.connection
            .prepare_cached(
                "INSERT INTO bars_played (symbol, last_row) VALUES (?, ?)
                 ON CONFLICT (symbol) DO UPDATE SET last_row = excluded.last_row
                 WHERE excluded.last_row > bars_played.last_row",
            )?
            .execute(params![symbol.as_str(), row])?;
        Ok(())
    }
}

fn parse_resting(row: (i64, String, String)) -> Result<Resting, VenueError> {
    let (entry, id, terms) = row;
    Ok(Resting {
        entry,
        client_order_id: ClientOrderId::new(&id).map_err(|error| damaged(&error))?,
        terms: serde_json::from_str(&terms).map_err(|error| damaged(&error))?,
    })
}

fn parse_report(row: (u64, String, i64, String)) -> Result<Report, VenueError> {
    let (sequence, order, micros, body) = row;
    Ok(Report {
        sequence,
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
