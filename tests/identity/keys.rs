//! API keys.

use std::time::Duration;

use blotter::identity::{AuthError, ManageError, NewKey, Permission, Role};

use crate::support::*;

const REFUSED: Result<(), AuthError> = Err(AuthError::BadCredentials);

impl House {
    async fn try_key(&self, key_id: &str, secret: &str) -> Result<(), AuthError> {
        self.identity
            .api_key(key_id, secret, peer(1))
            .await
            .map(|_| ())
    }
}

#[tokio::test]
async fn a_key_acts_for_its_user_within_its_scopes() {
    let house = House::with_alice().await;
    let scopes = [Permission::OrdersRead, Permission::OrdersCancel];
    let key = house.issue("alice", &scopes).await.expect("issued");
    assert!(
        key.key_id.starts_with("PK") && key.key_id.len() == 20,
        "{key:?}"
    );
    assert!(key.secret.len() >= 40, "{key:?}");
    let principal = house
        .identity
        .api_key(&key.key_id, &key.secret, peer(1))
        .await;
    let principal = principal.expect("good");
    assert_eq!(principal.id, format!("key:{}", key.key_id));
    assert_eq!(principal.user, "alice");
    assert_eq!(principal.roles, roles(&[Role::Trader]));
    assert_eq!(principal.permissions, scopes.into_iter().collect());
}

#[tokio::test]
async fn without_scopes_a_key_may_what_the_roles_allow_now_and_no_more_later() {
    let house = House::with_alice().await;
    let key = house.issue("alice", &[]).await.expect("issued");
    assert_eq!(key.scopes, Role::Trader.permissions());
    let granted = house
        .identity
        .grant_role(&admin(), &name("alice"), Role::SuperAdmin)
        .await;
    assert_eq!(granted, Ok(true));
    let permissions = async || {
        let principal = house
            .identity
            .api_key(&key.key_id, &key.secret, peer(1))
            .await;
        principal.expect("good").permissions
    };
    assert_eq!(permissions().await, Role::Trader.permissions());
    for (role, granted) in [
        (Role::Observer, true),
        (Role::Trader, false),
        (Role::SuperAdmin, false),
    ] {
        let identity = &house.identity;
        let changed = match granted {
            true => identity.grant_role(&admin(), &name("alice"), role).await,
            false => identity.revoke_role(&admin(), &name("alice"), role).await,
        };
        assert_eq!(changed, Ok(true), "{role}");
    }
    assert_eq!(
        permissions().await,
        Role::Observer.permissions(),
        "the roles went"
    );
}

#[tokio::test]
async fn a_scope_that_the_roles_do_not_give_is_refused_with_those_that_they_do() {
    let house = House::with_alice().await;
    let refused = house.issue("alice", &[Permission::UsersManage]).await;
    let text = refused.expect_err("refused").to_string();
    assert!(
        text.contains("do not give users.manage; allowed: orders.read"),
        "{text}"
    );
    assert_eq!(
        house.issue("bob", &[]).await,
        Err(ManageError::UnknownUser(name("bob")))
    );
    assert_eq!(house.count("api_keys").await, 0);
}

#[tokio::test]
async fn a_wrong_secret_and_a_mistyped_id_open_nothing() {
    let house = House::with_alice().await;
    let key = house.issue("alice", &[]).await.expect("issued");
    let other = house.issue("alice", &[]).await.expect("issued");
    for (id, secret) in [
        (&key.key_id, &other.secret),
        (&key.key_id, &String::new()),
        (&key.key_id, &key.secret[..39].to_owned()),
        (&key.key_id.to_lowercase(), &key.secret),
        (&"PK".to_owned(), &key.secret),
    ] {
        assert_eq!(house.try_key(id, secret).await, REFUSED, "{id}");
    }
    assert_eq!(house.try_key(&key.key_id, &key.secret).await, Ok(()));
}

/// A slip is found without asking the store: there is none left to ask.
#[tokio::test]
async fn a_mistyped_id_is_refused_without_a_look() {
    let house = House::with_alice().await;
    let key = house.issue("alice", &[]).await.expect("issued");
    house.sql("DROP VIEW api_keys_with_user").await;
    let asked = house.try_key(&key.key_id, &key.secret).await;
    assert!(matches!(asked, Err(AuthError::Unavailable(_))), "{asked:?}");
    let last = if key.key_id.ends_with('A') { "B" } else { "A" };
    let slip = format!("{}{last}", &key.key_id[..19]);
    assert_eq!(house.try_key(&slip, &key.secret).await, REFUSED);
}

