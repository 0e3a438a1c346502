//! See [`super`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;

use super::busy::Busy;
use super::reports::{order_report, report_stream};
use super::window::Window;
use crate::actors::fold::fold_log;
use crate::actors::guardian::ExitGuard;
use crate::actors::mailbox::Mail;
use crate::actors::settle::{Settle, SettleQueue};
use crate::domain::Decided;
use crate::domain::order::{self, Order, OrderStatus, OrderStep, VenueOrders};
use crate::events::commit::CommitError;
use crate::events::plan::{Appended, breaks_look_ahead};
use crate::events::{Commit, Event, FeedError, Journal, Meta, Recorded, Snapshots, Who, Writer};
use crate::runtime::Runtime;
use crate::values::{CommandId, EventId, OrderId, Position, StreamName};
use crate::venues::{Report, Venue};

/// Pause before an order that did not arrive is sent for the second time.
const RESEND_PAUSE: Duration = Duration::from_millis(100);
/// Most decisions on their way to disk before a waiting order is looked at: also those that are
/// turned down are recorded, and the journal's queue is not for execution alone.
const RECORDING_MAX: usize = 256;

/// See the module.
pub struct ExecutionActor {
    pub(super) venue: Arc<dyn Venue>,
    pub(super) book: VenueOrders,
    /// Orders with a decision on its way to disk, or a call on its way to the venue.
    pub(super) busy: Busy,
    /// Orders that this run has sent.
    pub(super) sent: BTreeSet<OrderId>,
    /// Cancels that this run has sent.
    pub(super) cancels_sent: BTreeSet<EventId>,
    /// Reports to record before anything new is sent: those there were when the run began.
    reports_at_start: u64,
    /// The venue's last report that was looked at, also when it changed nothing.
    last_heard: u64,
    /// Orders on their way to the venue; approved ones wait for a place, and for the start to be
    /// over.
    pub(super) window: Window,
    in_flight: usize,
    /// Orders whose next sending has been put off once.
    put_off: BTreeSet<OrderId>,
    /// Its view turned out wrong; it does nothing more.
    stopping: bool,
    writer: Writer,
    journal: Journal,
    pub(super) runtime: Runtime,
    guard: ExitGuard,
    settle: SettleQueue,
}

/// Why something is recorded; gives the commit its id and its place in the order's story.
pub(super) struct Cause {
    pub command_id: CommandId,
    pub causation_id: EventId,
}

impl ExecutionActor {
    /// Folds the log; the actor can start where the fold ends.
    pub async fn build(
        venue: Arc<dyn Venue>,
        journal: Journal,
        snapshots: &Snapshots,
        runtime: Runtime,
        guard: ExitGuard,
    ) -> Result<Self, String> {
        let empty = VenueOrders::new(venue.id().clone());
        let book = fold_log(&journal, snapshots, empty).await?;
        let reports_at_start = *venue.last_report().borrow();
        if reports_at_start < book.last_report {
            return Err(format!(
                "venue {} has {reports_at_start} reports, and the log holds number {}: its book was \
                 lost or replaced; bring back the one that belongs to this log",
                venue.id(),
                book.last_report
            ));
        }
        let last_heard = book.last_report;
        Ok(Self {
            venue,
            book,
            last_heard,
            busy: Busy::default(),
            sent: BTreeSet::new(),
            cancels_sent: BTreeSet::new(),
            reports_at_start,
            window: Window::default(),
            in_flight: 0,
            put_off: BTreeSet::new(),
            stopping: false,
            writer: journal.writer_looking_ahead(),
            journal,
            runtime,
            guard,
            settle: SettleQueue::default(),
        })
    }

    /// Whether everything that an earlier run may have left open is accounted for.
    fn is_reconciled(&self) -> bool {
        self.last_heard >= self.reports_at_start && !self.book.any_in_doubt()
    }

    fn may_route(&self) -> bool {
        self.is_reconciled() && self.window.has_room() && self.in_flight < RECORDING_MAX
    }

