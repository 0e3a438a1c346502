//! A thread that works on one thing, one job after the other: for a connection that waits for the
//! disk.
//!
//! Entry points: [`Desk::start`], [`Desk::run`].
//! Invariant: a job that was taken is carried through, also when whoever asked goes away.

use std::io;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

use tokio::sync::oneshot;

/// Most jobs that wait. The log's journal hands over one at a time; a few others may want the lease
/// or the end meanwhile.
const JOBS_MAX: usize = 64;

type Job<T> = Box<dyn FnOnce(&mut T) + Send>;

/// See the module. Dropped, its thread ends after the jobs that were taken.
pub struct Desk<T> {
    jobs: SyncSender<Job<T>>,
}

/// Why a job was not done, or not to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    #[error("{JOBS_MAX} jobs wait already")]
    Full,
    #[error("its thread has died")]
    Dead,
}

impl<T: Send + 'static> Desk<T> {
    pub fn start(name: &str, mut on: T) -> io::Result<Self> {
        let (sender, jobs) = sync_channel::<Job<T>>(JOBS_MAX);
        let work = move || {
            while let Ok(job) = jobs.recv() {
                job(&mut on);
            }
        };
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)?;
        Ok(Self { jobs: sender })
    }

    /// Does `job` behind all those before it.
    pub async fn run<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> Result<R, DeskError> {
        let (reply, answer) = oneshot::channel();
        let job: Job<T> = Box::new(move |on| {
            // Whoever asked may have gone.
            let _ = reply.send(job(on));
        });
        self.jobs.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => DeskError::Full,
            TrySendError::Disconnected(_) => DeskError::Dead,
        })?;
        answer.await.map_err(|_| DeskError::Dead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn jobs_are_done_in_order_also_for_those_who_left() {
        let desk = Desk::start("desk", Vec::new()).expect("starts");
        for number in 0..3 {
            let mut asked = Box::pin(desk.run(move |done: &mut Vec<_>| done.push(number)));
            let _ = futures_util::poll!(&mut asked);
        }
        let done = desk.run(|done| done.clone()).await;
        assert_eq!(done, Ok(vec![0, 1, 2]));
    }

    #[tokio::test]
    async fn a_thread_that_died_is_said_to_be_dead() {
        let desk = Desk::start("desk", ()).expect("starts");
        let died: Result<(), _> = desk.run(|()| panic!("scripted")).await;
        assert_eq!(died, Err(DeskError::Dead));
        assert_eq!(desk.run(|()| ()).await, Err(DeskError::Dead));
    }

    #[tokio::test]
    async fn only_so_many_jobs_wait() {
        let desk = Desk::start("desk", ()).expect("starts");
        let (go_on, held) = std::sync::mpsc::sync_channel::<()>(0);
        let (begun, has_begun) = oneshot::channel();
        let mut busy = Box::pin(desk.run(move |()| {
            let _ = begun.send(());
            let _ = held.recv();
        }));
        assert!(futures_util::poll!(&mut busy).is_pending());
        has_begun.await.expect("begins");
        let mut waiting: Vec<_> = (0..JOBS_MAX).map(|_| Box::pin(desk.run(|()| ()))).collect();
        for job in &mut waiting {
            assert!(futures_util::poll!(job).is_pending());
        }
        assert_eq!(desk.run(|()| ()).await, Err(DeskError::Full));
        drop(go_on);
        for job in waiting {
            assert_eq!(job.await, Ok(()));
        }
    }
}
