//! `blotter migrate`: makes what a log needs, with the rights of whoever owns the place.

use clap::Args;

use super::{DONE, FAILED, USAGE, output};
use crate::app::config::Draft;
use crate::events::{LogUrl, StoreError};
use crate::runtime::{SystemClock, SystemRandomness, new_id};

#[derive(Args)]
pub struct MigrateArgs {
    /// Database role that nodes run as: it may append to the log and read it, nothing else
    #[arg(long, value_name = "ROLE")]
    grant: Option<String>,
}

pub async fn run(draft: &Draft, args: &MigrateArgs) -> u8 {
    let url = match draft.event_store() {
        Ok(url) => url,
        Err(errors) => {
            output::error(errors);
            return USAGE;
        }
    };
    if args.grant.is_some() && !url.has_roles() {
        output::error(format!(
            "--grant: {url} knows no roles; leave it out, or give the address of a database server"
        ));
        return USAGE;
    }
    match migrate(draft, &url, args.grant.as_deref()).await {
        Ok(text) => match output::line(text) {
            Ok(()) => DONE,
            Err(_) => FAILED,
        },
        Err(error) => {
            output::error(error);
            FAILED
        }
    }
}

async fn migrate(draft: &Draft, url: &LogUrl, grant: Option<&str>) -> Result<String, StoreError> {
    let dir = draft.data_dir();
    std::fs::create_dir_all(&dir).map_err(|error| {
        StoreError::Unavailable(format!("{} cannot be made: {error}", dir.display()))
    })?;
    let log_id = url
        .migrate(new_id(&SystemClock, &SystemRandomness), grant)
        .await?;
    let granted = grant.map_or(String::new(), |role| {
        format!("\nrole {role} may append to it and read it")
    });
    Ok(format!(
        "event store {url}: log {log_id} is ready{granted}\n\
         read models and secrets: their files are made by the first start"
    ))
}
