//! A venue that executes on paper against bars of market data, with a durable book of its own.
//!
//! Entry points: [`PaperVenue::open`], the [`Venue`] port for execution, and
//! [`PaperVenue::play_bar`] for whoever plays the data. The model and its limits are in
//! `docs/paper-venue.md`.
//!
//! Invariants:
//! - What a call answered `Ok` to is on disk, together with its reports, in one transaction.
//! - A client order id is entered once, a cancel is answered once, a row of data is played once, so
//!   that every call may be repeated after a crash.
//! - No clock or chance but the injected clock: the same calls give the same reports.

mod book;
mod entries;
mod error;
mod matching;
mod model;
mod records;
mod schema;
#[cfg(test)]
mod tests;

pub use error::PaperError;
pub use model::{ModelError, PaperModel};

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::watch;
use uuid::Uuid;

use self::book::{Book, Work};
use self::entries::{Batch, Entries};
use self::matching::Outcome;
use self::records::{Admitted, Resting, State};
use self::schema::Identity;
use super::{NewOrder, Report, ReportBody, Venue, VenueError};
use crate::events::catalogue::market::Bar;
use crate::runtime::Clock;
use crate::values::{
    ClientOrderId, CommandId, ExecutionId, Symbol, Timestamp, VenueId, VenueOrderId,
};

/// See the module.
pub struct PaperVenue {
    venue: VenueId,
    model: PaperModel,
    clock: Arc<dyn Clock>,
    book: Book,
    entries: Entries,
}

impl PaperVenue {
    /// Opens the book in the file `path` or makes a new one there. `log_id` ties it to its event
    /// log: a book of another log would report on orders that this one never sent.
    pub async fn open(
        path: impl AsRef<Path>,
        venue: VenueId,
        log_id: Uuid,
        model: PaperModel,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PaperError> {
        let identity = Identity {
            log_id,
            venue: venue.clone(),
        };
        let book = Book::open(path.as_ref(), identity).await?;
        Ok(Self {
            venue,
            model,
            clock,
            book,
            entries: Entries::default(),
        })
    }

    /// Lets a symbol's resting orders trade against one bar, in order of entry, and gives the
    /// number of the last report there is then.
    ///
    /// `row` counts up per symbol from 1. A row that was played already, or lies before one that
    /// was, does nothing.
    pub async fn play_bar(&self, symbol: &Symbol, bar: &Bar, row: u64) -> Result<u64, VenueError> {
        let mut work = self.book.read().await?;
        let last_report = work.last_report;
        if row <= work.last_row(symbol).await? {
            work.give_back();
            return Ok(last_report);
        }
        let mut page = work.resting(symbol, 0).await?;
        if page.is_empty() {
            // The usual case, for which one statement is enough.
            work.set_last_row(symbol, row).await?;
            work.give_back();
            return Ok(last_report);
        }
        work.begin().await?;
        while let Some(last) = page.last() {
            let entry = last.entry;
            for order in &page {
                self.play_order(&mut work, order, bar).await?;
            }
            page = work.resting(symbol, entry).await?;
        }
        work.set_last_row(symbol, row).await?;
        work.commit().await
    }

    async fn play_order(
        &self,
        work: &mut Work<'_>,
        order: &Resting,
        bar: &Bar,
    ) -> Result<(), VenueError> {
        let id = &order.client_order_id;
        let (state, body) = match matching::play(&order.terms, bar, &self.model) {
            Outcome::Rests => return Ok(()),
            Outcome::Expires => (State::Expired, ReportBody::Expired),
            Outcome::Rejected { reason } => (State::Rejected, ReportBody::Rejected { reason }),
            Outcome::Fills { price, commission } => {
                let body = ReportBody::Trade {
                    // Number 1: an order is executed whole.
                    execution_id: ExecutionId::derived(&[self.venue.as_str(), id.as_str(), "1"]),
                    quantity: order.terms.quantity,
                    price,
                    commission,
                };
                (State::Filled, body)
            }
        };
        work.end(id, state).await?;
        work.report(id, bar.date.close_time(), &body, None).await
    }

    /// Enters every order that waits, as many as one transaction takes, and answers their senders.
    async fn enter_waiting(&self, mut work: Work<'_>) {
        let batch = self.entries.take();
        let entered = match work.begin().await {
            Ok(()) => self.enter_all(work, &batch).await,
            Err(error) => Err(error),
        };
        batch.answer(&entered);
    }

    async fn enter_all(&self, mut work: Work<'_>, batch: &Batch) -> Result<(), VenueError> {
        let mut known = work.known(batch.orders()).await?;
        let at = self.clock.now();
        let new = batch
            .orders()
            .filter(|order| known.insert(order.client_order_id.to_string()))
            .map(|order| self.admit(order, at))
            .collect::<Vec<_>>();
        work.enter(&new).await?;
        work.commit().await.map(|_| ())
    }

    /// What becomes of an order that arrives.
    fn admit<'o>(&self, order: &'o NewOrder, at: Timestamp) -> Admitted<'o> {
        let id = &order.client_order_id;
        let (state, report) = match matching::refusal(&order.terms) {
            Some(reason) => (State::Rejected, ReportBody::Rejected { reason }),
            None => {
                let venue_order_id = VenueOrderId::derived(&[self.venue.as_str(), id.as_str()]);
                (State::Open, ReportBody::New { venue_order_id })
            }
        };
        Admitted {
            order,
            at,
            state,
            report,
        }
    }
}

