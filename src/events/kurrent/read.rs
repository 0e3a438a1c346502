//! Reading the physical stream, so that its end is the end.
//!
//! Entry points: [`Cursor`] for the entries after a position, [`events`], [`events_at`] and
//! [`stored`] for what the store hands out.
//!
//! A server may end an answer cleanly before the end of the stream, repeat an event, and leave out
//! what was truncated or scavenged. So each event must have the next revision: an earlier one was
//! delivered already and is left out, a later one is damage. The end of an answer is the end of
//! the log only if the stream's last event says so as well.
//!
//! Invariant: bytes that are not what an append wrote never leave here as events; the reader gets
//! everything before them first, then [`StoreError::Damaged`] with the position.

use std::collections::VecDeque;

use super::LOG_STREAM;
use super::connection::{Connection, Found, PAGE_EVENTS};
use super::errors::{CallError, damaged};
use super::record::{Entry, position_of};
use crate::events::envelope::Recorded;
use crate::events::store::{StoreError, StoredCommit};
use crate::values::Position;

/// Answers in a row that end before the end of the log and bring nothing.
const STALLS_MAX: u32 = 3;
/// Positions at most so far apart are read together.
const RUN_GAP_MAX: u64 = 32;
/// A revision is a signed number on the server.
const REVISION_MAX: u64 = i64::MAX as u64;

/// A place in the log. Reads pages ahead.
pub(super) struct Cursor<'c> {
    connection: &'c Connection,
    next: Position,
    page: VecDeque<Entry>,
    /// Damage that comes after `page`.
    damage: Option<StoreError>,
    /// The log goes up to here at least.
    known: Position,
    stalls: u32,
}

impl<'c> Cursor<'c> {
    /// Right after `after`. The log is known to go up to `known` at least.
    pub(super) fn after(connection: &'c Connection, after: Position, known: Position) -> Self {
        Self {
            connection,
            next: Position::new(after.get().saturating_add(1)),
            page: VecDeque::new(),
            damage: None,
            known,
            stalls: 0,
        }
    }

    /// How far the log is known to go.
    pub(super) fn known(&self) -> Position {
        self.known
    }

    /// The next entry; `None` at the end. `wanted` more are going to be asked for.
    pub(super) async fn next(&mut self, wanted: usize) -> Result<Option<Entry>, StoreError> {
        loop {
            if let Some(entry) = self.page.pop_front() {
                return Ok(Some(entry));
            }
            if let Some(damage) = self.damage.take() {
                return Err(damage);
            }
            let revision = self.next.get() - 1;
            if revision > REVISION_MAX || self.is_end(wanted).await? {
                return Ok(None);
            }
            let page = self.connection.page(LOG_STREAM, revision, wanted).await;
            self.take(page.map_err(CallError::reading)?);
        }
    }

    /// Looks at the end of the stream before a page that may go beyond it.
    async fn is_end(&mut self, wanted: usize) -> Result<bool, StoreError> {
        let page = wanted.clamp(1, PAGE_EVENTS) as u64;
        let last_wanted = self.next.get().saturating_add(page - 1);
        if last_wanted <= self.known.get() && self.stalls == 0 {
            return Ok(false);
        }
        let last = self.connection.last(LOG_STREAM).await;
        let last = last.map_err(CallError::reading)?;
        let end = last.map_or(Position::ZERO, |last| position_of(last.revision));
        if end < self.known && end < self.next {
            return Err(damaged(
                self.next,
                format!("it is missing; the log went up to {} before", self.known),
            ));
        }
        self.known = self.known.max(end);
        Ok(end < self.next)
    }

    fn take(&mut self, page: Vec<Found>) {
        let before = self.next;
        for found in page {
            let position = position_of(found.revision);
            if position < self.next {
                continue;
            }
            if position > self.next {
                self.damage = Some(damaged(
                    self.next,
                    format!(
                        "it is missing; {position} follows. The stream {LOG_STREAM} was truncated \
                         or scavenged"
                    ),
                ));
                break;
            }
            match Entry::read(found) {
                Ok(entry) => self.page.push_back(entry),
                Err(error) => {
                    self.damage = Some(error);
                    break;
                }
            }
            self.next = self.next.next();
        }
        self.stalls = match self.next > before || self.damage.is_some() {
            true => 0,
            false => self.stalls + 1,
        };
        if self.stalls > STALLS_MAX {
            self.damage = Some(StoreError::Unavailable(format!(
                "the server ends its answers before position {}, although the log goes up to {}",
                self.next, self.known
            )));
        }
    }
}

