//! The one connection that writes, and what becomes of an append whose answer is lost.
//!
//! Entry points: [`Writer::append`], [`Writer::import`] and [`Writer::take_lease`].
//! Invariants: an append is two trips to the server, facts and record, and only the second can
//! change anything; a node is told that nothing was recorded only when nothing can be any more;
//! after the log has gone back nothing is written.

use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use super::address::PostgresUrl;
use super::append::{self, HeadRow};
use super::connections::{Connections, Lent};
use super::errors::{Failure, of_reading};
use super::read::lookup;
use super::schema;
use super::server::Access;
use crate::events::commit::{Commit, CommitError};
use crate::events::plan::{Appended, Facts, Head, Plan, Stamp, imported, plan};
use crate::events::seeded::Bug;
use crate::events::store::{Lease, StoreError, StoredCommit};
use crate::values::{NodeId, Position};

/// How often another writer may be faster before it counts as busy.
const ATTEMPTS_MAX: u32 = 5;
/// Most bytes of records in one statement; PostgreSQL takes a message of 1 GiB.
const BATCH_BYTES_MAX: usize = 512 << 20;

type Answers = Vec<Result<Appended, CommitError>>;

pub(super) struct Writer {
    connections: Connections,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How far the log has certainly been: its position and its transactions.
    seen: (Position, i64),
    /// Why nothing may be written any more.
    failed: Option<StoreError>,
}

impl Writer {
    pub(super) fn new(url: &PostgresUrl, log_id: Uuid) -> Self {
        Self {
            connections: Connections::new(url, Access::Writing, log_id, 1),
            state: Mutex::default(),
        }
    }

    /// Records a batch; on disk when it returns.
    pub(super) async fn append(
        &self,
        lease: &Lease,
        stamp: &Stamp,
        batch: &[Commit],
    ) -> Result<Answers, StoreError> {
        self.may_write()?;
        let planned = |facts| Ok(plan(facts, stamp, batch));
        let recorded = self.record(lease, batch, planned).await;
        match recorded {
            Ok(plan) => Ok(plan.answers),
            Err(error) => Err(self.give_up(error)),
        }
    }

    /// Records what another log has recorded; on disk when it returns.
    pub(super) async fn import(
        &self,
        lease: &Lease,
        commits: &[StoredCommit],
    ) -> Result<Head, StoreError> {
        self.may_write()?;
        let planned = |facts: Facts| imported(facts.head, commits);
        match self.record(lease, &[], planned).await {
            Ok(plan) => Ok(plan.head),
            Err(error) => Err(self.give_up(error)),
        }
    }

    /// Makes `holder` the writer. When the answer is lost the lease may have been taken: it is
    /// taken again.
    pub(super) async fn take_lease(&self, holder: &NodeId) -> Result<Lease, StoreError> {
        self.may_write()?;
        let mut lent = self.connections.lend().await?;
        let taken = append::take_lease(lent.connection(), holder).await;
        match lent.conclude(taken) {
            Ok((lease, position)) => {
                self.remember(position, 0);
                Ok(lease)
            }
            Err(Failure::Refused(error)) => Err(self.give_up(error)),
            Err(Failure::Lost(reason)) => Err(StoreError::Indeterminate(reason)),
        }
    }

    pub(super) async fn grant(&self, role: &str) -> Result<(), StoreError> {
        let mut lent = self.connections.lend().await?;
        let granted = schema::grant(lent.connection(), role).await;
        lent.conclude(granted).map_err(of_reading)
    }

    pub(super) async fn close(&self) {
        let closed = StoreError::Unavailable("the event store was closed".into());
        self.state().failed = Some(closed);
        self.connections.close().await;
    }

