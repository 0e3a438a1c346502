//! See [`super`].

use std::sync::Arc;

use actix::prelude::*;

use super::outstanding::{Alert, Outstanding};
use crate::actors::fold::fold_log;
use crate::actors::guardian::ExitGuard;
use crate::actors::mailbox::Mail;
use crate::actors::settle::{Settle, SettleQueue};
use crate::events::catalogue::{AlertDelivered, AlertRaised, Severity};
use crate::events::{
    Commit, CommitError, Event, FeedError, Journal, Meta, Recorded, Snapshots, Who, Writer,
};
use crate::runtime::Runtime;
use crate::values::{CommandId, Position, Version};

/// The program's own log.
pub const CHANNEL: &str = "log";

/// See the module.
pub struct NotifierActor {
    outstanding: Outstanding,
    writer: Writer,
    journal: Journal,
    runtime: Runtime,
    guard: ExitGuard,
    settle: SettleQueue,
    /// One step at a time.
    busy: bool,
}

impl NotifierActor {
    /// Folds the log; the actor can start where the fold ends.
    pub async fn build(
        journal: Journal,
        snapshots: &Snapshots,
        runtime: Runtime,
        guard: ExitGuard,
    ) -> Result<Self, String> {
        let outstanding = fold_log(&journal, snapshots, Outstanding::default()).await?;
        Ok(Self {
            outstanding,
            writer: journal.writer(),
            journal,
            runtime,
            guard,
            settle: SettleQueue::default(),
            busy: false,
        })
    }

    /// Takes the next step of the oldest alert: raise it, or deliver it and record that.
    fn advance(&mut self, ctx: &mut Context<Self>) {
        if self.busy {
            return;
        }
        let Some((position, alert)) = self.outstanding.alerts.first_key_value() else {
            return self.settle.answer(self.outstanding.folded_to, true);
        };
        let (position, alert) = (*position, alert.clone());
        let delivers = alert.raised;
        let (step, expected, event): (_, _, Event) = match delivers {
            false => {
                let raised = AlertRaised {
                    severity: alert.severity,
                    summary: alert.summary.clone(),
                    about: alert.about,
                    about_position: position,
                };
                ("raise", Version::ZERO, raised.into())
            }
            true => {
                deliver_to_log(&alert);
                fail::fail_point!("notifier::delivered");
                let channel = CHANNEL.to_owned();
                (
                    "deliver",
                    Version::new(1),
                    AlertDelivered { channel }.into(),
                )
            }
        };
        match self.commit(step, &alert, expected, event) {
            Err(reason) => self.rebuild(reason, ctx),
            Ok(commit) => {
                self.busy = true;
                let durable = self.writer.submit(commit).into_actor(self);
                ctx.spawn(durable.map(move |answer, actor, ctx| {
                    fail::fail_point!("notifier::after_append");
                    actor.recorded(position, delivers, answer.map(|_| ()), ctx);
                }));
            }
        }
    }

    fn commit(
        &self,
        step: &str,
        alert: &Alert,
        expected: Version,
        event: Event,
    ) -> Result<Commit, String> {
        let command_id = CommandId::derived(&["alert", step, &alert.about.to_string()]);
        let meta = Meta {
            command_id: command_id.clone(),
            correlation_id: alert.correlation_id,
            causation_id: Some(alert.about),
            who: Who::system("notifier"),
            occurred_at: self.runtime.business.now(),
        };
        let stream = alert.stream().map_err(|error| error.to_string())?;
        Commit::new(&command_id, stream, expected, meta, vec![event])
            .map_err(|error| error.to_string())
    }

    fn recorded(
        &mut self,
        position: Position,
        delivered: bool,
        answer: Result<(), CommitError>,
        ctx: &mut Context<Self>,
    ) {
        self.busy = false;
        if let Err(error) = answer {
            return self.rebuild(error.to_string(), ctx);
        }
        // Not waiting for the feed to bring back what is durable now; it may have done so already,
        // so what was recorded is told apart by the step and not by the state.
        if delivered {
            self.outstanding.alerts.remove(&position);
        } else if let Some(alert) = self.outstanding.alerts.get_mut(&position) {
            alert.raised = true;
        }
        self.advance(ctx);
    }

    fn rebuild(&mut self, cause: String, ctx: &mut Context<Self>) {
        self.guard.set_cause(cause);
        ctx.stop();
    }
}

fn deliver_to_log(alert: &Alert) {
    let (about, summary) = (alert.about, &alert.summary);
    match alert.severity {
        Severity::Info => tracing::info!(%about, "{summary}"),
        Severity::Warning => tracing::warn!(%about, "{summary}"),
        Severity::Error | Severity::Critical => tracing::error!(%about, "{summary}"),
    }
}

impl Actor for NotifierActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let feed = self.journal.feed().subscribe(self.outstanding.folded_to);
        ctx.add_stream(feed.into_stream());
        self.advance(ctx);
    }
}

impl StreamHandler<Result<Vec<Arc<Recorded>>, FeedError>> for NotifierActor {
    fn handle(&mut self, batch: Result<Vec<Arc<Recorded>>, FeedError>, ctx: &mut Self::Context) {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return self.rebuild(error.to_string(), ctx),
        };
        for recorded in &batch {
            fail::fail_point!("notifier::fold");
            self.outstanding.apply(recorded);
        }
        self.advance(ctx);
    }

    /// A feed never ends without an error, and that stops the actor with its reason.
    fn finished(&mut self, ctx: &mut Self::Context) {
        self.rebuild("its feed ended".to_owned(), ctx);
    }
}

impl Handler<Mail<Settle>> for NotifierActor {
    type Result = ResponseFuture<Option<Position>>;

    fn handle(&mut self, settle: Mail<Settle>, ctx: &mut Self::Context) -> Self::Result {
        let answer = self.settle.wait(settle.open());
        self.advance(ctx);
        Box::pin(answer)
    }
}
