//! Everything risk knows, folded from the log: accounts, limits, halts, instruments, prices, which
//! strategies run, and which facts of the venue are still to be booked.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize, Serializer};

use crate::domain::account::{Account, FoldError, SubmitOrder};
use crate::events::catalogue::{HaltScope, OrderExecuted};
use crate::events::{Event, Recorded};
use crate::values::{
    AccountId, ClientOrderId, EventId, Instrument, OrderId, Position, Ratio, StrategyId,
    StreamName, Symbol, Timestamp, Version,
};

use super::{Halts, LimitBook, Mark, RiskContext};

/// Something that happened to an order and is not on its account yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum UnbookedFact {
    Executed {
        event_id: EventId,
        executed: OrderExecuted,
    },
    /// Ended with units unexecuted.
    Ended {
        event_id: EventId,
        account: AccountId,
        order_id: OrderId,
    },
}

impl UnbookedFact {
    pub fn event_id(&self) -> EventId {
        match self {
            UnbookedFact::Executed { event_id, .. } | UnbookedFact::Ended { event_id, .. } => {
                *event_id
            }
        }
    }

    pub fn account(&self) -> &AccountId {
        match self {
            UnbookedFact::Executed { executed, .. } => &executed.account,
            UnbookedFact::Ended { account, .. } => account,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("folding position {position} of {stream}: {source}")]
pub struct RiskFoldError {
    position: Position,
    stream: StreamName,
    source: FoldError,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RiskBook {
    /// Last position folded.
    pub folded_to: Position,
    pub accounts: BTreeMap<AccountId, Account>,
    pub limits: LimitBook,
    pub halts: Halts,
    instruments: BTreeMap<Symbol, Instrument>,
    marks: BTreeMap<Symbol, Mark>,
    registered: BTreeSet<StrategyId>,
    started: BTreeSet<StrategyId>,
    /// Every one that was ever used: an order is found again by it at its venue.
    #[serde(serialize_with = "in_order")]
    client_order_ids: HashSet<ClientOrderId>,
    /// In the order in which they happened.
    unbooked: BTreeMap<Position, UnbookedFact>,
}

/// So that equal books are written alike.
fn in_order<S: Serializer>(ids: &HashSet<ClientOrderId>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ids.iter().collect::<BTreeSet<_>>())
}

impl RiskBook {
    /// Folds a durable event. What a look-ahead has applied before is recognised by its version.
    pub fn apply(&mut self, recorded: &Recorded) -> Result<(), RiskFoldError> {
        let envelope = &recorded.envelope;
        let version = envelope.version;
        match envelope.stream.category() {
            "account" => self
                .apply_account(&envelope.stream, version, &envelope.event)
                .map_err(|source| RiskFoldError {
                    position: envelope.position,
                    stream: envelope.stream.clone(),
                    source,
                })?,
            "system" => self.halts.apply(version, &envelope.event),
            _ => self.apply_other(recorded),
        }
        self.folded_to = envelope.position;
        Ok(())
    }

    /// Folds the events of a decision of our own, from the version after `expected` on, before
    /// they are durable. After an error the book is half changed and must be thrown away.
    pub fn look_ahead(
        &mut self,
        stream: &StreamName,
        expected: Version,
        events: &[Event],
    ) -> Result<(), FoldError> {
        let mut version = expected;
        for event in events {
            version = version.next();
            self.apply_ahead(stream, version, event)?;
        }
        Ok(())
    }

    /// Folds one event of a decision of our own before it is durable.
    pub fn apply_ahead(
        &mut self,
        stream: &StreamName,
        version: Version,
        event: &Event,
    ) -> Result<(), FoldError> {
        match (stream.category(), event) {
            ("account", _) => self.apply_account(stream, version, event)?,
            ("system", _) => self.halts.apply_ahead(version, event),
            (_, Event::RiskLimitsChanged(changed)) => self.limits.apply(version, changed),
            _ => {}
        }
        Ok(())
    }

    fn apply_account(
        &mut self,
        stream: &StreamName,
        version: Version,
        event: &Event,
    ) -> Result<(), FoldError> {
        self.mark_booked(event);
        let Ok(id) = AccountId::new(stream.id()) else {
            return Ok(());
        };
        let known = self.accounts.get(&id);
        if known.is_some_and(|account| account.version >= version) {
            return Ok(());
        }
        let account = Account::apply(self.accounts.remove(&id), version, event)?;
        self.accounts.insert(id, account);
        if let Event::OrderSubmitted(submitted) = event {
            self.client_order_ids
                .insert(submitted.client_order_id.clone());
        }
        Ok(())
    }

    fn mark_booked(&mut self, event: &Event) {
        let booked = match event {
            Event::FillBooked(fill) => fill.execution_event,
            Event::ReservationReleased(released) => released.ended_by,
            _ => return,
        };
        self.unbooked.retain(|_, fact| fact.event_id() != booked);
    }

    fn apply_other(&mut self, recorded: &Recorded) {
        let envelope = &recorded.envelope;
        match &envelope.event {
            Event::RiskLimitsChanged(changed)
                if envelope.version > self.limits.version(&changed.scope) =>
            {
                self.limits.apply(envelope.version, changed);
            }
            Event::InstrumentListed(listed) => {
                let symbol = listed.instrument.symbol.clone();
                self.instruments.insert(symbol, listed.instrument.clone());
            }
            Event::PriceMarked(marked) => {
                let mark = Mark {
                    price: marked.bar.close,
                    at: envelope.meta.occurred_at,
                };
                self.marks.insert(marked.symbol.clone(), mark);
            }
            Event::StrategyRegistered(registered) => {
                self.registered.insert(registered.strategy.clone());
            }
            Event::StrategyStarted(_) => {
                self.started
                    .extend(StrategyId::new(envelope.stream.id()).ok());
            }
            Event::OrderExecuted(executed) => {
                let fact = UnbookedFact::Executed {
                    event_id: envelope.event_id,
                    executed: executed.clone(),
                };
                self.unbooked.insert(envelope.position, fact);
            }
            Event::OrderRejected(rejected) => {
                self.ended(recorded, &rejected.account, &rejected.order_id)
            }
            Event::OrderCanceled(canceled) => {
                self.ended(recorded, &canceled.account, &canceled.order_id)
            }
            Event::OrderExpired(expired) => {
                self.ended(recorded, &expired.account, &expired.order_id)
            }
            _ => {}
        }
    }

    fn ended(&mut self, recorded: &Recorded, account: &AccountId, order_id: &OrderId) {
        let holds_back = self
            .accounts
            .get(account)
            .is_some_and(|account| account.open_orders.contains_key(order_id));
        if holds_back {
            let fact = UnbookedFact::Ended {
                event_id: recorded.envelope.event_id,
                account: account.clone(),
                order_id: order_id.clone(),
            };
            self.unbooked.insert(recorded.position(), fact);
        }
    }

    /// Takes the oldest fact that is not on its account yet.
    pub fn take_unbooked(&mut self) -> Option<UnbookedFact> {
        self.unbooked.pop_first().map(|(_, fact)| fact)
    }

    pub fn has_unbooked(&self) -> bool {
        !self.unbooked.is_empty()
    }

    pub fn client_order_id_taken(&self, id: &ClientOrderId) -> bool {
        self.client_order_ids.contains(id)
    }

    pub fn name_taken(&self, name: &str) -> bool {
        self.accounts.values().any(|account| account.name == name)
    }

    pub fn instrument(&self, symbol: &Symbol) -> Option<&Instrument> {
        self.instruments.get(symbol)
    }

    /// Whether there is anything for a kill switch to stop; venues are not known to the log.
    pub fn can_be_halted(&self, scope: &HaltScope) -> bool {
        match scope {
            HaltScope::Firm | HaltScope::Venue(_) => true,
            HaltScope::Account(id) => self.accounts.contains_key(id),
            HaltScope::Strategy(id) => self.registered.contains(id),
            HaltScope::Instrument(symbol) => self.instruments.contains_key(symbol),
        }
    }

    /// What a decision on `order` rests on, as of now.
    pub fn context(
        &self,
        order: &SubmitOrder,
        commission_rate: Ratio,
        now: Timestamp,
    ) -> RiskContext<'_> {
        let strategy = order.strategy.as_ref();
        RiskContext {
            instrument: self.instruments.get(&order.terms.symbol),
            limits: self.limits.effective(&order.account),
            halts: &self.halts,
            reference: self.marks.get(&order.terms.symbol).copied(),
            strategy_running: strategy.is_some_and(|strategy| self.started.contains(strategy)),
            commission_rate,
            now,
        }
    }
}
