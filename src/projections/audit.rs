//! Audit: every event, who was behind it, what it followed from, and which account and order it
//! concerns. The event's content stays in the log, found by its position.

use std::collections::HashMap;

use async_trait::async_trait;
use sqlx::sqlite::{Sqlite, SqliteConnection, SqliteRow};
use sqlx::{FromRow, QueryBuilder, Row};
use uuid::Uuid;

use super::page::Page;
use super::{FoldError, Projection, Table, Views, ViewsError, rows};
use crate::events::catalogue::{HaltScope, LimitScope};
use crate::events::{Event, Recorded};
use crate::values::{
    AccountId, CommandId, EventId, OrderId, Position, StreamName, Timestamp, Version,
};

const TABLES: &[Table] = &[Table {
    name: "audit",
    create: "
        CREATE TABLE audit (
            position           INTEGER NOT NULL PRIMARY KEY,
            stream             TEXT NOT NULL,
            version            INTEGER NOT NULL,
            event_id           TEXT NOT NULL,
            type               TEXT NOT NULL,
            principal          TEXT NOT NULL,
            human              TEXT,
            command_id         TEXT NOT NULL,
            correlation_id     TEXT NOT NULL,
            causation_id       TEXT,
            occurred_at_micros INTEGER NOT NULL,
            recorded_at_micros INTEGER NOT NULL,
            account            TEXT,
            order_id           TEXT
        ) STRICT;
        CREATE INDEX audit_by_account ON audit (account, position) WHERE account IS NOT NULL;
        CREATE INDEX audit_by_order ON audit (order_id, position) WHERE order_id IS NOT NULL;
        CREATE INDEX audit_by_type ON audit (type, position);
        CREATE INDEX audit_by_principal ON audit (principal, position);
        CREATE INDEX audit_by_time ON audit (occurred_at_micros)",
}];

/// Events of one INSERT; SQLite takes 32,766 parameters.
const INSERT_ROWS_MAX: usize = 1_024;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    pub position: Position,
    pub stream: StreamName,
    pub version: Version,
    pub event_id: EventId,
    /// The event type's name.
    pub event_type: String,
    pub principal: String,
    pub human: Option<String>,
    pub command_id: CommandId,
    pub correlation_id: Uuid,
    pub causation_id: Option<EventId>,
    pub occurred_at: Timestamp,
    pub recorded_at: Timestamp,
    pub account: Option<AccountId>,
    pub order_id: Option<OrderId>,
}

impl FromRow<'_, SqliteRow> for AuditRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            position: rows::position(row, "position")?,
            stream: rows::text(row, "stream")?,
            version: Version::new(rows::count(row, "version")?),
            event_id: EventId(rows::text(row, "event_id")?),
            event_type: row.try_get("type")?,
            principal: row.try_get("principal")?,
            human: row.try_get("human")?,
            command_id: rows::text(row, "command_id")?,
            correlation_id: rows::text(row, "correlation_id")?,
            causation_id: rows::optional_text(row, "causation_id")?.map(EventId),
            occurred_at: rows::time(row, "occurred_at_micros")?,
            recorded_at: rows::time(row, "recorded_at_micros")?,
            account: rows::optional_text(row, "account")?,
            order_id: rows::optional_text(row, "order_id")?,
        })
    }
}

/// The account and order that an event names itself, beyond its stream.
fn named(event: &Event) -> (Option<&AccountId>, Option<&OrderId>) {
    match event {
        Event::OrderSubmitted(event) => (None, Some(&event.order_id)),
        Event::OrderApproved(event) => (Some(&event.account), Some(&event.order_id)),
        Event::OrderRefused(event) => (None, Some(&event.order_id)),
        Event::CancelRequested(event) => (None, Some(&event.order_id)),
        Event::FillBooked(event) => (None, Some(&event.order_id)),
        Event::ReservationReleased(event) => (None, Some(&event.order_id)),
        Event::OrderRouted(event) => (Some(&event.account), Some(&event.order_id)),
        Event::OrderRejected(event) => (Some(&event.account), Some(&event.order_id)),
        Event::OrderExecuted(event) => (Some(&event.account), Some(&event.order_id)),
        Event::OrderCanceled(event) => (Some(&event.account), Some(&event.order_id)),
        Event::OrderExpired(event) => (Some(&event.account), Some(&event.order_id)),
        Event::StrategyRegistered(event) => (Some(&event.account), None),
        Event::RiskLimitsChanged(event) => match &event.scope {
            LimitScope::Account(account) => (Some(account), None),
            LimitScope::Firm => (None, None),
        },
        Event::KillSwitchEngaged(event) => (halted(&event.scope), None),
        Event::KillSwitchReleased(event) => (halted(&event.scope), None),
        // Others of an account or an order are known by their stream.
        _ => (None, None),
    }
}

fn halted(scope: &HaltScope) -> Option<&AccountId> {
    match scope {
        HaltScope::Account(account) => Some(account),
        _ => None,
    }
}

fn id<T, E: std::fmt::Display>(parsed: Result<T, E>) -> Result<T, FoldError> {
    parsed.map_err(|error| FoldError::Poison(error.to_string()))
}

/// The fold. Holds the batch being folded.
#[derive(Default)]
pub struct Audit {
    rows: Vec<AuditRow>,
    /// Accounts of the batch's orders.
    owners: HashMap<OrderId, AccountId>,
}

