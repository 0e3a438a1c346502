//! Where one subscription stands: what it has pulled from the feed, queued and sent.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::channel::Channel;
use super::frames::ResetReason;
use crate::events::Recorded;
use crate::values::Position;

/// Rows to be fetched. Answered with [`Session::open`](super::session::Session::open).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    pub channels: Vec<Channel>,
    /// They have to be as of here or later.
    pub as_of: Position,
}

/// Events to be pulled. Answered with [`Session::events`](super::session::Session::events).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pull {
    pub after: Position,
    /// Changes with every new place in the log.
    pub place: u64,
}

/// How a subscription begins, or begins again: with rows.
pub struct Opening {
    pub is_new: bool,
    pub reset: Option<ResetReason>,
    as_of: Position,
}

/// See the module. `queued_to` never passes `pulled_to`, nor `sent_to` `queued_to`.
pub struct Subscription {
    pub channels: Vec<Channel>,
    opening: Option<Opening>,
    place: u64,
    /// Events taken over from the feed, not queued yet.
    waiting: VecDeque<Arc<Recorded>>,
    pulled_to: Position,
    /// Every event up to here was queued, or is of no interest.
    queued_to: Position,
    /// The last event that was handed to the connection.
    sent_to: Position,
}

impl Subscription {
    /// Takes the place of `before`; stands nowhere yet.
    pub fn replacing(before: Option<&Subscription>, channels: Vec<Channel>) -> Self {
        Self {
            channels,
            opening: None,
            place: before.map_or(0, |before| before.place) + 1,
            waiting: VecDeque::new(),
            pulled_to: Position::ZERO,
            queued_to: Position::ZERO,
            sent_to: Position::ZERO,
        }
    }

    /// What follows `position` comes next.
    pub fn stand_at(&mut self, position: Position) {
        self.place += 1;
        self.waiting.clear();
        self.pulled_to = position;
        self.queued_to = position;
        self.sent_to = position;
    }

    /// Begins with rows, whatever their age.
    pub fn begin_with_rows(&mut self, reset: Option<ResetReason>) {
        self.opening = Some(Opening {
            is_new: true,
            reset,
            as_of: Position::ZERO,
        });
    }

    /// Goes on with rows in place of events that are left out. They must be as of the last event
    /// that the client gets: what is queued if that is `kept`, else what was sent.
    pub fn reset(&mut self, reason: ResetReason, kept: bool) {
        self.waiting.clear();
        self.opening = Some(Opening {
            is_new: false,
            reset: Some(reason),
            as_of: match kept {
                true => self.queued_to,
                false => self.sent_to,
            },
        });
    }

    pub fn wants_rows(&self) -> Option<Rows> {
        let with_rows = self.channels.iter().copied();
        Some(Rows {
            channels: with_rows.filter(|channel| channel.has_snapshot()).collect(),
            as_of: self.opening.as_ref()?.as_of,
        })
    }

    /// The rows have come, as of `position` or later.
    pub fn opened(&mut self, position: Position) -> Option<Opening> {
        let opening = self.opening.take()?;
        self.stand_at(position);
        Some(opening)
    }

    pub fn wants_events(&self) -> Option<Pull> {
        let ready = self.opening.is_none() && self.waiting.is_empty();
        ready.then_some(Pull {
            after: self.pulled_to,
            place: self.place,
        })
    }

    pub fn take(&mut self, batch: Vec<Arc<Recorded>>) {
        if let Some(last) = batch.last() {
            self.pulled_to = last.position();
        }
        self.waiting.extend(batch);
    }

    /// The next event of its channels among those that wait, with the first of them.
    pub fn next(&mut self) -> Option<(Channel, Arc<Recorded>)> {
        while let Some(recorded) = self.waiting.pop_front() {
            self.queued_to = recorded.position();
            let mut channels = self.channels.iter();
            if let Some(channel) = channels.find(|channel| channel.carries(recorded.event())) {
                return Some((*channel, recorded));
            }
        }
        None
    }

    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub fn sent(&mut self, position: Position) {
        self.sent_to = position;
    }

    /// Every event up to here was queued; nothing while rows are on their way.
    pub fn queued_to(&self) -> Position {
        match self.opening {
            Some(_) => Position::ZERO,
            None => self.queued_to,
        }
    }
}

/// Each channel once, in the order in which they were named.
pub fn once_each(mut channels: Vec<Channel>) -> Vec<Channel> {
    let mut seen = BTreeSet::new();
    channels.retain(|channel| seen.insert(*channel));
    channels
}
