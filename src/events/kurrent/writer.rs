//! Taking the lease and recording a batch.
//!
//! Entry points: `KurrentStore::take_lease`, `KurrentStore::record`, `KurrentStore::record_stored`.
//!
//! The fence is the revision: an append states the one it believes the log ends at, so whoever
//! appends has folded everything before, with the lease each event was recorded under. See
//! `docs/event-store.md` for why no older holder can record anything once a newer one has.
//!
//! Invariant: the index is not called whole from before an append is sent until its outcome is
//! known, so a lost answer, a panic or a caller that goes away all lead to reading the log again.

use std::sync::atomic::Ordering;

use kurrentdb::EventData;

use super::append::{self, APPEND_BYTES_MAX, Encoded, Fitting};
use super::errors::{CallError, damaged};
use super::index::Index;
use super::record::position_of;
use super::{KurrentStore, LOG_STREAM, lease};
use crate::events::commit::{Commit, CommitError};
use crate::events::plan::{Appended, Head, PlannedCommit, Stamp};
use crate::events::seeded::Bug;
use crate::events::store::{Lease, StoreError, StoredCommit};
use crate::values::{NodeId, Position};

/// How often a batch is planned anew because the log had moved on.
const MOVES_MAX: u32 = 5;
type Answers = Vec<Result<Appended, CommitError>>;

/// What became of a plan.
enum Outcome {
    Recorded(Answers),
    /// The log does not end where the index says; nothing was recorded.
    Moved,
}

/// Commits that go into one append.
struct Part {
    rows: Vec<PlannedCommit>,
    events: Vec<EventData>,
}

/// A later part of a batch whose append got no answer: it may be in the log, or come there yet.
pub(super) struct Unsettled {
    part: Part,
    lease: Lease,
    /// Where the log ended when it was sent.
    before: Position,
}

impl KurrentStore {
    pub(super) async fn take_lease(&self, holder: &NodeId) -> Result<Lease, StoreError> {
        self.check_writable()?;
        let mut turn = self.turn.lock().await;
        self.check_open()?;
        self.is_whole.store(false, Ordering::SeqCst);
        // Whatever an earlier lease of this store left behind is barred by the next append.
        *turn = None;
        self.fold(None).await?;
        let head = self.index().head().clone();
        let lease = lease::take(&self.connection, holder, &head).await?;
        // What the holder before recorded until then.
        self.fold(None).await?;
        self.is_whole.store(true, Ordering::SeqCst);
        Ok(lease)
    }

    pub(super) async fn record(
        &self,
        lease: &Lease,
        stamp: &Stamp,
        batch: &[Commit],
    ) -> Result<Answers, StoreError> {
        let fit = |index: &Index| append::plan_within(index, lease.epoch, stamp, batch);
        self.record_fitting(lease, fit).await
    }

    /// Records what another log has recorded. A part of it may be recorded when it fails.
    pub(super) async fn record_stored(
        &self,
        lease: &Lease,
        commits: &[StoredCommit],
    ) -> Result<Head, StoreError> {
        let fit = |index: &Index| append::import_within(index, lease.epoch, commits);
        let answers = self.record_fitting(lease, fit).await?;
        match answers.into_iter().find_map(Result::err) {
            None => Ok(self.index().head().clone()),
            Some(error) => Err(StoreError::Unavailable(error.to_string())),
        }
    }

    async fn record_fitting(
        &self,
        lease: &Lease,
        fit: impl Fn(&Index) -> Result<Fitting, StoreError>,
    ) -> Result<Answers, StoreError> {
        self.check_writable()?;
        let mut turn = self.turn.lock().await;
        self.check_open()?;
        for _ in 0..MOVES_MAX {
            // An append whose outcome is not known is read back before anything else.
            if !self.is_whole.load(Ordering::SeqCst) {
                self.settle(&mut turn).await?;
            }
            self.check_lease(lease).await?;
            self.is_whole.store(true, Ordering::SeqCst);
            let fitting = fit(&self.index())?;
            match self.write(fitting, lease, &mut turn).await? {
                Outcome::Recorded(answers) => return Ok(answers),
                Outcome::Moved => {}
            }
        }
        Err(StoreError::Fatal(format!(
            "somebody appends to stream {LOG_STREAM} without holding the log's lease"
        )))
    }

    fn check_writable(&self) -> Result<(), StoreError> {
        match self.may_write {
            true => Ok(()),
            false => Err(StoreError::Unavailable(
                "it was opened for reading; open it for writing".to_owned(),
            )),
        }
    }

