//! See [`super`].

use std::sync::Arc;

use actix::prelude::*;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use tokio::sync::oneshot;

use super::decide::{Decision, RiskSettings, decide, preview};
use super::decisions::{Decisions, Reply, Seen};
use crate::actors::fold::fold_log;
use crate::actors::guardian::ExitGuard;
use crate::actors::mailbox::Mail;
use crate::actors::messages::{
    AskRisk, CommandFailure, CommandOutcome, CommandResult, Preview, PreviewOrder,
};
use crate::actors::settle::{Settle, SettleQueue};
use crate::actors::under_way::Sent;
use crate::domain::Decided;
use crate::domain::account;
use crate::domain::risk::{RiskBook, UnbookedFact};
use crate::events::commit::CommitError;
use crate::events::plan::{Appended, breaks_look_ahead};
use crate::events::{Commit, FeedError, Journal, Meta, Recorded, Snapshots, Who, Writer};
use crate::runtime::Clock;
use crate::values::{CommandId, Position, StreamName};

/// See the module.
pub struct RiskActor {
    book: RiskBook,
    decisions: Decisions,
    settings: RiskSettings,
    writer: Writer,
    journal: Journal,
    clock: Arc<dyn Clock>,
    guard: ExitGuard,
    settle: SettleQueue,
    /// Commits on their way to disk.
    in_flight: usize,
    /// Its view turned out wrong; it does nothing more.
    stopping: bool,
}

impl RiskActor {
    /// Folds the log; the actor can start where the fold ends.
    pub async fn build(
        journal: Journal,
        snapshots: &Snapshots,
        settings: RiskSettings,
        clock: Arc<dyn Clock>,
        guard: ExitGuard,
    ) -> Result<Self, String> {
        let book = fold_log(&journal, snapshots, RiskBook::default()).await?;
        Ok(Self {
            book,
            decisions: Decisions::default(),
            settings,
            writer: journal.writer_looking_ahead(),
            journal,
            clock,
            guard,
            settle: SettleQueue::default(),
            in_flight: 0,
            stopping: false,
        })
    }

    /// Looks ahead over a decision and queues it. `Err`: nothing was queued.
    fn record(
        &mut self,
        command: &impl Serialize,
        meta: Meta,
        decision: Decision,
        ctx: &mut Context<Self>,
    ) -> Result<LocalBoxFuture<'static, Result<Appended, CommitError>>, CommitError> {
        fail::fail_point!("risk::before_append");
        let stream = decision.stream.clone();
        let events = decision.events.clone();
        let commit = Commit::new(command, stream, decision.expected, meta, events)
            .map_err(|error| CommitError::Invalid(error.to_string()))?;
        let place = self.writer.reserve()?;
        match self
            .book
            .look_ahead(&decision.stream, decision.expected, &decision.events)
        {
            Ok(()) => {
                self.in_flight += 1;
                Ok(Box::pin(place.submit(commit)))
            }
            Err(error) => {
                drop(place);
                // What cannot be folded is not recorded, and the book is half changed.
                self.rebuild(format!("it could not fold its own decision: {error}"), ctx);
                Err(CommitError::Invalid(error.to_string()))
            }
        }
    }

    /// The answer has come from the disk.
    fn recorded(&mut self, answer: &Result<Appended, CommitError>, ctx: &mut Context<Self>) {
        fail::fail_point!("risk::after_append");
        self.in_flight -= 1;
        if breaks_look_ahead(answer) {
            let cause = match answer {
                Ok(_) => "a command it decided had been recorded before".to_owned(),
                Err(error) => error.to_string(),
            };
            self.rebuild(cause, ctx);
        }
        self.at_rest();
    }

    fn rebuild(&mut self, cause: String, ctx: &mut Context<Self>) {
        self.stopping = true;
        self.guard.set_cause(cause);
        ctx.stop();
    }

    fn at_rest(&mut self) {
        let idle = self.in_flight == 0 && !self.book.has_unbooked() && !self.stopping;
        self.settle.answer(self.book.folded_to, idle);
    }

    /// Books what venues have done. Never refused: these are facts.
    fn book_facts(&mut self, ctx: &mut Context<Self>) {
        while !self.stopping
            && let Some(fact) = self.book.take_unbooked()
        {
            if let Err(reason) = self.book_fact(&fact, ctx) {
                self.rebuild(reason, ctx);
            }
        }
    }

    fn book_fact(&mut self, fact: &UnbookedFact, ctx: &mut Context<Self>) -> Result<(), String> {
        let Some(account) = self.book.accounts.get(fact.account()) else {
            return Err(format!(
                "account {} of a venue's report does not exist",
                fact.account()
            ));
        };
        let decided = match fact {
            UnbookedFact::Executed { event_id, executed } => {
                let fill = account::book_fill(account, executed, *event_id);
                Decided::one(fill.map_err(|error| error.to_string())?)
            }
            UnbookedFact::Ended {
                event_id, order_id, ..
            } => account::release_reservation(account, order_id, *event_id),
        };
        let Decided::Events(events) = decided else {
            return Ok(());
        };
        let decision = Decision {
            stream: StreamName::account(&account.id),
            expected: account.version,
            events,
        };
        let event_id = fact.event_id().to_string();
        let meta = Meta {
            command_id: CommandId::derived(&["book", &event_id]),
            correlation_id: fact.event_id().0,
            causation_id: Some(fact.event_id()),
            who: Who::system("risk"),
            occurred_at: self.clock.now(),
        };
        let answer = self
            .record(&event_id, meta, decision, ctx)
            .map_err(|error| error.to_string())?;
        ctx.spawn(
            answer
                .into_actor(self)
                .map(|answer, actor, ctx| actor.recorded(&answer, ctx)),
        );
        Ok(())
    }

    fn command(&mut self, ask: &AskRisk, reply: Reply, ctx: &mut Context<Self>) {
        if self.stopping {
            // Without an answer the asker comes again, to the next actor.
            return;
        }
        let commit_id = ask.commit_id();
        let fingerprint = match ask.fingerprint() {
            Ok(fingerprint) => fingerprint,
            Err(failure) => return self.answer(reply, Err(failure), ctx),
        };
        let reply = match self.decisions.seen(commit_id, fingerprint, reply) {
            Seen::Answered => return,
            Seen::Mismatch(reply) => {
                let id = ask.asked.command_id.clone();
                return self.answer(reply, Err(CommandFailure::IdempotencyMismatch(id)), ctx);
            }
            Seen::Never(reply) => reply,
        };
        let now = self.clock.now();
        let decision = match decide(&self.book, &self.settings, now, ask) {
            Ok(Some(decision)) => decision,
            Ok(None) => return self.answer(reply, Ok(CommandOutcome::NothingToDo), ctx),
            Err(failure) => return self.answer(reply, Err(failure), ctx),
        };
        let command_id = ask.asked.command_id.clone();
        let meta = ask.asked.at(now);
        match self.record(&ask.command, meta, decision, ctx) {
            Err(error) => {
                let failure = CommandFailure::of_commit(&error, &command_id);
                self.answer(reply, Err(failure), ctx);
            }
            Ok(answer) => {
                self.decisions.queued(commit_id, fingerprint, reply);
                ctx.spawn(answer.into_actor(self).map(move |answer, actor, ctx| {
                    let result = match &answer {
                        Ok(appended) => Ok(CommandOutcome::Recorded(appended.clone())),
                        Err(error) => Err(CommandFailure::of_commit(error, &command_id)),
                    };
                    actor.decisions.done(commit_id, result);
                    actor.recorded(&answer, ctx);
                }));
            }
        }
    }

    /// Answers a command that records nothing. The answer may rest on decisions that are still on
    /// their way to disk, so it waits for them; if they fail it is not given at all.
    fn answer(&self, reply: Reply, result: CommandResult, ctx: &mut Context<Self>) {
        if self.in_flight == 0 {
            // The asker may have gone.
            let _ = reply.send(result);
            return;
        }
        let journal = self.journal.clone();
        let durable = async move { journal.barrier().await };
        ctx.spawn(durable.into_actor(self).map(move |(), actor, _| {
            if !actor.stopping {
                let _ = reply.send(result);
            }
        }));
    }
}

