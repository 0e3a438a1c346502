//! `blotter demo`: a whole node on embedded engines and recorded market data.

use std::time::Instant;

use clap::Args;
use serde::Serialize;

use super::run::{self, Stops};
use super::{DONE, FAILED, USAGE, output};
use crate::app::config::Draft;
use crate::app::demo_login::DemoLogin;
use crate::app::node::{Node, RunEnd};
use crate::app::summary::Summary;
use crate::values::AccountId;

/// Bars a second that are good to watch.
const SPEED_TO_WATCH: &str = "20";

#[derive(Args)]
pub struct DemoArgs {
    /// Daily bars to play, CSV, plain or gzip [default: AAPL, FB, IBM, MSFT 2000-2013, built in]
    #[arg(long, value_name = "FILE")]
    data: Option<String>,
    /// Bars a second, or `max` for as fast as it goes [default: 20]
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    speed: Option<String>,
    /// Address and port of the dashboard and the API [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    bind: Option<String>,
    /// Play the data again and again, each time with later dates
    #[arg(long = "loop")]
    loops: bool,
    /// Stop when the data has been played, with a summary
    #[arg(long)]
    exit_when_done: bool,
    /// Write JSON lines only: one when ready, one when done
    #[arg(long)]
    json: bool,
}

/// The first line of `--json`.
#[derive(Serialize)]
struct Ready {
    ready: bool,
    url: Option<String>,
    #[serde(flatten)]
    login: Option<DemoLogin>,
    account: Option<AccountId>,
}

/// The last line of `--json`.
#[derive(Serialize)]
struct Done<'a> {
    done: bool,
    #[serde(flatten)]
    summary: &'a Summary,
    elapsed_ms: u64,
}

pub async fn run(mut draft: Draft, args: &DemoArgs) -> u8 {
    draft.demo_defaults(SPEED_TO_WATCH);
    if let Some(data) = &args.data {
        draft.flag("--data", "market.data", data);
    }
    if let Some(speed) = &args.speed {
        draft.flag("--speed", "market.speed", speed);
    }
    if let Some(bind) = &args.bind {
        draft.flag("--bind", "bind", bind);
    }
    if args.loops {
        draft.flag("--loop", "market.loop", "true");
    }
    let mut config = match draft.finish() {
        Ok(config) => config,
        Err(errors) => {
            output::error(errors);
            return USAGE;
        }
    };
    if config.loops && args.exit_when_done {
        output::error(
            "data that is played again and again is never done: leave out --exit-when-done, or \
             --loop (market.loop, BLOTTER_MARKET_LOOP)",
        );
        return USAGE;
    }
    config.exit_when_done = args.exit_when_done;
    let data_dir = config.data_dir.display().to_string();
    let started_at = elapsed_clock();
    let started = match Node::start(config).await {
        Ok(node) => Stops::listen().map(|stops| (node, stops)),
        Err(error) => Err(error),
    };
    let (node, stops) = match started {
        Ok(ready) => ready,
        Err(error) => {
            output::error(error);
            return FAILED;
        }
    };
    let login = match node.demo_login().await {
        Ok(login) => login,
        Err(error) => {
            output::error(error);
            return FAILED;
        }
    };
    if announce(&node, login, args.json, &data_dir).is_err() {
        return FAILED;
    }
    match run::to_the_end(node, stops, !args.json).await {
        Ok((end, summary)) => {
            let elapsed_ms = u64::try_from(started_at.elapsed().as_millis()).unwrap_or(u64::MAX);
            match conclude(end, &summary, elapsed_ms, args, &data_dir) {
                Ok(()) => DONE,
                Err(_) => FAILED,
            }
        }
        Err(error) => {
            output::error(error);
            FAILED
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures the run for its summary; decides nothing"
)]
fn elapsed_clock() -> Instant {
    Instant::now()
}

fn announce(
    node: &Node,
    login: Option<DemoLogin>,
    json: bool,
    data_dir: &str,
) -> std::io::Result<()> {
    let account = node.account();
    let url = node.address().map(|address| format!("http://{address}"));
    if json {
        return output::json(&Ready {
            ready: true,
            url,
            login,
            account,
        });
    }
    let name = account.map_or_else(String::new, |account| account.to_string());
    let mut text = format!(
        "Blotter trades account {name} on paper, on recorded prices. Its log is in {data_dir}.\n\n"
    );
    if let (Some(url), Some(login)) = (url, login) {
        let DemoLogin {
            user,
            password,
            key_id,
            secret_key,
        } = login;
        let password = password.unwrap_or_else(|| {
            format!("the one set since; `blotter users set-password {user} --data-dir {data_dir}` sets another")
        });
        text += &format!(
            "  Dashboard   {url}\n  User        {user}\n  Password    {password}\n\n  \
             API         {url}/api/docs\n  Key ID      {key_id}\n  Secret key  {secret_key}\n\n"
        );
    }
    output::line(
        text + "Press Ctrl-C to stop; the next run goes on from there, with the same login.",
    )
}

fn conclude(
    end: RunEnd,
    summary: &Summary,
    elapsed_ms: u64,
    args: &DemoArgs,
    data_dir: &str,
) -> std::io::Result<()> {
    if args.json {
        // Stopped early, it is not done: the last line says so by being absent.
        if end == RunEnd::DataDone {
            output::json(&Done {
                done: true,
                summary,
                elapsed_ms,
            })?;
        }
        return Ok(());
    }
    let amount =
        |money: Option<crate::values::Money>| money.map_or("unknown".to_owned(), |m| m.to_string());
    output::line(format!(
        "bars      {}\nsignals   {}\norders    {} ({} refused)\nfills     {}\ncash      {}\n\
         equity    {}\nevents    {}\nlog root  {}\nstate     {}\n\
         Check the log with `blotter verify --data-dir {data_dir}`, list it with `blotter events \
         --data-dir {data_dir}`.",
        summary.bars,
        summary.signals,
        summary.orders,
        summary.refusals,
        summary.fills,
        amount(summary.cash),
        amount(summary.equity),
        summary.events,
        summary.log_root,
        summary.state_hash,
    ))
}
