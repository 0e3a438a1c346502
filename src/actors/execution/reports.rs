//! The venue's reports as a stream, and what they mean in our words.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use tokio::time::sleep;

use crate::domain::order::{OrderReport, ReportedChange};
use crate::events::catalogue::ReportRef;
use crate::runtime::Runtime;
use crate::values::VenueId;
use crate::venues::{Report, ReportBody, Venue};

const RETRY_PAUSE: Duration = Duration::from_millis(250);

struct Cursor {
    venue: Arc<dyn Venue>,
    after: u64,
    runtime: Runtime,
}

/// Every report after number `after`, in order, in batches. A venue that cannot be asked is asked
/// again; the stream ends only when the venue is gone for good.
pub fn report_stream(
    venue: Arc<dyn Venue>,
    after: u64,
    runtime: Runtime,
) -> impl Stream<Item = Vec<Report>> {
    let start = Cursor {
        venue,
        after,
        runtime,
    };
    futures_util::stream::unfold(start, |mut cursor| async move {
        let batch = cursor.next().await?;
        Some((batch, cursor))
    })
}

impl Cursor {
    async fn next(&mut self) -> Option<Vec<Report>> {
        let mut last = self.venue.last_report();
        loop {
            last.wait_for(|last| *last > self.after).await.ok()?;
            match self.venue.reports(self.after).await {
                Ok(batch) => {
                    if let Some(report) = batch.last() {
                        self.after = report.sequence;
                        return Some(batch);
                    }
                }
                Err(error) => {
                    tracing::warn!(venue = %self.venue.id(), %error, "reports cannot be read; asking again")
                }
            }
            sleep(self.runtime.jittered(RETRY_PAUSE)).await;
        }
    }
}

/// A venue's report in the order's words.
pub fn order_report(venue: &VenueId, report: Report) -> OrderReport {
    let change = match report.body {
        ReportBody::New { venue_order_id } => ReportedChange::Acknowledged { venue_order_id },
        ReportBody::Rejected { reason } => ReportedChange::Rejected { reason },
        ReportBody::Trade {
            execution_id,
            quantity,
            price,
            commission,
        } => ReportedChange::Executed {
            execution_id,
            quantity,
            price,
            commission,
        },
        ReportBody::Canceled => ReportedChange::Canceled,
        ReportBody::CancelRejected { reason } => ReportedChange::CancelRejected { reason },
        ReportBody::Expired => ReportedChange::Expired,
    };
    OrderReport {
        report: ReportRef {
            venue: venue.clone(),
            sequence: report.sequence,
            transact_time: report.transact_time,
        },
        change,
    }
}
