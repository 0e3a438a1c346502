//! Login and API key of a demonstration, made at its first start and kept in
//! `demo-credentials.json`, which only its owner may read, so that every later start shows the same.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::events::Who;
use crate::identity::{Identity, KeyInfo, ManageError, NewKey, Role, UserInfo};
use crate::runtime::Randomness;
use crate::values::{UserName, UserNameError};

const FILE: &str = "demo-credentials.json";
const USER: &str = "demo";
/// Letters and digits that are not mistaken for each other.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// 5 bits each.
const PASSWORD_LETTERS: usize = 20;

/// What a newcomer logs in with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemoLogin {
    pub user: String,
    pub password: String,
    pub key_id: String,
    pub secret_key: String,
}

/// Without the secrets.
impl std::fmt::Debug for DemoLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DemoLogin({})", self.user)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DemoLoginError {
    #[error("the login of the demonstration: {0}")]
    Manage(#[from] ManageError),
    #[error("{} cannot be read or written: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the login of the demonstration: {0}")]
    Name(#[from] UserNameError),
}

impl DemoLogin {
    /// The login kept in `data_dir`, as far as it still holds: a key that was revoked is replaced,
    /// a user who was disabled too, a password is never touched.
    pub async fn of(
        identity: &Identity,
        randomness: &dyn Randomness,
        data_dir: &Path,
    ) -> Result<Self, DemoLoginError> {
        let path = data_dir.join(FILE);
        let failed = |source| DemoLoginError::File {
            path: path.clone(),
            source,
        };
        let kept = match read(&path).map_err(failed)? {
            Some(login) if login.may_log_in(identity).await? => Some(login),
            _ => None,
        };
        let login = match kept {
            Some(login) if login.has_its_key(identity).await? => return Ok(login),
            Some(login) => issue_key(identity, &login.user, login.password).await?,
            None => make(identity, randomness).await?,
        };
        write(&path, &login).map_err(failed)?;
        Ok(login)
    }

    async fn may_log_in(&self, identity: &Identity) -> Result<bool, DemoLoginError> {
        let users = identity.users().await?;
        let enabled =
            |user: &UserInfo| user.name.as_str() == self.user && user.disabled_at.is_none();
        Ok(users.iter().any(enabled))
    }

    async fn has_its_key(&self, identity: &Identity) -> Result<bool, DemoLoginError> {
        let keys = identity.keys(Some(&UserName::new(&self.user)?)).await?;
        let good = |key: &KeyInfo| key.key_id == self.key_id && key.revoked_at.is_none();
        Ok(keys.iter().any(good))
    }
}

/// A new user who may do everything, with a key. A name that is taken stays whose it is: a person's,
/// or that of a start which ended before it had written the login down.
async fn make(
    identity: &Identity,
    randomness: &dyn Randomness,
) -> Result<DemoLogin, DemoLoginError> {
    let roles = BTreeSet::from([Role::SuperAdmin]);
    let mut number = 1;
    loop {
        let name = match number {
            1 => USER.to_owned(),
            _ => format!("{USER}-{number}"),
        };
        let password = password(randomness);
        let by = Who::system("setup");
        match identity
            .add_user(&by, &UserName::new(&name)?, &password, &roles)
            .await
        {
            Err(ManageError::UserExists(_)) => number += 1,
            added => {
                added?;
                return issue_key(identity, &name, password).await;
            }
        }
    }
}

async fn issue_key(
    identity: &Identity,
    user: &str,
    password: String,
) -> Result<DemoLogin, DemoLoginError> {
    let key = NewKey {
        user: UserName::new(user)?,
        scopes: None,
        label: "demonstration".to_owned(),
        expires_at: None,
    };
    let issued = identity.issue_key(&Who::system("setup"), key).await?;
    Ok(DemoLogin {
        user: user.to_owned(),
        password,
        key_id: issued.key_id,
        secret_key: issued.secret,
    })
}

fn password(randomness: &dyn Randomness) -> String {
    let bits = randomness.next_u128();
    let letter = |index: usize| char::from(LETTERS[(bits >> (5 * index)) as usize % LETTERS.len()]);
    (0..PASSWORD_LETTERS).map(letter).collect()
}

/// `None` where there is no file, or one that holds something else.
fn read(path: &Path) -> io::Result<Option<DemoLogin>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whole or not at all, and for its owner alone from the first byte on.
fn write(path: &Path, login: &DemoLogin) -> io::Result<()> {
    let draft = path.with_extension("json.new");
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    let mut text = serde_json::to_vec_pretty(login)?;
    text.push(b'\n');
    file.write_all(&text)?;
    file.sync_all()?;
    std::fs::rename(&draft, path)
}
