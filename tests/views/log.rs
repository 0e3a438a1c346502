//! A log made by hand: commits through the journal onto the memory store.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use blotter::events::catalogue::*;
use blotter::events::envelope::Origin as Recorder;
use blotter::events::memory::MemoryStore;
use blotter::events::{Commit, Event, EventStore, Feed, Journal, Meta, Recorded, Who, Writer};
use blotter::runtime::{DataClock, Randomness, Runtime, SystemTasks};
use blotter::values::*;
use uuid::Uuid;

pub const LOG: Uuid = Uuid::from_u128(0x10);

/// Runs a test on one thread, with local tasks.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime.expect("a runtime"), test)
}

/// Reads a value from text.
pub fn v<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a value")
}

struct Dice;

impl Randomness for Dice {
    fn next_u128(&self) -> u128 {
        4
    }
}

pub fn runtime() -> Runtime {
    Runtime {
        wall: Arc::new(DataClock::default()),
        business: Arc::new(DataClock::default()),
        randomness: Arc::new(Dice),
        tasks: Rc::new(SystemTasks),
    }
}

/// Commits events one command after the other. Event number n occurs at n seconds.
pub struct Log {
    pub journal: Journal,
    writer: Writer,
    versions: HashMap<StreamName, Version>,
    commands: u64,
    /// Days that have gone by.
    days: u64,
    sequence: u64,
}

impl Log {
    pub async fn new() -> Self {
        let store: Arc<dyn EventStore> = Arc::new(MemoryStore::new(LOG));
        let node: NodeId = v("node-1");
        let lease = store.acquire_lease(&node).await.expect("a lease");
        let origin = Recorder {
            node,
            build: "test".to_owned(),
        };
        let journal = Journal::start(store, lease, origin, &runtime())
            .await
            .expect("a journal");
        Self {
            writer: journal.writer(),
            journal,
            versions: HashMap::new(),
            commands: 0,
            days: 0,
            sequence: 0,
        }
    }

    pub fn feed(&self) -> Feed {
        self.journal.feed().clone()
    }

    /// Every event so far.
    pub async fn events(&self) -> Vec<Arc<Recorded>> {
        let feed = self.feed();
        let mut events: Vec<Arc<Recorded>> = Vec::new();
        while (events.len() as u64) < feed.head().get() {
            let cursor = Position::new(events.len() as u64);
            events.extend(feed.read(cursor).await.expect("events"));
        }
        events
    }

    /// What follows occurs on a later day.
    pub fn next_day(&mut self) {
        self.days += 1;
    }

    pub async fn commit(&mut self, stream: StreamName, events: Vec<Event>) {
        self.commands += 1;
        let seconds = self.commands + self.days * 86_400;
        let occurred = i64::try_from(seconds).expect("small") * 1_000_000;
        let meta = Meta {
            command_id: v(&format!("command-{}", self.commands)),
            correlation_id: Uuid::from_u128(self.commands.into()),
            causation_id: None,
            who: Who {
                principal: "key:desk".to_owned(),
                human: Some("ada".to_owned()),
                roles: vec!["trader".to_owned()],
            },
            occurred_at: Timestamp::from_micros(occurred).expect("a time"),
        };
        let version = self.versions.entry(stream.clone()).or_default();
        let (expected, count) = (*version, events.len() as u64);
        *version = version.plus(count);
        let commit = Commit::new(&self.commands, stream, expected, meta, events);
        let answer = self.writer.submit(commit.expect("a commit")).await;
        answer.expect("recorded");
    }

    pub async fn account(&mut self, account: &str, event: impl Into<Event>) {
        self.commit(StreamName::account(&v(account)), vec![event.into()])
            .await;
    }

    pub async fn strategy(&mut self, strategy: &str, event: impl Into<Event>) {
        self.commit(StreamName::strategy(&v(strategy)), vec![event.into()])
            .await;
    }

    pub async fn halts(&mut self, event: impl Into<Event>) {
        self.commit(StreamName::halts(), vec![event.into()]).await;
    }

    pub async fn order(&mut self, order: &str, event: impl Into<Event>) {
        self.commit(StreamName::order(&v(order)), vec![event.into()])
            .await;
    }

    pub async fn open_account(&mut self, account: &str, cash: &str) {
        let opened = AccountOpened {
            account: v(account),
            name: format!("{account} desk"),
            currency: "USD".to_owned(),
        };
        let deposit = CashDeposited {
            amount: v(cash),
            reason: "seed".to_owned(),
        };
        let events = vec![opened.into(), deposit.into()];
        self.commit(StreamName::account(&v(account)), events).await;
    }

    pub async fn mark(&mut self, symbol: &str, close: &str) {
        self.mark_day(symbol, "2020-01-02", close).await;
    }

    pub async fn mark_day(&mut self, symbol: &str, day: &str, close: &str) {
        let bar = Bar {
            date: v(day),
            open: v(close),
            high: v(close),
            low: v(close),
            close: v(close),
            volume: 1,
        };
        let mark = PriceMarked {
            symbol: v(symbol),
            bar,
            source: "hand".to_owned(),
            row: 1,
        };
        self.commit(StreamName::market(&v(symbol)), vec![mark.into()])
            .await;
    }

    pub async fn list(&mut self, symbol: &str) {
        let instrument = Instrument {
            symbol: v(symbol),
            kind: InstrumentKind::Equity,
            currency: "USD".to_owned(),
            price_decimals: 4,
            quantity_decimals: 0,
        };
        let stream = StreamName::instrument(&v(symbol));
        self.commit(stream, vec![InstrumentListed { instrument }.into()])
            .await;
    }