/// What was read before the damage; the damage itself once nothing stands before it.
fn so_far<T>(found: Vec<T>, error: StoreError) -> Result<Vec<T>, StoreError> {
    match found.is_empty() {
        true => Err(error),
        false => Ok(found),
    }
}

/// Up to `limit` events after `after`.
pub(super) async fn events(
    connection: &Connection,
    after: Position,
    known: Position,
    limit: usize,
) -> Result<Vec<Recorded>, StoreError> {
    let mut cursor = Cursor::after(connection, after, known);
    let mut found = Vec::new();
    while found.len() < limit {
        let entry = match cursor.next(limit - found.len()).await {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            Err(error) => return so_far(found, error),
        };
        match entry.decode() {
            Ok(recorded) => found.push(recorded),
            Err(error) => return so_far(found, error),
        }
    }
    Ok(found)
}

/// The events at `positions`, which are in order and in the log.
pub(super) async fn events_at(
    connection: &Connection,
    positions: &[Position],
) -> Result<Vec<Recorded>, StoreError> {
    let mut found = Vec::with_capacity(positions.len());
    let is_one_run = |a: &Position, b: &Position| b.get() - a.get() <= RUN_GAP_MAX;
    for run in positions.chunk_by(is_one_run) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            continue;
        };
        let mut cursor = Cursor::after(connection, Position::new(first.get() - 1), *last);
        for position in first.get()..=last.get() {
            let left = usize::try_from(last.get() - position + 1).unwrap_or(usize::MAX);
            let entry = match cursor.next(left).await {
                Ok(Some(entry)) => entry,
                Ok(None) => {
                    let missing = damaged(Position::new(position), "it is missing");
                    return so_far(found, missing);
                }
                Err(error) => return so_far(found, error),
            };
            if run.binary_search(&entry.position).is_err() {
                continue;
            }
            match entry.decode() {
                Ok(recorded) => found.push(recorded),
                Err(error) => return so_far(found, error),
            }
        }
    }
    Ok(found)
}

/// Up to `limit` commits that begin after `after`, as their events say, unchecked.
pub(super) async fn stored(
    connection: &Connection,
    after: Position,
    known: Position,
    limit: usize,
) -> Result<Vec<StoredCommit>, StoreError> {
    let mut cursor = Cursor::after(connection, after, known);
    let mut found: Vec<StoredCommit> = Vec::new();
    let mut open: Option<StoredCommit> = None;
    while found.len() < limit {
        // Small commits are the rule; a page too many costs less than many small ones.
        let wanted = (limit - found.len()).saturating_mul(2);
        let entry = match cursor.next(wanted).await {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            Err(error) => {
                // A commit cut off by damage counts with what there is of it: its reader notices.
                let is_damage = matches!(error, StoreError::Damaged { .. });
                found.extend(open.filter(|_| is_damage));
                return so_far(found, error);
            }
        };
        let goes_on = |commit: &mut StoredCommit| {
            commit.receipt == entry.receipt && commit.records.len() as u64 == entry.index
        };
        match open.take_if(goes_on) {
            Some(mut commit) => {
                commit.records.push(entry.record);
                commit.leaves.push(entry.leaf);
                open = Some(commit);
            }
            // The rest of a commit that begins before.
            None if open.is_none() && found.is_empty() && entry.receipt.first_position <= after => {
            }
            None => {
                found.extend(open.take());
                open = Some(StoredCommit {
                    receipt: entry.receipt,
                    fingerprint: entry.fingerprint,
                    records: vec![entry.record],
                    leaves: vec![entry.leaf],
                });
            }
        }
        let is_whole =
            |commit: &mut StoredCommit| commit.records.len() as u64 == commit.receipt.events;
        found.extend(open.take_if(is_whole));
    }
    found.extend(open.filter(|_| found.len() < limit));
    Ok(found)
}
