//! The real machine behind the injected traits; the only file that touches it.
#![expect(
    clippy::disallowed_methods,
    reason = "the one place where the injected clock, randomness and tasks are made"
)]

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::{BoxFuture, LocalBoxFuture};

use super::{Clock, Randomness, Tasks};
use crate::values::Timestamp;

/// The machine's UTC clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since_epoch.as_micros())
            .ok()
            .and_then(Timestamp::from_micros)
            .unwrap_or_default()
    }
}

/// The operating system's random numbers.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn next_u128(&self) -> u128 {
        uuid::Uuid::new_v4().as_u128()
    }
}

/// Tasks on the current thread's event loop, or on threads of their own.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemTasks;

impl Tasks for SystemTasks {
    fn spawn(&self, name: &'static str, task: LocalBoxFuture<'static, ()>) {
        let handle = tokio::task::spawn_local(task);
        tokio::task::spawn_local(async move {
            if let Err(failure) = handle.await
                && failure.is_panic()
            {
                tracing::error!(task = name, "a background task panicked");
            }
        });
    }

    fn spawn_apart(&self, name: &'static str, task: BoxFuture<'static, ()>) -> io::Result<()> {
        let events = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let work = move || {
            // A task, because only a task's panic comes back.
            let done = events.block_on(async move { tokio::spawn(task).await });
            if done.is_err() {
                tracing::error!(task = name, "a background task panicked");
            }
        };
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)?;
        Ok(())
    }
}
