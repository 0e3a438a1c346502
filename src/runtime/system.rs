//! The real machine behind the injected traits; the only file that touches it.
#![expect(
    clippy::disallowed_methods,
    reason = "the one place where the injected clock, randomness and tasks are made"
)]

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

    fn error_max(&self) -> Option<Duration> {
        kernel_error_micros().and_then(vouched_for)
    }
}

/// Where the kernel's bound ends: nobody has set the clock for too long, or ever.
const ERROR_MICROS_END: u64 = 16_000_000;

/// Whoever keeps the clock (chronyd, ntpd, timesyncd) tells the kernel a bound of its error; from
/// then on the kernel adds 0.5 ms a second to it. Its flag `STA_UNSYNC` says less: chronyd leaves
/// it set where it does not also keep the hardware clock.
fn vouched_for(error_micros: u64) -> Option<Duration> {
    (error_micros < ERROR_MICROS_END).then(|| Duration::from_micros(error_micros))
}

/// `maxerror` of adjtimex(2).
#[cfg(target_os = "linux")]
fn kernel_error_micros() -> Option<u64> {
    use rtime_clock::adjtime::{Timex, adjtimex};
    // No mode is set, so this asks and changes nothing.
    let mut reading = Timex::new();
    adjtimex(&mut reading).ok()?;
    u64::try_from(reading.0.maxerror).ok()
}

#[cfg(not(target_os = "linux"))]
fn kernel_error_micros() -> Option<u64> {
    None
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_nobody_keeps_has_no_bound() {
        assert_eq!(vouched_for(16_000_000), None);
        assert_eq!(vouched_for(u64::MAX), None);
        let just_set = vouched_for(0);
        assert_eq!(just_set, Some(Duration::ZERO));
        let long_ago = vouched_for(15_999_999);
        assert_eq!(long_ago, Some(Duration::from_micros(15_999_999)));
    }

    /// Whatever this machine's clock is like.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_tells_its_bound() {
        let told = kernel_error_micros().expect("a bound");
        assert!(told <= ERROR_MICROS_END, "{told}");
    }
}
