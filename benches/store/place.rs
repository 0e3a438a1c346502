//! What the environment sets, and where files go.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

pub fn number(name: &str, default: u64) -> u64 {
    let set = env::var(name).ok().and_then(|text| text.parse().ok());
    set.unwrap_or(default)
}

/// Length of a cell.
pub fn cell() -> Duration {
    Duration::from_secs(number("BENCH_SECONDS", 2))
}

pub fn rounds() -> u64 {
    number("BENCH_ROUNDS", 3)
}

/// A new one in `BENCH_DIR`.
pub fn directory() -> tempfile::TempDir {
    let place = env::var_os("BENCH_DIR").map_or_else(env::temp_dir, PathBuf::from);
    tempfile::tempdir_in(place).expect("a directory")
}
