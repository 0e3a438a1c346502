//! What clients saw: every call with the moments it was made and answered, and the log in the end.

use blotter::events::{CommitId, Receipt};
use blotter::values::StreamName;
use blotter::values::canonical::Hash;

/// A moment. All are drawn from one counter, so of two one is certainly the earlier.
pub type Tick = u64;

/// From when something was asked for to when it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: Tick,
    /// `Tick::MAX` where no answer ever came.
    pub to: Tick,
}

#[derive(Debug, Clone, Default)]
pub struct History {
    pub calls: Vec<Call>,
    pub lookups: Vec<Lookup>,
    pub pages: Vec<Page>,
    pub sights: Vec<Sight>,
    pub leases: Vec<LeaseTaken>,
    /// Errors of the store that nothing which was done to it explains.
    pub failures: Vec<String>,
    pub log: Vec<Logged>,
    /// Where the store says that the log ends.
    pub head: u64,
}

/// A commit that was asked for.
#[derive(Debug, Clone)]
pub struct Call {
    pub client: String,
    pub span: Span,
    pub commit: CommitId,
    pub fingerprint: Hash,
    pub stream: StreamName,
    pub expected: u64,
    pub events: u64,
    /// Set by a writer that looks ahead: it decides on top of its calls before this one.
    pub generation: Option<u64>,
    /// The lease it was asked for under.
    pub epoch: u64,
    pub answer: Answer,
    /// Where the feed ended once the answer was there; `None` without a journal.
    pub published: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// By this call.
    Recorded(Receipt),
    /// By an earlier call of the same command.
    Repeated(Receipt),
    Conflict {
        actual: u64,
    },
    Mismatch,
    Superseded,
    /// For any other reason, and certainly not recorded.
    NotRecorded(String),
    Fenced {
        current: u64,
    },
    Unknown,
}

impl Answer {
    /// Where the log is said to hold the commit.
    pub fn receipt(&self) -> Option<&Receipt> {
        match self {
            Self::Recorded(receipt) | Self::Repeated(receipt) => Some(receipt),
            _ => None,
        }
    }
}

/// A commit id that was looked up.
#[derive(Debug, Clone)]
pub struct Lookup {
    pub span: Span,
    pub commit: CommitId,
    pub found: Option<(Hash, Receipt)>,
}

/// A read of the log, or of one stream.
#[derive(Debug, Clone)]
pub struct Page {
    pub span: Span,
    pub stream: Option<StreamName>,
    /// A position, or a version of the stream.
    pub after: u64,
    pub limit: usize,
    /// Position and leaf hash of each event; or what went wrong.
    pub events: Result<Vec<(u64, Hash)>, String>,
}

/// What one subscriber was given.
#[derive(Debug, Clone)]
pub struct Sight {
    pub subscriber: String,
    pub after: u64,
    pub seen: Vec<Seen>,
    /// Why it got no more, where that was not its own wish.
    pub failure: Option<String>,
}

#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub position: u64,
    pub leaf: Hash,
    /// Where the store said right afterwards that the log ends.
    pub durable: u64,
}

#[derive(Debug, Clone)]
pub struct LeaseTaken {
    pub client: String,
    pub span: Span,
    pub epoch: u64,
}

/// A commit in the log.
#[derive(Debug, Clone)]
pub struct Logged {
    pub receipt: Receipt,
    pub fingerprint: Hash,
    pub leaves: Vec<Hash>,
}
