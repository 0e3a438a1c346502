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
    /// As it was made; `None` once another one was set, which is kept nowhere.
    pub password: Option<String>,
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
    /// a user who was disabled too, a password is never touched, and forgotten once it is another.
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
        let kept = read(&path).map_err(failed)?;
        let login = match &kept {
            Some(login) if login.may_log_in(identity).await? => login.renewed(identity).await?,
            _ => make(identity, randomness).await?,
        };
        if kept.as_ref() != Some(&login) {
            write(&path, &login).map_err(failed)?;
        }
        Ok(login)
    }

    /// The same without what no longer holds.
    async fn renewed(&self, identity: &Identity) -> Result<Self, DemoLoginError> {
        let password = match &self.password {
            Some(made) if self.is_password(identity, made).await? => Some(made.clone()),
            _ => None,
        };
        if !self.has_its_key(identity).await? {
            return issue_key(identity, &self.user, password).await;
        }
        Ok(Self {
            password,
            ..self.clone()
        })
    }

    async fn is_password(&self, identity: &Identity, made: &str) -> Result<bool, DemoLoginError> {
        let user = UserName::new(&self.user)?;
        Ok(identity.is_password(&user, made).await?)
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
                return issue_key(identity, &name, Some(password)).await;
            }
        }
    }
}

async fn issue_key(
    identity: &Identity,
    user: &str,
    password: Option<String>,
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

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;

    use super::*;
    use crate::runtime::{SystemClock, SystemRandomness};

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    async fn identity(dir: &Path) -> Identity {
        let (clock, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
        let opened = Identity::open(&dir.join("secrets.db"), clock, randomness).await;
        opened.expect("opens")
    }

    async fn login(identity: &Identity, dir: &Path) -> DemoLogin {
        let login = DemoLogin::of(identity, &SystemRandomness, dir).await;
        login.expect("a login")
    }

    async fn works(identity: &Identity, login: &DemoLogin) {
        let password = login.password.as_deref().expect("a password");
        let entered = identity.login(&login.user, password, HERE).await;
        entered.expect("logs in");
        let key = identity.api_key(&login.key_id, &login.secret_key, HERE);
        key.await.expect("a good key");
    }

    #[tokio::test]
    async fn it_is_made_once_and_kept_for_its_owner_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let identity = identity(dir.path()).await;
        let first = login(&identity, dir.path()).await;
        works(&identity, &first).await;
        assert!(login(&identity, dir.path()).await == first);
        let file = std::fs::metadata(dir.path().join(FILE)).expect("a file");
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        let password = first.password.as_deref().expect("a password");
        assert!(!format!("{first:?}").contains(password));
    }

    #[tokio::test]
    async fn a_revoked_key_is_replaced_and_the_password_stays() {
        let dir = tempfile::tempdir().expect("a directory");
        let identity = identity(dir.path()).await;
        let first = login(&identity, dir.path()).await;
        let by = Who::system("test");
        identity
            .revoke_key(&by, &first.key_id)
            .await
            .expect("revokes");
        let second = login(&identity, dir.path()).await;
        assert_eq!(
            (&second.user, &second.password),
            (&first.user, &first.password)
        );
        assert_ne!(second.key_id, first.key_id);
        works(&identity, &second).await;
    }

    #[tokio::test]
    async fn a_password_that_was_changed_is_not_shown_and_not_kept() {
        let dir = tempfile::tempdir().expect("a directory");
        let identity = identity(dir.path()).await;
        let first = login(&identity, dir.path()).await;
        let made = first.password.clone().expect("a password");
        let (by, user) = (Who::system("test"), UserName::new(USER).expect("a name"));
        let theirs = "a password of their own";
        let changed = identity.set_password(&by, &user, theirs).await;
        changed.expect("changes");
        for _ in 0..2 {
            let second = login(&identity, dir.path()).await;
            let expected = DemoLogin {
                password: None,
                ..first.clone()
            };
            assert!(second == expected);
            let kept = std::fs::read_to_string(dir.path().join(FILE)).expect("a file");
            assert!(!kept.contains(&made) && !kept.contains(theirs));
        }
        // A key that is replaced brings no password back.
        let revoked = identity.revoke_key(&by, &first.key_id).await;
        revoked.expect("revokes");
        assert_eq!(login(&identity, dir.path()).await.password, None);
        identity.login(USER, theirs, HERE).await.expect("as set");
    }

    #[tokio::test]
    async fn a_name_that_is_taken_or_disabled_is_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let identity = identity(dir.path()).await;
        let (by, name) = (Who::system("test"), UserName::new(USER).expect("a name"));
        let theirs = "somebody else's own";
        let roles = BTreeSet::from([Role::Observer]);
        identity
            .add_user(&by, &name, theirs, &roles)
            .await
            .expect("adds");
        let second = login(&identity, dir.path()).await;
        assert_eq!(second.user, "demo-2");
        works(&identity, &second).await;
        identity.login(USER, theirs, HERE).await.expect("as before");
        let used = UserName::new("demo-2").expect("a name");
        identity.disable_user(&by, &used).await.expect("disables");
        let third = login(&identity, dir.path()).await;
        assert_eq!(third.user, "demo-3");
        works(&identity, &third).await;
    }
}
