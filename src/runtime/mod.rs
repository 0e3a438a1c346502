//! What the program asks of the machine besides storage: time, randomness, ids, background tasks.
//!
//! Each is a trait, injected from the composition root, so that a run can be repeated exactly.
//! Nothing else in the product reads a clock, draws a random number or spawns a task
//! (`clippy.toml` bans the direct calls).

mod data_clock;
mod system;

pub use data_clock::DataClock;
pub use system::{SystemClock, SystemRandomness, SystemTasks};

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, LocalBoxFuture};
use uuid::Uuid;

use crate::values::Timestamp;

/// Tells the time. Decisions never call this: time arrives in their command.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;

    /// Most that the clock can be off UTC; `None` while nobody vouches for it.
    fn error_max(&self) -> Option<Duration> {
        None
    }
}

/// A source of unpredictable numbers.
pub trait Randomness: Send + Sync {
    fn next_u128(&self) -> u128;

    /// `base` lengthened by up to a quarter, so that retries of many do not march in step.
    fn jittered(&self, base: Duration) -> Duration {
        let share = u32::try_from(self.next_u128() % 256).unwrap_or(0);
        base + base * share / 1024
    }
}

/// A fresh id, ordered by `wall` clock (UUID version 7, RFC 9562).
pub fn new_id(wall: &dyn Clock, randomness: &dyn Randomness) -> Uuid {
    let millis = (wall.now().micros() / 1_000).max(0).unsigned_abs();
    let random = randomness.next_u128().to_be_bytes();
    let mut tail = [0u8; 10];
    tail.copy_from_slice(&random[..10]);
    uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}

/// Starts background work; `name` shows up in logs when it panics.
pub trait Tasks {
    /// On the current thread.
    fn spawn(&self, name: &'static str, task: LocalBoxFuture<'static, ()>);

    /// On a thread of its own, for work that would keep others waiting.
    fn spawn_apart(&self, name: &'static str, task: BoxFuture<'static, ()>) -> io::Result<()>;
}

/// All of them, as handed to whoever needs any.
#[derive(Clone)]
pub struct Runtime {
    /// Wall clock: when something was recorded.
    pub wall: Arc<dyn Clock>,
    /// Business clock: when something happened. Follows the data in a replayed market.
    pub business: Arc<dyn Clock>,
    pub randomness: Arc<dyn Randomness>,
    pub tasks: Rc<dyn Tasks>,
}

impl Runtime {
    /// See [`new_id`].
    pub fn new_id(&self) -> Uuid {
        new_id(&*self.wall, &*self.randomness)
    }

    /// See [`Randomness::jittered`].
    pub fn jittered(&self, base: Duration) -> Duration {
        self.randomness.jittered(base)
    }
}
