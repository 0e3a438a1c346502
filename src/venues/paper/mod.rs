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

use self::book::{Book, Turn, Work};
use self::entries::{Batch, Entries};
use self::error::Fault;
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
    desk: Arc<Desk>,
    book: Book,
    entries: Entries,
}

/// What happens at the venue, given its book.
struct Desk {
    venue: VenueId,
    model: PaperModel,
    clock: Arc<dyn Clock>,
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
        let desk = Desk {
            venue,
            model,
            clock,
        };
        Ok(Self {
            desk: Arc::new(desk),
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
        let (desk, symbol, bar) = (Arc::clone(&self.desk), symbol.clone(), bar.clone());
        self.write(move |work| desk.play_bar(work, &symbol, &bar, row))
            .await
    }

    /// The last row of data that was played, of any symbol; 0 before the first.
    pub async fn last_row(&self) -> Result<u64, VenueError> {
        self.read(|work| work.last_row_of_all()).await
    }

    /// Does `work` in one transaction of the book; gives the number of the last report.
    async fn write(
        &self,
        work: impl FnOnce(&mut Work<'_>) -> Result<(), Fault> + Send + 'static,
    ) -> Result<u64, VenueError> {
        let turn = self.book.turn().await;
        let ((), last_report) = turn.run(move |turn| turn.write(work)).await?;
        Ok(last_report)
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Work<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, VenueError> {
        let turn = self.book.turn().await;
        turn.run(move |turn| turn.read(work)).await
    }

    /// Enters every order that waits, as many as one transaction takes, and answers their senders.
    async fn enter_waiting(&self, turn: Turn) {
        let (desk, batch) = (Arc::clone(&self.desk), self.entries.take());
        let entered = turn.run(move |turn| {
            let entered = turn.write(|work| desk.enter(work, &batch));
            batch.answer(&entered.map(|_| ()));
            Ok(())
        });
        if let Err(error) = entered.await {
            tracing::error!(%error, "orders went unanswered");
        }
    }
}

impl Desk {
    fn play_bar(
        &self,
        work: &mut Work<'_>,
        symbol: &Symbol,
        bar: &Bar,
        row: u64,
    ) -> Result<(), Fault> {
        if row <= work.last_row(symbol)? {
            return Ok(());
        }
        let mut page = work.resting(symbol, 0)?;
        while let Some(last) = page.last() {
            let entry = last.entry;
            for order in &page {
                self.play_order(work, order, bar)?;
            }
            page = work.resting(symbol, entry)?;
        }
        work.set_last_row(symbol, row)
    }

    fn play_order(&self, work: &mut Work<'_>, order: &Resting, bar: &Bar) -> Result<(), Fault> {
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
        work.end(id, state)?;
        work.report(id, bar.date.close_time(), &body, None)
    }

    /// Enters those orders of a batch that are not in the book yet.
    fn enter(&self, work: &mut Work<'_>, batch: &Batch) -> Result<(), Fault> {
        let at = self.clock.now();
        for order in batch.orders() {
            if work.state_of(&order.client_order_id)?.is_none() {
                work.enter(&self.admit(order, at))?;
            }
        }
        Ok(())
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

    /// Cancels an order that is open; says why not of any other.
    fn cancel(
        &self,
        work: &mut Work<'_>,
        order: &ClientOrderId,
        cancel: &CommandId,
    ) -> Result<(), Fault> {
        if work.is_answered(order, cancel)? {
            return Ok(());
        }
        let body = match work.state_of(order)? {
            Some(State::Open) => {
                work.end(order, State::Canceled)?;
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
    }
}

#[async_trait]
impl Venue for PaperVenue {
    fn id(&self) -> &VenueId {
        &self.desk.venue
    }

    async fn submit(&self, order: NewOrder) -> Result<(), VenueError> {
        let mut answer = self.entries.add(order);
        loop {
            let turn = tokio::select! {
                biased;
                entered = &mut answer => return entered.unwrap_or_else(|_| Err(lost())),
                turn = self.book.turn() => turn,
            };
            match answer.try_recv() {
                Ok(entered) => return entered,
                Err(TryRecvError::Empty) => self.enter_waiting(turn).await,
                Err(TryRecvError::Closed) => return Err(lost()),
            }
        }
    }

    /// One request to cancel many orders is many requests: a `cancel` id is answered once per
    /// order.
    async fn cancel(&self, order: &ClientOrderId, cancel: &CommandId) -> Result<(), VenueError> {
        let (desk, order, cancel) = (Arc::clone(&self.desk), order.clone(), cancel.clone());
        self.write(move |work| desk.cancel(work, &order, &cancel))
            .await
            .map(|_| ())
    }

    async fn knows(&self, order: &ClientOrderId) -> Result<bool, VenueError> {
        let order = order.clone();
        let state = self.read(move |work| work.state_of(&order)).await?;
        Ok(state.is_some())
    }

    async fn reports(&self, after: u64) -> Result<Vec<Report>, VenueError> {
        self.read(move |work| work.reports(after)).await
    }

    fn last_report(&self) -> watch::Receiver<u64> {
        self.book.last_report()
    }
}

/// Whoever was entering the order went away.
fn lost() -> VenueError {
    VenueError::Unknown("the call that was entering it was given up".to_owned())
}
