//! Tickets for the stream.

use std::time::Duration;

use blotter::identity::tickets::{GOOD_FOR, PER_USER_MAX, TICKETS_MAX};
use blotter::identity::{AuthError, Principal, Role};

use crate::support::*;

fn principal(user: &str) -> Principal {
    Principal {
        id: format!("user:{user}"),
        user: user.to_owned(),
        roles: roles(&[Role::Observer]),
        permissions: Role::Observer.permissions(),
    }
}

#[tokio::test]
async fn a_ticket_lets_its_holder_in_once() {
    let house = House::new().await;
    let (ticket, expires_at) = house.identity.ticket(&principal("bob")).expect("a ticket");
    assert_eq!(expires_at, house.now().plus(GOOD_FOR));
    assert_eq!(house.identity.redeem(&ticket), Ok(principal("bob")));
    assert_eq!(
        house.identity.redeem(&ticket),
        Err(AuthError::BadCredentials)
    );
    assert_eq!(house.identity.redeem("x"), Err(AuthError::BadCredentials));
}

#[tokio::test]
async fn a_ticket_is_good_for_thirty_seconds() {
    let house = House::new().await;
    let [first, second] = [(); 2].map(|()| {
        house
            .identity
            .ticket(&principal("bob"))
            .expect("a ticket")
            .0
    });
    house.pass(GOOD_FOR - Duration::from_micros(1));
    assert!(house.identity.redeem(&first).is_ok());
    house.pass(Duration::from_micros(1));
    assert_eq!(
        house.identity.redeem(&second),
        Err(AuthError::BadCredentials)
    );
}

#[tokio::test]
async fn nobody_hoards_tickets() {
    let house = House::new().await;
    let refused = Err(AuthError::Throttled {
        retry_after: GOOD_FOR,
    });
    let take = |user: &str| house.identity.ticket(&principal(user)).map(|_| ());
    for _ in 0..PER_USER_MAX {
        assert_eq!(take("bob"), Ok(()));
    }
    assert_eq!(take("bob"), refused);
    for number in 0..TICKETS_MAX - PER_USER_MAX {
        assert_eq!(take(&number.to_string()), Ok(()));
    }
    assert_eq!(take("carol"), refused);
    house.pass(GOOD_FOR);
    assert_eq!(take("carol"), Ok(()));
}

#[tokio::test]
async fn a_disabled_users_tickets_are_good_for_nothing() {
    let house = House::with_alice().await;
    let (ticket, _) = house
        .identity
        .ticket(&principal("alice"))
        .expect("a ticket");
    let disabled = house.identity.disable_user(&admin(), &name("alice")).await;
    assert_eq!(disabled, Ok(true));
    assert_eq!(
        house.identity.redeem(&ticket),
        Err(AuthError::BadCredentials)
    );
}

#[tokio::test]
async fn a_ticket_ends_with_its_session() {
    let house = House::with_alice().await;
    let opened = house.login("alice").await;
    let ticket = |identity: &blotter::identity::Identity| {
        let (ticket, _) = identity
            .ticket(&opened.session.principal)
            .expect("a ticket");
        ticket
    };
    let before = ticket(&house.identity);
    house
        .identity
        .logout(&opened.token)
        .await
        .expect("logs out");
    assert_eq!(
        house.identity.redeem(&before),
        Err(AuthError::BadCredentials)
    );
    house.login("alice").await;
    let before = ticket(&house.identity);
    let sessions = house
        .identity
        .sessions(&name("alice"))
        .await
        .expect("sessions");
    let session = &sessions[0].session_id;
    let revoked = house.identity.revoke_session(&admin(), session).await;
    assert_eq!(revoked, Ok(()));
    assert_eq!(
        house.identity.redeem(&before),
        Err(AuthError::BadCredentials)
    );
}
