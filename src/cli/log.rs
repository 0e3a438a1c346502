//! Opening a log to look at it.

use crate::app::config::{ConfigErrors, Draft};
use crate::events::StoreError;
use crate::events::sqlite::{OpenMode, SqliteStore};

pub enum LogError {
    Config(ConfigErrors),
    Store(StoreError),
}

/// Opens the configured log for reading; a node may be writing to it meanwhile.
pub async fn open(draft: &Draft) -> Result<SqliteStore, LogError> {
    let path = draft.event_store().map_err(LogError::Config)?;
    if !path.exists() {
        let reason = format!(
            "there is no log at {}; give the data directory of a node with --data-dir",
            path.display()
        );
        return Err(LogError::Store(StoreError::Unavailable(reason)));
    }
    let opened = SqliteStore::open(&path, OpenMode::ReadOnly).await;
    opened.map_err(LogError::Store)
}
