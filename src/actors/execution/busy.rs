//! Which orders have something under way: decisions on their way to disk, calls to the venue.

use std::collections::BTreeMap;

use crate::values::OrderId;

/// Counts, because a report may be on its way to disk while a call is still out.
#[derive(Default)]
pub(super) struct Busy(BTreeMap<OrderId, u32>);

impl Busy {
    pub fn begin(&mut self, id: &OrderId) {
        *self.0.entry(id.clone()).or_default() += 1;
    }

    pub fn end(&mut self, id: &OrderId) {
        if let Some(count) = self.0.get_mut(id) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(id);
            }
        }
    }

    pub fn contains(&self, id: &OrderId) -> bool {
        self.0.contains_key(id)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
