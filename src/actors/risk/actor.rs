//! See [`super`].

use std::sync::Arc;

use actix::prelude::*;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use tokio::sync::oneshot;

use super::decisions::{Decisions, InFlight, Reply, Seen};
use crate::actors::fold::fold_log;
use crate::actors::guardian::ExitGuard;
use crate::actors::messages::{
    AskRisk, Asked, CommandFailure, CommandOutcome, CommandResult, RiskCommand,
};
use crate::actors::settle::{Settle, SettleQueue};
use crate::domain::Decided;
use crate::domain::account::{self, Account, AccountError, SubmitContext, SubmitOrder};
use crate::domain::risk::{self, RiskBook, UnbookedFact};
use crate::events::commit::CommitError;
use crate::events::plan::{Appended, breaks_look_ahead};
use crate::events::{Commit, Event, FeedError, Journal, Meta, Recorded, Who, Writer};
use crate::runtime::Clock;
use crate::values::canonical;
use crate::values::{AccountId, CommandId, OrderId, Position, Ratio, StreamName, Version};

/// Commands waiting at the actor; the next sender waits.
const MAILBOX_COMMANDS: usize = 256;

/// What risk reckons with.
#[derive(Debug, Clone)]
pub struct RiskSettings {
    /// Charged by the venue on gross; reserved with every buy.
    pub commission_rate: Ratio,
}

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
    in_flight: InFlight,
}

/// What to record on which stream, for whom.
struct Decision {
    stream: StreamName,
    expected: Version,
    events: Vec<Event>,
}

impl RiskActor {
    /// Folds the log; the actor can start where the fold ends.
    pub async fn build(
        journal: Journal,
        settings: RiskSettings,
        clock: Arc<dyn Clock>,
        guard: ExitGuard,
    ) -> Result<Self, String> {
        let mut book = RiskBook::default();
        fold_log(&journal, |recorded| book.apply(recorded)).await?;
        Ok(Self {
            book,
            decisions: Decisions::default(),
            settings,
            writer: journal.writer_looking_ahead(),
            journal,
            clock,
            guard,
            settle: SettleQueue::default(),
            in_flight: InFlight::default(),
        })
    }

    fn decide(
        &self,
        asked: &Asked,
        command: &RiskCommand,
    ) -> Result<Option<Decision>, CommandFailure> {
        let book = &self.book;
        let (stream, expected, decided) = match command {
            RiskCommand::OpenAccount(open) => {
                let existing = book.accounts.get(&open.account);
                let decided = account::open_account(existing, book.name_taken(&open.name), open);
                (
                    StreamName::account(&open.account),
                    Version::ZERO,
                    decided.map_err(rejected)?,
                )
            }
            RiskCommand::DepositCash(deposit) => {
                let account = self.account(&deposit.account)?;
                let decided = account::deposit_cash(account, deposit).map_err(rejected)?;
                (StreamName::account(&account.id), account.version, decided)
            }
            RiskCommand::SubmitOrder(submit) => {
                let account = self.account(&submit.account)?;
                let decided = self.submit_order(asked, account, submit)?;
                (StreamName::account(&account.id), account.version, decided)
            }
            RiskCommand::CancelOrder(cancel) => {
                let account = self.account(&cancel.account)?;
                let decided = account::request_cancel(account, cancel).map_err(rejected)?;
                (StreamName::account(&account.id), account.version, decided)
            }
            RiskCommand::ChangeLimits {
                scope,
                limits,
                reason,
            } => {
                let decided = risk::change_limits(&book.limits, scope, limits, reason);
                (scope.stream(), book.limits.version(scope), decided)
            }
            RiskCommand::EngageKillSwitch { scope, cause } => {
                let decided = risk::engage_kill_switch(&book.halts, scope, cause);
                (StreamName::halts(), book.halts.version, decided)
            }
            RiskCommand::ReleaseKillSwitch { scope, cause } => {
                let decided = risk::release_kill_switch(&book.halts, scope, cause);
                let decided = decided.map_err(|error| CommandFailure::Rejected {
                    code: "kill_switch_not_engaged",
                    message: error.to_string(),
                })?;
                (StreamName::halts(), book.halts.version, decided)
            }
        };
        Ok(match decided {
            Decided::AlreadyApplied => None,
            Decided::Events(events) => Some(Decision {
                stream,
                expected,
                events,
            }),
        })
    }

    fn account(&self, id: &AccountId) -> Result<&Account, CommandFailure> {
        let account = self.book.accounts.get(id);
        account.ok_or_else(|| rejected(AccountError::UnknownAccount(id.clone())))
    }

    fn submit_order(
        &self,
        asked: &Asked,
        account: &Account,
        submit: &SubmitOrder,
    ) -> Result<Decided, CommandFailure> {
        let order_id = OrderId::of_command(&asked.command_id);
        let client_order_id = submit.client_order_id(&order_id);
        if self.book.client_order_id_taken(&client_order_id) {
            return Err(rejected(AccountError::ClientOrderIdTaken(client_order_id)));
        }
        let rate = self.settings.commission_rate;
        let context = SubmitContext {
            order_id,
            risk: self.book.context(submit, rate, self.clock.now()),
            decided_at: self.book.folded_to,
        };
        Ok(account::submit_order(account, &context, submit))
    }