    /// Registers a strategy on account alpha.
    pub async fn register(&mut self, strategy: &str) {
        let registered = StrategyRegistered {
            strategy: v(strategy),
            name: format!("{strategy} by hand"),
            rule: rule(),
            account: v("alpha"),
            venue: v("paper"),
            symbols: vec![v("AAPL"), v("MSFT")],
        };
        self.strategy(strategy, registered).await;
    }

    pub async fn signal(&mut self, strategy: &str, symbol: &str, action: SignalAction) {
        let signal = SignalGenerated {
            symbol: v(symbol),
            side: Side::Buy,
            bar: v("2020-01-02"),
            price: v("5.5"),
            confidence: v("0.0125"),
            action,
        };
        self.strategy(strategy, signal).await;
    }

    /// Submits and approves a limit order for 10 units at 5, holding back 50.
    pub async fn approve(&mut self, account: &str, order: &str, ordinal: u64) {
        let submitted = submission(order, ordinal);
        let approved = OrderApproved {
            order_id: v(order),
            client_order_id: submitted.client_order_id.clone(),
            account: v(account),
            terms: submitted.terms.clone(),
            venue: submitted.venue.clone(),
            strategy: submitted.strategy.clone(),
            checks: Vec::new(),
            reservation: held(50),
            reference_price: v("5"),
            decided_at: Position::ZERO,
        };
        let events = vec![submitted.into(), approved.into()];
        self.commit(StreamName::account(&v(account)), events).await;
    }

    pub async fn refuse(&mut self, account: &str, order: &str, ordinal: u64) {
        let refused = OrderRefused {
            order_id: v(order),
            code: CheckCode::BuyingPower,
            checks: Vec::new(),
            decided_at: Position::ZERO,
        };
        let events = vec![submission(order, ordinal).into(), refused.into()];
        self.commit(StreamName::account(&v(account)), events).await;
    }

    pub async fn route(&mut self, account: &str, order: &str) {
        let routed = OrderRouted {
            order_id: v(order),
            account: v(account),
            client_order_id: v(&format!("client-{order}")),
            venue: v("paper"),
            terms: terms(),
            approval: EventId(Uuid::nil()),
            attempt: 1,
        };
        self.order(order, routed).await;
    }

    pub fn report(&mut self) -> ReportRef {
        self.sequence += 1;
        ReportRef {
            venue: v("paper"),
            sequence: self.sequence,
            transact_time: Timestamp::default(),
        }
    }

    pub async fn acknowledge(&mut self, order: &str) {
        let acknowledged = OrderAcknowledged {
            order_id: v(order),
            venue_order_id: v(&format!("venue-{order}")),
            report: self.report(),
        };
        self.order(order, acknowledged).await;
    }

    /// Executes units of an order for 10, without booking them.
    pub async fn execute(&mut self, account: &str, order: &str, units: i64, price: &str, sum: i64) {
        let executed = OrderExecuted {
            order_id: v(order),
            account: v(account),
            execution_id: v(&format!("execution-{order}-{sum}")),
            symbol: v("AAPL"),
            side: Side::Buy,
            quantity: units_of(units),
            price: v(price),
            commission: v("0.5"),
            cumulative_quantity: units_of(sum),
            leaves_quantity: units_of(10 - sum),
            report: self.report(),
        };
        self.order(order, executed).await;
    }

    /// Books a purchase of AAPL with a commission of 0.5, releasing 5 for each unit.
    pub async fn book(&mut self, account: &str, order: &str, units: i64, price: &str, sum: i64) {
        let fill = booked("AAPL", order, units, price, sum);
        self.account(account, fill).await;
    }
}

/// A fill that is booked: `sum` of the order's 10 units are filled by then.
pub fn booked(symbol: &str, order: &str, units: i64, price: &str, sum: i64) -> FillBooked {
    let cost = units_of(units).times(v(price)).expect("a cost");
    FillBooked {
        order_id: v(order),
        execution_id: v(&format!("execution-{order}-{sum}")),
        execution_event: EventId(Uuid::nil()),
        symbol: v(symbol),
        side: Side::Buy,
        quantity: units_of(units),
        price: v(price),
        commission: v("0.5"),
        cash_change: cost.checked_add(v("0.5")).expect("a sum").negated(),
        quantity_change: units_of(units),
        cost_change: cost,
        realised_pnl: Money::ZERO,
        reservation_released: held(5 * units),
        leaves_quantity: units_of(10 - sum),
    }
}

pub fn units_of(units: i64) -> Quantity {
    v(&units.to_string())
}

pub fn held(cash: i64) -> Reservation {
    Reservation {
        cash: v(&cash.to_string()),
        quantity: Quantity::ZERO,
    }
}

pub fn terms() -> OrderTerms {
    OrderTerms {
        symbol: v("AAPL"),
        side: Side::Buy,
        quantity: v("10"),
        order_type: OrderType::Limit {
            limit_price: v("5"),
        },
        time_in_force: TimeInForce::Day,
    }
}

pub fn rule() -> StrategyRule {
    StrategyRule::SmaCross {
        fast_bars: 10,
        slow_bars: 30,
        equity_fraction: v("0.25"),
    }
}

fn submission(order: &str, ordinal: u64) -> OrderSubmitted {
    OrderSubmitted {
        order_id: v(order),
        client_order_id: v(&format!("client-{order}")),
        ordinal,
        terms: terms(),
        venue: v("paper"),
        strategy: Some(v("sma-1")),
    }
}
