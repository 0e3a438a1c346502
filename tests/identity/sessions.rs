//! How sessions end, and how they do not.

use std::time::Duration;

use blotter::identity::{AuthError, Role, SESSION_IDLE, SESSION_LIFE};

use crate::support::*;

const REFUSED: Result<(), AuthError> = Err(AuthError::BadCredentials);

impl House {
    async fn check(&self, token: &str) -> Result<(), AuthError> {
        self.identity.session(token).await.map(|_| ())
    }
}

#[tokio::test]
async fn a_session_ends_after_a_pause_and_activity_keeps_it() {
    let house = House::with_alice().await;
    let token = house.login("alice").await.token;
    // A minute less: that is how exactly activity is kept.
    let pause = SESSION_IDLE - Duration::from_secs(60);
    for _ in 0..5 {
        house.pass(pause);
        assert_eq!(house.check(&token).await, Ok(()));
    }
    house.pass(SESSION_IDLE);
    assert_eq!(house.check(&token).await, REFUSED);
}

#[tokio::test]
async fn activity_counts_to_the_minute_in_every_process() {
    let house = House::with_alice().await;
    let token = house.login("alice").await.token;
    let other = house.another().await;
    house.pass(Duration::from_secs(59));
    assert_eq!(house.check(&token).await, Ok(()));
    let noted = "sessions WHERE last_seen_at > created_at";
    assert_eq!(house.count(noted).await, 0, "at most once a minute");
    house.pass(Duration::from_secs(1));
    assert_eq!(house.check(&token).await, Ok(()));
    assert_eq!(house.count(noted).await, 1);
    house.pass(SESSION_IDLE - Duration::from_secs(1));
    assert!(other.session(&token).await.is_ok());
}

#[tokio::test]
async fn a_session_ends_after_its_life_however_busy_it_is() {
    let house = House::with_alice().await;
    let token = house.login("alice").await.token;
    let end = house.now().plus(SESSION_LIFE);
    let step = Duration::from_secs(20 * 60);
    while house.now().plus(step) < end {
        house.pass(step);
        assert_eq!(house.check(&token).await, Ok(()));
    }
    house.clock.advance_to(end);
    assert_eq!(house.check(&token).await, REFUSED);
    // The next login clears it away.
    house.login("alice").await;
    assert_eq!(house.count("sessions").await, 1);
}

#[tokio::test]
async fn every_login_has_a_token_of_its_own() {
    let house = House::with_alice().await;
    let (first, second) = (house.login("alice").await, house.login("alice").await);
    assert_ne!(first.token, second.token);
    assert_ne!(first.session.csrf_token, second.session.csrf_token);
    house.identity.logout(&first.token).await.expect("ends");
    assert_eq!(house.check(&first.token).await, REFUSED);
    assert_eq!(house.check(&second.token).await, Ok(()));
    house
        .identity
        .logout(&first.token)
        .await
        .expect("twice is no error");
    assert_eq!(
        house.told().await[1..],
        ["LoginSucceeded", "LoginSucceeded", "SessionRevoked"]
    );
}

#[tokio::test]
async fn what_is_no_token_opens_nothing() {
    let house = House::with_alice().await;
    let token = house.login("alice").await.token;
    for bad in [
        "",
        "x",
        &token[1..],
        &format!("{token}x"),
        &token.to_lowercase(),
    ] {
        assert_eq!(house.check(bad).await, REFUSED, "{bad}");
    }
}

#[tokio::test]
async fn own_revocations_act_at_once_those_of_others_within_two_seconds() {
    let house = House::with_alice().await;
    let other = house.another().await;
    let token = house.login("alice").await.token;
    let [session] = &other.sessions(&name("alice")).await.expect("reads")[..] else {
        panic!("one session");
    };
    assert_eq!(house.check(&token).await, Ok(()));
    assert!(other.session(&token).await.is_ok());
    other
        .revoke_session(&admin(), &session.session_id)
        .await
        .expect("revoked");
    assert_eq!(other.session(&token).await.map(|_| ()), REFUSED, "at once");
    house.pass(Duration::from_millis(1_999));
    assert_eq!(house.check(&token).await, Ok(()), "believed for a moment");
    house.pass(Duration::from_millis(1));
    assert_eq!(house.check(&token).await, REFUSED);
    let unknown = other.revoke_session(&admin(), &session.session_id).await;
    assert!(unknown.is_err());
}

/// The store is asked once, however often a credential is used meanwhile.
#[tokio::test]
async fn a_busy_session_does_not_ask_the_store_each_time() {
    let house = House::with_alice().await;
    let token = house.login("alice").await.token;
    assert_eq!(house.check(&token).await, Ok(()));
    // Nothing is left to ask.
    house.sql("DELETE FROM sessions").await;
    for _ in 0..10_000 {
        assert_eq!(house.check(&token).await, Ok(()));
    }
    house.pass_seconds(2);
    assert_eq!(house.check(&token).await, REFUSED);
}

#[tokio::test]
async fn a_changed_role_acts_on_open_sessions() {
    let house = House::with_alice().await;
    let token = house.login("alice").await.token;
    let granted = house
        .identity
        .grant_role(&admin(), &name("alice"), Role::RiskOfficer)
        .await;
    assert_eq!(granted, Ok(true));
    let session = house.identity.session(&token).await.expect("good");
    assert_eq!(
        session.principal.roles,
        roles(&[Role::Trader, Role::RiskOfficer])
    );
}

#[tokio::test]
async fn the_oldest_of_too_many_sessions_gives_way() {
    let house = House::with_alice().await;
    let first = house.login("alice").await.token;
    for _ in 0..32 {
        house.pass_seconds(1);
        house.login("alice").await;
    }
    assert_eq!(house.count("sessions").await, 32);
    assert_eq!(house.check(&first).await, REFUSED);
}
