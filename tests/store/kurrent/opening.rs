//! Logs that are not opened, and that nothing is written to.

use std::net::TcpListener;
use std::time::Duration;

use blotter::events::kurrent::KurrentStore;
use blotter::events::{EventStore, OpenMode, StoreError};
use blotter::values::Position;
use serde_json::json;

use super::place;
use crate::kurrent_double::Double;
use crate::kurrent_double::streams::{LEASE, LOG};
use crate::support::*;

const WRITE: OpenMode = OpenMode::CreateOrOpen { new_log_id: LOG_ID };

async fn refused(url: &str, mode: OpenMode) -> StoreError {
    let opened = KurrentStore::open(&url.parse().expect("an address"), mode).await;
    opened.err().expect("refused")
}

#[tokio::test]
async fn a_log_is_made_once_and_keeps_its_identity() {
    let double = Double::start();
    let missing = refused(&double.url(), OpenMode::ReadOnly).await;
    assert!(
        matches!(&missing, StoreError::Unavailable(said) if said.contains("no log yet")),
        "{missing}"
    );
    assert!(double.state().streams.is_empty(), "reading makes nothing");
    let (one, two) = tokio::join!(open_as(&double, 1), open_as(&double, 2));
    assert_eq!(one.log_id().await, two.log_id().await);
    let again = open_as(&double, 3).await;
    assert_eq!(again.log_id().await, one.log_id().await);
    assert_eq!(double.state().len(LEASE), 1);
}

async fn open_as(double: &Double, id: u128) -> KurrentStore {
    let new_log_id = uuid::Uuid::from_u128(id);
    let url = double.url().parse().expect("an address");
    let mode = OpenMode::CreateOrOpen { new_log_id };
    KurrentStore::open(&url, mode).await.expect("opens")
}