#[async_trait]
impl Venue for PaperVenue {
    fn id(&self) -> &VenueId {
        &self.venue
    }

    async fn submit(&self, order: NewOrder) -> Result<(), VenueError> {
        let mut answer = self.entries.add(order);
        loop {
            let work = tokio::select! {
                biased;
                entered = &mut answer => return entered.unwrap_or_else(|_| Err(lost())),
                work = self.book.read() => work,
            };
            if work.is_err() {
                // From here on nobody enters it any more.
                answer.close();
            }
            match (answer.try_recv(), work) {
                (Err(TryRecvError::Empty), Ok(work)) => self.enter_waiting(work).await,
                (Err(TryRecvError::Empty), Err(error)) => return Err(error),
                (Err(TryRecvError::Closed), _) => return Err(lost()),
                (Ok(entered), Ok(work)) => {
                    work.give_back();
                    return entered;
                }
                (Ok(entered), Err(_)) => return entered,
            }
        }
    }

    /// One request to cancel many orders is many requests: a `cancel` id is answered once per
    /// order.
    async fn cancel(&self, order: &ClientOrderId, cancel: &CommandId) -> Result<(), VenueError> {
        let mut work = self.book.write().await?;
        if !work.is_answered(order, cancel).await? {
            let body = match work.state_of(order).await? {
                Some(State::Open) => {
                    work.end(order, State::Canceled).await?;
                    ReportBody::Canceled
                }
                Some(ended) => ReportBody::CancelRejected {
                    reason: format!("the order is already {}", ended.name()),
                },
                None => ReportBody::CancelRejected {
                    reason: "the order is unknown here".to_owned(),
                },
            };
            work.report(order, self.clock.now(), &body, Some(cancel))
                .await?;
        }
        work.commit().await.map(|_| ())
    }

    async fn knows(&self, order: &ClientOrderId) -> Result<bool, VenueError> {
        let mut work = self.book.read().await?;
        let state = work.state_of(order).await?;
        work.give_back();
        Ok(state.is_some())
    }

    async fn reports(&self, after: u64) -> Result<Vec<Report>, VenueError> {
        let mut work = self.book.read().await?;
        let reports = work.reports(after).await?;
        work.give_back();
        Ok(reports)
    }

    /// After a call that was dropped in its commit, the number may lag until the next call.
    fn last_report(&self) -> watch::Receiver<u64> {
        self.book.last_report()
    }
}

/// Whoever was entering the order went away.
fn lost() -> VenueError {
    VenueError::Unknown("the call that was entering it was given up".to_owned())
}
