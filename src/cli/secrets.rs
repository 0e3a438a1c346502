//! Opening the secrets store to manage users and keys, beside a running node or without one.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use super::{FAILED, USAGE, output};
use crate::app::config::Draft;
use crate::events::Who;
use crate::identity::{Identity, ManageError};
use crate::runtime::{SystemClock, SystemRandomness};

/// What a command on users or keys ended with.
pub enum SecretsFailure {
    /// The configuration or an argument.
    Usage(String),
    Failed(String),
}

impl From<ManageError> for SecretsFailure {
    fn from(error: ManageError) -> Self {
        match error {
            ManageError::Password(_)
            | ManageError::NoRole
            | ManageError::BadLabel(_)
            | ManageError::ExpiresInThePast
            | ManageError::ScopeNotAllowed { .. } => SecretsFailure::Usage(error.to_string()),
            other => SecretsFailure::Failed(other.to_string()),
        }
    }
}

impl From<std::io::Error> for SecretsFailure {
    fn from(error: std::io::Error) -> Self {
        SecretsFailure::Failed(error.to_string())
    }
}

impl SecretsFailure {
    /// Says what is wrong; gives the exit status.
    pub fn report(self) -> u8 {
        let (problem, status) = match self {
            SecretsFailure::Usage(problem) => (problem, USAGE),
            SecretsFailure::Failed(problem) => (problem, FAILED),
        };
        output::error(problem);
        status
    }
}

/// Opens the store that is there. None is made: a directory that was mistyped holds no node.
pub async fn open(draft: &Draft) -> Result<Identity, SecretsFailure> {
    let path = path(draft)?;
    match path.exists() {
        true => open_at(&path).await,
        false => Err(SecretsFailure::Failed(format!(
            "there is no node in {}: it has no secrets store at {}; give the data directory of a \
             node with --data-dir, start one there with `blotter demo` or `blotter serve`, or make \
             the store before with `blotter users add NAME --role ROLE --new-store`",
            draft.data_dir().display(),
            path.display()
        ))),
    }
}

/// Makes the store with its directory, where there is none.
pub async fn make(draft: &Draft) -> Result<Identity, SecretsFailure> {
    let path = path(draft)?;
    if path.exists() {
        return Err(SecretsFailure::Failed(format!(
            "there is a secrets store at {} already; leave out --new-store",
            path.display()
        )));
    }
    if let Some(dir) = path.parent() {
        let made = std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir);
        made.map_err(|error| {
            SecretsFailure::Failed(format!("{} cannot be made: {error}", dir.display()))
        })?;
    }
    let identity = open_at(&path).await?;
    output::note(format!(
        "a new secrets store was made at {}",
        path.display()
    ));
    Ok(identity)
}

fn path(draft: &Draft) -> Result<std::path::PathBuf, SecretsFailure> {
    draft
        .secrets_store()
        .map_err(|errors| SecretsFailure::Usage(errors.to_string()))
}

async fn open_at(path: &Path) -> Result<Identity, SecretsFailure> {
    let opened = Identity::open(path, Arc::new(SystemClock), Arc::new(SystemRandomness)).await;
    opened.map_err(|error| SecretsFailure::Failed(error.to_string()))
}

/// Who types: the command line, and behind it whom the operating system runs it for.
pub fn who() -> Who {
    Who {
        human: system_user(),
        ..Who::system("cli")
    }
}

/// By the owner of this process rather than by the environment, which anyone may set.
fn system_user() -> Option<String> {
    let uid = std::fs::metadata("/proc/self")
        .ok()
        .map(|process| process.uid().to_string());
    let Some(uid) = uid else {
        return std::env::var("USER").ok();
    };
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    Some(named.unwrap_or_else(|| format!("uid:{uid}")))
}