impl Audit {
    async fn row(
        &mut self,
        db: &mut SqliteConnection,
        recorded: &Recorded,
    ) -> Result<AuditRow, FoldError> {
        let envelope = &recorded.envelope;
        let stream = &envelope.stream;
        let (account, order) = named(&envelope.event);
        let order_id = match (order, stream.category()) {
            (Some(order), _) => Some(order.clone()),
            (None, "order") => Some(id(OrderId::new(stream.id()))?),
            (None, _) => None,
        };
        let account = match (account, stream.category(), &order_id) {
            (Some(account), _, _) => Some(account.clone()),
            (None, "account", _) => Some(id(AccountId::new(stream.id()))?),
            (None, _, Some(order)) => self.owner(db, order).await?,
            (None, _, None) => None,
        };
        if let (Some(order), Some(account)) = (&order_id, &account) {
            self.owners.insert(order.clone(), account.clone());
        }
        let meta = &envelope.meta;
        Ok(AuditRow {
            position: envelope.position,
            stream: stream.clone(),
            version: envelope.version,
            event_id: envelope.event_id,
            event_type: envelope.event.name().to_owned(),
            principal: meta.who.principal.clone(),
            human: meta.who.human.clone(),
            command_id: meta.command_id.clone(),
            correlation_id: meta.correlation_id,
            causation_id: meta.causation_id,
            occurred_at: meta.occurred_at,
            recorded_at: envelope.recorded_at,
            account,
            order_id,
        })
    }

    /// Whose order it is, by an earlier event of it.
    async fn owner(
        &self,
        db: &mut SqliteConnection,
        order: &OrderId,
    ) -> Result<Option<AccountId>, FoldError> {
        if let Some(account) = self.owners.get(order) {
            return Ok(Some(account.clone()));
        }
        let earlier = sqlx::query(
            "SELECT account FROM audit WHERE order_id = ? AND account IS NOT NULL
             ORDER BY position LIMIT 1",
        )
        .bind(order.as_str())
        .fetch_optional(db)
        .await?;
        let account = earlier.map(|row| rows::text(&row, "account")).transpose()?;
        Ok(account)
    }
}

#[async_trait]
impl Projection for Audit {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn version(&self) -> u32 {
        1
    }

    fn tables(&self) -> &'static [Table] {
        TABLES
    }

    async fn load(&mut self, _: &mut SqliteConnection) -> Result<(), FoldError> {
        *self = Self::default();
        Ok(())
    }

    async fn apply(
        &mut self,
        db: &mut SqliteConnection,
        recorded: &Recorded,
    ) -> Result<(), FoldError> {
        let row = self.row(db, recorded).await?;
        self.rows.push(row);
        Ok(())
    }

    async fn flush(&mut self, db: &mut SqliteConnection) -> Result<(), FoldError> {
        self.owners.clear();
        for events in std::mem::take(&mut self.rows).chunks(INSERT_ROWS_MAX) {
            let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO audit ");
            insert.push_values(events, |mut row, event| {
                row.push_bind(rows::stored(event.position.get()))
                    .push_bind(event.stream.as_str())
                    .push_bind(rows::stored(event.version.get()))
                    .push_bind(event.event_id.to_string())
                    .push_bind(&event.event_type)
                    .push_bind(&event.principal)
                    .push_bind(&event.human)
                    .push_bind(event.command_id.as_str())
                    .push_bind(event.correlation_id.to_string())
                    .push_bind(event.causation_id.map(|cause| cause.to_string()))
                    .push_bind(event.occurred_at.micros())
                    .push_bind(event.recorded_at.micros())
                    .push_bind(event.account.as_ref().map(AccountId::as_str))
                    .push_bind(event.order_id.as_ref().map(OrderId::as_str));
            });
            // An event that is there already is the same event.
            insert.push(" ON CONFLICT (position) DO NOTHING");
            insert.build().persistent(false).execute(&mut *db).await?;
        }
        Ok(())
    }
}

/// Which events to show; `None` leaves a condition out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub account: Option<AccountId>,
    pub order_id: Option<OrderId>,
    /// The event type's name.
    pub event_type: Option<String>,
    pub principal: Option<String>,
    /// Occurred then or later.
    pub from: Option<Timestamp>,
    /// Occurred earlier.
    pub to: Option<Timestamp>,
    /// Only events after this position; with the last row's `position` it asks for the next page.
    pub after: Position,
    /// Only events before this position; the same for pages that are newest first.
    pub before: Option<Position>,
    /// From the newest on; otherwise in order.
    pub newest_first: bool,
}

/// Events in the filter's direction.
pub async fn page(
    views: &Views,
    filter: &AuditFilter,
    limit: u32,
) -> Result<Vec<AuditRow>, ViewsError> {
    let order = match filter.newest_first {
        true => "position DESC",
        false => "position",
    };
    Page::of("audit")
        .position("position >", Some(filter.after))
        .position("position <", filter.before)
        .text("account =", filter.account.as_ref())
        .text("order_id =", filter.order_id.as_ref())
        .text("type =", filter.event_type.as_ref())
        .text("principal =", filter.principal.as_ref())
        .number("occurred_at_micros >=", filter.from.map(Timestamp::micros))
        .number("occurred_at_micros <", filter.to.map(Timestamp::micros))
        .fetch(views, order, limit)
        .await
}
