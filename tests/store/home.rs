//! Where a log is kept, on each engine, so that it can be opened more than once.

use std::sync::Arc;

use blotter::events::memory::MemoryStore;
use blotter::events::{EventStore, LogUrl, OpenMode};
use tempfile::TempDir;

use crate::kurrent_double::{AppendFault, Double};
use crate::postgres::server::Server;
use crate::seeded::arm;
use crate::support::LOG_ID;
use crate::torture::Random;

pub enum Home {
    /// The one store: what is in memory cannot be opened twice.
    Memory(Arc<MemoryStore>),
    File(TempDir),
    Database(Server),
    Kurrent(Double),
}

impl Home {
    pub fn memory() -> Self {
        arm();
        Self::Memory(Arc::new(MemoryStore::new(LOG_ID)))
    }

    pub fn file() -> Self {
        Self::File(tempfile::tempdir().expect("a directory"))
    }

    pub fn database() -> Self {
        Self::Database(Server::start())
    }

    pub fn kurrent() -> Self {
        Self::Kurrent(Double::start())
    }

    /// As another program would open it.
    pub async fn open(&self) -> Arc<dyn EventStore> {
        match self {
            Self::Memory(store) => store.clone(),
            _ => open(&self.url()).await,
        }
    }

    /// Lets the next append go wrong on its way, where that can be arranged.
    pub fn trouble(&self, random: &mut Random) {
        let faults = [
            AppendFault::BrokenRecorded,
            AppendFault::BrokenLost,
            AppendFault::OutOfTimeRecorded,
            AppendFault::EmptyAnswer,
            AppendFault::Twice,
        ];
        if let Self::Kurrent(double) = self {
            let drawn = random.below(faults.len() as u64);
            double.fail_append(faults[usize::try_from(drawn).expect("few")].clone());
        }
    }

    pub fn url(&self) -> String {
        match self {
            Self::Memory(_) => panic!("a log in memory has no address"),
            Self::File(dir) => format!("sqlite:{}", dir.path().join("events.db").display()),
            Self::Database(server) => server.owner_url(),
            Self::Kurrent(double) => double.url(),
        }
    }
}

pub async fn open(url: &str) -> Arc<dyn EventStore> {
    arm();
    let url: LogUrl = url.parse().expect("an address");
    let mode = OpenMode::CreateOrOpen { new_log_id: LOG_ID };
    url.open(mode).await.expect("opens")
}
