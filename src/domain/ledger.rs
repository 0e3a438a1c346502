//! The fold of a whole log, of durable facts only: what anyone may be shown, hashed, or compared
//! with after a restart.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::account::{Account, FoldError};
use crate::domain::order::{OrderStatus, Step, report_of};
use crate::domain::risk::Halts;
use crate::domain::strategy::Strategy;
use crate::events::catalogue::{Finding, OrderSubmitted};
use crate::events::{Event, Recorded};
use crate::values::{
    AccountId, AmountError, ClientOrderId, Money, NodeId, OrderId, OrderTerms, Position, Price,
    Quantity, StrategyId, Symbol, Timestamp, UserName, VenueId, Version,
};

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderRecord {
    pub account: AccountId,
    pub client_order_id: ClientOrderId,
    pub venue: VenueId,
    /// Whether it was ever about to be sent, or sent.
    pub routed: bool,
    pub ordinal: u64,
    pub terms: OrderTerms,
    pub status: OrderStatus,
    /// Whether the venue has executed any of it, booked or not.
    executed: bool,
    pub filled_quantity: Quantity,
    /// Sum of quantity times price over its executions.
    pub filled_notional: Money,
}

/// The last of a venue's reports that is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastReport {
    pub sequence: u64,
    /// The order that it is about.
    pub order_id: OrderId,
}

/// How much of each kind there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Prices marked.
    pub bars: u64,
    pub signals: u64,
    /// Orders submitted, refused ones included.
    pub orders: u64,
    /// Executions booked.
    pub fills: u64,
    /// Orders refused by risk.
    pub refusals: u64,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    pub folded_to: Position,
    pub counts: Counts,
    pub accounts: BTreeMap<AccountId, Account>,
    pub orders: BTreeMap<OrderId, OrderRecord>,
    pub halts: Halts,
    pub strategies: BTreeMap<StrategyId, Strategy>,
    pub prices: BTreeMap<Symbol, Price>,
    /// Business time of the last price.
    pub marked_at: Timestamp,
    pub instruments: BTreeSet<Symbol>,
    /// Version of each node's stream.
    pub node_versions: BTreeMap<NodeId, Version>,
    /// Row of the market data last played, with the data's name.
    pub last_row: Option<(String, u64)>,
    /// The last report of each venue.
    pub last_reports: BTreeMap<VenueId, LastReport>,
    /// Users about whom nothing personal may be read any more.
    pub forgotten: BTreeSet<UserName>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    #[error("folding position {position}: {source}")]
    Fold {
        position: Position,
        source: FoldError,
    },
    #[error("folding position {position}: {source}")]
    Amount {
        position: Position,
        source: AmountError,
    },
}

impl Ledger {
    /// Folds the next event of the log.
    pub fn apply(&mut self, recorded: &Recorded) -> Result<(), LedgerError> {
        let envelope = &recorded.envelope;
        let position = envelope.position;
        self.count(&envelope.event);
        match envelope.stream.category() {
            "account" => self.apply_account(recorded)?,
            "order" => self.apply_order(&envelope.event),
            "system" => self.halts.apply(envelope.version, &envelope.event),
            "strategy" => {
                if let Ok(id) = StrategyId::new(envelope.stream.id()) {
                    let before = self.strategies.remove(&id);
                    let after = Strategy::apply(before, envelope.version, &envelope.event);
                    self.strategies.extend(after.map(|strategy| (id, strategy)));
                }
            }
            "node" => {
                let id = NodeId::new(envelope.stream.id()).ok();
                self.node_versions
                    .extend(id.map(|id| (id, envelope.version)));
            }
            "user" => {
                if let Event::UserForgotten(forgotten) = &envelope.event {
                    self.forgotten.insert(forgotten.user.clone());
                }
            }
            _ => self.apply_market(recorded),
        }
        self.folded_to = position;
        Ok(())
    }

    fn count(&mut self, event: &Event) {
        let counter = match event {
            Event::PriceMarked(_) => &mut self.counts.bars,
            Event::SignalGenerated(_) => &mut self.counts.signals,
            Event::OrderSubmitted(_) => &mut self.counts.orders,
            Event::FillBooked(_) => &mut self.counts.fills,
            Event::OrderRefused(_) => &mut self.counts.refusals,
            _ => return,
        };
        *counter += 1;
    }

