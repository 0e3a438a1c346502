//! Nothing may delete recorded events by itself: what KurrentDB keeps of a stream is a setting.
//!
//! Entry point: [`check`].

use serde_json::Value;

use super::connection::Connection;
use super::errors::CallError;
use crate::events::store::StoreError;

/// The streams whose events are the settings of the log's own two streams.
const SETTINGS: [&str; 2] = ["$$blotter-log", "$$blotter-lease"];
/// Settings that make events disappear: the oldest beyond a number, those beyond an age, those
/// before a revision. Deleting a stream sets the last one.
const TRUNCATING: [&str; 3] = ["$maxCount", "$maxAge", "$tb"];

/// Refuses a log that KurrentDB has been told to truncate.
pub(super) async fn check(connection: &Connection) -> Result<(), StoreError> {
    for stream in SETTINGS {
        let last = connection.last(stream).await.map_err(CallError::reading)?;
        let Some(last) = last else { continue };
        let settings: Value = serde_json::from_slice(&last.data).unwrap_or_default();
        let found = TRUNCATING
            .iter()
            .find(|name| settings.get(name).is_some_and(|value| !value.is_null()));
        if let Some(name) = found {
            return Err(StoreError::Fatal(format!(
                "the metadata of stream {} has {name}, which deletes recorded events; remove it, \
                 then verify the log",
                stream.trim_start_matches('$')
            )));
        }
    }
    Ok(())
}
