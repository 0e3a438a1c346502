//! See [`super`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use serde::Serialize;

use super::view::View;
use crate::actors::fold::fold_log;
use crate::actors::guardian::ExitGuard;
use crate::actors::mailbox::Mail;
use crate::actors::messages::{
    AskRisk, AskStrategy, Asked, CommandFailure, CommandOutcome, CommandResult, EvaluateBar,
    RiskCommand, StrategyCommand,
};
use crate::actors::risk_gateway::RiskGateway;
use crate::actors::settle::{Settle, SettleQueue};
use crate::domain::Decided;
use crate::domain::account::SubmitOrder;
use crate::domain::strategy::{self, StrategyError};
use crate::events::catalogue::{SignalAction, SignalGenerated};
use crate::events::{Commit, FeedError, Journal, Meta, Recorded, Snapshots, Who, Writer};
use crate::runtime::Runtime;
use crate::values::ids::derived_uuid;
use crate::values::{
    CommandId, OrderTerms, OrderType, Position, StrategyId, StreamName, Symbol, TimeInForce,
};

/// Pause before an order that could not be sent to risk is sent again.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// See the module.
pub struct StrategyActor {
    view: View,
    gateway: RiskGateway,
    writer: Writer,
    journal: Journal,
    runtime: Runtime,
    guard: ExitGuard,
    settle: SettleQueue,
    /// Orders on their way to risk.
    sending: BTreeSet<CommandId>,
    /// A decision of its own is on its way to disk; the next waits.
    recording: bool,
    /// Its view turned out wrong; it does nothing more.
    stopping: bool,
}

impl StrategyActor {
    /// Folds the log; the actor can start where the fold ends. The strategy itself need not exist
    /// yet.
    pub async fn build(
        id: StrategyId,
        gateway: RiskGateway,
        journal: Journal,
        snapshots: &Snapshots,
        runtime: Runtime,
        guard: ExitGuard,
    ) -> Result<Self, String> {
        let view = fold_log(&journal, snapshots, View::new(id)).await?;
        Ok(Self {
            view,
            gateway,
            writer: journal.writer(),
            journal,
            runtime,
            guard,
            settle: SettleQueue::default(),
            sending: BTreeSet::new(),
            recording: false,
            stopping: false,
        })
    }

    fn who(&self) -> Who {
        Who {
            principal: format!("strategy:{}", self.view.id),
            human: None,
            roles: Vec::new(),
        }
    }

    fn decide(&self, command: &StrategyCommand) -> Result<Decided, StrategyError> {
        let registered = || {
            self.view
                .strategy
                .as_ref()
                .ok_or_else(|| StrategyError::BadParameter {
                    field: "strategy",
                    problem: format!("{} is not registered", self.view.id),
                })
        };
        match command {
            StrategyCommand::Register(register) => {
                strategy::register(self.view.strategy.as_ref(), register)
            }
            StrategyCommand::Approve { reason } => Ok(strategy::approve(registered()?, reason)),
            StrategyCommand::Start => strategy::start(registered()?),
        }
    }

    fn evaluate(&self, message: &EvaluateBar) -> Result<Decided, StrategyError> {
        let Some(strategy) = &self.view.strategy else {
            return Ok(Decided::AlreadyApplied);
        };
        let Some(account) = self.view.accounts.get(&strategy.registered.account) else {
            return Ok(Decided::AlreadyApplied);
        };
        let price_of = |symbol: &Symbol| self.view.prices.get(symbol).copied();
        strategy::evaluate_bar(strategy, account, price_of, &message.symbol, message.bar)
    }

