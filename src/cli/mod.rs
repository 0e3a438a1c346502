//! The command line: what is asked for, and how it is answered to people and programs.
//!
//! One file a command. Answers go to standard output, everything else to standard error. Exit
//! status: 0 done, 1 failed, 2 wrong usage or configuration (and see [`verify`]).

mod copy;
mod demo;
mod events;
mod keys;
mod log;
mod migrate;
mod output;
mod run;
mod secrets;
mod serve;
mod unmatched;
mod users;
mod verify;
mod version;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::app::config::Draft;

const DONE: u8 = 0;
const FAILED: u8 = 1;
const USAGE: u8 = 2;

/// Event-sourced actor system for order flow: every order and trade, recorded before it is seen.
#[derive(Parser)]
#[command(name = "blotter", version, about, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Taken by every command.
#[derive(Args)]
struct Common {
    /// Directory of the log and everything beside it [default: blotter-data]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// Configuration file (TOML), see docs/configuration.md
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How log lines are written to standard error
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "text",
        env = "BLOTTER_LOG_FORMAT"
    )]
    log_format: LogFormat,
    /// Least severe log lines shown: error, warn, info, debug, trace, or per module
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        default_value = "info,actix_server=warn,kurrentdb=off",
        env = "BLOTTER_LOG_LEVEL"
    )]
    log_level: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Run a whole node on recorded market data: a funded paper account and an approved strategy
    Demo(demo::DemoArgs),
    /// Run a node by its configuration
    Serve,
    /// Make the tables of the configured event store, as their owner, before nodes use it
    Migrate(migrate::MigrateArgs),
    /// List recorded events, or copy a whole log
    Events(events::EventsArgs),
    /// Check that the log is whole and unaltered, and that the read models come from it
    #[command(after_help = verify::EXIT_STATUS)]
    Verify(verify::VerifyArgs),
    /// Add, list, disable, forget users; change their roles and passwords
    #[command(subcommand)]
    Users(users::UsersCommand),
    /// Issue, list, revoke API keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Show version, build and configuration hash
    Version,
}

/// Runs the program on its command line.
pub fn main() -> ExitCode {
    #[cfg(feature = "failpoints")]
    let _failpoints = fail::FailScenario::setup();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, with status 0 and on standard output.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
    };
    if let Err(problem) = output::init_logging(&cli.common) {
        eprintln!(
            "error: --log-level: {problem}; allowed: error, warn, info, debug, trace, or MODULE=LEVEL"
        );
        return ExitCode::from(USAGE);
    }
    let status = actix::System::new().block_on(dispatch(cli));
    ExitCode::from(status)
}

async fn dispatch(cli: Cli) -> u8 {
    let draft = draft(&cli.common);
    match cli.command {
        Command::Demo(args) => demo::run(draft, &args).await,
        Command::Serve => serve::run(draft).await,
        Command::Migrate(args) => migrate::run(&draft, &args).await,
        Command::Events(args) => events::run(&draft, &args).await,
        Command::Verify(args) => verify::run(&draft, &args).await,
        Command::Users(command) => users::run(&draft, command).await,
        Command::Keys(command) => keys::run(&draft, command).await,
        Command::Version => version::run(draft),
    }
}

/// File, then environment, then flags.
fn draft(common: &Common) -> Draft {
    let mut draft = Draft::default();
    if let Some(file) = &common.config {
        draft.file(file);
    }
    draft.environment(|name| std::env::var(name).ok());
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in Draft::unknown_variables(names) {
        tracing::warn!("{name} is not a setting of this version, see docs/configuration.md");
    }
    if let Some(dir) = &common.data_dir {
        draft.flag("--data-dir", "data_dir", dir);
    }
    draft
}