#[tokio::test]
async fn a_wrong_password_is_named_and_changes_nothing() {
    let double = Double::start();
    double.state().login = Some(("ops".to_owned(), "p@ss word".to_owned()));
    for login in ["", "ops:hunter2@", "admin:hunter2@"] {
        for mode in [WRITE, OpenMode::ReadOnly] {
            let error = refused(&double.url_waiting("kurrentdb", login, 20_000), mode).await;
            let said = error.to_string();
            assert!(matches!(error, StoreError::Unavailable(_)), "{said}");
            assert!(
                said.contains("password") && said.contains("127.0.0.1"),
                "{said}"
            );
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
    assert!(double.state().streams.is_empty());
    let store = open_kurrent(&double.url_waiting("esdb", "ops:p%40ss%20word@", 20_000)).await;
    assert!(!store.describe().contains("ops"), "{}", store.describe());
    assert_eq!(
        store.describe(),
        format!("kurrentdb://{}", double.address())
    );
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_an_error_within_bounds() {
    let double = Double::start();
    let url = double.url();
    // It does not speak TLS.
    let error = refused(&url.replace("tls=false", "tls=true"), WRITE).await;
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    double.stop();
    let error = refused(&url, WRITE).await;
    assert!(
        matches!(&error, StoreError::Unavailable(said) if said.contains("reached")),
        "{error}"
    );
    // It takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    for scheme in ["kurrentdb", "kurrentdb+discover"] {
        let url = format!("{scheme}://{address}?tls=false&defaultDeadline=300&gossipTimeout=200");
        let opening = refused(&url, WRITE);
        let error = tokio::time::timeout(Duration::from_secs(30), opening).await;
        let error = error.expect("in time");
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    }
}

#[tokio::test]
async fn a_cluster_is_found_by_what_its_nodes_say() {
    let (leader, follower) = (Double::start(), Double::start());
    follower.state().leader = Some(leader.address());
    let hosts = format!("{},{}", follower.address(), leader.address());
    let url = format!("kurrentdb://{hosts}?tls=false&discoveryInterval=1");
    let store = open_kurrent(&url).await;
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    fill(&store, &lease, 3).await;
    assert_eq!((leader.state().len(LOG), follower.state().len(LOG)), (6, 0));
    let discover = format!(
        "kurrentdb+discover://{}?tls=false&discoveryInterval=1",
        follower.address()
    );
    assert_eq!(read_all(&open_kurrent(&discover).await).await.len(), 6);
}

#[tokio::test]
async fn a_stream_that_is_going_to_be_truncated_is_refused() {
    for (stream, settings) in [
        (LOG, json!({ "$maxCount": 1000 })),
        (LOG, json!({ "$maxAge": 3600 })),
        (LOG, json!({ "$tb": 2 })),
        (LEASE, json!({ "$maxCount": 1 })),
    ] {
        let place = place().await;
        fill(&*place.store, &place.lease, 4).await;
        let before = place.double.state().streams.clone();
        place
            .double
            .state()
            .set(stream, &json!({ "$acl": { "$r": "ops" } }));
        open_kurrent(&place.double.url()).await;
        place.double.state().set(stream, &settings);
        for mode in [WRITE, OpenMode::ReadOnly] {
            let error = refused(&place.double.url(), mode).await;
            let said = error.to_string();
            assert!(matches!(error, StoreError::Fatal(_)), "{said}");
            assert!(said.contains(stream) && said.contains('$'), "{said}");
        }
        assert_eq!(place.double.state().streams[LOG], before[LOG]);
        assert_eq!(place.double.state().streams[LEASE], before[LEASE]);
    }
}

/// Truncated by settings that are gone again, or scavenged: the first revision is not 0.
#[tokio::test]
async fn a_log_without_its_beginning_is_refused() {
    let place = place().await;
    fill(&*place.store, &place.lease, 4).await;
    place.double.state().scavenged = 3;
    let error = refused(&place.double.url(), OpenMode::ReadOnly).await;
    assert!(
        matches!(&error, StoreError::Damaged { position, reason } if *position == Position::new(1) && reason.contains("scavenged")),
        "{error}"
    );
}

#[tokio::test]
async fn a_log_that_lost_its_end_or_all_of_it_is_refused() {
    for left in [0, 5] {
        let place = place().await;
        fill(&*place.store, &place.lease, 4).await;
        // It says how far the log goes.
        place.store.acquire_lease(&node()).await.expect("a lease");
        match left {
            0 => drop(place.double.state().streams.remove(LOG)),
            left => place.double.state().log().truncate(left),
        }
        let error = refused(&place.double.url(), OpenMode::ReadOnly).await;
        assert!(matches!(&error, StoreError::Damaged { .. }), "{error}");
    }
}

#[tokio::test]
async fn another_log_under_the_same_leases_is_refused() {
    let (place, other) = (place().await, place().await);
    fill(&*place.store, &place.lease, 4).await;
    place.store.acquire_lease(&node()).await.expect("a lease");
    append_one(&*other.store, &other.lease, commit("x", "order-9", 0, 10))
        .await
        .expect("recorded");
    let foreign = other.double.state().log().clone();
    *place.double.state().log() = foreign;
    let error = refused(&place.double.url(), OpenMode::ReadOnly).await;
    assert!(
        matches!(&error, StoreError::Damaged { reason, .. } if reason.contains("lease")),
        "{error}"
    );
}

#[tokio::test]
async fn a_log_without_its_identity_is_not_given_a_new_one() {
    let place = place().await;
    fill(&*place.store, &place.lease, 1).await;
    place.double.state().streams.remove(LEASE);
    let error = refused(&place.double.url(), WRITE).await;
    assert!(matches!(&error, StoreError::Damaged { .. }), "{error}");
    assert_eq!(place.double.state().len(LEASE), 0);
}

#[tokio::test]
async fn a_deleted_stream_is_refused() {
    let place = place().await;
    fill(&*place.store, &place.lease, 1).await;
    place.double.state().tombstones.push(LOG.to_owned());
    let error = refused(&place.double.url(), WRITE).await;
    assert!(
        matches!(&error, StoreError::Fatal(said) if said.contains("deleted")),
        "{error}"
    );
    let appended = place
        .store
        .append(
            &place.lease,
            &stamp(),
            [commit("b", "order-7", 0, 1)].into(),
        )
        .await;
    assert!(
        matches!(appended, Err(StoreError::Fatal(_))),
        "{appended:?}"
    );
}

#[tokio::test]
async fn a_log_of_another_format_is_left_alone() {
    let double = Double::start();
    open_kurrent(&double.url()).await;
    let created = double.state().streams[LEASE][0].clone();
    let data = String::from_utf8(created.data)
        .expect("text")
        .replace("\"format\":1", "\"format\":2");
    double.state().streams.get_mut(LEASE).expect("leases")[0].data = data.into_bytes();
    let error = refused(&double.url(), WRITE).await;
    assert_eq!(
        error,
        StoreError::Format {
            found: 2,
            supported: 1
        }
    );
    assert_eq!(double.state().len(LEASE), 1);
}

#[tokio::test]
async fn what_was_opened_for_reading_does_not_write() {
    let place = place().await;
    let url = place.double.url().parse().expect("an address");
    let store = KurrentStore::open(&url, OpenMode::ReadOnly)
        .await
        .expect("opens");
    let refused = store.acquire_lease(&node()).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    let appended = store
        .append(
            &place.lease,
            &stamp(),
            [commit("a", "order-1", 0, 1)].into(),
        )
        .await;
    assert!(
        matches!(appended, Err(StoreError::Unavailable(_))),
        "{appended:?}"
    );
    assert_eq!(place.double.state().len(LOG), 0);
}

#[tokio::test]
async fn a_closed_store_answers_unavailable() {
    let place = place().await;
    place.store.close().await.expect("closes");
    let unavailable =
        |error: StoreError| assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    unavailable(place.store.head().await.expect_err("closed"));
    unavailable(
        place
            .store
            .read(Position::ZERO, 1)
            .await
            .expect_err("closed"),
    );
    unavailable(
        place
            .store
            .lookup(commit("a", "order-1", 0, 1).id)
            .await
            .expect_err("closed"),
    );
    let batch = [commit("a", "order-1", 0, 1)].into();
    let appended = place.store.append(&place.lease, &stamp(), batch).await;
    unavailable(appended.expect_err("closed"));
}