    /// Queues what was decided; the answer comes once it is durable.
    fn record(
        &mut self,
        command: &impl Serialize,
        meta: Meta,
        decided: Result<Decided, StrategyError>,
        ctx: &mut Context<Self>,
    ) -> ResponseFuture<CommandResult> {
        fail::fail_point!("strategy::before_append");
        let events = match decided {
            Ok(Decided::Events(events)) => events,
            Ok(Decided::AlreadyApplied) => {
                return Box::pin(async { Ok(CommandOutcome::NothingToDo) });
            }
            Err(error) => {
                let message = error.to_string();
                let failure = CommandFailure::Rejected {
                    code: "strategy",
                    message,
                };
                return Box::pin(async { Err(failure) });
            }
        };
        let command_id = meta.command_id.clone();
        let stream = StreamName::strategy(&self.view.id);
        let commit = match Commit::new(command, stream, self.view.version(), meta, events) {
            Ok(commit) => commit,
            Err(error) => {
                let message = error.to_string();
                let failure = CommandFailure::Rejected {
                    code: "not_canonical",
                    message,
                };
                return Box::pin(async { Err(failure) });
            }
        };
        self.recording = true;
        let (reply, answer) = tokio::sync::oneshot::channel();
        let durable = self.writer.submit(commit).into_actor(self);
        ctx.spawn(durable.map(move |result, actor, ctx| {
            fail::fail_point!("strategy::after_append");
            actor.recording = false;
            match &result {
                // Durable, so it may act on it before the feed brings it back.
                Ok(appended) => {
                    for recorded in &appended.records {
                        actor.view.apply_own(recorded);
                    }
                    actor.send_orders(ctx);
                }
                // Its view may be wrong; the asker sends the same again.
                Err(error) => actor.rebuild(error.to_string(), ctx),
            }
            let result = result
                .map(CommandOutcome::Recorded)
                .map_err(|error| CommandFailure::of_commit(&error, &command_id));
            // The asker may have gone.
            let _ = reply.send(result);
            actor.at_rest();
        }));
        Box::pin(async move {
            let gone = || CommandFailure::Unknown("the strategy is being rebuilt".to_owned());
            answer.await.unwrap_or_else(|_| Err(gone()))
        })
    }

    /// Sends every order that risk has not decided yet.
    fn send_orders(&mut self, ctx: &mut Context<Self>) {
        let Some(strategy) = &self.view.strategy else {
            return;
        };
        let signals: Vec<SignalGenerated> = strategy.unsent().cloned().collect();
        for signal in signals {
            self.send_order(signal, ctx);
        }
    }

    fn send_order(&mut self, signal: SignalGenerated, ctx: &mut Context<Self>) {
        let SignalAction::Order { command_id, .. } = &signal.action else {
            return;
        };
        let command_id = command_id.clone();
        let Some(ask) = self.order_for(&signal) else {
            return;
        };
        if !self.sending.insert(command_id.clone()) {
            return;
        }
        let gateway = self.gateway.clone();
        let answer = async move { gateway.command(ask).await };
        ctx.spawn(answer.into_actor(self).map(move |answer, actor, ctx| {
            fail::fail_point!("strategy::after_send");
            match answer {
                // Approved or refused: the feed brings what was recorded.
                Ok(_) => {}
                Err(failure @ (CommandFailure::Unavailable(_) | CommandFailure::Unknown(_))) => {
                    tracing::warn!(command = %command_id, %failure, "an order has not reached risk; sending it again");
                    let pause = actor.runtime.jittered(RETRY_PAUSE);
                    ctx.run_later(pause, move |actor, ctx| {
                        actor.sending.remove(&command_id);
                        actor.send_orders(ctx);
                        actor.at_rest();
                    });
                    return;
                }
                Err(failure) => {
                    tracing::error!(command = %command_id, %failure, "risk does not take an order");
                    if let Some(strategy) = &mut actor.view.strategy {
                        strategy.order_decided(&command_id);
                    }
                }
            }
            actor.sending.remove(&command_id);
            actor.at_rest();
        }));
    }