    fn apply_account(&mut self, recorded: &Recorded) -> Result<(), LedgerError> {
        let envelope = &recorded.envelope;
        let position = envelope.position;
        let Ok(id) = AccountId::new(envelope.stream.id()) else {
            return Ok(());
        };
        let account = Account::apply(self.accounts.remove(&id), envelope.version, &envelope.event)
            .map_err(|source| LedgerError::Fold { position, source })?;
        self.accounts.insert(id.clone(), account);
        match &envelope.event {
            Event::OrderSubmitted(submitted) => self.submitted(id, submitted),
            Event::OrderApproved(approved) => self.step(&approved.order_id, Step::Approve),
            Event::OrderRefused(refused) => self.step(&refused.order_id, Step::Refuse),
            Event::FillBooked(fill) => {
                if let Some(order) = self.orders.get_mut(&fill.order_id) {
                    order
                        .book(fill.quantity, fill.price)
                        .map_err(|source| LedgerError::Amount { position, source })?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn apply_market(&mut self, recorded: &Recorded) {
        match recorded.event() {
            Event::PriceMarked(marked) => {
                self.prices.insert(marked.symbol.clone(), marked.bar.close);
                self.marked_at = recorded.envelope.meta.occurred_at;
                self.last_row = Some((marked.source.clone(), marked.row));
            }
            Event::InstrumentListed(listed) => {
                self.instruments.insert(listed.instrument.symbol.clone());
            }
            _ => {}
        }
    }

    fn submitted(&mut self, account: AccountId, submitted: &OrderSubmitted) {
        let order = OrderRecord {
            account,
            client_order_id: submitted.client_order_id.clone(),
            venue: submitted.venue.clone(),
            routed: false,
            ordinal: submitted.ordinal,
            terms: submitted.terms.clone(),
            status: OrderStatus::Submitted,
            executed: false,
            filled_quantity: Quantity::ZERO,
            filled_notional: Money::ZERO,
        };
        self.orders.insert(submitted.order_id.clone(), order);
    }

    fn apply_order(&mut self, event: &Event) {
        let (order_id, step) = match event {
            Event::OrderRouted(fact) => (&fact.order_id, Step::Route),
            Event::OrderAcknowledged(fact) => (&fact.order_id, Step::Acknowledge),
            Event::OrderRejected(fact) => (&fact.order_id, Step::Reject),
            Event::OrderExecuted(fact) => {
                let last = fact.leaves_quantity.is_zero();
                (
                    &fact.order_id,
                    if last { Step::FillLast } else { Step::Fill },
                )
            }
            Event::CancelPending(fact) => (&fact.order_id, Step::RequestCancel),
            Event::OrderCanceled(fact) => (&fact.order_id, Step::Cancel),
            Event::CancelRejected(fact) => (&fact.order_id, Step::of_cancel_reject(&fact.origin)),
            Event::OrderExpired(fact) => (&fact.order_id, Step::Expire),
            Event::OrderInDoubt(fact) => (&fact.order_id, Step::Doubt),
            Event::OrderReconciled(fact) => match fact.finding {
                Finding::Known => (&fact.order_id, Step::FoundAtVenue),
                Finding::NeverArrived => (&fact.order_id, Step::NeverArrived),
            },
            _ => return,
        };
        self.reported(event, order_id);
        self.step(order_id, step);
    }

    fn reported(&mut self, event: &Event, order_id: &OrderId) {
        let Some(report) = report_of(event) else {
            return;
        };
        let last = self.last_reports.get(&report.venue);
        if last.is_none_or(|last| last.sequence < report.sequence) {
            let last = LastReport {
                sequence: report.sequence,
                order_id: order_id.clone(),
            };
            self.last_reports.insert(report.venue.clone(), last);
        }
    }

    fn step(&mut self, order_id: &OrderId, step: Step) {
        if let Some(order) = self.orders.get_mut(order_id) {
            order.routed |= step == Step::Route;
            order.executed |= matches!(step, Step::Fill | Step::FillLast);
            order.status = order
                .status
                .after(step, order.executed)
                .unwrap_or(order.status);
        }
    }

    /// Cash of all accounts, and their equity at the last prices; a position without a price, or
    /// amounts out of range, have no total.
    pub fn totals(&self) -> Option<(Money, Money)> {
        let mut totals = (Money::ZERO, Money::ZERO);
        for account in self.accounts.values() {
            let equity = account
                .equity(|symbol| self.prices.get(symbol).copied())
                .ok()??;
            totals.0 = totals.0.checked_add(account.cash).ok()?;
            totals.1 = totals.1.checked_add(equity).ok()?;
        }
        Some(totals)
    }
}

impl OrderRecord {
    fn book(&mut self, quantity: Quantity, price: Price) -> Result<(), AmountError> {
        self.filled_quantity = self.filled_quantity.checked_add(quantity)?;
        self.filled_notional = self.filled_notional.checked_add(quantity.times(price)?)?;
        Ok(())
    }
}
