//! Orders on their way into the book: whoever gets the book first enters all that wait, in one
//! transaction, so that one fsync serves many.
//!
//! Invariants: an order whose sender was told otherwise, or went away, is not entered any more;
//! what one transaction entered is answered alike.

use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::venues::{NewOrder, VenueError};

/// Most orders of one transaction.
const BATCH_MAX: usize = 256;

type Answer = Result<(), VenueError>;

struct Entry {
    order: NewOrder,
    reply: oneshot::Sender<Answer>,
}

#[derive(Default)]
pub(super) struct Entries(Mutex<Vec<Entry>>);

/// Orders taken out together. Dropped without an answer, their outcome is not known.
pub(super) struct Batch(Vec<Entry>);

impl Entries {
    /// Adds an order behind the others; its answer comes from whoever enters it.
    pub fn add(&self, order: NewOrder) -> oneshot::Receiver<Answer> {
        let (reply, answer) = oneshot::channel();
        self.locked().push(Entry { order, reply });
        answer
    }

    /// Takes what waits, oldest first, without those whose sender does not wait any more.
    pub fn take(&self) -> Batch {
        let mut entries = self.locked();
        entries.retain(|entry| !entry.reply.is_closed());
        let count = entries.len().min(BATCH_MAX);
        Batch(entries.drain(..count).collect())
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    pub fn orders(&self) -> impl Iterator<Item = &NewOrder> {
        self.0.iter().map(|entry| &entry.order)
    }

    pub fn answer(self, answer: &Answer) {
        for entry in self.0 {
            // Whoever sent it may have gone.
            let _ = entry.reply.send(answer.clone());
        }
    }
}
