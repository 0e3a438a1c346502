//! The file: who may read it, what is in it, and whose it is.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use blotter::identity::{AuthError, Identity};
use blotter::runtime::SystemRandomness;

use crate::support::*;

#[tokio::test]
async fn nobody_else_on_the_machine_reads_any_of_its_files() {
    let house = House::with_alice().await;
    let mut files = 0;
    for entry in std::fs::read_dir(house.dir.path()).expect("reads") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("metadata").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{entry:?}");
        files += 1;
    }
    assert_eq!(files, 3, "the database, its log and its index");
}

#[tokio::test]
async fn a_file_that_was_open_to_others_is_closed_to_them() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("secrets.db");
    std::fs::write(&path, b"").expect("writes");
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&path, open).expect("sets");
    open_at(&path).await.expect("opens");
    let mode = std::fs::metadata(&path)
        .expect("metadata")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

async fn open_at(path: &std::path::Path) -> Result<Identity, AuthError> {
    let clock = House::new().await.clock;
    Identity::open(path, clock, Arc::new(SystemRandomness)).await
}

#[tokio::test]
async fn passwords_tokens_and_secrets_are_not_in_its_files() {
    let house = House::with_alice().await;
    let opened = house.login("alice").await;
    let key = house.issue("alice", &[]).await.expect("issued");
    let secrets = [
        PASSWORD,
        &opened.token,
        &opened.session.csrf_token,
        &key.secret,
    ];
    for entry in std::fs::read_dir(house.dir.path()).expect("reads") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("reads");
        for secret in secrets {
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{secret}");
        }
    }
}

#[tokio::test]
async fn what_is_no_secrets_store_of_this_layout_is_left_alone() {
    let house = House::with_alice().await;
    house.sql("PRAGMA user_version = 7").await;
    let Err(AuthError::Unavailable(reason)) = open_at(&house.path()).await else {
        panic!("opened");
    };
    assert!(
        reason.contains("has layout 7, this program uses 2"),
        "{reason}"
    );

    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("secrets.db");
    let text = "no database at all, but long enough to be looked at ".repeat(20);
    std::fs::write(&path, &text).expect("writes");
    let Err(AuthError::Unavailable(reason)) = open_at(&path).await else {
        panic!("opened");
    };
    assert!(
        reason.contains("is no SQLite database: check its path"),
        "{reason}"
    );
    assert_eq!(std::fs::read_to_string(&path).expect("reads"), text);

    let nowhere = dir.path().join("nowhere/secrets.db");
    let Err(AuthError::Unavailable(reason)) = open_at(&nowhere).await else {
        panic!("opened");
    };
    assert!(reason.contains("cannot be made or protected"), "{reason}");
}

#[tokio::test]
async fn two_processes_make_one_store_together() {
    let house = House::new().await;
    let other = house.another().await;
    let (admin, trader) = (admin(), roles(&[blotter::identity::Role::Trader]));
    let users: Vec<_> = (0..4)
        .map(|number| name(&format!("user-{number}")))
        .collect();
    let added = users.iter().enumerate().map(|(index, user)| {
        let by = if index % 2 == 0 {
            &house.identity
        } else {
            &other
        };
        by.add_user(&admin, user, PASSWORD, &trader)
    });
    for added in futures_util::future::join_all(added).await {
        added.expect("added");
    }
    assert_eq!(other.users().await.expect("reads").len(), 4);
    assert_eq!(house.count("outbox").await, 4);
}

#[test]
fn it_may_be_used_from_any_thread() {
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    is_shared::<Identity>();
}
