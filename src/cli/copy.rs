//! `blotter events copy`: a whole log into another store, and how far it is.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use tokio::time::Instant;

use super::log;
use super::{DONE, FAILED, USAGE, output};
use crate::events::copy::{self, Copied, CopyError, Progress, Step};
use crate::events::{LogUrl, OpenMode, StoreError, engine};
use crate::values::NodeId;

/// Who holds the target's lease meanwhile.
const HOLDER: &str = "copy";
/// How often the line on a terminal changes.
const SHOW_EVERY: Duration = Duration::from_millis(250);
/// How often a line is written where there is no terminal.
const WRITE_EVERY: Duration = Duration::from_secs(10);

pub const NOTES: &str = "The copy has the same records, positions, versions, commit ids and log id. \
     What is there already must be the beginning of the source; run again, the command goes on where \
     it was cut short, or takes along what a log in use has recorded since. Start no node on the \
     copy before the command has said that it is complete.\n\n\
     Exit status: 0 copied and verified, 1 failed, 2 wrong usage.";

#[derive(Args)]
pub struct CopyArgs {
    /// The log to copy, for example sqlite:blotter-data/events.db
    #[arg(long, value_name = "URL")]
    from: String,
    /// Where to: a store that holds nothing yet, or the beginning of the same log
    #[arg(long, value_name = "URL")]
    to: String,
}

/// What a copy ended with.
enum CopyFailure {
    Usage(String),
    Failed(String),
}

impl From<CopyError> for CopyFailure {
    fn from(error: CopyError) -> Self {
        Self::Failed(error.to_string())
    }
}

pub async fn run(args: &CopyArgs) -> u8 {
    let (problem, status) = match copied(args).await {
        Ok(copied) => return conclude(&copied, &args.to),
        Err(CopyFailure::Usage(problem)) => (problem, USAGE),
        Err(CopyFailure::Failed(problem)) => (problem, FAILED),
    };
    output::error(problem);
    status
}

async fn copied(args: &CopyArgs) -> Result<Copied, CopyFailure> {
    let from = address("--from", &args.from)?;
    let to = address("--to", &args.to)?;
    if from == to {
        let problem = "--from and --to name the same log".to_owned();
        return Err(CopyFailure::Usage(problem));
    }
    let holder = NodeId::new(HOLDER).map_err(|error| CopyFailure::Failed(error.to_string()))?;
    let failed = |flag: &str, error: StoreError| CopyFailure::Failed(format!("{flag}: {error}"));
    let source = log::open_at(&from, "check its address").await;
    let source = source.map_err(|error| failed("--from", error))?;
    let mut display = Display::new();
    let checked = copy::check_source(&*source, |progress| display.show(progress)).await;
    display.end_line();
    let checked = checked?;
    // Only now: a source that does not hold leaves nothing behind.
    let mode = OpenMode::CreateOrOpen {
        new_log_id: checked.log_id,
    };
    let target = to.open(mode).await;
    let target = target.map_err(|error| failed("--to", error))?;
    let shown = |progress| display.show(progress);
    let copied = copy::copy_log(&*source, &checked, &*target, &holder, shown).await;
    display.end_line();
    let closed = target.close().await;
    let copied = copied?;
    closed.map_err(|error| failed("--to", error))?;
    Ok(copied)
}

/// Parsed here and not by clap, which would repeat a password in its error.
fn address(flag: &str, text: &str) -> Result<LogUrl, CopyFailure> {
    text.parse().map_err(|problem| {
        CopyFailure::Usage(format!("{flag}: {problem}; allowed: {}", engine::URLS))
    })
}

fn conclude(copied: &Copied, to: &str) -> u8 {
    let report = &copied.target;
    let to = to
        .parse::<LogUrl>()
        .map_or(String::new(), |url| url.to_string());
    let text = format!(
        "log {} is complete in {to}: {} events in {} commits, {} of them new; verified against the \
         source\nroot {} over {} events",
        report.log_id,
        report.head,
        report.commits,
        report.head.get() - copied.before.get(),
        hex::encode(report.root),
        report.head,
    );
    match output::line(text) {
        Ok(()) => DONE,
        Err(_) => FAILED,
    }
}

