//! Starts the actors, in the order in which they depend on each other, under one guardian.

use std::sync::Arc;

use actix::Actor;
use tokio::sync::watch;

use crate::actors::execution::ExecutionActor;
use crate::actors::guardian::{Child, Escalation, Guardian};
use crate::actors::messages::{
    AskRisk, AskStrategy, Asked, EvaluateBar, PreviewOrder, RiskCommand,
};
use crate::actors::node_log::NodeLog;
use crate::actors::notifier::NotifierActor;
use crate::actors::port::{Port, port};
use crate::actors::risk::{RiskActor, RiskSettings};
use crate::actors::risk_gateway::RiskGateway;
use crate::actors::settle::Settle;
use crate::actors::status::ActorStatus;
use crate::actors::strategy::StrategyActor;
use crate::actors::under_way::Sent;
use crate::events::catalogue::HaltScope;
use crate::events::{EventStore, Journal, Snapshots, Who};
use crate::runtime::Runtime;
use crate::values::{CommandId, StrategyId};
use crate::venues::Venue;

/// What the actors work with. Cheap to clone.
#[derive(Clone)]
pub struct Means {
    pub store: Arc<dyn EventStore>,
    pub journal: Journal,
    pub snapshots: Snapshots,
    pub runtime: Runtime,
    pub venue: Arc<dyn Venue>,
    pub risk_settings: RiskSettings,
}

/// Where the actors are reached.
pub struct Staff {
    pub risk: RiskGateway,
    /// Judges orders without sending them.
    pub preview: Port<PreviewOrder>,
    pub strategies: Vec<StrategyPorts>,
    /// Everyone who has to come to rest before a data clock moves on.
    pub trading: Vec<Port<Settle>>,
    pub notifier: Port<Settle>,
    /// How each of them is.
    pub actors: watch::Receiver<Vec<ActorStatus>>,
    /// Receives the reason when the node has to end.
    pub fatal: watch::Receiver<Option<String>>,
}

/// Where one strategy is reached.
#[derive(Clone)]
pub struct StrategyPorts {
    pub id: StrategyId,
    pub commands: Port<AskStrategy>,
    pub evaluate: Port<EvaluateBar>,
}

impl Staff {
    /// Starts risk, lets it reach the head of the log, then execution, which reconciles before it
    /// sends anything, then the strategies and the notifier.
    pub async fn start(
        means: Means,
        strategies: &[StrategyId],
        node_log: NodeLog,
    ) -> Result<Self, String> {
        let (fatal_sender, fatal) = watch::channel(None);
        let journal_state = means.journal.state();
        let mut guardian =
            Guardian::new(means.runtime.clone(), journal_state, node_log, fatal_sender);

        let (commands_slot, commands) = port::<Sent>("risk");
        let (settle_slot, risk_settle) = port::<Settle>("risk");
        let gateway = RiskGateway::new(
            means.store.clone(),
            commands,
            means.journal.state(),
            means.runtime.randomness.clone(),
        );
        let (preview_slot, preview) = port::<PreviewOrder>("risk");
        let own = means.clone();
        let slots = Arc::new((commands_slot, settle_slot, preview_slot));
        guardian
            .add(stop_node("risk", move |guard| {
                let (own, slots) = (own.clone(), slots.clone());
                Box::pin(async move {
                    let clock = own.runtime.business.clone();
                    let (journal, snapshots) = (own.journal, &own.snapshots);
                    let actor =
                        RiskActor::build(journal, snapshots, own.risk_settings, clock, guard)
                            .await?;
                    let address = actor.start();
                    slots.0.publish(&address);
                    slots.1.publish(&address);
                    slots.2.publish(&address);
                    Ok(())
                })
            }))
            .await?;
        let head = means.journal.feed().head();
        // No position: risk failed over its first booking, for want of a writable store, and is
        // rebuilt once the guardian runs. Execution rests on recorded approvals and its own fold.
        let reached = risk_settle.ask(Settle { through: head }).await;
        if reached.map_err(|error| error.to_string())?.is_none() {
            tracing::warn!("risk has not reached the end of the log yet");
        }

        let mut staff = Self {
            risk: gateway,
            preview,
            strategies: Vec::new(),
            trading: vec![risk_settle, add_execution(&mut guardian, &means).await?],
            notifier: add_notifier(&mut guardian, &means).await?,
            actors: guardian.status(),
            fatal,
        };
        for id in strategies {
            staff.add_strategy(&mut guardian, &means, id).await?;
        }
        means
            .runtime
            .tasks
            .spawn("guardian", Box::pin(guardian.run()));
        Ok(staff)
    }