    fn order_for(&self, signal: &SignalGenerated) -> Option<AskRisk> {
        let SignalAction::Order {
            command_id,
            client_order_id,
            quantity,
        } = &signal.action
        else {
            return None;
        };
        let registered = &self.view.strategy.as_ref()?.registered;
        let terms = OrderTerms {
            symbol: signal.symbol.clone(),
            side: signal.side,
            quantity: *quantity,
            order_type: OrderType::Market,
            time_in_force: TimeInForce::Day,
        };
        Some(AskRisk {
            asked: Asked::by(self.who(), command_id.clone()),
            command: RiskCommand::SubmitOrder(SubmitOrder {
                account: registered.account.clone(),
                client_order_id: Some(client_order_id.clone()),
                terms,
                venue: registered.venue.clone(),
                strategy: Some(registered.strategy.clone()),
            }),
        })
    }

    fn rebuild(&mut self, cause: String, ctx: &mut Context<Self>) {
        self.stopping = true;
        self.guard.set_cause(cause);
        ctx.stop();
    }

    fn at_rest(&mut self) {
        let unsent = self
            .view
            .strategy
            .as_ref()
            .is_some_and(|s| s.unsent().next().is_some());
        let idle = !self.recording && self.sending.is_empty() && !unsent && !self.stopping;
        self.settle.answer(self.view.folded_to, idle);
    }
}

impl Actor for StrategyActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let feed = self.journal.feed().subscribe(self.view.folded_to);
        ctx.add_stream(feed.into_stream());
        self.send_orders(ctx);
    }
}

impl StreamHandler<Result<Vec<Arc<Recorded>>, FeedError>> for StrategyActor {
    fn handle(&mut self, batch: Result<Vec<Arc<Recorded>>, FeedError>, ctx: &mut Self::Context) {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => return self.rebuild(error.to_string(), ctx),
        };
        for recorded in &batch {
            fail::fail_point!("strategy::fold");
            if let Err(reason) = self.view.apply(recorded) {
                return self.rebuild(reason, ctx);
            }
        }
        self.send_orders(ctx);
        self.at_rest();
    }

    /// A feed never ends without an error, and that stops the actor with its reason.
    fn finished(&mut self, ctx: &mut Self::Context) {
        self.rebuild("its feed ended".to_owned(), ctx);
    }
}

impl Handler<Mail<AskStrategy>> for StrategyActor {
    type Result = ResponseFuture<CommandResult>;

    fn handle(&mut self, ask: Mail<AskStrategy>, ctx: &mut Self::Context) -> Self::Result {
        let ask = ask.open();
        if self.recording {
            return Box::pin(async {
                Err(CommandFailure::Unavailable(
                    "the strategy is recording".to_owned(),
                ))
            });
        }
        let decided = self.decide(&ask.command);
        let meta = ask.asked.at(self.runtime.business.now());
        self.record(&ask.command, meta, decided, ctx)
    }
}

impl Handler<Mail<EvaluateBar>> for StrategyActor {
    type Result = ResponseFuture<Result<(), CommandFailure>>;

    fn handle(&mut self, message: Mail<EvaluateBar>, ctx: &mut Self::Context) -> Self::Result {
        fail::fail_point!("strategy::evaluate");
        let message = message.open();
        if self.view.folded_to < message.through || self.recording {
            let behind = format!(
                "the strategy has folded {} of {}",
                self.view.folded_to, message.through
            );
            return Box::pin(async { Err(CommandFailure::Unavailable(behind)) });
        }
        let decided = self.evaluate(&message);
        let (id, bar) = (self.view.id.to_string(), message.bar.to_string());
        let parts = ["signal", &id, message.symbol.as_str(), &bar];
        let meta = Meta {
            command_id: CommandId::derived(&parts),
            correlation_id: derived_uuid(&parts),
            causation_id: None,
            who: self.who(),
            occurred_at: self.runtime.business.now(),
        };
        let recorded = self.record(&parts, meta, decided, ctx);
        Box::pin(async move { recorded.await.map(|_| ()) })
    }
}

impl Handler<Mail<Settle>> for StrategyActor {
    type Result = ResponseFuture<Option<Position>>;

    fn handle(&mut self, settle: Mail<Settle>, _: &mut Self::Context) -> Self::Result {
        let answer = self.settle.wait(settle.open());
        self.at_rest();
        Box::pin(answer)
    }
}