#[tokio::test]
async fn a_key_expires() {
    let house = House::with_alice().await;
    let end = house.now().plus(Duration::from_secs(60));
    let asked = |expires_at| NewKey {
        user: name("alice"),
        scopes: None,
        label: String::new(),
        expires_at: Some(expires_at),
    };
    let past = house.identity.issue_key(&admin(), asked(house.now())).await;
    assert_eq!(past, Err(ManageError::ExpiresInThePast));
    let key = house
        .identity
        .issue_key(&admin(), asked(end))
        .await
        .expect("issued");
    house.pass(Duration::from_millis(59_999));
    assert_eq!(house.try_key(&key.key_id, &key.secret).await, Ok(()));
    // To the moment, although it was read just before.
    house.pass(Duration::from_millis(1));
    assert_eq!(house.try_key(&key.key_id, &key.secret).await, REFUSED);
}

#[tokio::test]
async fn a_revoked_key_ends_at_once_here_and_within_two_seconds_elsewhere() {
    let house = House::with_alice().await;
    let other = house.another().await;
    let key = house.issue("alice", &[]).await.expect("issued");
    assert_eq!(house.try_key(&key.key_id, &key.secret).await, Ok(()));
    assert!(
        other
            .api_key(&key.key_id, &key.secret, peer(1))
            .await
            .is_ok()
    );
    assert_eq!(
        house.identity.revoke_key(&admin(), &key.key_id).await,
        Ok(true)
    );
    assert_eq!(house.try_key(&key.key_id, &key.secret).await, REFUSED);
    house.pass_seconds(2);
    let elsewhere = other.api_key(&key.key_id, &key.secret, peer(1)).await;
    assert_eq!(elsewhere, Err(AuthError::BadCredentials));
    assert_eq!(
        house.identity.revoke_key(&admin(), &key.key_id).await,
        Ok(false)
    );
    let unknown = house.identity.revoke_key(&admin(), "PKX").await;
    assert_eq!(unknown, Err(ManageError::UnknownKey("PKX".to_owned())));
    let revoked = house
        .told()
        .await
        .into_iter()
        .filter(|name| name == "ApiKeyRevoked");
    assert_eq!(revoked.count(), 1);
}

#[tokio::test]
async fn a_disabled_user_takes_the_keys_along() {
    let house = House::with_alice().await;
    let key = house.issue("alice", &[]).await.expect("issued");
    assert_eq!(house.try_key(&key.key_id, &key.secret).await, Ok(()));
    let disabled = house.identity.disable_user(&admin(), &name("alice")).await;
    assert_eq!(disabled, Ok(true));
    assert_eq!(house.try_key(&key.key_id, &key.secret).await, REFUSED);
    let late = house.issue("alice", &[]).await;
    assert_eq!(late, Err(ManageError::UserDisabled(name("alice"))));
}

#[tokio::test]
async fn uses_are_noted_to_the_minute_and_failures_counted() {
    let house = House::with_alice().await;
    let key = house.issue("alice", &[]).await.expect("issued");
    let used = async || house.identity.keys(None).await.expect("reads")[0].last_used_at;
    for _ in 0..100 {
        assert_eq!(house.try_key(&key.key_id, WRONG).await, REFUSED);
    }
    assert_eq!(used().await, None, "a failure is no use");
    let first = house.now();
    house.try_key(&key.key_id, &key.secret).await.expect("good");
    house.pass_seconds(59);
    house.try_key(&key.key_id, &key.secret).await.expect("good");
    assert_eq!(used().await, Some(first));
    house.pass_seconds(2);
    house.try_key(&key.key_id, &key.secret).await.expect("good");
    assert_eq!(used().await, Some(house.now()));
    assert_eq!(house.try_key(&key.key_id, WRONG).await, REFUSED);
    let failed: Vec<_> = house
        .outbox()
        .await
        .into_iter()
        .skip(2)
        .map(|(_, fact, _)| fact)
        .collect();
    let times: Vec<_> = failed.iter().map(|fact| &fact["times"]).collect();
    assert_eq!(times, [1, 100], "{failed:?}");
    assert_eq!(failed[0]["credential"], format!("key:{}", key.key_id));
}

#[tokio::test]
async fn keys_are_listed_without_their_secrets() {
    let house = House::with_alice().await;
    house.add("bob", &[Role::Auditor]).await;
    let key = house.issue("alice", &[]).await.expect("issued");
    house.issue("bob", &[]).await.expect("issued");
    let all = house.identity.keys(None).await.expect("reads");
    assert_eq!(all.len(), 2);
    let own = house
        .identity
        .keys(Some(&name("alice")))
        .await
        .expect("reads");
    assert_eq!((own.len(), &own[0].key_id), (1, &key.key_id));
    assert!(!format!("{all:?}").contains(&key.secret));
    assert_eq!(own[0].label, "bot");
}