    async fn add_strategy(
        &mut self,
        guardian: &mut Guardian,
        means: &Means,
        id: &StrategyId,
    ) -> Result<(), String> {
        let name = format!("strategy:{id}");
        let (commands_slot, commands) = port::<AskStrategy>(&name);
        let (evaluate_slot, evaluate) = port::<EvaluateBar>(&name);
        let (settle_slot, settle) = port::<Settle>(&name);
        let slots = Arc::new((commands_slot, evaluate_slot, settle_slot));
        let (own, gateway, own_id) = (means.clone(), self.risk.clone(), id.clone());
        let given_up = slots.clone();
        let retire = move || {
            given_up.0.retire();
            given_up.1.retire();
            given_up.2.retire();
        };
        let build = move |guard| {
            let (own, gateway) = (own.clone(), gateway.clone());
            let (id, slots) = (own_id.clone(), slots.clone());
            let built: futures_util::future::LocalBoxFuture<'static, Result<(), String>> =
                Box::pin(async move {
                    let (journal, snapshots) = (own.journal, &own.snapshots);
                    let actor =
                        StrategyActor::build(id, gateway, journal, snapshots, own.runtime, guard)
                            .await?;
                    let address = actor.start();
                    slots.0.publish(&address);
                    slots.1.publish(&address);
                    slots.2.publish(&address);
                    Ok(())
                });
            built
        };
        guardian
            .add(Child {
                name,
                build: Box::new(build),
                escalation: halt_strategy(
                    self.risk.clone(),
                    means.runtime.clone(),
                    id.clone(),
                    retire,
                ),
            })
            .await?;
        self.trading.push(settle);
        self.strategies.push(StrategyPorts {
            id: id.clone(),
            commands,
            evaluate,
        });
        Ok(())
    }
}

async fn add_execution(guardian: &mut Guardian, means: &Means) -> Result<Port<Settle>, String> {
    let (slot, settle) = port::<Settle>("execution");
    let (own, slot) = (means.clone(), Arc::new(slot));
    guardian
        .add(stop_node("execution", move |guard| {
            let (own, slot) = (own.clone(), slot.clone());
            Box::pin(async move {
                let (journal, snapshots) = (own.journal, &own.snapshots);
                let actor =
                    ExecutionActor::build(own.venue, journal, snapshots, own.runtime, guard)
                        .await?;
                slot.publish(&actor.start());
                Ok(())
            })
        }))
        .await?;
    Ok(settle)
}

async fn add_notifier(guardian: &mut Guardian, means: &Means) -> Result<Port<Settle>, String> {
    let (slot, settle) = port::<Settle>("notifier");
    let (own, slot) = (means.clone(), Arc::new(slot));
    guardian
        .add(stop_node("notifier", move |guard| {
            let (own, slot) = (own.clone(), slot.clone());
            Box::pin(async move {
                let (journal, snapshots) = (own.journal, &own.snapshots);
                let actor = NotifierActor::build(journal, snapshots, own.runtime, guard).await?;
                slot.publish(&actor.start());
                Ok(())
            })
        }))
        .await?;
    Ok(settle)
}

/// An actor without which the node cannot go on.
fn stop_node(
    name: &str,
    build: impl Fn(
        crate::actors::guardian::ExitGuard,
    ) -> futures_util::future::LocalBoxFuture<'static, Result<(), String>>
    + 'static,
) -> Child {
    Child {
        name: name.to_owned(),
        build: Box::new(build),
        escalation: Escalation::StopNode,
    }
}

/// A strategy that keeps failing is halted, and nobody waits for it any more; the others trade on.
fn halt_strategy(
    risk: RiskGateway,
    runtime: Runtime,
    id: StrategyId,
    retire: impl Fn() + 'static,
) -> Escalation {
    Escalation::Halt(Box::new(move |cause| {
        let (risk, id) = (risk.clone(), id.clone());
        retire();
        let command_id = CommandId::derived(&["escalation", &runtime.new_id().to_string()]);
        Box::pin(async move {
            let ask = AskRisk {
                asked: Asked::by(Who::system("guardian"), command_id),
                command: RiskCommand::EngageKillSwitch {
                    scope: HaltScope::Strategy(id),
                    cause: cause.clone(),
                },
            };
            match risk.command(ask).await {
                Ok(_) => Ok(()),
                Err(error) => Err(format!("{cause}; and it could not be halted: {error}")),
            }
        })
    }))
}
