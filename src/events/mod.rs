//! What is true: the record of every fact, and the one way to add to it.
//!
//! In the order a fact takes: [`catalogue`] (its shape) -> [`commit`] (what a writer asks to
//! record) -> [`journal`] (group commit: many commits, one fsync) -> [`store`] with its engines
//! [`sqlite`], [`postgres`], [`kurrent`] and [`memory`], opened by [`engine`] -> [`feed`] (what
//! consumers pull). [`envelope`] is the stored record,
//! [`merkle`] its proof, [`plan`] the rules of appending that every engine shares, [`verify`] the
//! check of a whole log, [`copy`] its copy in another store, [`mark`] a place in it that is
//! remembered elsewhere, [`snapshot`] what folds over it came to, [`seeded`] bugs that the tests
//! must catch.
//!
//! Invariants: positions and stream versions are gapless; nothing is published before it is
//! durable; nothing recorded is ever changed.

pub mod catalogue;
pub mod commit;
pub mod copy;
pub mod engine;
pub mod envelope;
pub mod feed;
pub mod journal;
pub mod kurrent;
pub mod mark;
pub mod memory;
pub mod merkle;
mod page;
pub mod plan;
pub mod postgres;
pub mod seeded;
pub mod snapshot;
pub mod sqlite;
pub mod store;
pub mod verify;

pub use catalogue::Event;
pub use commit::{Commit, CommitError, CommitId, Meta, Receipt, Who};
pub use engine::LogUrl;
pub use envelope::{Envelope, Recorded};
pub use feed::{Feed, FeedError, Subscription};
pub use journal::{Journal, JournalState, Writer};
pub use mark::LogMark;
pub use snapshot::{Fold, Snapshots};
pub use store::{EventStore, Lease, OpenMode, StoreError};
