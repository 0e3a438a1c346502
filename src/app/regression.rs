//! What is kept beside the log must not know of more than the log holds.
//!
//! Entry points: one check for each file, all of them before anything is recorded. An older copy of
//! the log put in the place of a newer one looks like a log in every way; orders would be sent a
//! second time under it. What it lacks is known to the read models, to the venue's book, to the
//! secrets store and to snapshots, so each is asked. `docs/event-store.md`, "Log regression", tells it to people.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::domain::ledger::{LastReport, Ledger};
use crate::events::mark::Disagreement;
use crate::events::{EventStore, Snapshots, StoreError};
use crate::identity::{AuthError, Identity};
use crate::projections::views::{Views, ViewsError};
use crate::values::{ClientOrderId, Position, VenueId};
use crate::venues::paper::PaperVenue;
use crate::venues::{Report, Venue, VenueError};

const VIEWS_REMEDY: &str = "bring back the log that belongs to this file. If the log is the right \
     one, delete views.db and start again: it is rebuilt from the log";
const SNAPSHOT_REMEDY: &str = "bring back the log that belongs to this file. If the log is the \
     right one, delete the folder of snapshots and start again: they only save time";
const SECRETS_REMEDY: &str = "bring back the log that belongs to this file, or the file that was \
     backed up together with this log";