    /// Asks the server for the current lease. This is also what an empty batch finds out by
    /// whether the database answers.
    async fn check_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        let current = lease::current(&self.connection).await?.epoch;
        if current != lease.epoch && !Bug::LeaseUnchecked.is_on() {
            // From now on others write.
            self.is_whole.store(false, Ordering::SeqCst);
            return Err(StoreError::Fenced {
                held: lease.epoch,
                current,
            });
        }
        let index = self.index();
        match index.epoch() > current {
            false => Ok(()),
            true => Err(damaged(
                index.head().position,
                format!(
                    "it was recorded under lease {}, which nobody took",
                    index.epoch()
                ),
            )),
        }
    }

    /// Writes a plan, in as few appends as it fits in.
    async fn write(
        &self,
        fitting: Fitting,
        lease: &Lease,
        turn: &mut Option<Unsettled>,
    ) -> Result<Outcome, StoreError> {
        let Fitting { rows, answers } = fitting;
        let mut left = rows.into_iter().peekable();
        let mut is_first = true;
        while left.peek().is_some() {
            let part = Part::of(&mut left);
            let before = self.index().head().position;
            match self.send(&part, lease).await {
                Ok(()) => {}
                Err(CallError::Moved { .. }) if is_first => return Ok(Outcome::Moved),
                Err(error) if is_first => return Err(error.appending()),
                Err(error) if error.is_certain() => {
                    let reason = format!("a part of its batch was not recorded: {error:?}");
                    let recorded = self.index().head().position;
                    let answers = append::cut_off(answers, recorded, &reason);
                    return Ok(Outcome::Recorded(answers));
                }
                // What was recorded of the batch stands, so it cannot be recorded anew as a whole.
                Err(error) => {
                    let lease = lease.clone();
                    *turn = Some(Unsettled {
                        part,
                        lease,
                        before,
                    });
                    return Err(error.appending());
                }
            }
            is_first = false;
        }
        Ok(Outcome::Recorded(answers))
    }

    /// One append. Unless it passes, or certainly never happened, the index is not whole any more.
    async fn send(&self, part: &Part, lease: &Lease) -> Result<(), CallError> {
        let end = part
            .rows
            .last()
            .map(|row| row.appended.receipt.last_position());
        let expected = self.index().head().position.get().checked_sub(1);
        self.is_whole.store(false, Ordering::SeqCst);
        let sent = self
            .connection
            .append(LOG_STREAM, expected, part.events.clone());
        match sent.await {
            Ok(last) if Some(position_of(last)) == end => {
                let mut index = self.index_mut();
                part.rows.iter().for_each(|row| index.add(row, lease.epoch));
                self.is_whole.store(true, Ordering::SeqCst);
                Ok(())
            }
            // Not what was sent; what it is will be read back.
            Ok(last) => Err(CallError::Broken(format!(
                "the server says that it recorded up to revision {last}"
            ))),
            Err(error) => {
                let nothing_moved = error.is_certain() && !matches!(error, CallError::Moved { .. });
                let whole = nothing_moved || Bug::LostAppendForgotten.is_on();
                self.is_whole.store(whole, Ordering::SeqCst);
                Err(error)
            }
        }
    }

    /// Reads what the index has not seen, and makes certain what became of a part that got lost:
    /// sent again to the same end of the log, it either passes and bars the lost one, or finds
    /// that the log has moved on.
    pub(super) async fn settle(&self, turn: &mut Option<Unsettled>) -> Result<(), StoreError> {
        self.fold(None).await?;
        let Some(Unsettled {
            part,
            lease,
            before,
        }) = turn.as_ref()
        else {
            return Ok(());
        };
        if self.index().head().position == *before {
            self.check_lease(lease).await?;
            match self.send(part, lease).await {
                Ok(()) => {}
                Err(CallError::Moved { .. }) => self.fold(None).await?,
                Err(error) => return Err(error.appending()),
            }
        }
        *turn = None;
        Ok(())
    }
}

impl Part {
    /// Takes as many commits as one append can hold; one at least.
    fn of(left: &mut std::iter::Peekable<impl Iterator<Item = Encoded>>) -> Self {
        let (mut rows, mut events) = (Vec::new(), Vec::new());
        let mut bytes = 0;
        while let Some(commit) =
            left.next_if(|next| rows.is_empty() || bytes + next.bytes <= APPEND_BYTES_MAX)
        {
            bytes += commit.bytes;
            rows.push(commit.row);
            events.extend(commit.events);
        }
        Self { rows, events }
    }
}