impl Actor for RiskActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let feed = self.journal.feed().subscribe(self.book.folded_to);
        ctx.add_stream(feed.into_stream());
        self.book_facts(ctx);
    }
}

impl StreamHandler<Result<Vec<Arc<Recorded>>, FeedError>> for RiskActor {
    fn handle(&mut self, batch: Result<Vec<Arc<Recorded>>, FeedError>, ctx: &mut Self::Context) {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return self.rebuild(error.to_string(), ctx),
        };
        if self.stopping {
            return;
        }
        for recorded in &batch {
            fail::fail_point!("risk::fold");
            if let Err(error) = self.book.apply(recorded) {
                return self.rebuild(error.to_string(), ctx);
            }
        }
        self.book_facts(ctx);
        self.at_rest();
    }

    /// A feed never ends without an error, and that stops the actor with its reason.
    fn finished(&mut self, ctx: &mut Self::Context) {
        self.rebuild("its feed ended".to_owned(), ctx);
    }
}

impl Handler<Mail<Sent>> for RiskActor {
    type Result = ResponseFuture<CommandResult>;

    fn handle(&mut self, sent: Mail<Sent>, ctx: &mut Self::Context) -> Self::Result {
        fail::fail_point!("risk::command");
        let (reply, answer) = oneshot::channel();
        let Sent { ask, sending } = sent.open();
        self.command(&ask, reply, ctx);
        Box::pin(async move {
            // Under way until the answer is there, whether or not somebody waits for it.
            let _sending = sending;
            let gone = || CommandFailure::Unknown("risk is being rebuilt".to_owned());
            answer.await.unwrap_or_else(|_| Err(gone()))
        })
    }
}

impl Handler<Mail<PreviewOrder>> for RiskActor {
    type Result = ResponseActFuture<Self, Result<Preview, CommandFailure>>;

    /// The book may be ahead of the disk: what rests on it is told once that has caught up.
    fn handle(&mut self, ask: Mail<PreviewOrder>, _: &mut Self::Context) -> Self::Result {
        let submit = ask.open().submit;
        let judged = preview(&self.book, &self.settings, self.clock.now(), &submit);
        let (journal, ahead) = (self.journal.clone(), self.in_flight > 0);
        let durable = async move {
            if ahead {
                journal.barrier().await;
            }
        };
        let rebuilt = || CommandFailure::Unavailable("risk is being rebuilt".to_owned());
        Box::pin(
            durable
                .into_actor(self)
                .map(move |(), actor, _| match actor.stopping {
                    true => Err(rebuilt()),
                    false => judged,
                }),
        )
    }
}

impl Handler<Mail<Settle>> for RiskActor {
    type Result = ResponseFuture<Option<Position>>;

    fn handle(&mut self, settle: Mail<Settle>, _: &mut Self::Context) -> Self::Result {
        let answer = self.settle.wait(settle.open());
        self.at_rest();
        Box::pin(answer)
    }
}
