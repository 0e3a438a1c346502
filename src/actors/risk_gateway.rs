//! The way to risk for everyone who commands: exactly-once, across restarts of the actor.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::actors::messages::{AskRisk, CommandFailure, CommandOutcome, CommandResult};
use crate::actors::port::{Port, PortError};
use crate::actors::under_way::{Sending, Sent, UnderWay};
use crate::events::commit::Receipt;
use crate::events::journal::JournalState;
use crate::events::plan::Appended;
use crate::events::{EventStore, StoreError};
use crate::runtime::Randomness;
use crate::values::Position;
use crate::values::canonical::Hash;

/// How often a command whose outcome got lost is sent again before its sender is told so.
const ATTEMPTS_MAX: u32 = 8;
const PAUSE: Duration = Duration::from_millis(25);

/// See the module. Cheap to clone, and may be used from any thread.
#[derive(Clone)]
pub struct RiskGateway {
    store: Arc<dyn EventStore>,
    port: Port<Sent>,
    journal: watch::Receiver<JournalState>,
    randomness: Arc<dyn Randomness>,
    under_way: UnderWay,
}

impl RiskGateway {
    pub fn new(
        store: Arc<dyn EventStore>,
        port: Port<Sent>,
        journal: watch::Receiver<JournalState>,
        randomness: Arc<dyn Randomness>,
    ) -> Self {
        Self {
            store,
            port,
            journal,
            randomness,
            under_way: UnderWay::default(),
        }
    }

    /// Carries out a command once. A command that is in the log already gets the answer it got
    /// then; one that was lost with a dying actor is sent again.
    pub async fn command(&self, ask: AskRisk) -> CommandResult {
        let sending = Arc::new(self.under_way.begin(ask.commit_id()));
        match self.carry_out(ask, &sending).await {
            // Not by this sending; an earlier one may still get to risk, and be recorded.
            Err(CommandFailure::Unavailable(reason)) if sending.has_another() => {
                Err(CommandFailure::Unknown(reason))
            }
            answer => answer,
        }
    }

    async fn carry_out(&self, ask: AskRisk, sending: &Arc<Sending>) -> CommandResult {
        let fingerprint = ask.fingerprint()?;
        let mut attempt = 1;
        loop {
            let may_be_recorded = !ask.asked.fresh || attempt > 1;
            if may_be_recorded && let Some(outcome) = self.recorded(&ask, fingerprint).await {
                return outcome;
            }
            // Told at once, rather than waiting for an actor that waits for the disk.
            if let Some(failure) = self.outage(attempt, may_be_recorded) {
                return Err(failure);
            }
            let sent = Sent {
                ask: ask.clone(),
                sending: sending.clone(),
            };
            let answer = match self.port.ask(sent).await {
                Ok(answer) => answer,
                Err(error @ PortError::Full { .. }) if attempt == 1 => {
                    return Err(CommandFailure::Unavailable(error.to_string()));
                }
                Err(error) => Err(CommandFailure::Unknown(error.to_string())),
            };
            match answer {
                Err(CommandFailure::Unknown(_)) if attempt < ATTEMPTS_MAX => {
                    attempt += 1;
                    sleep(self.randomness.jittered(PAUSE)).await;
                }
                // The command may have been recorded by an actor that died, after it was looked
                // up: decided a second time it looks wrong, or done.
                Err(CommandFailure::Rejected { .. }) | Ok(CommandOutcome::NothingToDo) => {
                    return self.recorded(&ask, fingerprint).await.unwrap_or(answer);
                }
                answer => return answer,
            }
        }
    }

    /// What to say of a command that was not found in the log, while that cannot be written.
    fn outage(&self, attempt: u32, may_be_recorded: bool) -> Option<CommandFailure> {
        let (reason, may_come) = match &*self.journal.borrow() {
            JournalState::Writable | JournalState::Stopped(_) => return None,
            // An earlier attempt may have been recorded.
            JournalState::Unavailable(reason) => (reason.clone(), attempt > 1),
            // An earlier sending may be in what is being looked up.
            JournalState::InDoubt(reason) => (reason.clone(), may_be_recorded),
        };
        Some(match may_come {
            true => CommandFailure::Unknown(reason),
            false => CommandFailure::Unavailable(reason),
        })
    }

    /// What came of the command, if it is in the log.
    async fn recorded(&self, ask: &AskRisk, fingerprint: Hash) -> Option<CommandResult> {
        match self.store.lookup(ask.commit_id()).await {
            Ok(Some((recorded, _))) if recorded != fingerprint => Some(Err(
                CommandFailure::IdempotencyMismatch(ask.asked.command_id.clone()),
            )),
            Ok(Some((_, receipt))) => Some(self.outcome_of(receipt).await),
            Ok(None) => None,
            // It may have been recorded before.
            Err(error) => Some(Err(CommandFailure::Unknown(error.to_string()))),
        }
    }

    /// What was recorded when the command was carried out.
    async fn outcome_of(&self, receipt: Receipt) -> CommandResult {
        let unknown = |error: StoreError| CommandFailure::Unknown(error.to_string());
        let before = Position::new(receipt.first_position.get() - 1);
        let count = usize::try_from(receipt.events).unwrap_or(usize::MAX);
        let mut records = self.store.read(before, count).await.map_err(unknown)?;
        records.truncate(count);
        Ok(CommandOutcome::Recorded(Appended {
            records: records.into_iter().map(Arc::new).collect(),
            receipt,
        }))
    }
}
