//! One node a data directory: an advisory lock on a file in it, freed by the system when the
//! process ends, however it ends.

use std::fs::{File, TryLockError};
use std::io::Error;
use std::path::{Path, PathBuf};

const LOCK_FILE: &str = "blotter.lock";

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("data directory {dir}: {source}; give one that can be written, with --data-dir")]
    Unusable { dir: PathBuf, source: Error },
    #[error(
        "data directory {dir} is in use by another blotter process; stop it, or give another \
         directory with --data-dir"
    )]
    Held { dir: PathBuf },
}

/// Holds the data directory for as long as it lives.
#[derive(Debug)]
pub struct DirLock {
    /// Open for as long as the lock is held.
    _file: File,
}

/// Makes `dir` if it is not there, readable by its owner only, and takes it.
pub fn take(dir: &Path) -> Result<DirLock, LockError> {
    let unusable = |source| LockError::Unusable {
        dir: dir.to_owned(),
        source,
    };
    make(dir).map_err(unusable)?;
    let file = File::create(dir.join(LOCK_FILE)).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(DirLock { _file: file }),
        Err(TryLockError::WouldBlock) => Err(LockError::Held {
            dir: dir.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

#[cfg(unix)]
fn make(dir: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
}

#[cfg(not(unix))]
fn make(dir: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(dir)
}
