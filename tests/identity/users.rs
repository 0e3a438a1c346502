//! Managing users.

use blotter::identity::passwords::PasswordError;
use blotter::identity::{AuthError, ManageError, Role};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn users_are_listed_with_their_roles() {
    let house = House::with_alice().await;
    house.add("adam", &[Role::Auditor, Role::Observer]).await;
    let users = house.identity.users().await.expect("reads");
    let names: Vec<_> = users.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["adam", "alice"]);
    assert_eq!(users[0].roles, roles(&[Role::Auditor, Role::Observer]));
    assert_eq!(
        (users[1].created_at, users[1].disabled_at),
        (house.now(), None)
    );
}

#[tokio::test]
async fn what_is_not_right_changes_nothing_and_says_why() {
    let house = House::with_alice().await;
    let (identity, trader) = (&house.identity, roles(&[Role::Trader]));
    let before = house.outbox().await;
    let (alice, bob) = (name("alice"), name("bob"));
    assert_eq!(
        identity.add_user(&admin(), &alice, PASSWORD, &trader).await,
        Err(ManageError::UserExists(alice.clone()))
    );
    assert_eq!(
        identity
            .add_user(&admin(), &bob, "password1", &trader)
            .await,
        Err(ManageError::Password(PasswordError::Common))
    );
    assert_eq!(
        identity
            .add_user(&admin(), &bob, PASSWORD, &roles(&[]))
            .await,
        Err(ManageError::NoRole)
    );
    assert_eq!(
        identity.set_password(&admin(), &alice, "alice123").await,
        Err(ManageError::Password(PasswordError::UserName))
    );
    assert_eq!(
        identity.set_password(&admin(), &bob, PASSWORD).await,
        Err(ManageError::UnknownUser(bob.clone()))
    );
    assert_eq!(
        identity.revoke_role(&admin(), &alice, Role::Trader).await,
        Err(ManageError::NoRole)
    );
    let again = identity.grant_role(&admin(), &alice, Role::Trader).await;
    assert_eq!(again, Ok(false));
    assert_eq!(house.outbox().await, before);
    house.login("alice").await;
}

#[tokio::test]
async fn each_change_is_one_fact_by_whom_it_was_made() {
    let house = House::with_alice().await;
    let (identity, alice) = (&house.identity, name("alice"));
    let by = admin();
    assert_eq!(
        identity.grant_role(&by, &alice, Role::Auditor).await,
        Ok(true)
    );
    assert_eq!(
        identity.revoke_role(&by, &alice, Role::Trader).await,
        Ok(true)
    );
    identity
        .set_password(&by, &alice, "quite another one")
        .await
        .expect("set");
    assert_eq!(identity.disable_user(&by, &alice).await, Ok(true));
    assert_eq!(identity.disable_user(&by, &alice).await, Ok(false));
    let facts = house.outbox().await;
    assert!(facts.iter().all(|(_, _, who)| who == "system:cli"));
    let facts: Vec<_> = facts
        .into_iter()
        .map(|(name, payload, _)| (name, payload))
        .collect();
    let expected = [
        (
            "UserRegistered",
            json!({"user": "alice", "roles": ["trader"]}),
        ),
        ("RoleGranted", json!({"user": "alice", "role": "auditor"})),
        ("RoleRevoked", json!({"user": "alice", "role": "trader"})),
        ("PasswordChanged", json!({"user": "alice"})),
        ("UserDisabled", json!({"user": "alice"})),
    ];
    assert_eq!(
        facts,
        expected.map(|(name, payload)| (name.to_owned(), payload))
    );
}

#[tokio::test]
async fn another_password_ends_what_the_old_one_opened() {
    let house = House::with_alice().await;
    let token = house.login("alice").await.token;
    let changed = house
        .identity
        .set_password(&admin(), &name("alice"), "quite another one")
        .await;
    changed.expect("changed");
    let ended = house.identity.session(&token).await;
    assert_eq!(ended, Err(AuthError::BadCredentials));
    assert_eq!(
        house.told().await[2..],
        ["PasswordChanged", "SessionRevoked"]
    );
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once_and_stays_out() {
    let house = House::with_alice().await;
    let token = house.login("alice").await.token;
    let disabled = house.identity.disable_user(&admin(), &name("alice")).await;
    assert_eq!(disabled, Ok(true));
    let ended = house.identity.session(&token).await;
    assert_eq!(ended, Err(AuthError::BadCredentials));
    let refused = house.identity.login("alice", PASSWORD, peer(1)).await;
    assert_eq!(refused, Err(AuthError::BadCredentials));
    for change in [
        house
            .identity
            .set_password(&admin(), &name("alice"), PASSWORD)
            .await,
        house
            .identity
            .grant_role(&admin(), &name("alice"), Role::Auditor)
            .await
            .map(|_| ()),
    ] {
        assert_eq!(change, Err(ManageError::UserDisabled(name("alice"))));
    }
}
