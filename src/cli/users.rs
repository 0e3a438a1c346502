//! `blotter users`: who may log in, and as what.

use std::io::Read;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::secrets::{self, SecretsFailure};
use super::{DONE, output};
use crate::app::config::Draft;
use crate::identity::passwords::PASSWORD_CHARS_MAX;
use crate::identity::{Role, UserInfo, tokens};
use crate::runtime::SystemRandomness;
use crate::values::{Timestamp, UserName};

/// Letters of a password that is made up: 120 bits.
const GENERATED_CHARS: usize = 24;
/// Longest password in bytes, with a line feed.
const PASSWORD_BYTES_MAX: u64 = PASSWORD_CHARS_MAX as u64 * 4 + 2;

#[derive(Subcommand)]
pub enum UsersCommand {
    /// Add a user; without --password-stdin a password is made up and shown once
    Add(AddArgs),
    /// List users
    List(ListArgs),
    /// End a user's sessions and keys, for good
    Disable(NameArgs),
    /// Make what is personal about a user unreadable in the log, for good; disables the user too
    Forget(NameArgs),
    /// Give a user a role
    Grant(RoleArgs),
    /// Take a role from a user
    Revoke(RoleArgs),
    /// Give a user another password and end their sessions
    SetPassword(PasswordArgs),
}

