//! What a strategy actor knows: its strategy, the accounts and the prices, folded from the log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::account::Account;
use crate::domain::strategy::Strategy;
use crate::events::{Event, Fold, Recorded};
use crate::values::{AccountId, Position, Price, StrategyId, Symbol, Version};

/// What the actor knows, folded from the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    pub id: StrategyId,
    pub folded_to: Position,
    pub strategy: Option<Strategy>,
    pub accounts: BTreeMap<AccountId, Account>,
    pub prices: BTreeMap<Symbol, Price>,
}

impl View {
    pub fn new(id: StrategyId) -> Self {
        Self {
            id,
            folded_to: Position::ZERO,
            strategy: None,
            accounts: BTreeMap::new(),
            prices: BTreeMap::new(),
        }
    }

    pub fn apply(&mut self, recorded: &Recorded) -> Result<(), String> {
        let envelope = &recorded.envelope;
        let stream = &envelope.stream;
        match (stream.category(), &envelope.event) {
            ("strategy", _) if stream.id() == self.id.as_str() => self.apply_own(recorded),
            ("account", event) => {
                let id = AccountId::new(stream.id()).map_err(|error| error.to_string())?;
                let account = Account::apply(self.accounts.remove(&id), envelope.version, event)
                    .map_err(|error| error.to_string())?;
                self.accounts.insert(id, account);
                if let (Event::OrderSubmitted(_), Some(strategy)) = (event, &mut self.strategy) {
                    strategy.order_decided(&envelope.meta.command_id);
                }
            }
            (_, Event::PriceMarked(marked)) => {
                self.prices.insert(marked.symbol.clone(), marked.bar.close);
                if let Some(strategy) = &mut self.strategy {
                    strategy.observe(marked);
                }
            }
            _ => {}
        }
        self.folded_to = envelope.position;
        Ok(())
    }

    /// Folds a fact of its own, once, however often it comes.
    pub fn apply_own(&mut self, recorded: &Recorded) {
        let envelope = &recorded.envelope;
        if envelope.version > self.version() {
            self.strategy =
                Strategy::apply(self.strategy.take(), envelope.version, &envelope.event);
        }
    }

    pub fn version(&self) -> Version {
        self.strategy
            .as_ref()
            .map(|strategy| strategy.version)
            .unwrap_or_default()
    }
}

impl Fold for View {
    const VERSION: u32 = 1;

    fn name(&self) -> String {
        format!("strategy:{}", self.id)
    }

    fn empty(&self) -> Self {
        Self::new(self.id.clone())
    }

    fn folded_to(&self) -> Position {
        self.folded_to
    }

    fn fold(&mut self, recorded: &Recorded) -> Result<(), String> {
        self.apply(recorded)
    }
}
