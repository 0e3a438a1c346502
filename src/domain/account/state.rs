//! The fold of an account's stream.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::open_orders::OpenOrders;
use crate::events::Event;
use crate::events::catalogue::{FillBooked, Reservation};
use crate::values::{
    AccountId, AmountError, ClientOrderId, Money, OrderId, OrderTerms, Price, Quantity, StrategyId,
    Symbol, VenueId, Version,
};

/// Units held of one instrument.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Negative when short.
    pub quantity: Quantity,
    /// What was paid for them in total, before commission; negative when short.
    pub cost: Money,
}

/// An approved order that may still execute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenOrder {
    pub ordinal: u64,
    pub client_order_id: ClientOrderId,
    pub terms: OrderTerms,
    pub venue: VenueId,
    pub strategy: Option<StrategyId>,
    pub reservation: Reservation,
    pub leaves_quantity: Quantity,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    pub currency: String,
    /// Version of the stream that is folded in.
    pub version: Version,
    pub cash: Money,
    /// Held back by open buys.
    pub reserved_cash: Money,
    /// Sum of all deposits.
    pub deposited: Money,
    pub realised_pnl: Money,
    pub commission: Money,
    /// Without the empty ones.
    pub holdings: BTreeMap<Symbol, Holding>,
    pub open_orders: OpenOrders,
    /// Ordinal of the last order submitted.
    pub last_ordinal: u64,
    /// Submitted in the commit being folded, its decision still to come.
    undecided: Option<(OrderId, u64)>,
}

/// The stream says something that cannot be: the log or the program is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    #[error("{event} before the account was opened")]
    NotOpened { event: &'static str },
    #[error("{event}: {source}")]
    Amount {
        event: &'static str,
        source: AmountError,
    },
    #[error("OrderApproved for {0}, which was not submitted just before")]
    NotSubmitted(OrderId),
}

impl Account {
    /// Folds the event with version `version`. Events that are not the account's change nothing.
    pub fn apply(
        account: Option<Self>,
        version: Version,
        event: &Event,
    ) -> Result<Self, FoldError> {
        if let Event::AccountOpened(opened) = event {
            return Ok(Self {
                id: opened.account.clone(),
                name: opened.name.clone(),
                currency: opened.currency.clone(),
                version,
                cash: Money::ZERO,
                reserved_cash: Money::ZERO,
                deposited: Money::ZERO,
                realised_pnl: Money::ZERO,
                commission: Money::ZERO,
                holdings: BTreeMap::new(),
                open_orders: OpenOrders::default(),
                last_ordinal: 0,
                undecided: None,
            });
        }
        let mut account = account.ok_or(FoldError::NotOpened {
            event: event.name(),
        })?;
        account.version = version;
        account.evolve(event)?;
        Ok(account)
    }

    fn evolve(&mut self, event: &Event) -> Result<(), FoldError> {
        let amounts = match event {
            Event::CashDeposited(deposit) => self.deposit(deposit.amount),
            Event::OrderSubmitted(order) => {
                self.last_ordinal = order.ordinal;
                self.undecided = Some((order.order_id.clone(), order.ordinal));
                Ok(())
            }
            Event::OrderApproved(approved) => {
                let ordinal = match self.undecided.take() {
                    Some((order_id, ordinal)) if order_id == approved.order_id => ordinal,
                    _ => return Err(FoldError::NotSubmitted(approved.order_id.clone())),
                };
                let order = OpenOrder {
                    ordinal,
                    client_order_id: approved.client_order_id.clone(),
                    terms: approved.terms.clone(),
                    venue: approved.venue.clone(),
                    strategy: approved.strategy.clone(),
                    reservation: approved.reservation,
                    leaves_quantity: approved.terms.quantity,
                };
                self.open_orders
                    .open(approved.order_id.clone(), order)
                    .and_then(|()| self.reserve(approved.reservation))
            }
            Event::OrderRefused(_) => {
                self.undecided = None;
                Ok(())
            }
            Event::FillBooked(fill) => self.book(fill),
            Event::ReservationReleased(released) => self
                .open_orders
                .close(&released.order_id)
                .and_then(|()| self.release(released.released)),
            _ => Ok(()),
        };
        amounts.map_err(|source| FoldError::Amount {
            event: event.name(),
            source,
        })
    }

    fn deposit(&mut self, amount: Money) -> Result<(), AmountError> {
        self.cash = self.cash.checked_add(amount)?;
        self.deposited = self.deposited.checked_add(amount)?;
        Ok(())
    }

    fn reserve(&mut self, reservation: Reservation) -> Result<(), AmountError> {
        self.reserved_cash = self.reserved_cash.checked_add(reservation.cash)?;
        Ok(())
    }

    fn release(&mut self, reservation: Reservation) -> Result<(), AmountError> {
        self.reserved_cash = self.reserved_cash.checked_sub(reservation.cash)?;
        Ok(())
    }

    fn book(&mut self, fill: &FillBooked) -> Result<(), AmountError> {
        self.cash = self.cash.checked_add(fill.cash_change)?;
        self.commission = self.commission.checked_add(fill.commission)?;
        self.realised_pnl = self.realised_pnl.checked_add(fill.realised_pnl)?;
        let holding = self.holdings.entry(fill.symbol.clone()).or_default();
        holding.quantity = holding.quantity.checked_add(fill.quantity_change)?;
        holding.cost = holding.cost.checked_add(fill.cost_change)?;
        if holding.quantity.is_zero() {
            self.holdings.remove(&fill.symbol);
        }
        self.release(fill.reservation_released)?;
        let released = fill.reservation_released;
        self.open_orders
            .execute(&fill.order_id, fill.leaves_quantity, released)
    }

    /// The account's position in `symbol`; flat where there is none.
    pub fn holding(&self, symbol: &Symbol) -> Holding {
        self.holdings.get(symbol).copied().unwrap_or_default()
    }

    /// Cash that no open order holds back.
    pub fn available_cash(&self) -> Result<Money, AmountError> {
        self.cash.checked_sub(self.reserved_cash)
    }

    /// Cash plus all positions at `price_of`; `None` when a price is missing.
    pub fn equity(
        &self,
        price_of: impl Fn(&Symbol) -> Option<Price>,
    ) -> Result<Option<Money>, AmountError> {
        let mut equity = self.cash;
        for (symbol, holding) in &self.holdings {
            let Some(price) = price_of(symbol) else {
                return Ok(None);
            };
            equity = equity.checked_add(holding.quantity.times(price)?)?;
        }
        Ok(Some(equity))
    }
}
