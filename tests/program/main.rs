//! The program as its users have it: the real binary, its command line, its files, its signals.
//!
//! `support` runs it and reads what it says, `data` cuts short market data out of the recorded one.
//! Long loops run with `BLOTTER_TORTURE=1`; `ROUNDS` sets how many rounds they take.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bad_files;
mod bad_input;
mod copying;
mod crash;
#[path = "../actors/cuts.rs"]
mod cuts;
mod data;
mod demo;
mod disk_full;
#[cfg(target_os = "linux")]
mod failing_disk;
mod independent;
mod kurrent;
#[path = "../store/kurrent_double/mod.rs"]
mod kurrent_double;
mod listing;
mod looped;
mod metrics;
mod older_log;
mod people;
mod postgres;
#[allow(dead_code, reason = "the store's own tests use all of it")]
#[path = "../store/postgres/server.rs"]
mod server;
#[cfg(target_os = "linux")]
#[path = "../store/disk/shim.rs"]
mod shim;
#[path = "../store/small_disk.rs"]
mod small_disk;
mod snapshots;
#[cfg(feature = "failpoints")]
mod supervision;
mod support;
mod torture;
mod verify;
