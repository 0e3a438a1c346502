//! The folder of snapshots: `FOLD@POSITION.snapshot`, a few of each fold.
//!
//! Invariants: a file that has its name is whole and on disk; only its owner may read it; no more than
//! [`FILES_MAX`] of a fold stay.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::file::{self, Header, SnapshotError};
use crate::values::Position;

/// Snapshots of one fold that stay: the newest, and the one before in case it is damaged.
const FILES_MAX: usize = 2;
const ENDING: &str = ".snapshot";
/// While it is being written.
const DRAFT_ENDING: &str = ".new";
/// Digits of the largest position, so that names sort like positions.
const POSITION_DIGITS: usize = 20;

pub struct Folder {
    path: PathBuf,
}

impl Folder {
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The files of a fold, newest first; those that others put there included.
    pub fn of_fold(&self, fold: &str) -> Vec<PathBuf> {
        let mut found = self.files();
        found.retain(|path| fold_of(path) == Some(fold));
        found.sort_unstable();
        found.reverse();
        found
    }

    /// Every file that is named like a snapshot. None where there is no folder.
    fn files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        paths.filter(|path| fold_of(path).is_some()).collect()
    }

    /// The headers of all files that have a good one.
    pub fn headers(&self) -> Vec<(PathBuf, Header)> {
        let files = self.files().into_iter();
        let readable = files.filter_map(|path| {
            let (header, _) = file::header_of(&path).ok()?;
            Some((path, header))
        });
        readable.collect()
    }

    /// Writes a snapshot, whole or not at all, and removes older ones of its fold.
    pub fn write(&self, header: &Header, state: &[u8]) -> Result<(), SnapshotError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)?;
        let name = name_of(&header.fold, header.position);
        // Without the position: one that was cut short is overwritten by the next.
        let draft = self.path.join(format!("{}{DRAFT_ENDING}", header.fold));
        remove(&draft)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        file.write_all(&file::bytes(header)?)?;
        file.write_all(state)?;
        file.sync_all()?;
        let path = self.path.join(name);
        fs::rename(&draft, &path)?;
        File::open(&self.path)?.sync_all()?;
        self.prune(&header.fold, &path)?;
        Ok(())
    }

    /// Keeps `newest` and the ones before it. What stands after it was not used, or it would not
    /// have been written.
    fn prune(&self, fold: &str, newest: &Path) -> io::Result<()> {
        let files = self.of_fold(fold);
        let older = files.iter().filter(|path| path.as_path() < newest);
        let keep: Vec<_> = older.take(FILES_MAX - 1).collect();
        for path in &files {
            if path != newest && !keep.contains(&path) {
                remove(path)?;
            }
        }
        Ok(())
    }
}

fn name_of(fold: &str, position: Position) -> String {
    let position = position.get();
    format!("{fold}@{position:0POSITION_DIGITS$}{ENDING}")
}

/// The fold in a snapshot's name.
fn fold_of(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?.strip_suffix(ENDING)?;
    let (fold, position) = name.rsplit_once('@')?;
    let is_number = position.bytes().all(|byte| byte.is_ascii_digit());
    (position.len() == POSITION_DIGITS && is_number).then_some(fold)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