    /// Does whatever has to be done about an order next.
    pub(super) fn advance(&mut self, id: &OrderId, ctx: &mut Context<Self>) {
        if self.stopping || self.busy.contains(id) {
            return;
        }
        let Some(order) = self.book.order(id) else {
            return;
        };
        let sent = self.sent.contains(id);
        let cancel_sent = order
            .venue_cancel
            .is_some_and(|cancel| self.cancels_sent.contains(&cancel));
        match self.book.next_step(id, sent, cancel_sent) {
            None => {}
            Some(OrderStep::Route) if !self.may_route() => self.window.wait(id.clone()),
            Some(OrderStep::Route)
                if (1..order::ATTEMPTS_MAX).contains(&order.attempts)
                    && self.put_off.insert(id.clone()) =>
            {
                // It did not arrive the last time: not again at once, and slower each time.
                let pause = RESEND_PAUSE * 2u32.saturating_pow(order.attempts - 1);
                self.try_later(id.clone(), pause, ctx);
            }
            Some(OrderStep::Route) => self.route(id, ctx),
            Some(OrderStep::Doubt) => {
                let order = order.clone();
                let decided = order::mark_in_doubt(
                    &order,
                    "a run ended between sending it and hearing of it",
                );
                let cause = Cause::of_version("doubt", &order);
                self.record(&order, decided, cause, ctx);
            }
            Some(OrderStep::AskVenue) => self.ask_venue(id.clone(), ctx),
            Some(OrderStep::AnswerCancel(request)) => {
                let order = order.clone();
                let decided = order::request_cancel(&order, request);
                let command_id = CommandId::derived(&["cancel", &request.to_string()]);
                let cause = Cause {
                    command_id,
                    causation_id: request,
                };
                self.record(&order, decided, cause, ctx);
            }
            Some(OrderStep::SendCancel(request)) => self.send_cancel(id.clone(), request, ctx),
        }
    }

    pub(super) fn route(&mut self, id: &OrderId, ctx: &mut Context<Self>) {
        let Some(order) = self.book.order(id).cloned() else {
            return;
        };
        self.put_off.remove(id);
        let (now, wall) = (self.runtime.business.now(), self.runtime.wall.now());
        let decided = order::route(&order, &self.book.halts, now, wall);
        let cause = Cause::of_version("route", &order);
        self.record(&order, decided, cause, ctx);
    }

    /// Queues a decision on `order`, looks ahead over it, and goes on with the order once it is
    /// durable.
    pub(super) fn record(
        &mut self,
        order: &Order,
        decided: Decided,
        cause: Cause,
        ctx: &mut Context<Self>,
    ) {
        fail::fail_point!("execution::before_append");
        let id = order.id().clone();
        let Decided::Events(events) = decided else {
            return;
        };
        let sends = matches!(events.first(), Some(Event::OrderRouted(_)));
        match self.queue(order, events, cause) {
            Err(error) => self.rebuild(error.to_string(), ctx),
            Ok(answer) => {
                self.busy.begin(&id);
                if sends {
                    self.window.begin(id.clone());
                }
                let done = answer.into_actor(self).map(move |answer, actor, ctx| {
                    actor.recorded(&id, &answer, sends, ctx);
                });
                ctx.spawn(done);
            }
        }
    }

    fn queue(
        &mut self,
        order: &Order,
        events: Vec<Event>,
        cause: Cause,
    ) -> Result<impl Future<Output = Result<Appended, CommitError>> + 'static, CommitError> {
        let meta = Meta {
            command_id: cause.command_id.clone(),
            correlation_id: order.approval.correlation_id,
            causation_id: Some(cause.causation_id),
            who: Who::system("execution"),
            occurred_at: self.runtime.business.now(),
        };
        let stream = StreamName::order(order.id());
        let commit = Commit::new(
            &cause.command_id,
            stream,
            order.version,
            meta,
            events.clone(),
        )
        .map_err(|error| CommitError::Invalid(error.to_string()))?;
        let answer = self.writer.queue(commit)?;
        let mut version = order.version;
        for event in &events {
            version = version.next();
            self.book.apply_ahead(order.id(), version, event);
        }
        self.in_flight += 1;
        Ok(answer)
    }

    fn recorded(
        &mut self,
        id: &OrderId,
        answer: &Result<Appended, CommitError>,
        sends: bool,
        ctx: &mut Context<Self>,
    ) {
        fail::fail_point!("execution::after_append");
        self.in_flight -= 1;
        if breaks_look_ahead(answer) {
            let cause = match answer {
                Ok(_) => "a step it decided had been recorded before".to_owned(),
                Err(error) => error.to_string(),
            };
            return self.rebuild(cause, ctx);
        }
        self.busy.end(id);
        if sends {
            self.send(id.clone(), ctx);
        } else {
            self.advance(id, ctx);
        }
        self.release_waiting(ctx);
        self.at_rest();
    }

    /// Goes on with approved orders that waited, as far as there is room.
    pub(super) fn release_waiting(&mut self, ctx: &mut Context<Self>) {
        while !self.stopping
            && self.may_route()
            && let Some(id) = self.window.next_waiting()
        {
            self.advance(&id, ctx);
        }
    }

    pub(super) fn rebuild(&mut self, cause: String, ctx: &mut Context<Self>) {
        self.stopping = true;
        self.guard.set_cause(cause);
        ctx.stop();
    }

    pub(super) fn at_rest(&mut self) {
        let reports_recorded = *self.venue.last_report().borrow() <= self.last_heard;
        let idle = self.in_flight == 0
            && !self.stopping
            && self.busy.is_empty()
            && self.window.nobody_waits()
            && !self.book.any_in_doubt()
            && reports_recorded;
        self.settle.answer(self.book.folded_to, idle);
    }

    fn record_report(&mut self, report: Report, ctx: &mut Context<Self>) -> Result<(), String> {
        let sequence = report.sequence;
        let client_order_id = report.client_order_id.clone();
        let Some(order) = self.book.by_client_order_id(&client_order_id).cloned() else {
            return Err(format!(
                "the venue reports (number {sequence}) on order {client_order_id}, which this log never sent"
            ));
        };
        let report = order_report(self.venue.id(), report);
        let decided = order::record_report(&order, &report).map_err(|error| error.to_string())?;
        let venue = self.venue.id().to_string();
        let parts = ["report", &venue, &sequence.to_string(), order.id().as_str()];
        let cause = Cause {
            command_id: CommandId::derived(&parts),
            causation_id: order.approval.event_id(),
        };
        self.record(&order, decided, cause, ctx);
        self.last_heard = self.last_heard.max(sequence);
        Ok(())
    }
}

