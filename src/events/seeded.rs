//! Known bugs, each switched on alone by the tests that have to catch it (`tests/store/seeded.rs`).
//!
//! Entry point: [`Bug::is_on`]. Without the feature `failpoints` it is `false` when compiled, and
//! the program has none of them.

/// What could be wrong with an event store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Every engine: the stream's version is not compared.
    VersionUnchecked,
    /// Every engine: the version is compared before the commit id is looked for.
    VersionBeforeCommitId,
    /// Every engine: another command under a known commit id gets the first one's receipt.
    FingerprintIgnored,
    /// Every engine: a refused commit uses a position up.
    PositionGap,
    /// SQLite, KurrentDB, memory: an older lease may append.
    LeaseUnchecked,
    /// SQLite: an append is answered, and committed by the one after it.
    AckBeforeCommit,
    /// SQLite: rows and head are two transactions.
    TornBatch,
    /// SQLite: the head moves on, and the batch's first row is not written.
    HeadWithoutRows,
    /// PostgreSQL: a commit is answered before it is on the server's disk.
    LazyCommit,
    /// PostgreSQL: what was not recorded, because another writer was faster, is answered.
    LostRaceAnswered,
    /// PostgreSQL: the end of the log comes from another statement than the rows.
    HeadApart,
    /// KurrentDB: after an append without an answer the log is not read again.
    LostAppendForgotten,
    /// Journal: an unknown outcome is answered as not recorded.
    UnknownIsUnrecorded,
    /// Journal: after an unknown outcome the batch is appended under new ids.
    NewIdsAfterUnknown,
    /// Journal: a repetition of what was never published is taken for an answer.
    LateLandingIgnored,
    /// Feed: a subscription that comes back leaves an event out.
    SubscriptionSkips,
}

impl Bug {
    pub const ALL: [Self; 16] = [
        Self::VersionUnchecked,
        Self::VersionBeforeCommitId,
        Self::FingerprintIgnored,
        Self::PositionGap,
        Self::LeaseUnchecked,
        Self::AckBeforeCommit,
        Self::TornBatch,
        Self::HeadWithoutRows,
        Self::LazyCommit,
        Self::LostRaceAnswered,
        Self::HeadApart,
        Self::LostAppendForgotten,
        Self::UnknownIsUnrecorded,
        Self::NewIdsAfterUnknown,
        Self::LateLandingIgnored,
        Self::SubscriptionSkips,
    ];

    #[inline]
    pub(super) fn is_on(self) -> bool {
        fail::fail_point!(&format!("seeded::{self:?}"), |_| true);
        false
    }
}
