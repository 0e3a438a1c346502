//! An account's open orders, with what they may still execute added up: a decision must not have
//! to walk through all of them.

use std::collections::BTreeMap;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::state::OpenOrder;
use crate::events::catalogue::Reservation;
use crate::values::{AmountError, OrderId, Quantity, Side, Symbol, pairs};

/// Reads like the map of orders by id; changes keep the totals.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OpenOrders {
    orders: BTreeMap<OrderId, OpenOrder>,
    /// Units still to be executed, by what would be bought or sold; without zeros.
    #[serde(with = "pairs")]
    leaves: BTreeMap<(Symbol, Side), Quantity>,
}

impl Deref for OpenOrders {
    type Target = BTreeMap<OrderId, OpenOrder>;

    fn deref(&self) -> &Self::Target {
        &self.orders
    }
}

impl OpenOrders {
    /// Units of `symbol` that orders on `side` may still execute.
    pub fn leaves(&self, symbol: &Symbol, side: Side) -> Quantity {
        let key = (symbol.clone(), side);
        self.leaves.get(&key).copied().unwrap_or(Quantity::ZERO)
    }

    pub(super) fn open(&mut self, id: OrderId, order: OpenOrder) -> Result<(), AmountError> {
        let change = order.leaves_quantity;
        self.add(&order, change)?;
        self.orders.insert(id, order);
        Ok(())
    }

    pub(super) fn close(&mut self, id: &OrderId) -> Result<(), AmountError> {
        let Some(order) = self.orders.remove(id) else {
            return Ok(());
        };
        let gone = Quantity::ZERO.checked_sub(order.leaves_quantity)?;
        self.add(&order, gone)
    }

    /// Part of the order was executed; it is closed when nothing is left of it.
    pub(super) fn execute(
        &mut self,
        id: &OrderId,
        leaves: Quantity,
        released: Reservation,
    ) -> Result<(), AmountError> {
        let Some(mut order) = self.orders.remove(id) else {
            return Ok(());
        };
        let change = leaves.checked_sub(order.leaves_quantity)?;
        self.add(&order, change)?;
        order.leaves_quantity = leaves;
        order.reservation.cash = order.reservation.cash.checked_sub(released.cash)?;
        order.reservation.quantity = order.reservation.quantity.checked_sub(released.quantity)?;
        if !leaves.is_zero() {
            self.orders.insert(id.clone(), order);
        }
        Ok(())
    }

    fn add(&mut self, order: &OpenOrder, change: Quantity) -> Result<(), AmountError> {
        let key = (order.terms.symbol.clone(), order.terms.side);
        let total = self.leaves.entry(key.clone()).or_insert(Quantity::ZERO);
        *total = total.checked_add(change)?;
        if total.is_zero() {
            self.leaves.remove(&key);
        }
        Ok(())
    }
}
