//! Opening a log to look at it.

use crate::app::config::{ConfigErrors, Draft};
use std::sync::Arc;

use crate::events::{EventStore, LogUrl, OpenMode, StoreError};

pub enum LogError {
    Config(ConfigErrors),
    Store(StoreError),
}

/// Opens the configured log for reading; a node may be writing to it meanwhile.
pub async fn open(draft: &Draft) -> Result<Arc<dyn EventStore>, LogError> {
    let url = draft.event_store().map_err(LogError::Config)?;
    let remedy = "give the data directory of a node with --data-dir";
    open_at(&url, remedy).await.map_err(LogError::Store)
}

/// The same of the log at `url`; `remedy` is what to do when there is none.
pub async fn open_at(url: &LogUrl, remedy: &str) -> Result<Arc<dyn EventStore>, StoreError> {
    if let LogUrl::Sqlite(path) = url
        && !path.exists()
    {
        let reason = format!("there is no log at {}; {remedy}", path.display());
        return Err(StoreError::Unavailable(reason));
    }
    url.open(OpenMode::ReadOnly).await
}
