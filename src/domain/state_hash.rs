//! The state hash: one number for what a log amounts to, specified in `docs/state-hash.md` so that
//! a second program can compute it from the events.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use crate::domain::account::Account;
use crate::domain::ledger::{Ledger, OrderRecord};
use crate::events::catalogue::HaltScope;
use crate::values::AccountId;
use crate::values::canonical::{self, CanonicalError, Hash};

/// SHA-256 over the canonical JSON of accounts, orders, positions, halts and strategies.
pub fn state_hash(ledger: &Ledger) -> Result<Hash, CanonicalError> {
    canonical::hash(&state(ledger))
}

fn state(ledger: &Ledger) -> Value {
    let mut accounts: Vec<&Account> = ledger.accounts.values().collect();
    accounts.sort_by(|a, b| a.name.cmp(&b.name));
    let mut strategies: Vec<_> = ledger.strategies.values().collect();
    strategies.sort_by(|a, b| a.registered.name.cmp(&b.registered.name));
    let account_name =
        |id: &AccountId| ledger.accounts.get(id).map(|account| account.name.as_str());
    let mut halts: Vec<_> = ledger
        .halts
        .engaged
        .iter()
        .map(|(scope, engaged)| (scope_name(scope), key_name(ledger, scope), engaged.mode))
        .collect();
    halts.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    json!({
        "accounts": accounts.iter().map(|account| account_state(ledger, account)).collect::<Vec<_>>(),
        "halts": halts.iter().map(|(scope, key, mode)| json!({
            "scope": scope,
            "key": key,
            "mode": mode,
        })).collect::<Vec<_>>(),
        "strategies": strategies.iter().map(|strategy| json!({
            "name": strategy.registered.name,
            "account": account_name(&strategy.registered.account),
            "status": strategy.status.name(),
            "signals": strategy.signals,
        })).collect::<Vec<_>>(),
    })
}

fn account_state(ledger: &Ledger, account: &Account) -> Value {
    let mut orders: Vec<&OrderRecord> = ledger
        .orders
        .values()
        .filter(|order| order.account == account.id)
        .collect();
    orders.sort_by_key(|order| order.ordinal);
    json!({
        "name": account.name,
        "currency": account.currency,
        "cash": account.cash,
        "commission": account.commission,
        "realised_pnl": account.realised_pnl,
        "reserved_cash": account.reserved_cash,
        "positions": account.holdings.iter().map(|(symbol, holding)| json!({
            "symbol": symbol,
            "quantity": holding.quantity,
            "cost": holding.cost,
        })).collect::<Vec<_>>(),
        "orders": orders.into_iter().map(order_state).collect::<Vec<_>>(),
    })
}

fn order_state(order: &OrderRecord) -> Value {
    json!({
        "ordinal": order.ordinal,
        "symbol": order.terms.symbol,
        "side": order.terms.side,
        "type": order.terms.order_type.name(),
        "limit_price": order.terms.order_type.limit_price(),
        "time_in_force": order.terms.time_in_force,
        "quantity": order.terms.quantity,
        "status": order.status.name(),
        "filled_quantity": order.filled_quantity,
        "filled_notional": order.filled_notional,
    })
}

fn scope_name(scope: &HaltScope) -> &'static str {
    match scope {
        HaltScope::Firm => "firm",
        HaltScope::Account(_) => "account",
        HaltScope::Strategy(_) => "strategy",
        HaltScope::Instrument(_) => "instrument",
        HaltScope::Venue(_) => "venue",
    }
}

/// Whom a switch concerns, by name where there is one; the firm has no key.
fn key_name(ledger: &Ledger, scope: &HaltScope) -> Option<String> {
    match scope {
        HaltScope::Firm => None,
        HaltScope::Account(id) => {
            let account = ledger.accounts.get(id);
            Some(account.map_or_else(|| id.to_string(), |account| account.name.clone()))
        }
        HaltScope::Strategy(id) => {
            let strategy = ledger.strategies.get(id);
            Some(strategy.map_or_else(|| id.to_string(), |found| found.registered.name.clone()))
        }
        HaltScope::Instrument(symbol) => Some(symbol.to_string()),
        HaltScope::Venue(id) => Some(id.to_string()),
    }
}
