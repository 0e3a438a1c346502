//! One snapshot in a file: a line with the hash of the header, the header as JSON on a line, the
//! state as gzip-compressed JSON.
//!
//! Entry points: [`read`], [`header_of`], [`bytes`].
//! Invariant: what is read is exactly what was written, or an error: header and state are hashed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::events::mark::{Disagreement, LogMark};
use crate::events::store::StoreError;
use crate::values::Position;

/// Largest state as JSON in bytes. A larger one is not kept: reading it would take longer than it
/// saves.
pub const STATE_BYTES_MAX: u64 = 256 << 20;
/// Shape of the file.
const FORMAT: u32 = 1;
/// Longest header with its hash and line feeds, in bytes.
const HEADER_BYTES_MAX: u64 = 4_096;
const HEX_HASH_BYTES: usize = 64;

/// Why a snapshot is not used, or not kept.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("it cannot be read or written: {0}")]
    File(#[from] io::Error),
    #[error("it is damaged: {0}")]
    Corrupt(String),
    #[error("it has format {found}, this program uses {FORMAT}")]
    Format { found: u32 },
    #[error("it is of log {found}, not of this one")]
    OtherLog { found: Uuid },
    #[error("it is of fold {found}")]
    OtherFold { found: String },
    #[error("it was made by another version of the fold")]
    OtherVersion,
    #[error("it {0}")]
    Disagrees(Disagreement),
    #[error("its state has more than {STATE_BYTES_MAX} bytes")]
    TooLarge,
    #[error("its state is none of this fold: {0}")]
    State(serde_json::Error),
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl SnapshotError {
    /// A state could not be read or written as JSON.
    pub(super) fn state(error: serde_json::Error) -> Self {
        match error.io_error_kind() {
            // The one writer that refuses is the limit's.
            Some(io::ErrorKind::FileTooLarge) => Self::TooLarge,
            _ => Self::State(error),
        }
    }

    pub(super) fn no_mark() -> Self {
        Self::Corrupt("it does not name the record it ends with".to_owned())
    }
}

/// What a snapshot is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    format: u32,
    pub log_id: Uuid,
    pub fold: String,
    fingerprint: String,
    pub position: Position,
    /// Of the record at `position`, hexadecimal.
    leaf_hash: String,
    /// Length of the compressed state.
    state_bytes: u64,
    /// Of the compressed state, hexadecimal.
    state_sha256: String,
}

impl Header {
    pub fn new(
        log_id: Uuid,
        fold: String,
        fingerprint: String,
        mark: LogMark,
        state: &[u8],
    ) -> Self {
        Self {
            format: FORMAT,
            log_id,
            fold,
            fingerprint,
            position: mark.position,
            leaf_hash: hex::encode(mark.leaf),
            state_bytes: state.len() as u64,
            state_sha256: sha256(state),
        }
    }

    /// The record that the fold ended with.
    pub fn mark(&self) -> Option<LogMark> {
        let mut leaf = [0; 32];
        hex::decode_to_slice(&self.leaf_hash, &mut leaf).ok()?;
        (self.position > Position::ZERO).then_some(LogMark {
            position: self.position,
            leaf,
        })
    }

    pub fn check(&self, log_id: Uuid, fold: &str, fingerprint: &str) -> Result<(), SnapshotError> {
        if self.log_id != log_id {
            return Err(SnapshotError::OtherLog { found: self.log_id });
        }
        if self.fold != fold {
            let found = self.fold.clone();
            return Err(SnapshotError::OtherFold { found });
        }
        match self.fingerprint == fingerprint {
            true => Ok(()),
            false => Err(SnapshotError::OtherVersion),
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A state as it stands in the file.
pub fn compressed(state: &impl Serialize) -> Result<Vec<u8>, SnapshotError> {
    compressed_within(STATE_BYTES_MAX, state)
}

fn compressed_within(bytes_max: u64, state: &impl Serialize) -> Result<Vec<u8>, SnapshotError> {
    let mut limited = Limited {
        inner: GzEncoder::new(Vec::new(), Compression::fast()),
        left: bytes_max,
    };
    serde_json::to_writer(&mut limited, state).map_err(SnapshotError::state)?;
    Ok(limited.inner.finish()?)
}

/// Refuses what goes past a limit.
struct Limited<W> {
    inner: W,
    left: u64,
}

impl<W: Write> Write for Limited<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
        self.inner.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Everything before the state.
pub fn bytes(header: &Header) -> Result<Vec<u8>, SnapshotError> {
    let text = serde_json::to_vec(header).map_err(SnapshotError::State)?;
    let mut bytes = sha256(&text).into_bytes();
    bytes.push(b'\n');
    bytes.extend(text);
    bytes.push(b'\n');
    Ok(bytes)
}

/// The header of the file at `path`, and the file behind it.
pub fn header_of(path: &Path) -> Result<(Header, File), SnapshotError> {
    let corrupt = |reason: &str| SnapshotError::Corrupt(reason.to_owned());
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    (&mut file).take(HEADER_BYTES_MAX).read_to_end(&mut start)?;
    let mut lines = start.splitn(3, |byte| *byte == b'\n');
    let (Some(hash), Some(text), Some(_)) = (lines.next(), lines.next(), lines.next()) else {
        return Err(corrupt("it has no header"));
    };
    if hash.len() != HEX_HASH_BYTES || hash != sha256(text).as_bytes() {
        return Err(corrupt("its header is not what was written"));
    }
    // The format first: another one may have other fields.
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let format: Format = serde_json::from_slice(text).map_err(SnapshotError::State)?;
    if format.format != FORMAT {
        return Err(SnapshotError::Format {
            found: format.format,
        });
    }
    let header = serde_json::from_slice(text).map_err(SnapshotError::State)?;
    let behind = hash.len() + text.len() + 2;
    io::Seek::seek(&mut file, io::SeekFrom::Start(behind as u64))?;
    Ok((header, file))
}

/// The whole file: its header, and the state as JSON.
pub fn read(path: &Path) -> Result<(Header, Vec<u8>), SnapshotError> {
    let (header, file) = header_of(path)?;
    let mut state = Vec::new();
    // One more than there should be, to see that there is no more.
    let bytes = header.state_bytes.min(STATE_BYTES_MAX) + 1;
    file.take(bytes).read_to_end(&mut state)?;
    if state.len() as u64 != header.state_bytes || sha256(&state) != header.state_sha256 {
        let reason = "its state is not what was written".to_owned();
        return Err(SnapshotError::Corrupt(reason));
    }
    let mut json = Vec::new();
    let mut inflated = GzDecoder::new(state.as_slice()).take(STATE_BYTES_MAX + 1);
    inflated.read_to_end(&mut json)?;
    match json.len() as u64 > STATE_BYTES_MAX {
        true => Err(SnapshotError::TooLarge),
        false => Ok((header, json)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_is_too_large_is_not_kept() {
        let state = ["x".repeat(96)];
        let json = serde_json::to_vec(&state).expect("JSON");
        assert_eq!(json.len(), 100);
        let kept = compressed_within(100, &state).expect("it fits");
        let mut inflated = Vec::new();
        let read = GzDecoder::new(kept.as_slice()).read_to_end(&mut inflated);
        assert_eq!((read.expect("inflates"), inflated), (100, json));
        let refused = compressed_within(99, &state);
        assert!(
            matches!(refused, Err(SnapshotError::TooLarge)),
            "{refused:?}"
        );
    }
}
