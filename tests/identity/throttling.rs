//! Waiting after failed logins.

use blotter::identity::AuthError;
use blotter::identity::throttle::{FORGET_ONE_AFTER, FREE_PER_ADDRESS, FREE_PER_USER};

use crate::support::*;

/// Fails once from each address, starting with `from`.
async fn fail_from_many(house: &House, user: &str, from: u8, times: u32) {
    for number in 0..times as u8 {
        assert_eq!(house.fail(user, peer(from + number)).await, None);
    }
}

#[tokio::test]
async fn after_the_free_failures_of_a_user_the_wait_doubles() {
    let house = House::with_alice().await;
    fail_from_many(&house, "alice", 10, FREE_PER_USER + 1).await;
    for wait in [1, 2, 4, 8] {
        assert_eq!(house.fail("alice", peer(50)).await, Some(wait));
        house.pass_seconds(wait);
        assert_eq!(house.fail("alice", peer(50)).await, None);
    }
    let counted = house.count("failed_logins WHERE counter = 'user:alice' AND failures = 10");
    assert_eq!(counted.await, 1, "throttled attempts do not count");
}

#[tokio::test]
async fn even_the_right_password_waits_and_then_starts_afresh() {
    let house = House::with_alice().await;
    fail_from_many(&house, "alice", 10, FREE_PER_USER + 1).await;
    let early = house.identity.login("alice", PASSWORD, peer(1)).await;
    assert!(
        matches!(early, Err(AuthError::Throttled { .. })),
        "{early:?}"
    );
    house.pass_seconds(1);
    house.login("alice").await;
    fail_from_many(&house, "alice", 30, FREE_PER_USER).await;
}

#[tokio::test]
async fn others_cannot_keep_a_user_out_from_where_they_came_in_before() {
    let house = House::with_alice().await;
    house.login("alice").await;
    fail_from_many(&house, "alice", 10, FREE_PER_USER + 1).await;
    assert_eq!(house.fail("alice", peer(20)).await, Some(1));
    house.login("alice").await;
    // Nor may they guess on from there.
    for _ in 0..=FREE_PER_USER {
        assert_eq!(house.fail("alice", peer(1)).await, None);
    }
    assert_eq!(house.fail("alice", peer(1)).await, Some(1));
}

#[tokio::test]
async fn an_unknown_user_is_throttled_like_a_known_one() {
    let house = House::with_alice().await;
    fail_from_many(&house, "nobody", 10, FREE_PER_USER + 1).await;
    assert_eq!(house.fail("nobody", peer(30)).await, Some(1));
    assert_eq!(house.fail("somebody-else", peer(30)).await, None);
}

#[tokio::test]
async fn an_address_that_tries_many_users_waits_too() {
    let house = House::with_alice().await;
    for number in 0..=FREE_PER_ADDRESS {
        assert_eq!(house.fail(&format!("user-{number}"), peer(9)).await, None);
    }
    let refused = house.identity.login("alice", PASSWORD, peer(9)).await;
    assert!(
        matches!(refused, Err(AuthError::Throttled { .. })),
        "{refused:?}"
    );
    house.login("alice").await;
}

#[tokio::test]
async fn failures_are_forgotten_with_time_and_their_rows_too() {
    let house = House::with_alice().await;
    fail_from_many(&house, "alice", 10, FREE_PER_USER).await;
    house.pass(FORGET_ONE_AFTER * FREE_PER_USER);
    fail_from_many(&house, "alice", 40, FREE_PER_USER + 1).await;
    assert_eq!(house.fail("alice", peer(50)).await, Some(1));
    house.pass(FORGET_ONE_AFTER * 41);
    house.fail("bob", peer(60)).await;
    assert_eq!(house.count("failed_logins").await, 2, "bob and his address");
}

#[tokio::test]
async fn a_process_that_starts_again_knows_the_failures() {
    let house = House::with_alice().await;
    fail_from_many(&house, "alice", 10, FREE_PER_USER + 1).await;
    let other = house.another().await;
    let refused = other.login("alice", PASSWORD, peer(1)).await;
    assert!(
        matches!(refused, Err(AuthError::Throttled { .. })),
        "{refused:?}"
    );
}

/// Attempts that arrive together do not slip past the count.
#[tokio::test]
async fn attempts_at_the_same_time_are_counted_before_the_next_ones() {
    let house = House::with_alice().await;
    let attempts: Vec<_> = (0..30)
        .map(|number| house.fail("alice", peer(number)))
        .collect();
    let waits = futures_util::future::join_all(attempts).await;
    let tried = waits.iter().filter(|wait| wait.is_none()).count();
    // Two may be under way when the last free one is counted.
    assert!(tried <= FREE_PER_USER as usize + 2, "{tried} were tried");
}

#[tokio::test]
async fn the_counters_have_a_limit() {
    let house = House::with_alice().await;
    house
        .sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 32768)
             INSERT INTO failed_logins SELECT 'address:' || i, 1, 1699999000000000 + i FROM n",
        )
        .await;
    house.fail("alice", peer(1)).await;
    assert_eq!(house.count("failed_logins").await, 32_768);
    let oldest = house.count("failed_logins WHERE counter IN ('address:1', 'address:2')");
    assert_eq!(oldest.await, 0);
}
