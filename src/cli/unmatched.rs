//! Why a listing of events is empty: what was asked for is not in this log, or nothing of it matches.

use std::collections::BTreeSet;

use super::events::{PAGE_EVENTS, of_account, of_order};
use crate::events::{Event, EventStore, StoreError};
use crate::values::{AccountId, OrderId, Position, StreamName, Version};

/// Most accounts that are named as allowed.
const NAMED_MAX: usize = 10;

/// What was asked for by name.
pub struct Asked<'a> {
    pub stream: Option<&'a StreamName>,
    pub order: Option<&'a OrderId>,
    pub account: Option<&'a AccountId>,
}

pub enum Unmatched {
    /// The log does not know it; says what is allowed.
    Unknown(String),
    /// It knows everything that was named.
    Nothing(String),
}

/// Reads the log once more, from its beginning.
pub async fn explain(store: &dyn EventStore, asked: &Asked<'_>) -> Result<Unmatched, StoreError> {
    let Some(known) = Known::of(store, asked).await? else {
        return Ok(Unmatched::Nothing("the log holds no event".to_owned()));
    };
    if let Some(stream) = asked.stream
        && store
            .read_stream(stream, Version::ZERO, 1)
            .await?
            .is_empty()
    {
        return Ok(Unmatched::Unknown(format!(
            "--stream: there is no stream {stream} in this log; allowed: the stream of an event, \
             which stands before the @ in `blotter events`, for example account-ID or order-ID"
        )));
    }
    if let Some(account) = asked.account.filter(|_| !known.account) {
        return Ok(Unmatched::Unknown(format!(
            "--account: nothing in this log concerns account {account}; allowed: {}",
            known.accounts()
        )));
    }
    if let Some(order) = asked.order.filter(|_| !known.order) {
        return Ok(Unmatched::Unknown(format!(
            "--order: nothing in this log concerns order {order}; allowed: an order_id of \
             `blotter events --type OrderSubmitted`"
        )));
    }
    Ok(Unmatched::Nothing(format!(
        "no event matches; the log holds positions 1 to {}",
        known.head
    )))
}

/// What the whole log knows.
struct Known {
    head: Position,
    order: bool,
    account: bool,
    /// Some of the accounts that were opened, by id.
    opened: BTreeSet<AccountId>,
    has_more: bool,
}

impl Known {
    /// `None` of an empty log.
    async fn of(store: &dyn EventStore, asked: &Asked<'_>) -> Result<Option<Self>, StoreError> {
        let mut known = Self {
            head: Position::ZERO,
            order: false,
            account: false,
            opened: BTreeSet::new(),
            has_more: false,
        };
        loop {
            let page = store.read(known.head, PAGE_EVENTS).await?;
            let Some(last) = page.last() else {
                return Ok((known.head > Position::ZERO).then_some(known));
            };
            known.head = last.position();
            for recorded in &page {
                known.order |= asked.order.is_some_and(|id| of_order(recorded, id));
                known.account |= asked.account.is_some_and(|id| of_account(recorded, id));
                if let Event::AccountOpened(opened) = recorded.event() {
                    known.opened(&opened.account);
                }
            }
        }
    }

    fn opened(&mut self, account: &AccountId) {
        match self.opened.len() < NAMED_MAX {
            true => _ = self.opened.insert(account.clone()),
            false => self.has_more = true,
        }
    }

    fn accounts(&self) -> String {
        if self.opened.is_empty() {
            return "none, no account was opened".to_owned();
        }
        let names: Vec<_> = self.opened.iter().map(AccountId::as_str).collect();
        let more = if self.has_more { ", ..." } else { "" };
        format!("{}{more}", names.join(", "))
    }
}
