//! A disk that fills up while the node runs, and is enlarged under it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::data;
use crate::support::*;

/// A small file system in memory; unmounted when dropped.
struct SmallDisk {
    mount: PathBuf,
    _dir: TempDir,
}

impl SmallDisk {
    /// `None`, loudly, where mounting is not allowed.
    fn of_kib(kib: u32) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let mount = dir.path().to_owned();
        let size = format!("size={kib}k");
        let ran = finish(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", &size, "none"])
                .arg(&mount),
        );
        if ran.code() != Some(0) {
            eprintln!(
                "SKIPPED: a small file system cannot be mounted here: {}",
                ran.stderr
            );
            return None;
        }
        Some(Self { mount, _dir: dir })
    }

    fn enlarge(&self, kib: u32) {
        let size = format!("remount,size={kib}k");
        finish(Command::new("mount").args(["-o", &size]).arg(&self.mount)).done();
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

fn assert_goes_on_when_there_is_room(kib: u32) {
    let Some(disk) = SmallDisk::of_kib(kib) else {
        return;
    };
    let source = tempfile::tempdir().expect("a directory");
    let file = data::write(source.path(), &data::short());
    let data_dir = disk.mount.join("data");
    let mut running = Running::start(&mut demo(&file, &data_dir));
    until("the disk is full", || {
        running.stderr().contains("full") || !running.is_alive()
    });
    assert!(running.is_alive(), "{kib} KiB: {}", running.stderr());
    let acknowledged = listed(&data_dir);
    disk.enlarge(64 << 10);
    let ran = running.finish();
    assert_same(&ran.summary(), undisturbed());
    let gave_up = ran.stderr.contains("no longer kept up to date");
    assert!(!gave_up, "{kib} KiB: {}", ran.stderr);
    assert!(
        listed(&data_dir).starts_with(&acknowledged),
        "something was lost"
    );
    let mut verify = blotter(["verify", "--data-dir"]);
    finish(verify.arg(&data_dir)).done();
}

fn listed(data_dir: &Path) -> String {
    let mut command = blotter(["events", "--json", "--data-dir"]);
    finish(command.arg(data_dir)).done()
}

#[test]
fn a_full_disk_stops_nothing_for_good() {
    undisturbed();
    let normal = [1_100, 1_900, 2_700];
    let torture = [
        1_000, 1_200, 1_300, 1_500, 1_700, 2_100, 2_300, 2_500, 3_300,
    ];
    let sizes = match is_torture() {
        true => &torture[..],
        false => &normal[..],
    };
    for kib in sizes {
        assert_goes_on_when_there_is_room(*kib);
    }
}

#[test]
fn a_disk_too_small_to_start_on_is_said_so_and_the_next_start_goes_on() {
    let Some(disk) = SmallDisk::of_kib(400) else {
        return;
    };
    let source = tempfile::tempdir().expect("a directory");
    let file = data::write(source.path(), &data::short());
    let data_dir = disk.mount.join("data");
    finish(&mut demo(&file, &data_dir)).refused(1, &["no room left", "free some disk space"]);
    disk.enlarge(64 << 10);
    assert_same(
        &finish(&mut demo(&file, &data_dir)).summary(),
        undisturbed(),
    );
}
