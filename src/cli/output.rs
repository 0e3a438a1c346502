//! Standard output and standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;
use tracing_subscriber::EnvFilter;

use super::{Common, LogFormat};

/// Log lines go to standard error.
pub fn init_logging(common: &Common) -> Result<(), String> {
    let filter = EnvFilter::try_new(&common.log_level).map_err(|error| error.to_string())?;
    let logging = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    match common.log_format {
        LogFormat::Text => logging.try_init(),
        LogFormat::Json => logging.json().try_init(),
    }
    .map_err(|error| error.to_string())
}

/// One line on standard output. A reader that has gone away (`| head`) ends the output quietly.
pub fn line(text: impl Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// One JSON value on a line of its own.
pub fn json(value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string(value)?;
    line(text)
}

/// What is worth knowing about an answer, on standard error.
pub fn note(text: impl Display) {
    // Nothing is lost with it.
    let _ = writeln!(io::stderr(), "note: {text}");
}

/// An error, on standard error.
pub fn error(problem: impl Display) {
    for text in problem.to_string().lines() {
        // Nothing is left to do when even standard error is gone.
        let _ = writeln!(io::stderr(), "error: {text}");
    }
}
