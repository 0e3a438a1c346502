//! `blotter keys`: what programs come in with.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::secrets::{self, SecretsFailure};
use super::{DONE, output};
use crate::app::config::Draft;
use crate::identity::{KeyInfo, ManageError, NewKey, Permission};
use crate::runtime::{Clock, SystemClock};
use crate::values::{Timestamp, UserName};

const SECONDS_A_DAY: u64 = 24 * 60 * 60;
/// Ten years.
const DAYS_MAX: i64 = 3_653;

#[derive(Subcommand)]
pub enum KeysCommand {
    /// Issue an API key; its secret is shown once
    Issue(IssueArgs),
    /// List API keys
    List(ListArgs),
    /// End an API key
    Revoke(RevokeArgs),
}

#[derive(Args)]
pub struct IssueArgs {
    /// Whose key it is
    #[arg(value_name = "USER")]
    user: UserName,
    /// What it may do, for example orders.read; may be repeated [default: all that the user may]
    #[arg(long = "scope", value_name = "PERMISSION")]
    scopes: Vec<Permission>,
    /// What it is for
    #[arg(long, value_name = "LABEL", default_value = "")]
    label: String,
    /// Days that it is good for [default: until it is revoked]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=DAYS_MAX))]
    expires_in_days: Option<i64>,
    /// One JSON value
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct ListArgs {
    /// Only keys of this user
    #[arg(long, value_name = "USER")]
    user: Option<UserName>,
    /// One JSON value a line
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct RevokeArgs {
    #[arg(value_name = "KEY_ID")]
    key_id: String,
}

#[derive(Serialize)]
struct Issued<'a> {
    key_id: &'a str,
    secret_key: &'a str,
    user: &'a UserName,
    scopes: Vec<&'static str>,
    expires_at: Option<Timestamp>,
}

/// A key as listed.
#[derive(Serialize)]
struct Listed {
    key_id: String,
    user: UserName,
    state: &'static str,
    scopes: Vec<&'static str>,
    label: String,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
}

pub async fn run(draft: &Draft, command: KeysCommand) -> u8 {
    let done = match command {
        KeysCommand::Issue(args) => issue(draft, args).await,
        KeysCommand::List(args) => list(draft, &args).await,
        KeysCommand::Revoke(args) => revoke(draft, &args.key_id).await,
    };
    match done {
        Ok(()) => DONE,
        Err(failure) => failure.report(),
    }
}

async fn issue(draft: &Draft, args: IssueArgs) -> Result<(), SecretsFailure> {
    let days = args.expires_in_days.map(i64::unsigned_abs);
    let expires_at = days.map(|days| {
        SystemClock
            .now()
            .plus(Duration::from_secs(days * SECONDS_A_DAY))
    });
    let asked = NewKey {
        user: args.user.clone(),
        scopes: (!args.scopes.is_empty()).then(|| args.scopes.into_iter().collect()),
        label: args.label,
        expires_at,
    };
    let identity = secrets::open(draft).await?;
    let issued = identity.issue_key(&secrets::who(), asked).await?;
    let scopes: Vec<_> = issued.scopes.iter().map(|scope| scope.name()).collect();
    if args.json {
        return Ok(output::json(&Issued {
            key_id: &issued.key_id,
            secret_key: &issued.secret,
            user: &args.user,
            scopes,
            expires_at,
        })?);
    }
    let until = expires_at.map_or("it is revoked".to_owned(), |end| end.to_string());
    Ok(output::line(format!(
        "key id      {}\nsecret key  {}\nscopes      {}\ngood until  {until}\n\
         The secret is not shown again.",
        issued.key_id,
        issued.secret,
        scopes.join(" "),
    ))?)
}

async fn list(draft: &Draft, args: &ListArgs) -> Result<(), SecretsFailure> {
    let identity = secrets::open(draft).await?;
    if let Some(user) = &args.user {
        let users = identity.users().await?;
        if !users.iter().any(|known| known.name == *user) {
            return Err(ManageError::UnknownUser(user.clone()).into());
        }
    }
    let keys = identity.keys(args.user.as_ref()).await?;
    if keys.is_empty() {
        let of = args.user.as_ref();
        let of = of.map_or(String::new(), |user| format!(" of {user}"));
        output::note(format!("there is no API key{of}; see `blotter keys issue`"));
    }
    let now = SystemClock.now();
    for key in keys.into_iter().map(|key| listed(key, now)) {
        match args.json {
            true => output::json(&key)?,
            false => {
                let scopes = key.scopes.join(" ");
                output::line(format!(
                    "{}  {:<16}  {:<7}  {:<16}  {scopes}",
                    key.key_id,
                    key.user.as_str(),
                    key.state,
                    key.label
                ))?;
            }
        }
    }
    Ok(())
}

fn listed(key: KeyInfo, now: Timestamp) -> Listed {
    let expired = key.expires_at.is_some_and(|end| end <= now);
    Listed {
        state: match (key.revoked_at, expired) {
            (Some(_), _) => "revoked",
            (None, true) => "expired",
            (None, false) => "active",
        },
        key_id: key.key_id,
        user: key.user,
        scopes: key.scopes.iter().map(|scope| scope.name()).collect(),
        label: key.label,
        created_at: key.created_at,
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
        last_used_at: key.last_used_at,
    }
}

async fn revoke(draft: &Draft, key_id: &str) -> Result<(), SecretsFailure> {
    let identity = secrets::open(draft).await?;
    let text = match identity.revoke_key(&secrets::who(), key_id).await? {
        true => format!("{key_id} is revoked"),
        false => format!("{key_id} was revoked before"),
    };
    Ok(output::line(text)?)
}
