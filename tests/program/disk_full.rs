//! A disk that fills up while the node runs, and is enlarged under it.

use std::path::Path;

use crate::data;
use crate::small_disk::SmallDisk;
use crate::support::*;

fn assert_goes_on_when_there_is_room(kib: u32) {
    let Some(disk) = SmallDisk::of_kib(kib) else {
        return;
    };
    let source = tempfile::tempdir().expect("a directory");
    let file = data::write(source.path(), &data::short());
    let data_dir = disk.path().join("data");
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
    let normal = [1_300, 2_100, 2_900];
    let torture = [
        1_200, 1_400, 1_500, 1_700, 1_900, 2_300, 2_500, 2_700, 3_500,
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
    let data_dir = disk.path().join("data");
    finish(&mut demo(&file, &data_dir)).refused(1, &["no room left", "free some disk space"]);
    disk.enlarge(64 << 10);
    assert_same(
        &finish(&mut demo(&file, &data_dir)).summary(),
        undisturbed(),
    );
}
