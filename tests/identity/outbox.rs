//! The outbox while no log takes anything: it stays bounded.

use blotter::identity::{AuthError, ManageError, Permission, Role};
use serde_json::json;

use crate::support::*;

/// Fills the outbox up to so many rows.
async fn fill(house: &House, rows: i64) {
    let more = rows - house.count("outbox").await;
    let statement = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {more})
         INSERT INTO outbox (command_id, stream, type, version, payload, who, occurred_at)
         SELECT 'filling-' || i, stream, type, version, payload, who, occurred_at
         FROM n, (SELECT * FROM outbox LIMIT 1)"
    );
    house.sql(&statement).await;
}

#[tokio::test]
async fn many_refusals_become_one_row_each_kind() {
    let house = House::with_alice().await;
    let principal = house.login("alice").await.session.principal;
    fill(&house, 1_000).await;
    for number in 0..5 {
        house.fail("alice", peer(10 + number)).await;
        house.fail("nobody", peer(20 + number)).await;
        let place = format!("GET /{number}");
        house
            .identity
            .denied(&principal, Permission::AuditRead, &place)
            .await;
        house.pass_seconds(60);
    }
    let told = house.outbox().await.split_off(1_000);
    let payloads: Vec<_> = told.into_iter().map(|(_, payload, _)| payload).collect();
    let failed = |user: Option<&str>| json!({"user": user, "peer": "various", "credential": "password", "times": 5});
    let denied = json!({
        "principal": "user:alice", "permission": "audit.read", "place": "various", "times": 5,
    });
    assert_eq!(payloads, [failed(Some("alice")), failed(None), denied]);
}

#[tokio::test]
async fn when_it_is_full_nothing_is_changed_that_could_not_be_told() {
    let house = House::with_alice().await;
    fill(&house, 10_000).await;
    let refused = house.identity.login("alice", PASSWORD, peer(1)).await;
    let Err(AuthError::Unavailable(reason)) = refused else {
        panic!("{refused:?}");
    };
    assert!(reason.contains("10000 facts wait"), "{reason}");
    assert_eq!(house.count("sessions").await, 0);
    let granted = house
        .identity
        .grant_role(&admin(), &name("alice"), Role::Auditor)
        .await;
    assert!(
        matches!(granted, Err(ManageError::Unavailable(_))),
        "{granted:?}"
    );
    let users = house.identity.users().await.expect("reads");
    assert_eq!(users[0].roles, roles(&[Role::Trader]));
    house.sql("DELETE FROM outbox WHERE sequence > 1").await;
    house.login("alice").await;
}
