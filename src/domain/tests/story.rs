//! A small log with something of each kind: an order partly filled and cancelled, one refused, one
//! filled, one approved, a strategy, a halt.

use super::{
    Command, Given, Log, aapl, account_id, buy, deposit, executed, noon_plus, order_id, paper,
    price, ratio, report, sell, strategy_id, submit, symbol,
};
use crate::domain::ledger::Ledger;
use crate::events::catalogue::{
    Bar, CancelPending, HaltMode, HaltScope, InstrumentListed, KillSwitchEngaged, NodeStarted,
    OrderAcknowledged, OrderCanceled, OrderRouted, Origin, PriceMarked, SignalAction,
    SignalGenerated, StrategyApproved, StrategyRegistered, StrategyRule, StrategyStarted,
};
use crate::events::{Event, Recorded};
use crate::values::{NodeId, Position, Side, StreamName, VenueOrderId};

pub struct Story {
    log: Log,
    account: Given,
    pub records: Vec<Recorded>,
}

pub fn ledger_of(records: &[Recorded]) -> Ledger {
    let mut ledger = Ledger::default();
    for recorded in records {
        ledger.apply(recorded).expect("folded");
    }
    ledger
}

pub fn marked(close: &str) -> PriceMarked {
    let close = price(close);
    PriceMarked {
        symbol: symbol("AAPL"),
        bar: Bar {
            date: "2000-03-01".parse().expect("a date"),
            open: close,
            high: close,
            low: close,
            close,
            volume: 1,
        },
        source: "test".to_owned(),
        row: 9,
    }
}

impl Story {
    /// Account `main` with 10000, and nothing else.
    pub fn begin() -> Self {
        let mut story = Self {
            log: Log::default(),
            account: Given::cash("10000"),
            records: Vec::new(),
        };
        for event in story.account.events.clone() {
            story.record(&StreamName::account(&account_id("main")), event);
        }
        story
    }

    pub fn whole() -> Self {
        let mut story = Self::begin();
        story.node_and_market();
        story.strategy();
        story.a_cancelled_order();
        story.ask(submit("o2", sell("100")));
        story.a_filled_order();
        story.ask(submit("o4", buy("1")));
        story.halt(HaltScope::Account(account_id("main")));
        story
    }

    pub fn record(&mut self, stream: &StreamName, event: impl Into<Event>) {
        self.records.push(self.log.record(stream, event));
    }

    /// Risk decides and records.
    pub fn ask(&mut self, command: Command) {
        for event in self.account.when(command).events() {
            self.account.fold(event.clone());
            self.record(&StreamName::account(&account_id("main")), event);
        }
    }

    /// Execution records.
    pub fn order(&mut self, order: &str, event: impl Into<Event>) {
        self.record(&StreamName::order(&order_id(order)), event);
    }

    fn node_and_market(&mut self) {
        let node = NodeId::new("n1").expect("a node id");
        let started = NodeStarted {
            node: node.clone(),
            lease_epoch: 1,
            head: Position::ZERO,
            config_hash: String::new(),
        };
        self.record(&StreamName::node(&node), started);
        let listed = InstrumentListed { instrument: aapl() };
        self.record(&StreamName::instrument(&symbol("AAPL")), listed);
        self.log.now = noon_plus(60);
        self.record(&StreamName::market(&symbol("AAPL")), marked("101"));
    }

    fn strategy(&mut self) {
        let stream = StreamName::strategy(&strategy_id("s1"));
        let registered = StrategyRegistered {
            strategy: strategy_id("s1"),
            name: "Crossing".to_owned(),
            rule: StrategyRule::SmaCross {
                fast_bars: 1,
                slow_bars: 2,
                equity_fraction: ratio("0.25"),
            },
            account: account_id("main"),
            venue: paper(),
            symbols: vec![symbol("AAPL")],
        };
        self.record(&stream, registered);
        let reason = String::new();
        self.record(&stream, StrategyApproved { reason });
        self.record(&stream, StrategyStarted {});
        self.record(&stream, signal());
    }

    /// o1: buy 10 at 99.5, of which 4 are executed.
    fn a_cancelled_order(&mut self) {
        self.ask(submit("o1", buy("10").at("99.5")));
        self.routed("o1");
        self.order("o1", acknowledged("o1"));
        self.executed("o1", "4", "99.25", "6");
        let request = self.log.last_id();
        self.order(
            "o1",
            CancelPending {
                order_id: order_id("o1"),
                request,
            },
        );
        self.order("o1", canceled("o1"));
        let ended_by = self.log.last_id();
        self.ask(Command::Release(order_id("o1"), ended_by));
    }

    /// o3: buy 2 at the market.
    fn a_filled_order(&mut self) {
        self.ask(submit("o3", buy("2")));
        self.routed("o3");
        self.executed("o3", "2", "100.05", "0");
    }

    pub fn routed(&mut self, order: &str) {
        let approved = self.account.account().open_orders[&order_id(order)].clone();
        let routed = OrderRouted {
            order_id: order_id(order),
            account: account_id("main"),
            client_order_id: approved.client_order_id,
            venue: approved.venue,
            terms: approved.terms,
            approval: self.log.last_id(),
            attempt: 1,
        };
        self.order(order, routed);
    }

    /// Executed at the venue and booked.
    pub fn executed(&mut self, order: &str, units: &str, at: &str, leaves: &str) {
        let execution = executed(order, Side::Buy, units, at, leaves);
        self.order(order, execution.clone());
        let event = self.log.last_id();
        self.ask(Command::Fill(execution, event));
    }

    pub fn halt(&mut self, scope: HaltScope) {
        let engaged = KillSwitchEngaged {
            scope,
            mode: HaltMode::Halt,
            cause: "test".to_owned(),
        };
        self.record(&StreamName::halts(), engaged);
    }

    pub fn deposit(&mut self, amount: &str) {
        self.ask(deposit(amount));
    }
}

pub fn signal() -> SignalGenerated {
    SignalGenerated {
        symbol: symbol("AAPL"),
        side: Side::Sell,
        bar: "2000-03-01".parse().expect("a date"),
        price: price("101"),
        confidence: ratio("0.01"),
        action: SignalAction::None {
            reason: "holds nothing to sell".to_owned(),
        },
    }
}

pub fn acknowledged(order: &str) -> OrderAcknowledged {
    OrderAcknowledged {
        order_id: order_id(order),
        venue_order_id: VenueOrderId::derived(&[order]),
        report: report(1),
    }
}

pub fn canceled(order: &str) -> OrderCanceled {
    OrderCanceled {
        order_id: order_id(order),
        account: account_id("main"),
        origin: Origin::Gateway,
    }
}
