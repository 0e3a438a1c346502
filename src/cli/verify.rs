//! `blotter verify`: the proof check of a log.

use std::io::{IsTerminal, Write};

use super::log::{self, LogError};
use super::{DONE, FAILED, USAGE, output};
use crate::app::config::Draft;
use crate::events::verify::{Report, VerifyError, verify_log};
use crate::values::Position;

pub const EXIT_STATUS: &str = "Exit status: 0 the log holds, 1 it is broken (the first bad position is named), 2 it could not be checked.";

/// The log could not be checked.
const UNCHECKED: u8 = USAGE;

pub async fn run(draft: &Draft) -> u8 {
    let verified = match log::open(draft).await {
        Ok(store) => verify_log(&*store, show_progress).await,
        Err(LogError::Store(error)) => Err(VerifyError::Unchecked(error)),
        Err(LogError::Config(errors)) => {
            output::error(errors);
            return USAGE;
        }
    };
    if std::io::stderr().is_terminal() {
        eprint!("\r");
    }
    match verified {
        Ok(report) => conclude(&report),
        Err(error @ VerifyError::Broken { .. }) => {
            output::error(error);
            FAILED
        }
        Err(error @ VerifyError::Unchecked(_)) => {
            output::error(error);
            UNCHECKED
        }
    }
}

fn show_progress(reached: Position, head: Position) {
    if std::io::stderr().is_terminal() {
        // Losing a progress line is no failure.
        let _ = write!(std::io::stderr(), "\r{reached} of {head} events ");
        let _ = std::io::stderr().flush();
    }
}

fn conclude(report: &Report) -> u8 {
    let text = format!(
        "log {} holds: {} events in {} commits on {} streams; every hash, position and version checked\n\
         root {} over {} events\n\
         read models are not part of this: a node holds them against the log when it starts",
        report.log_id,
        report.head,
        report.commits,
        report.streams,
        hex::encode(report.root),
        report.head,
    );
    match output::line(text) {
        Ok(()) => DONE,
        Err(_) => UNCHECKED,
    }
}
