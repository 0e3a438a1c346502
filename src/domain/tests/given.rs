//! Given these facts of an account, when this is asked of it, then these facts follow, or this
//! error.

use super::{
    aapl, account_id, event_id, limits, money, noon_plus, order_id, price, quantity, ratio, report,
    symbol,
};
use crate::domain::Decided;
use crate::domain::account::{
    self, Account, AccountError, CancelOrder, DepositCash, OpenAccount, SubmitContext, SubmitOrder,
};
use crate::domain::risk::{Halts, Mark, RiskContext};
use crate::events::Event;
use crate::events::catalogue::{OrderExecuted, RiskLimits};
use crate::values::{
    EventId, ExecutionId, Instrument, OrderId, Position, Side, Timestamp, Version,
};

/// What can be asked, or what risk has to book.
pub enum Command {
    Open(OpenAccount, NameTaken),
    Deposit(DepositCash),
    Submit(OrderId, SubmitOrder),
    Cancel(CancelOrder),
    Fill(OrderExecuted, EventId),
    Release(OrderId, EventId),
}

type NameTaken = bool;

/// What risk knows besides the account. As it comes, nothing stands against an order.
pub struct World {
    pub instrument: Option<Instrument>,
    pub limits: RiskLimits,
    pub halts: Halts,
    pub reference: Option<Mark>,
    pub strategy_running: bool,
    pub now: Timestamp,
}

impl Default for World {
    fn default() -> Self {
        Self {
            instrument: Some(aapl()),
            limits: limits(),
            halts: Halts::default(),
            reference: Some(Mark {
                price: price("100"),
                at: noon_plus(0),
            }),
            strategy_running: false,
            now: noon_plus(0),
        }
    }
}

/// An account with a history.
#[derive(Default)]
pub struct Given {
    pub account: Option<Account>,
    pub events: Vec<Event>,
    pub world: World,
}

impl Given {
    /// Account `main` in USD, with `cash` on it unless that is zero.
    pub fn cash(cash: &str) -> Self {
        let opened = Self::default().and(open("main", "Main", "USD"));
        match money(cash).is_zero() {
            true => opened,
            false => opened.and(deposit(cash)),
        }
    }

    /// The same account, with `units` bought at `at` without commission by an order that has ended.
    pub fn holding(self, units: &str, at: &str) -> Self {
        let mut bought = executed("earlier", Side::Buy, units, at, "0");
        bought.commission = money("0");
        self.and(Command::Fill(bought, event_id(1_000)))
    }

    /// The same account, `units` short at `at`: what a fill after a cancelled sale leads to.
    pub fn short(self, units: &str, at: &str) -> Self {
        let mut sold = executed("earlier", Side::Sell, units, at, "0");
        sold.commission = money("0");
        self.and(Command::Fill(sold, event_id(1_000)))
    }

    pub fn in_world(mut self, change: impl FnOnce(&mut World)) -> Self {
        change(&mut self.world);
        self
    }

    /// Also this has happened.
    pub fn and(mut self, command: Command) -> Self {
        for event in self.when(command).events() {
            self.fold(event);
        }
        self
    }

    pub fn fold(&mut self, event: Event) {
        let version = Version::new(self.events.len() as u64 + 1);
        let folded = Account::apply(self.account.take(), version, &event);
        self.account = Some(folded.expect("a fact that can be folded"));
        self.events.push(event);
    }

    pub fn account(&self) -> &Account {
        self.account.as_ref().expect("an open account")
    }

    pub fn when(&self, command: Command) -> Then {
        Then(match command {
            Command::Open(open, name_taken) => {
                account::open_account(self.account.as_ref(), name_taken, &open)
            }
            Command::Deposit(deposit) => account::deposit_cash(self.account(), &deposit),
            Command::Submit(order_id, submit) => Ok(self.submit(order_id, &submit)),
            Command::Cancel(cancel) => account::request_cancel(self.account(), &cancel),
            Command::Fill(executed, event_id) => {
                account::book_fill(self.account(), &executed, event_id)
                    .map(Decided::one)
                    .map_err(AccountError::from)
            }
            Command::Release(order_id, ended_by) => Ok(account::release_reservation(
                self.account(),
                &order_id,
                ended_by,
            )),
        })
    }

    fn submit(&self, order_id: OrderId, command: &SubmitOrder) -> Decided {
        let world = &self.world;
        let context = SubmitContext {
            order_id,
            risk: RiskContext {
                instrument: world.instrument.as_ref(),
                limits: world.limits.clone(),
                halts: &world.halts,
                reference: world.reference,
                strategy_running: world.strategy_running,
                commission_rate: ratio("0.001"),
                now: world.now,
            },
            decided_at: Position::new(41),
        };
        account::submit_order(self.account(), &context, command)
    }
}

/// What was decided.
pub struct Then(Result<Decided, AccountError>);

impl Then {
    pub fn events(self) -> Vec<Event> {
        match self.0 {
            Ok(Decided::Events(events)) => events,
            other => panic!("facts were expected, not {other:?}"),
        }
    }

    #[track_caller]
    pub fn then(self, expected: impl Into<Event>) {
        assert_eq!(self.0, Ok(Decided::one(expected)));
    }

    #[track_caller]
    pub fn then_nothing(self) {
        assert_eq!(self.0, Ok(Decided::AlreadyApplied));
    }

    #[track_caller]
    pub fn then_error(self, code: &str, message: &str) {
        let error = self.0.expect_err("an error");
        assert_eq!((error.code(), error.to_string().as_str()), (code, message));
    }
}

pub fn open(account: &str, name: &str, currency: &str) -> Command {
    let open = OpenAccount {
        account: account_id(account),
        name: name.to_owned(),
        currency: currency.to_owned(),
    };
    Command::Open(open, false)
}

pub fn deposit(amount: &str) -> Command {
    Command::Deposit(DepositCash {
        account: account_id("main"),
        amount: money(amount),
        reason: "start".to_owned(),
    })
}

pub fn submit(order: &str, command: SubmitOrder) -> Command {
    Command::Submit(order_id(order), command)
}

pub fn cancel(order: &str) -> Command {
    Command::Cancel(CancelOrder {
        account: account_id("main"),
        order_id: order_id(order),
        reason: "changed my mind".to_owned(),
    })
}

/// Books an execution with a commission of 0.01.
pub fn fill(order: &str, side: Side, units: &str, at: &str, leaves: &str) -> Command {
    Command::Fill(executed(order, side, units, at, leaves), event_id(2_000))
}

/// Frees what an order that ended holds back.
pub fn release(order: &str) -> Command {
    Command::Release(order_id(order), event_id(3_000))
}

/// An execution at the venue, with a commission of 0.01.
pub fn executed(order: &str, side: Side, units: &str, at: &str, leaves: &str) -> OrderExecuted {
    OrderExecuted {
        order_id: order_id(order),
        account: account_id("main"),
        execution_id: ExecutionId::derived(&[order, units, at, leaves]),
        symbol: symbol("AAPL"),
        side,
        quantity: quantity(units),
        price: price(at),
        commission: money("0.01"),
        cumulative_quantity: quantity(units),
        leaves_quantity: quantity(leaves),
        report: report(1),
    }
}