    /// Queues a decision and looks ahead over it. `Err`: nothing was queued, or, if
    /// `Indeterminate`, the actor has to be rebuilt.
    fn record(
        &mut self,
        command: &impl Serialize,
        meta: Meta,
        decision: Decision,
    ) -> Result<LocalBoxFuture<'static, Result<Appended, CommitError>>, CommitError> {
        fail::fail_point!("risk::before_append");
        let invalid = |reason: String| CommitError::Invalid(reason);
        let commit = Commit::new(
            command,
            decision.stream.clone(),
            decision.expected,
            meta,
            decision.events.clone(),
        )
        .map_err(|error| invalid(error.to_string()))?;
        let answer = self.writer.queue(commit)?;
        let mut version = decision.expected;
        for event in &decision.events {
            version = version.next();
            if let Err(error) = self.book.apply_ahead(&decision.stream, version, event) {
                // Queued and yet not foldable: the book cannot be trusted any more.
                let reason = format!("it could not fold its own decision: {error}");
                return Err(CommitError::Indeterminate(reason));
            }
        }
        self.in_flight.queued();
        Ok(Box::pin(answer))
    }

    /// The answer has come from the disk.
    fn recorded(&mut self, answer: &Result<Appended, CommitError>, ctx: &mut Context<Self>) {
        fail::fail_point!("risk::after_append");
        if breaks_look_ahead(answer) {
            let cause = match answer {
                Ok(_) => "a command it decided had been recorded before".to_owned(),
                Err(error) => error.to_string(),
            };
            return self.rebuild(cause, ctx);
        }
        self.in_flight.recorded();
        self.at_rest();
    }

    fn rebuild(&mut self, cause: String, ctx: &mut Context<Self>) {
        self.guard.set_cause(cause);
        ctx.stop();
    }

    fn at_rest(&mut self) {
        let idle = self.in_flight.is_empty() && !self.book.has_unbooked();
        self.settle.answer(self.book.folded_to, idle);
    }

    /// Books what venues have done. Never refused: these are facts.
    fn book_facts(&mut self, ctx: &mut Context<Self>) {
        while let Some(fact) = self.book.take_unbooked() {
            if let Err(reason) = self.book_fact(&fact, ctx) {
                return self.rebuild(reason, ctx);
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
            .record(&event_id, meta, decision)
            .map_err(|error| error.to_string())?;
        ctx.spawn(
            answer
                .into_actor(self)
                .map(|answer, actor, ctx| actor.recorded(&answer, ctx)),
        );
        Ok(())
    }

    fn command(&mut self, ask: &AskRisk, reply: Reply, ctx: &mut Context<Self>) {
        let commit_id = ask.commit_id();
        let fingerprint = match canonical::hash(&ask.command) {
            Ok(fingerprint) => fingerprint,
            Err(error) => {
                let failure = CommandFailure::Rejected {
                    code: "not_canonical",
                    message: error.to_string(),
                };
                return self.in_flight.answer(reply, Err(failure));
            }
        };
        let reply = match self.decisions.seen(commit_id, fingerprint, reply) {
            Seen::Answered => return,
            Seen::Mismatch(reply) => {
                let failure = CommandFailure::IdempotencyMismatch(ask.asked.command_id.clone());
                return self.in_flight.answer(reply, Err(failure));
            }
            Seen::Never(reply) => reply,
        };
        let decision = match self.decide(&ask.asked, &ask.command) {
            Ok(Some(decision)) => decision,
            Ok(None) => {
                return self
                    .in_flight
                    .answer(reply, Ok(CommandOutcome::NothingToDo));
            }
            Err(failure) => return self.in_flight.answer(reply, Err(failure)),
        };
        let meta = ask.asked.at(self.clock.now());
        match self.record(&ask.command, meta, decision) {
            Err(error) => {
                let failure = CommandFailure::of_commit(&error, &ask.asked.command_id);
                self.in_flight.answer(reply, Err(failure));
                if matches!(error, CommitError::Indeterminate(_)) {
                    self.rebuild(error.to_string(), ctx);
                }
            }
            Ok(answer) => {
                self.decisions.queued(commit_id, fingerprint, reply);
                let command_id = ask.asked.command_id.clone();
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
}

fn rejected(error: AccountError) -> CommandFailure {
    CommandFailure::Rejected {
        code: error.code(),
        message: error.to_string(),
    }
}

impl Actor for RiskActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX_COMMANDS);
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

impl Handler<AskRisk> for RiskActor {
    type Result = ResponseFuture<CommandResult>;

    fn handle(&mut self, ask: AskRisk, ctx: &mut Self::Context) -> Self::Result {
        fail::fail_point!("risk::command");
        let (reply, answer) = oneshot::channel();
        self.command(&ask, reply, ctx);
        Box::pin(async move {
            let gone = || CommandFailure::Unknown("risk is being rebuilt".to_owned());
            answer.await.unwrap_or_else(|_| Err(gone()))
        })
    }
}

impl Handler<Settle> for RiskActor {
    type Result = ResponseFuture<Option<Position>>;

    fn handle(&mut self, settle: Settle, _: &mut Self::Context) -> Self::Result {
        let answer = self.settle.wait(settle);
        self.at_rest();
        Box::pin(answer)
    }
}