    /// Records what `planned` makes of what the log says about `batch`.
    async fn record(
        &self,
        lease: &Lease,
        batch: &[Commit],
        planned: impl Fn(Facts) -> Result<Plan, StoreError>,
    ) -> Result<Plan, StoreError> {
        for _ in 0..ATTEMPTS_MAX {
            let (mut lent, head, facts) = self.facts(batch).await?;
            let allowed = self.allows(&head, lease);
            let plan = match allowed.and_then(|()| planned(facts)) {
                Ok(plan) => plan,
                Err(error) => {
                    lent.give_back();
                    return Err(error);
                }
            };
            if bytes_in(&plan) > BATCH_BYTES_MAX {
                lent.give_back();
                return Err(StoreError::Unavailable(format!(
                    "a batch has more than {BATCH_BYTES_MAX} bytes of records"
                )));
            }
            let recorded = append::record(lent.connection(), lease, head.transactions, &plan).await;
            match lent.conclude(recorded) {
                Ok(true) => {
                    self.remember(plan.head.position, head.transactions + 1);
                    return Ok(plan);
                }
                Ok(false) if Bug::LostRaceAnswered.is_on() => return Ok(plan),
                Ok(false) => {}
                Err(Failure::Refused(error)) => return Err(error),
                Err(Failure::Lost(reason)) => return self.settle(lease, plan, reason).await,
            }
        }
        Err(StoreError::Busy(
            "others wrote to it each time in between".into(),
        ))
    }

    /// What the log says about a batch, and the connection that it said it on.
    async fn facts(&self, batch: &[Commit]) -> Result<(Lent<'_>, HeadRow, Facts), StoreError> {
        loop {
            let mut lent = self.connections.lend_unasked().await?;
            match append::facts(lent.connection(), batch).await {
                Ok((head, facts)) => return Ok((lent, head, facts)),
                // The server has closed it since its last use; the next one is new.
                Err(Failure::Lost(_)) if lent.is_used => {}
                Err(failure) => return Err(of_reading(failure)),
            }
        }
    }

    /// Refuses to write under an old lease, or to a log that is shorter than it was.
    fn allows(&self, head: &HeadRow, lease: &Lease) -> Result<(), StoreError> {
        let (position, transactions) = self.state().seen;
        if head.head.position < position || head.transactions < transactions {
            return Err(StoreError::Fatal(format!(
                "the log ends at position {} after {} transactions; it has been at {position} \
                 after {transactions}: a failover or a restore lost what had been confirmed",
                head.head.position, head.transactions
            )));
        }
        if head.lease_epoch != lease.epoch {
            return Err(StoreError::Fenced {
                held: lease.epoch,
                current: head.lease_epoch,
            });
        }
        Ok(())
    }

    /// Finds out what became of `plan` after the connection was lost while it was recorded. It may
    /// still be on its way in the server: the fence keeps it out for good, and then the log tells.
    async fn settle(&self, lease: &Lease, plan: Plan, reason: String) -> Result<Plan, StoreError> {
        let unknown = |why: &dyn std::fmt::Display| {
            StoreError::Indeterminate(format!("{reason}, and then: {why}"))
        };
        let mut lent = self
            .connections
            .lend()
            .await
            .map_err(|error| unknown(&error))?;
        let settled = async {
            let is_ours = append::fence(lent.connection(), lease).await?;
            let found = match plan.rows.first() {
                Some(row) => lookup(lent.connection(), row.appended.receipt.commit_id).await?,
                None => None,
            };
            let head = append::read_head(lent.connection()).await?;
            Ok((is_ours, found, head))
        };
        let settled = settled.await;
        let (is_ours, found, head) = match lent.conclude(settled) {
            Ok(settled) => settled,
            Err(failure) => return Err(unknown(&of_reading(failure))),
        };
        match (found, plan.rows.first()) {
            (Some((_, found)), Some(row)) if found == row.appended.receipt => Ok(plan),
            // Recorded by an earlier attempt of the same batch, that one's answers are right.
            (Some(_), _) => Err(unknown(&"it is in the log as another append left it")),
            (None, _) if is_ours => Err(StoreError::Busy(reason)),
            (None, _) => Err(StoreError::Fenced {
                held: lease.epoch,
                current: head.lease_epoch,
            }),
        }
    }

    fn may_write(&self) -> Result<(), StoreError> {
        match &self.state().failed {
            Some(failed) => Err(failed.clone()),
            None => Ok(()),
        }
    }

    fn remember(&self, position: Position, transactions: i64) {
        let seen = &mut self.state().seen;
        *seen = (seen.0.max(position), seen.1.max(transactions));
    }

    /// Hands `error` on; after a fatal one nothing is written again.
    fn give_up(&self, error: StoreError) -> StoreError {
        if matches!(error, StoreError::Fatal(_)) {
            self.state().failed = Some(error.clone());
        }
        error
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bytes_in(plan: &Plan) -> usize {
    let records = plan.rows.iter().flat_map(|row| &row.appended.records);
    records.map(|recorded| recorded.record.len()).sum()
}
