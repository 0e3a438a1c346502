//! `blotter events`: lists what is recorded; `blotter events copy` copies all of it (see [`copy`]).
//!
//! What is listed goes to standard output. A stream, order or account that the log does not know is
//! an error; nothing to list is said on standard error.

use std::io;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;
use tokio::time::sleep;

use super::copy::{self, CopyArgs};
use super::log::{self, LogError};
use super::unmatched::{self, Unmatched};
use super::{DONE, FAILED, USAGE, output, secrets};
use crate::app::config::Draft;
use crate::events::{Event, EventStore, Recorded};
use crate::identity::{Identity, Reader};
use crate::values::{AccountId, OrderId, Position, StreamName};

/// Events read at once.
pub(super) const PAGE_EVENTS: usize = 512;
/// How often a followed log is looked at.
const FOLLOW_EVERY: Duration = Duration::from_millis(200);

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct EventsArgs {
    #[command(subcommand)]
    command: Option<EventsCommand>,
    /// Only this stream, for example account-demo
    #[arg(long, value_name = "STREAM")]
    stream: Option<StreamName>,
    /// Only what concerns this order
    #[arg(long, value_name = "ID")]
    order: Option<OrderId>,
    /// Only what concerns this account
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    /// Only events of this type, for example OrderApproved
    #[arg(long = "type", value_name = "TYPE", value_parser = event_type)]
    event_type: Option<String>,
    /// Only after this position
    #[arg(
        long,
        value_name = "POSITION",
        allow_negative_numbers = true,
        default_value_t = 0
    )]
    after: u64,
    /// Only up to and with this position
    #[arg(long, value_name = "POSITION", allow_negative_numbers = true, default_value_t = u64::MAX, hide_default_value = true)]
    until: u64,
    /// Go on with new events as they are recorded
    #[arg(long)]
    follow: bool,
    /// One record a line, exactly as stored
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum EventsCommand {
    /// Copy a whole log into another store, byte for byte, and verify the copy
    #[command(after_help = copy::NOTES)]
    Copy(CopyArgs),
}

fn event_type(text: &str) -> Result<String, String> {
    let names: Vec<_> = Event::TYPES.iter().map(|(name, _)| *name).collect();
    match names.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(format!("unknown event type; allowed: {}", names.join(", "))),
    }
}

pub async fn run(draft: &Draft, args: &EventsArgs) -> u8 {
    if let Some(EventsCommand::Copy(args)) = &args.command {
        return copy::run(args).await;
    }
    let store = match log::open(draft).await {
        Ok(store) => store,
        Err(LogError::Config(errors)) => {
            output::error(errors);
            return USAGE;
        }
        Err(LogError::Store(error)) => {
            output::error(error);
            return FAILED;
        }
    };
    // Without the keys, what is personal is shown as stored.
    let identity = match args.json {
        true => None,
        false => secrets::open(draft).await.ok(),
    };
    let listed = match list(&*store, identity.as_ref(), args).await {
        Ok(0) => why_nothing(&*store, args).await,
        Ok(_) => Ok(DONE),
        Err(problem) => Err(problem),
    };
    listed.unwrap_or_else(|problem| {
        output::error(problem);
        FAILED
    })
}

/// Shows what is wanted and counts it; whoever reads it may go away early.
async fn list(
    store: &dyn EventStore,
    identity: Option<&Identity>,
    args: &EventsArgs,
) -> Result<u64, String> {
    let until = Position::new(args.until);
    let mut cursor = Position::new(args.after);
    let mut shown = 0;
    let mut waits = false;
    while cursor < until {
        let page = store
            .read(cursor, PAGE_EVENTS)
            .await
            .map_err(|error| error.to_string())?;
        let Some(last) = page.last() else {
            if !args.follow {
                break;
            }
            if shown == 0 && !waits {
                output::note("no event matches yet; waiting for one");
            }
            waits = true;
            sleep(FOLLOW_EVERY).await;
            continue;
        };
        cursor = last.position();
        let mut reader = identity.map(Identity::reader);
        let of_page = page.iter().filter(|recorded| recorded.position() <= until);
        for recorded in of_page.filter(|recorded| wanted(recorded, args)) {
            shown += 1;
            match show(recorded, reader.as_mut(), args).await {
                Ok(()) => {}
                Err(gone) if gone.kind() == io::ErrorKind::BrokenPipe => return Ok(shown),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
    Ok(shown)
}

/// Says why a listing is empty, and gives the exit status.
async fn why_nothing(store: &dyn EventStore, args: &EventsArgs) -> Result<u8, String> {
    let asked = unmatched::Asked {
        stream: args.stream.as_ref(),
        order: args.order.as_ref(),
        account: args.account.as_ref(),
    };
    let found = unmatched::explain(store, &asked).await;
    match found.map_err(|error| error.to_string())? {
        Unmatched::Unknown(problem) => {
            output::error(problem);
            Ok(USAGE)
        }
        Unmatched::Nothing(text) => {
            output::note(text);
            Ok(DONE)
        }
    }
}

async fn show(
    recorded: &Recorded,
    reader: Option<&mut Reader<'_>>,
    args: &EventsArgs,
) -> io::Result<()> {
    if args.json {
        return output::line(String::from_utf8_lossy(&recorded.record));
    }
    let envelope = &recorded.envelope;
    let payload = recorded.stored_payload().map_err(io::Error::other)?;
    let mut payload: Value = serde_json::from_str(payload.get())?;
    if let Some(reader) = reader {
        let revealed = reader.reveal(recorded, &mut payload).await;
        revealed.map_err(io::Error::other)?;
    }
    output::line(format!(
        "{:>8}  {}  {}  {}@{}  {}  {payload}",
        envelope.position,
        envelope.recorded_at,
        envelope.event.name(),
        envelope.stream,
        envelope.version,
        envelope.meta.who.principal,
    ))
}

fn wanted(recorded: &Recorded, args: &EventsArgs) -> bool {
    let envelope = &recorded.envelope;
    let of_stream = args
        .stream
        .as_ref()
        .is_none_or(|stream| *stream == envelope.stream);
    let of_type = args
        .event_type
        .as_ref()
        .is_none_or(|name| name == envelope.event.name());
    if !of_stream || !of_type {
        return false;
    }
    let of_order = args.order.as_ref().is_none_or(|id| of_order(recorded, id));
    let of_account = |id: &AccountId| of_account(recorded, id);
    of_order && args.account.as_ref().is_none_or(of_account)
}

/// Whether an event concerns an order.
pub(super) fn of_order(recorded: &Recorded, id: &OrderId) -> bool {
    let stream = StreamName::order(id);
    recorded.envelope.stream == stream || concerns(recorded, "order_id", id.as_str())
}

/// Whether an event concerns an account.
pub(super) fn of_account(recorded: &Recorded, id: &AccountId) -> bool {
    let stream = StreamName::account(id);
    recorded.envelope.stream == stream || concerns(recorded, "account", id.as_str())
}

fn concerns(recorded: &Recorded, field: &str, id: &str) -> bool {
    let payload = serde_json::to_value(&recorded.envelope.event).unwrap_or(Value::Null);
    payload.get(field).and_then(Value::as_str) == Some(id)
}