/// Where progress is shown: one line that changes on a terminal, a line now and then elsewhere.
struct Display {
    is_terminal: bool,
    step: Option<Step>,
    began: Instant,
    shown: Instant,
    /// Width of the line that stands on the terminal.
    width: usize,
}

impl Display {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            is_terminal: std::io::stderr().is_terminal(),
            step: None,
            began: now,
            shown: now,
            width: 0,
        }
    }

    fn show(&mut self, progress: Progress) {
        let now = Instant::now();
        if self.step != Some(progress.step) {
            self.end_line();
            self.step = Some(progress.step);
            self.began = now;
            self.shown = now;
        }
        let every = match self.is_terminal {
            true => SHOW_EVERY,
            false => WRITE_EVERY,
        };
        let is_done = progress.reached >= progress.goal;
        if !is_done && now - self.shown < every {
            return;
        }
        self.shown = now;
        let text = line(progress, now - self.began);
        // Losing a line is no failure.
        let _ = match self.is_terminal {
            true => write!(std::io::stderr(), "\r{text:width$}", width = self.width),
            false => writeln!(std::io::stderr(), "{text}"),
        };
        let _ = std::io::stderr().flush();
        self.width = text.len();
    }

    fn end_line(&mut self) {
        if self.is_terminal && self.width > 0 {
            let _ = writeln!(std::io::stderr());
        }
        self.width = 0;
    }
}

/// `copying: 1200 of 4800 events (25 %), 600 a second, 6 s left`.
fn line(progress: Progress, took: Duration) -> String {
    let Progress {
        step,
        from,
        reached,
        goal,
    } = progress;
    let what = match step {
        Step::CheckingSource => "checking the source",
        Step::Comparing => "comparing what is there",
        Step::Copying => "copying",
        Step::CheckingTarget => "checking the copy",
    };
    let percent = (reached.get() * 100).checked_div(goal.get()).unwrap_or(100);
    let mut text = format!("{what}: {reached} of {goal} events ({percent} %)");
    let done = u128::from(reached.get().saturating_sub(from.get()));
    let rate = (done * 1_000).checked_div(took.as_millis()).unwrap_or(0);
    if rate > 0 {
        let left = u128::from(goal.get().saturating_sub(reached.get())).div_ceil(rate);
        text += &format!(", {rate} a second, {left} s left");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Position;

    fn at(from: u64, reached: u64, goal: u64) -> Progress {
        Progress {
            step: Step::Copying,
            from: Position::new(from),
            reached: Position::new(reached),
            goal: Position::new(goal),
        }
    }

    #[test]
    fn a_line_tells_share_rate_and_time_left() {
        assert_eq!(
            line(at(0, 1_200, 4_800), Duration::from_secs(2)),
            "copying: 1200 of 4800 events (25 %), 600 a second, 6 s left"
        );
        assert_eq!(
            line(at(1_000, 1_200, 4_800), Duration::from_secs(2)),
            "copying: 1200 of 4800 events (25 %), 100 a second, 36 s left"
        );
        assert_eq!(
            line(at(0, 4_800, 4_800), Duration::from_secs(8)),
            "copying: 4800 of 4800 events (100 %), 600 a second, 0 s left"
        );
    }

    #[test]
    fn before_anything_is_done_no_rate_is_made_up() {
        for (progress, share) in [(at(0, 0, 7), 0), (at(7, 7, 7), 100), (at(0, 0, 0), 100)] {
            let text = line(progress, Duration::ZERO);
            assert!(text.ends_with(&format!(" events ({share} %)")), "{text}");
        }
    }

    #[test]
    fn an_address_that_is_refused_does_not_show_its_password() {
        let Err(CopyFailure::Usage(problem)) = address("--to", "mysql://u:hunter2@h/db") else {
            panic!("accepted");
        };
        assert!(problem.starts_with("--to: unknown engine \"mysql\"; allowed: "));
        assert!(!problem.contains("hunter2"), "{problem}");
    }
}
