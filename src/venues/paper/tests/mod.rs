//! Tests of the paper venue, and what they share.

mod durability;
mod faults;
mod matching;
mod orders;

use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::{PaperError, PaperModel, PaperVenue};
use crate::events::catalogue::market::Bar;
use crate::runtime::DataClock;
use crate::values::{
    ClientOrderId, CommandId, OrderTerms, OrderType, Price, Side, Symbol, TimeInForce, Timestamp,
    VenueId,
};
use crate::venues::{NewOrder, Report, ReportBody, Venue};

const LOG: Uuid = Uuid::from_u128(1);

/// A venue in a directory of its own, at 2000-03-01 noon.
struct Bench {
    directory: tempfile::TempDir,
    clock: Arc<DataClock>,
    venue: PaperVenue,
}

impl Bench {
    async fn new() -> Self {
        Self::with(PaperModel::default()).await
    }

    async fn with(model: PaperModel) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let clock = Arc::new(DataClock::default());
        clock.advance_to(time("2000-03-01T12:00:00Z"));
        let path = directory.path().join("paper.db");
        let venue = open_as(&path, LOG, model, clock.clone())
            .await
            .expect("a venue");
        Self {
            directory,
            clock,
            venue,
        }
    }

    /// The files as they are on disk now: what a kill would leave.
    fn copy(&self) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        // Not the -shm file: it is shared memory, which a new start rebuilds.
        for name in ["paper.db", "paper.db-wal"] {
            std::fs::copy(
                self.directory.path().join(name),
                directory.path().join(name),
            )
            .expect(name);
        }
        directory
    }

    /// What a new process finds after a kill.
    async fn after_a_kill(&self) -> Bench {
        let directory = self.copy();
        let path = directory.path().join("paper.db");
        let opened = open_as(&path, LOG, PaperModel::default(), self.clock.clone()).await;
        Bench {
            directory,
            clock: self.clock.clone(),
            venue: opened.expect("a venue"),
        }
    }

    async fn submit(&self, id: &str, terms: OrderTerms) {
        self.venue.submit(order(id, terms)).await.expect("arrived");
    }

    async fn cancel(&self, id: &str, cancel: &str) {
        let cancel = CommandId::new(cancel).expect("an id");
        self.venue
            .cancel(&client_order_id(id), &cancel)
            .await
            .expect("arrived");
    }

    /// Plays a bar of open, high, low (and close = open) on the `row`th day of March 2000.
    async fn play(&self, row: u64, prices: [&str; 3]) -> u64 {
        let bar = bar(&format!("2000-03-{row:02}"), prices);
        self.venue
            .play_bar(&symbol("AAPL"), &bar, row)
            .await
            .expect("played")
    }

    async fn reports(&self) -> Vec<Report> {
        self.venue.reports(0).await.expect("reports")
    }

    /// Each report as `order: what`.
    async fn told(&self) -> Vec<String> {
        self.reports().await.iter().map(line).collect()
    }
}

async fn open_as(
    path: &Path,
    log: Uuid,
    model: PaperModel,
    clock: Arc<DataClock>,
) -> Result<PaperVenue, PaperError> {
    PaperVenue::open(
        path,
        VenueId::new("paper").expect("an id"),
        log,
        model,
        clock,
    )
    .await
}

fn line(report: &Report) -> String {
    let what = match &report.body {
        ReportBody::New { .. } => "new".to_owned(),
        ReportBody::Rejected { reason } => format!("rejected, {reason}"),
        ReportBody::Trade {
            quantity,
            price,
            commission,
            ..
        } => format!("trade {quantity} at {price} for {commission}"),
        ReportBody::Canceled => "canceled".to_owned(),
        ReportBody::CancelRejected { reason } => format!("cancel rejected, {reason}"),
        ReportBody::Expired => "expired".to_owned(),
    };
    format!("{}: {what}", report.client_order_id)
}

fn order(id: &str, terms: OrderTerms) -> NewOrder {
    NewOrder {
        client_order_id: client_order_id(id),
        terms,
    }
}

/// Terms like `buy 10 market day` or `sell 2.5 101.5 gtc` (a limit order).
fn terms(text: &str) -> OrderTerms {
    let mut words = text.split(' ');
    let mut next = || words.next().expect("a word");
    let side = match next() {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        other => panic!("{other} is no side"),
    };
    let quantity = next().parse().expect("a quantity");
    let order_type = match next() {
        "market" => OrderType::Market,
        limit => OrderType::Limit {
            limit_price: price(limit),
        },
    };
    let time_in_force = match next() {
        "day" => TimeInForce::Day,
        "gtc" => TimeInForce::Gtc,
        other => panic!("{other} is no time in force"),
    };
    OrderTerms {
        symbol: symbol("AAPL"),
        side,
        quantity,
        order_type,
        time_in_force,
    }
}

fn bar(date: &str, [open, high, low]: [&str; 3]) -> Bar {
    Bar {
        date: date.parse().expect("a date"),
        open: price(open),
        high: price(high),
        low: price(low),
        close: price(open),
        volume: 1_000,
    }
}

fn price(text: &str) -> Price {
    text.parse().expect("a price")
}

fn symbol(text: &str) -> Symbol {
    Symbol::new(text).expect("a symbol")
}

fn client_order_id(text: &str) -> ClientOrderId {
    ClientOrderId::new(text).expect("an id")
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}