#[derive(Args)]
pub struct AddArgs {
    /// 1 to 32 of a-z 0-9 . _ -
    #[arg(value_name = "NAME")]
    name: UserName,
    /// super_admin, trading_admin, risk_officer, trader, auditor or observer; may be repeated
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<Role>,
    /// Read the password from standard input, up to the end of the line
    #[arg(long)]
    password_stdin: bool,
    /// Make the secrets store first, where no node has run yet
    #[arg(long)]
    new_store: bool,
    /// One JSON value
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct ListArgs {
    /// One JSON value a line
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct NameArgs {
    #[arg(value_name = "NAME")]
    name: UserName,
}

#[derive(Args)]
pub struct RoleArgs {
    #[arg(value_name = "NAME")]
    name: UserName,
    #[arg(value_name = "ROLE")]
    role: Role,
}

#[derive(Args)]
pub struct PasswordArgs {
    #[arg(value_name = "NAME")]
    name: UserName,
    /// Read the password from standard input, up to the end of the line
    #[arg(long)]
    password_stdin: bool,
    /// One JSON value
    #[arg(long)]
    json: bool,
}

/// A user as listed.
#[derive(Serialize)]
struct Listed {
    user: UserName,
    roles: Vec<&'static str>,
    disabled: bool,
    created_at: Timestamp,
    disabled_at: Option<Timestamp>,
    forgotten_at: Option<Timestamp>,
}

/// A user with a password that was just set; `password` when it was made up.
#[derive(Serialize)]
struct WithPassword<'a> {
    user: &'a UserName,
    password: Option<&'a str>,
}

pub async fn run(draft: &Draft, command: UsersCommand) -> u8 {
    let done = match command {
        UsersCommand::Add(args) => add(draft, args).await,
        UsersCommand::List(args) => list(draft, &args).await,
        UsersCommand::Disable(args) => disable(draft, &args.name).await,
        UsersCommand::Forget(args) => forget(draft, &args.name).await,
        UsersCommand::Grant(args) => grant(draft, &args).await,
        UsersCommand::Revoke(args) => revoke(draft, &args).await,
        UsersCommand::SetPassword(args) => set_password(draft, &args).await,
    };
    match done {
        Ok(()) => DONE,
        Err(failure) => failure.report(),
    }
}

async fn add(draft: &Draft, args: AddArgs) -> Result<(), SecretsFailure> {
    let password = Password::get(args.password_stdin)?;
    let roles = args.roles.into_iter().collect();
    let identity = match args.new_store {
        true => secrets::make(draft).await?,
        false => secrets::open(draft).await?,
    };
    identity
        .add_user(&secrets::who(), &args.name, &password.text, &roles)
        .await?;
    password.show(&args.name, args.json)
}

async fn set_password(draft: &Draft, args: &PasswordArgs) -> Result<(), SecretsFailure> {
    let password = Password::get(args.password_stdin)?;
    let identity = secrets::open(draft).await?;
    identity
        .set_password(&secrets::who(), &args.name, &password.text)
        .await?;
    password.show(&args.name, args.json)
}

async fn list(draft: &Draft, args: &ListArgs) -> Result<(), SecretsFailure> {
    let users = secrets::open(draft).await?.users().await?;
    if users.is_empty() {
        output::note("there is no user; see `blotter users add`");
    }
    for user in users.into_iter().map(listed) {
        match args.json {
            true => output::json(&user)?,
            false => {
                let state = match (user.disabled, user.forgotten_at) {
                    (_, Some(_)) => "forgotten",
                    (true, None) => "disabled",
                    (false, None) => "active",
                };
                let (name, roles) = (user.user.as_str(), user.roles.join(" "));
                output::line(format!("{name:<32}  {state:<9}  {roles}"))?;
            }
        }
    }
    Ok(())
}

fn listed(user: UserInfo) -> Listed {
    Listed {
        user: user.name,
        roles: user.roles.iter().map(|role| role.name()).collect(),
        disabled: user.disabled_at.is_some(),
        created_at: user.created_at,
        disabled_at: user.disabled_at,
        forgotten_at: user.forgotten_at,
    }
}

async fn disable(draft: &Draft, name: &UserName) -> Result<(), SecretsFailure> {
    let identity = secrets::open(draft).await?;
    let text = match identity.disable_user(&secrets::who(), name).await? {
        true => format!("{name} is disabled; their sessions and keys have ended"),
        false => format!("{name} was disabled before"),
    };
    Ok(output::line(text)?)
}

async fn forget(draft: &Draft, name: &UserName) -> Result<(), SecretsFailure> {
    let identity = secrets::open(draft).await?;
    let text = match identity.forget_user(&secrets::who(), name).await? {
        true => format!("{name} is forgotten: their key is destroyed and they come in no more"),
        false => format!("{name} was forgotten before"),
    };
    Ok(output::line(text)?)
}

async fn grant(draft: &Draft, args: &RoleArgs) -> Result<(), SecretsFailure> {
    let RoleArgs { name, role } = args;
    let identity = secrets::open(draft).await?;
    let text = match identity.grant_role(&secrets::who(), name, *role).await? {
        true => format!("{name} is {role} now"),
        false => format!("{name} was {role} before"),
    };
    Ok(output::line(text)?)
}

async fn revoke(draft: &Draft, args: &RoleArgs) -> Result<(), SecretsFailure> {
    let RoleArgs { name, role } = args;
    let identity = secrets::open(draft).await?;
    let text = match identity.revoke_role(&secrets::who(), name, *role).await? {
        true => format!("{name} is no longer {role}"),
        false => format!("{name} was not {role}"),
    };
    Ok(output::line(text)?)
}

/// Never among the arguments: other users of the machine see those.
struct Password {
    text: String,
    is_made_up: bool,
}

impl Password {
    fn get(from_stdin: bool) -> Result<Self, SecretsFailure> {
        if !from_stdin {
            return Ok(Self {
                text: tokens::letters(&SystemRandomness, GENERATED_CHARS).to_lowercase(),
                is_made_up: true,
            });
        }
        let mut text = String::new();
        std::io::stdin()
            .take(PASSWORD_BYTES_MAX)
            .read_to_string(&mut text)?;
        let line = text.lines().next().unwrap_or_default().to_owned();
        Ok(Self {
            text: line,
            is_made_up: false,
        })
    }

    fn show(&self, user: &UserName, json: bool) -> Result<(), SecretsFailure> {
        let password = self.is_made_up.then_some(self.text.as_str());
        match (json, password) {
            (true, password) => output::json(&WithPassword { user, password }),
            (false, None) => output::line(format!("the password of {user} is set")),
            (false, Some(password)) => output::line(format!(
                "user      {user}\npassword  {password}\nIt is not shown again."
            )),
        }
        .map_err(SecretsFailure::from)
    }
}
