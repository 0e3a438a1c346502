//! The fold of a strategy's stream, and of the prices it watches.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::events::Event;
use crate::events::catalogue::{
    PriceMarked, SignalAction, SignalGenerated, StrategyRegistered, StrategyRule,
};
use crate::values::{BarDate, CommandId, Symbol, Version};

use super::series::Series;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StrategyStatus {
    Registered,
    Approved,
    Started,
}

impl StrategyStatus {
    pub fn name(self) -> &'static str {
        match self {
            StrategyStatus::Registered => "registered",
            StrategyStatus::Approved => "approved",
            StrategyStatus::Started => "started",
        }
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Strategy {
    pub registered: StrategyRegistered,
    pub status: StrategyStatus,
    pub version: Version,
    pub signals: u64,
    series: BTreeMap<Symbol, Series>,
    last_signal: BTreeMap<Symbol, BarDate>,
    /// Signals acted on whose order risk has not decided yet.
    unsent: BTreeMap<CommandId, SignalGenerated>,
}

impl Strategy {
    /// Folds an event of the strategy's own stream.
    pub fn apply(strategy: Option<Self>, version: Version, event: &Event) -> Option<Self> {
        if let Event::StrategyRegistered(registered) = event {
            return Some(Self {
                registered: registered.clone(),
                status: StrategyStatus::Registered,
                version,
                signals: 0,
                series: BTreeMap::new(),
                last_signal: BTreeMap::new(),
                unsent: BTreeMap::new(),
            });
        }
        let mut strategy = strategy?;
        strategy.version = version;
        match event {
            Event::StrategyApproved(_) => strategy.status = StrategyStatus::Approved,
            Event::StrategyStarted(_) => strategy.status = StrategyStatus::Started,
            Event::SignalGenerated(signal) => strategy.signal(signal),
            _ => {}
        }
        Some(strategy)
    }

    fn signal(&mut self, signal: &SignalGenerated) {
        self.signals += 1;
        self.last_signal.insert(signal.symbol.clone(), signal.bar);
        if let SignalAction::Order { command_id, .. } = &signal.action {
            self.unsent.insert(command_id.clone(), signal.clone());
        }
    }

    /// Folds a price; of other symbols than its own nothing.
    pub fn observe(&mut self, marked: &PriceMarked) {
        if !self.registered.symbols.contains(&marked.symbol) {
            return;
        }
        let StrategyRule::SmaCross {
            fast_bars,
            slow_bars,
            ..
        } = self.registered.rule;
        let series = self.series.entry(marked.symbol.clone()).or_default();
        let (fast_bars, slow_bars) = (fast_bars as usize, slow_bars as usize);
        series.push(marked.bar.date, marked.bar.close, fast_bars, slow_bars);
    }

    /// Risk has decided on the order that `command` asked for.
    pub fn order_decided(&mut self, command: &CommandId) {
        self.unsent.remove(command);
    }

    /// Orders that still have to be sent to risk.
    pub fn unsent(&self) -> impl Iterator<Item = &SignalGenerated> {
        self.unsent.values()
    }

    pub fn series(&self, symbol: &Symbol) -> Option<&Series> {
        self.series.get(symbol)
    }

    /// Whether a signal stands in the log for `symbol` at `bar` or later.
    pub fn has_signalled(&self, symbol: &Symbol, bar: BarDate) -> bool {
        self.last_signal
            .get(symbol)
            .is_some_and(|last| *last >= bar)
    }
}
