//! A small file system in memory, to fill up.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Unmounted when dropped.
pub struct SmallDisk {
    mount: PathBuf,
    _dir: TempDir,
}

impl SmallDisk {
    /// `None`, loudly, where mounting is not allowed.
    pub fn of_kib(kib: u32) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let mount = dir.path().to_owned();
        let size = format!("size={kib}k");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &size, "none"]);
        let ran = command.arg(&mount).output().expect("mount runs");
        if !ran.status.success() {
            let reason = String::from_utf8_lossy(&ran.stderr);
            eprintln!("SKIPPED: a small file system cannot be mounted here: {reason}");
            return None;
        }
        Some(Self { mount, _dir: dir })
    }

    pub fn path(&self) -> &Path {
        &self.mount
    }

    pub fn enlarge(&self, kib: u32) {
        self.remount(&format!("size={kib}k"));
    }

    #[allow(dead_code, reason = "not every binary that shares this file needs it")]
    pub fn make_read_only(&self) {
        self.remount("ro");
    }

    fn remount(&self, option: &str) {
        let mut command = Command::new("mount");
        command.args(["-o", &format!("remount,{option}")]);
        let ran = command.arg(&self.mount).output().expect("mount runs");
        assert!(ran.status.success(), "{ran:?}");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.mount).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} could not be unmounted", self.mount.display());
        }
    }
}
