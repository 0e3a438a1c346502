//! What waits for an actor: how much, and that it has an end. actix neither tells the one nor keeps
//! the other (each clone of an address has a place of its own beyond the capacity), so the messages
//! count themselves, and each holds a place while it waits.
//!
//! What goes into a mailbox is a [`Mail`]: it is counted from when it is sent until the actor opens
//! it, or until it is dropped unread, which is what becomes of a dying actor's mailbox. Nothing has
//! to be taken back by hand, so a rebuilt actor starts at what really waits for it.

use actix::Message;
use metrics::{Gauge, gauge};
use tokio::sync::OwnedSemaphorePermit;

/// A message on its way to an actor.
pub struct Mail<M> {
    message: M,
    _waiting: Waiting,
    _place: OwnedSemaphorePermit,
}

impl<M> Mail<M> {
    /// Takes the message up: it waits no longer.
    pub fn open(self) -> M {
        self.message
    }
}

impl<M: Message> Message for Mail<M> {
    type Result = M::Result;
}

/// The messages that wait for one actor, whatever they ask.
#[derive(Clone)]
pub(super) struct Depth(Gauge);

impl Depth {
    /// Shown as `blotter_mailbox_depth` from now on. All who ask for the same `actor` share it.
    pub(super) fn of(actor: &str) -> Self {
        let depth = gauge!("blotter_mailbox_depth", "actor" => actor.to_owned());
        depth.increment(0);
        Self(depth)
    }

    /// Makes `message` ready to be sent in `place`; it counts as waiting.
    pub(super) fn mail<M>(&self, message: M, place: OwnedSemaphorePermit) -> Mail<M> {
        self.0.increment(1);
        Mail {
            message,
            _waiting: Waiting(self.0.clone()),
            _place: place,
        }
    }
}

/// One message that waits.
struct Waiting(Gauge);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
