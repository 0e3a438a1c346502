//! What can be asked of an account. A command's canonical JSON is its fingerprint: two commands
//! with one id must agree in all of it.

use serde::{Deserialize, Serialize};

use crate::values::{AccountId, ClientOrderId, Money, OrderId, OrderTerms, StrategyId, VenueId};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenAccount {
    pub account: AccountId,
    pub name: String,
    pub currency: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositCash {
    pub account: AccountId,
    pub amount: Money,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitOrder {
    pub account: AccountId,
    /// Chosen by the client; `None` takes the order id.
    pub client_order_id: Option<ClientOrderId>,
    pub terms: OrderTerms,
    pub venue: VenueId,
    pub strategy: Option<StrategyId>,
}

impl SubmitOrder {
    /// The id that order `order_id` is sent under.
    pub fn client_order_id(&self, order_id: &OrderId) -> ClientOrderId {
        let chosen = self.client_order_id.clone();
        chosen.unwrap_or_else(|| ClientOrderId::of_order(order_id))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelOrder {
    pub account: AccountId,
    pub order_id: OrderId,
    pub reason: String,
}