impl Cause {
    /// A step that can be taken once for each version of an order.
    pub(super) fn of_version(step: &str, order: &Order) -> Self {
        let version = order.version.to_string();
        Self {
            command_id: CommandId::derived(&[step, order.id().as_str(), &version]),
            causation_id: order.approval.event_id(),
        }
    }
}

impl Actor for ExecutionActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let reports = report_stream(
            Arc::clone(&self.venue),
            self.book.last_report,
            self.runtime.clone(),
        );
        ctx.add_stream(reports);
        let feed = self.journal.feed().subscribe(self.book.folded_to);
        ctx.add_stream(feed.into_stream());
        let mut unfinished: Vec<OrderId> = self.book.unfinished().cloned().collect();
        // What may have been sent is put in doubt first, so that the rest waits for it.
        let never_sent = |order: &Order| order.status == OrderStatus::Approved;
        unfinished.sort_by_key(|id| self.book.order(id).is_some_and(never_sent));
        for id in &unfinished {
            self.advance(id, ctx);
        }
    }
}

impl StreamHandler<Vec<Report>> for ExecutionActor {
    fn handle(&mut self, reports: Vec<Report>, ctx: &mut Self::Context) {
        for report in reports {
            if self.stopping {
                return;
            }
            fail::fail_point!("execution::report");
            if let Err(reason) = self.record_report(report, ctx) {
                return self.rebuild(reason, ctx);
            }
        }
        self.release_waiting(ctx);
        self.at_rest();
    }

    /// The venue is gone for good.
    fn finished(&mut self, ctx: &mut Self::Context) {
        self.rebuild("the venue's reports ended".to_owned(), ctx);
    }
}

impl StreamHandler<Result<Vec<Arc<Recorded>>, FeedError>> for ExecutionActor {
    fn handle(&mut self, batch: Result<Vec<Arc<Recorded>>, FeedError>, ctx: &mut Self::Context) {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return self.rebuild(error.to_string(), ctx),
        };
        let mut concerned = Vec::new();
        for recorded in &batch {
            if self.stopping {
                return;
            }
            fail::fail_point!("execution::fold");
            concerned.extend(self.book.apply(recorded));
        }
        // Only now: a halt or a cancel further on in the batch is a fact already.
        for id in &concerned {
            self.advance(id, ctx);
        }
        self.at_rest();
    }

    /// A feed never ends without an error, and that stops the actor with its reason.
    fn finished(&mut self, ctx: &mut Self::Context) {
        self.rebuild("its feed ended".to_owned(), ctx);
    }
}

impl Handler<Mail<Settle>> for ExecutionActor {
    type Result = ResponseFuture<Option<Position>>;

    fn handle(&mut self, settle: Mail<Settle>, _: &mut Self::Context) -> Self::Result {
        let answer = self.settle.wait(settle.open());
        self.at_rest();
        Box::pin(answer)
    }
}