/// Why a node does not start on a log: something beside it has seen more, or something else.
#[derive(Debug, thiserror::Error)]
pub enum RegressionError {
    #[error("{}: {what} {disagreement}; {remedy}", path.display())]
    Mark {
        path: PathBuf,
        what: String,
        disagreement: Disagreement,
        remedy: &'static str,
    },
    #[error(
        "{} has {found} reports, and the log holds number {logged}: the book was lost or replaced; \
         bring back the one that belongs to this log", path.display()
    )]
    BookLost {
        path: PathBuf,
        found: u64,
        logged: u64,
    },
    #[error(
        "{} has played row {played} of the market data, and the log, which ends at position {head}, \
         holds rows up to {logged}: an older copy of the log was put in its place; bring back the \
         log that belongs to this book, or the book that was backed up together with this log",
        path.display()
    )]
    BookAhead {
        path: PathBuf,
        played: u64,
        logged: u64,
        head: Position,
    },
    #[error(
        "{} holds order {order} (report {sequence}), which the log, which ends at position {head}, \
         never sent: an older copy of the log was put in its place; bring back the log that belongs \
         to this book, or the book that was backed up together with this log", path.display()
    )]
    UnknownOrder {
        path: PathBuf,
        order: ClientOrderId,
        sequence: u64,
        head: Position,
    },
    #[error(
        "{}: report {sequence} is about order {found}, and in the log, which ends at position \
         {head}, about another: the log or the book was replaced; bring back the one that belongs \
         to the other", path.display()
    )]
    OtherReport {
        path: PathBuf,
        sequence: u64,
        found: ClientOrderId,
        head: Position,
    },
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Views(#[from] ViewsError),
    #[error("{0}")]
    Identity(#[from] AuthError),
    #[error("{0}")]
    Venue(#[from] VenueError),
}

/// Holds every snapshot of this log against it. One that cannot be read proves nothing.
pub(super) async fn check_snapshots(
    snapshots: &Snapshots,
    store: &dyn EventStore,
) -> Result<(), RegressionError> {
    for kept in snapshots.kept().await {
        if let Some(disagreement) = kept.mark.check(store).await? {
            return Err(RegressionError::Mark {
                path: kept.path,
                what: format!("the snapshot of fold {}", kept.fold),
                disagreement,
                remedy: SNAPSHOT_REMEDY,
            });
        }
    }
    Ok(())
}

/// Holds every read model against the log.
pub(super) async fn check_views(
    views: &Views,
    store: &dyn EventStore,
) -> Result<(), RegressionError> {
    for (projection, mark) in views.marks().await? {
        if let Some(disagreement) = mark.check(store).await? {
            return Err(RegressionError::Mark {
                path: views.path().to_owned(),
                what: format!("projection {projection}"),
                disagreement,
                remedy: VIEWS_REMEDY,
            });
        }
    }
    Ok(())
}

/// Holds what is recorded about users against the log.
pub(super) async fn check_secrets(
    identity: &Identity,
    path: &Path,
    store: &dyn EventStore,
) -> Result<(), RegressionError> {
    let Some(mark) = identity.log_mark().await? else {
        return Ok(());
    };
    match mark.check(store).await? {
        None => Ok(()),
        Some(disagreement) => Err(RegressionError::Mark {
            path: path.to_owned(),
            what: "what happened to users".to_owned(),
            disagreement,
            remedy: SECRETS_REMEDY,
        }),
    }
}

/// Holds the paper venue's book against the log. It may be ahead by reports that were not recorded
/// yet, but not by orders or prices: those are in the log before they get there.
pub(super) async fn check_book(
    venue: &PaperVenue,
    path: &Path,
    ledger: &Ledger,
) -> Result<(), RegressionError> {
    let last = ledger.last_reports.get(venue.id());
    let logged = last.map_or(0, |last| last.sequence);
    let found = *venue.last_report().borrow();
    if found < logged {
        return Err(RegressionError::BookLost {
            path: path.to_owned(),
            found,
            logged,
        });
    }
    let head = ledger.folded_to;
    if let Some(last) = last {
        check_last_report(venue, path, ledger, last).await?;
    }
    let rows = ledger.last_row.as_ref().map_or(0, |(_, row)| *row);
    let played = venue.last_row().await?;
    if played > rows {
        return Err(RegressionError::BookAhead {
            path: path.to_owned(),
            played,
            logged: rows,
            head,
        });
    }
    match unknown_report(venue, ledger, logged).await? {
        None => Ok(()),
        Some(report) => Err(RegressionError::UnknownOrder {
            path: path.to_owned(),
            order: report.client_order_id,
            sequence: report.sequence,
            head,
        }),
    }
}

/// The last report that the log holds has to be about the same order in the book.
async fn check_last_report(
    venue: &PaperVenue,
    path: &Path,
    ledger: &Ledger,
    last: &LastReport,
) -> Result<(), RegressionError> {
    let reports = venue.reports(last.sequence.saturating_sub(1)).await?;
    let Some(report) = reports.into_iter().next() else {
        return Ok(());
    };
    let order = ledger.orders.get(&last.order_id);
    match order.is_some_and(|order| order.client_order_id == report.client_order_id) {
        true => Ok(()),
        false => Err(RegressionError::OtherReport {
            path: path.to_owned(),
            sequence: last.sequence,
            found: report.client_order_id,
            head: ledger.folded_to,
        }),
    }
}

/// The first report after number `logged` on an order that the log never sent. An order enters the
/// book together with its first report, so older reports need not be looked at.
async fn unknown_report(
    venue: &PaperVenue,
    ledger: &Ledger,
    logged: u64,
) -> Result<Option<Report>, VenueError> {
    let mut page = venue.reports(logged).await?;
    if page.is_empty() {
        return Ok(None);
    }
    let sent = sent_to(venue.id(), ledger);
    while let Some(last) = page.last().map(|report| report.sequence) {
        let unknown = |report: &Report| !sent.contains(&report.client_order_id);
        if let Some(report) = page.into_iter().find(unknown) {
            return Ok(Some(report));
        }
        page = venue.reports(last).await?;
    }
    Ok(None)
}

fn sent_to<'l>(venue: &VenueId, ledger: &'l Ledger) -> HashSet<&'l ClientOrderId> {
    let orders = ledger.orders.values();
    let sent = orders.filter(|order| order.routed && order.venue == *venue);
    sent.map(|order| &order.client_order_id).collect()
}
