//! How many orders may be on their way to the venue at once, and which wait for a place.
//!
//! An order that waits is approved and nothing more: it is routed, with halts looked at again, when
//! its turn comes. So a venue that is slow makes orders wait, up to the age that an approval may
//! have, rather than putting them in doubt.

use std::collections::{BTreeSet, VecDeque};

use crate::values::OrderId;

/// Most orders on their way to the venue, from `OrderRouted` to the venue's answer.
pub(super) const SENDING_MAX: usize = 64;

#[derive(Default)]
pub(super) struct Window {
    sending: BTreeSet<OrderId>,
    /// In the order in which they came.
    waiting: VecDeque<OrderId>,
    /// The same, to find one.
    queued: BTreeSet<OrderId>,
}

impl Window {
    pub fn has_room(&self) -> bool {
        self.sending.len() < SENDING_MAX
    }

    pub fn begin(&mut self, id: OrderId) {
        self.sending.insert(id);
    }

    pub fn end(&mut self, id: &OrderId) {
        self.sending.remove(id);
    }

    /// Puts an order behind those that wait, once.
    pub fn wait(&mut self, id: OrderId) {
        if self.queued.insert(id.clone()) {
            self.waiting.push_back(id);
        }
    }

    pub fn next_waiting(&mut self) -> Option<OrderId> {
        let id = self.waiting.pop_front()?;
        self.queued.remove(&id);
        Some(id)
    }

    pub fn nobody_waits(&self) -> bool {
        self.waiting.is_empty()
    }
}
