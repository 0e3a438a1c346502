//! Coming in with a password.

use blotter::identity::{AuthError, Permission, Role, SESSION_IDLE, SESSION_LIFE};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn the_right_password_opens_a_session_with_what_the_roles_allow() {
    let house = House::with_alice().await;
    let opened = house.login("alice").await;
    let session = &opened.session;
    assert_eq!(session.principal.id, "user:alice");
    assert_eq!(session.principal.user, "alice");
    assert_eq!(session.principal.permissions, Role::Trader.permissions());
    assert!(!session.principal.may(Permission::UsersManage));
    assert_eq!(session.idle, SESSION_IDLE);
    assert_eq!(session.expires_at, house.now().plus(SESSION_LIFE));
    assert_ne!(session.csrf_token, opened.token);
    let again = house.identity.session(&opened.token).await;
    assert_eq!(again.as_ref(), Ok(session));
}

#[tokio::test]
async fn nobody_else_comes_in_and_nobody_is_told_why() {
    let house = House::with_alice().await;
    house.add("gone", &[Role::Trader]).await;
    let disabled = house.identity.disable_user(&admin(), &name("gone")).await;
    assert_eq!(disabled, Ok(true));
    for (user, password) in [
        ("alice", WRONG),
        ("alice", ""),
        ("Alice", PASSWORD),
        ("nobody", PASSWORD),
        ("", PASSWORD),
        ("gone", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
    ] {
        let refused = house.identity.login(user, password, peer(1)).await;
        assert_eq!(refused, Err(AuthError::BadCredentials), "{user} {password}");
    }
    assert_eq!(house.count("sessions").await, 0);
}

#[tokio::test]
async fn a_success_and_a_failure_are_facts_of_the_user() {
    let house = House::with_alice().await;
    house.login("alice").await;
    house.fail("alice", peer(2)).await;
    let mut told = house.outbox().await.split_off(1);
    for (_, payload, _) in &mut told {
        // What it says: tests/identity/forgetting.rs.
        assert!(payload["peer"]["sealed"].is_string(), "{payload}");
        payload["peer"] = "sealed".into();
    }
    let succeeded = json!({"user": "alice", "peer": "sealed"});
    let failed = json!({"user": "alice", "peer": "sealed", "credential": "password", "times": 1});
    assert_eq!(
        told,
        [
            (
                "LoginSucceeded".to_owned(),
                succeeded,
                "user:alice".to_owned()
            ),
            ("LoginFailed".to_owned(), failed, "system:login".to_owned()),
        ]
    );
}

/// People type their password where their name belongs.
#[tokio::test]
async fn a_name_that_nobody_has_is_kept_nowhere() {
    let house = House::with_alice().await;
    house.fail("hunter2hunter2", peer(1)).await;
    let (fact, payload, _) = house.outbox().await.pop().expect("a fact");
    assert_eq!(
        (fact.as_str(), &payload["user"]),
        ("LoginFailed", &json!(null))
    );
    house.sql("PRAGMA wal_checkpoint(TRUNCATE)").await;
    for entry in std::fs::read_dir(house.dir.path()).expect("reads") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("reads");
        let found = bytes.windows(7).any(|window| window == b"hunter2");
        assert!(!found);
    }
}

/// The work of a refusal is the work of a hash, whoever is named. That comparing with nobody's hash
/// takes as long as with a real one is tested beside it.
#[tokio::test]
async fn a_refusal_hashes_whether_or_not_there_is_such_a_user() {
    let house = House::with_alice().await;
    for (user, checked) in [("alice", 1), ("nobody", 2), ("No Name", 3), ("", 4)] {
        assert_eq!(house.fail(user, peer(1)).await, None);
        assert_eq!(house.identity.passwords_checked(), checked, "{user}");
    }
}

#[tokio::test]
async fn a_password_changed_while_it_is_checked_opens_nothing() {
    let house = House::with_alice().await;
    let other = house.another().await;
    let (admin, alice) = (admin(), name("alice"));
    let changing = other.set_password(&admin, &alice, "quite another one");
    let login = house.identity.login("alice", PASSWORD, peer(1));
    let (changed, opened) = tokio::join!(changing, login);
    changed.expect("changed");
    // Whichever came first: what the old password opened has ended.
    if let Ok(opened) = opened {
        house.pass_seconds(2);
        let ended = house.identity.session(&opened.token).await;
        assert_eq!(ended, Err(AuthError::BadCredentials));
    }
    let old = house.identity.login("alice", PASSWORD, peer(1)).await;
    assert_eq!(old, Err(AuthError::BadCredentials));
    let new = house.identity.login("alice", "quite another one", peer(1));
    assert!(new.await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_loop_goes_on_while_passwords_are_hashed() {
    let house = House::with_alice().await;
    let identity = house.identity.clone();
    let logins: Vec<_> = (0..8)
        .map(|number| {
            let identity = identity.clone();
            async move { identity.login("alice", PASSWORD, peer(number)).await }
        })
        .collect();
    let opened = futures_util::future::join_all(logins).await;
    let tokens: std::collections::BTreeSet<_> = opened
        .into_iter()
        .map(|opened| opened.expect("comes in").token)
        .collect();
    assert_eq!(tokens.len(), 8);
}
