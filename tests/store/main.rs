//! Event stores, journal, feed and verification: what the rest of the program stands on.
//!
//! `conformance` runs for every engine; `model` plays random histories against the memory engine;
//! `sqlite` is about the file, `postgres` about a database, `tamper` about both;
//! `kurrent` is about KurrentDB, over `kurrent_double`; `copying` takes a
//! log from one store to another; `snapshots` and `marks` are about what is kept beside it;
//! `journal` and `feed` run on a store that fails by script (`faulty`). `histories` of many clients,
//! `kills` beside a witness and `seeded` bugs are the torture of it all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod conformance;
mod copying;
#[cfg(target_os = "linux")]
mod disk;
mod faulty;
mod feed;
mod full_disk;
mod histories;
mod home;
mod journal;
mod kills;
mod kurrent;
mod kurrent_double;
mod marks;
mod model;
mod postgres;
mod refusals;
mod seeded;
mod small_disk;
mod snapshots;
mod sqlite;
mod support;
mod tamper;
mod torn;
#[path = "../program/torture.rs"]
mod torture;
