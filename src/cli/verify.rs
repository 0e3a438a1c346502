//! `blotter verify`: the proof check of a log, and of the read models beside it.

use std::io::{IsTerminal, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::log::{self, LogError};
use super::{DONE, FAILED, USAGE, output};
use crate::app::config::Draft;
use crate::events::EventStore;
use crate::events::verify::{Report, VerifyError, verify_log};
use crate::projections::Views;
use crate::projections::verify::{self, Checked, ViewsVerifyError};
use crate::runtime::{SystemClock, SystemRandomness, new_id};
use crate::values::Position;

pub const EXIT_STATUS: &str = "Exit status: 0 the log holds and the read models come from it, 1 the log is broken (the first bad position is named) or the read models differ from it, 2 something could not be checked.";

/// Something could not be checked.
const UNCHECKED: u8 = USAGE;

#[derive(Args)]
pub struct VerifyArgs {
    /// Fold the log anew in a temporary directory and compare every row of the read models
    #[arg(long)]
    read_models: bool,
}

pub async fn run(draft: &Draft, args: &VerifyArgs) -> u8 {
    let (store, path) = match (log::open(draft).await, draft.read_store()) {
        (Ok(store), Ok(path)) => (store, path),
        (Err(LogError::Store(error)), _) => {
            output::error(VerifyError::Unchecked(error));
            return UNCHECKED;
        }
        (Err(LogError::Config(errors)), _) | (_, Err(errors)) => {
            output::error(errors);
            return USAGE;
        }
    };
    let verified = verify_log(&*store, show_progress).await;
    end_progress();
    let report = match verified {
        Ok(report) => report,
        Err(error) => {
            output::error(&error);
            return match error {
                VerifyError::Broken { .. } => FAILED,
                VerifyError::Unchecked(_) => UNCHECKED,
            };
        }
    };
    if show(&report).is_err() {
        return UNCHECKED;
    }
    if !path.exists() {
        return no_read_models(&path, args);
    }
    let checked = read_models(&path, &report, &*store, args).await;
    end_progress();
    match checked {
        Ok(checked) => conclude(&checked, args),
        Err(error) => {
            output::error(&error);
            match error.is_difference() {
                true => FAILED,
                false => UNCHECKED,
            }
        }
    }
}

fn no_read_models(path: &Path, args: &VerifyArgs) -> u8 {
    let text = format!("there are no read models at {}", path.display());
    match args.read_models {
        true => {
            output::error(text);
            UNCHECKED
        }
        false => said(output::line(format!("{text}: none were checked"))),
    }
}

async fn read_models(
    path: &Path,
    report: &Report,
    store: &dyn EventStore,
    args: &VerifyArgs,
) -> Result<Checked, ViewsVerifyError> {
    let views = Views::open(path, report.log_id).await?;
    let checked = match args.read_models {
        false => verify::check_marks(&views, store).await,
        true => {
            let scratch = Scratch::new().map_err(|(path, source)| {
                ViewsVerifyError::Views(crate::projections::ViewsError::File { path, source })
            })?;
            let anew = scratch.0.join("views.db");
            verify::check_rows(&views, store, &anew, show_progress).await
        }
    };
    views.close().await;
    checked
}

/// A directory that only its owner can look into, and that is gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, (PathBuf, std::io::Error)> {
        let id = new_id(&SystemClock, &SystemRandomness);
        let path = std::env::temp_dir().join(format!("blotter-verify-{id}"));
        match std::fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => Ok(Self(path)),
            Err(error) => Err((path, error)),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left of it is in the directory for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn show_progress(reached: Position, head: Position) {
    if std::io::stderr().is_terminal() {
        // Losing a progress line is no failure.
        let _ = write!(std::io::stderr(), "\r{reached} of {head} events ");
        let _ = std::io::stderr().flush();
    }
}

fn end_progress() {
    if std::io::stderr().is_terminal() {
        eprint!("\r");
    }
}

fn show(report: &Report) -> std::io::Result<()> {
    output::line(format!(
        "log {} holds: {} events in {} commits on {} streams; every hash, position and version checked\n\
         root {} over {} events",
        report.log_id,
        report.head,
        report.commits,
        report.streams,
        hex::encode(report.root),
        report.head,
    ))
}

fn conclude(checked: &Checked, args: &VerifyArgs) -> u8 {
    let Checked {
        position,
        models,
        rows,
        outdated,
    } = checked;
    let mut text = match args.read_models {
        true => format!(
            "read models come from this log, up to position {position}: all {rows} rows of \
             {models} are as the log gives them"
        ),
        false => format!(
            "read models come from this log, up to position {position}; their rows were not \
             compared (--read-models does)"
        ),
    };
    if !outdated.is_empty() {
        text += &format!(
            "\nmade by another version of the program, folded anew at the next start: {}",
            outdated.join(", ")
        );
    }
    said(output::line(text))
}

fn said(shown: std::io::Result<()>) -> u8 {
    match shown {
        Ok(()) => DONE,
        Err(_) => UNCHECKED,
    }
}
