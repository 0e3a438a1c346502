//! Running a node from start to stop, for every command that does.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::interval;

use crate::app::error::NodeError;
use crate::app::node::{Node, RunEnd};

use crate::app::summary::Summary;
use crate::market::Progress;

const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// Runs a started node until it is done or told to stop; `Ok` after an orderly stop.
pub async fn to_the_end(
    mut node: Node,
    mut stops: Stops,
    show_progress: bool,
) -> Result<(RunEnd, Summary), NodeError> {
    let stopper = node.stopper();
    let progress = node.progress();
    let end = {
        let running = node.run();
        tokio::pin!(running);
        let mut shown = interval(PROGRESS_EVERY);
        let show_progress = show_progress && std::io::stderr().is_terminal();
        loop {
            tokio::select! {
                end = &mut running => break end,
                () = stops.next() => {
                    tracing::info!("stopping");
                    stopper.send_replace(true);
                }
                _ = shown.tick(), if show_progress => show(&progress),
            }
        }
    };
    if show_progress && std::io::stderr().is_terminal() {
        show(&progress);
        eprintln!();
    }
    let end = end?;
    let reason = match end {
        RunEnd::DataDone => "all data has been played",
        RunEnd::Stopped => "it was told to stop",
    };
    tokio::select! {
        summary = node.stop(reason) => Ok((end, summary?)),
        // Asked again, it does not wait for what is under way: the next start finishes that.
        () = stops.next() => Err(NodeError::Fatal("it was told twice to stop".to_owned())),
    }
}

fn show(progress: &watch::Receiver<Progress>) {
    let Progress { row, rows } = *progress.borrow();
    let pass = row.saturating_sub(1).checked_div(rows).unwrap_or(0);
    let (row, pass) = (row - pass * rows, pass + 1);
    let percent = (row * 100).checked_div(rows).unwrap_or(100);
    let which = match pass {
        1 => String::new(),
        later => format!("pass {later}: "),
    };
    // Losing a progress line is no failure.
    let _ = write!(
        std::io::stderr(),
        "\r{which}{row} of {rows} bars ({percent} %) "
    );
    let _ = std::io::stderr().flush();
}

/// The signals that ask a node to stop; kept from the moment of [`Stops::listen`] on.
pub struct Stops {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Stops {
    /// To be called before a node says that it is ready.
    pub fn listen() -> Result<Self, NodeError> {
        let listen = |kind| signal(kind).map_err(|error| NodeError::Fatal(error.to_string()));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
