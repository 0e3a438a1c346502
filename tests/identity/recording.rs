//! From the outbox to the log: in order, exactly once, whatever fails on the way.

use blotter::domain::ledger::Ledger;
use blotter::domain::state_hash::state_hash;
use blotter::events::{Event, JournalState, Recorded};
use blotter::identity::{Permission, Role};
use blotter::projections::audit::{self, AuditFilter};
use blotter::values::StreamName;

use crate::faulty::{Fault, FaultyStore};
use crate::logs::{Log, names, within};
use crate::support::*;

/// Waits until nothing waits.
async fn drained(house: &House) {
    while house.count("outbox").await > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_happened_before_and_what_happens_now_is_recorded_in_order() {
    within(async {
        let house = House::with_alice().await;
        let log = Log::new().await;
        let recording = log.record(&house.identity);
        house.fail("alice", peer(2)).await;
        house.fail("nobody", peer(2)).await;
        house.login("alice").await;
        let events = log.events(4).await;
        let expected = [
            "UserRegistered",
            "LoginFailed",
            "LoginFailed",
            "LoginSucceeded",
        ];
        assert_eq!(names(&events), expected);
        let streams: Vec<_> = events
            .iter()
            .map(|event| {
                (
                    event.envelope.stream.to_string(),
                    event.envelope.version.get(),
                )
            })
            .collect();
        let alice = |version| ("user-alice".to_owned(), version);
        let unknown = (StreamName::unknown_user().to_string(), 1);
        assert_eq!(streams, [alice(1), alice(2), unknown, alice(3)]);
        let who = &events[0].envelope.meta.who;
        assert_eq!(
            (who.principal.as_str(), who.human.as_deref()),
            ("system:cli", Some("operator"))
        );
        let who = &events[3].envelope.meta.who;
        assert_eq!(
            (who.principal.as_str(), &who.roles[..]),
            ("user:alice", &["trader".to_owned()][..])
        );
        assert_eq!(events[3].envelope.meta.occurred_at, house.now());
        drained(&house).await;
        recording.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_recorder_that_ends_before_it_could_remove_a_fact_records_it_once() {
    within(async {
        let house = House::with_alice().await;
        house
            .sql("CREATE TRIGGER cut BEFORE DELETE ON outbox BEGIN SELECT RAISE(ABORT, 'cut'); END")
            .await;
        let store = FaultyStore::new([]);
        let log = Log::over(store.clone()).await;
        let recording = log.record(&house.identity);
        log.events(1).await;
        recording.stop().await;
        assert_eq!(house.count("outbox").await, 1, "it was not removed");
        house.sql("DROP TRIGGER cut").await;
        // The next node, with another process's view of the store.
        let next = house.another().await;
        let log = Log::over(store).await;
        let recording = log.record(&next);
        house.login("alice").await;
        drained(&house).await;
        recording.stop().await;
        assert_eq!(
            names(&log.all().await),
            ["UserRegistered", "LoginSucceeded"]
        );
    })
    .await;
}

#[tokio::test]
async fn whatever_an_append_ends_in_the_fact_is_recorded_once() {
    for fault in [
        Fault::Busy,
        Fault::Unavailable,
        Fault::UnknownRecorded,
        Fault::UnknownLost,
        Fault::UnknownLate,
    ] {
        within(async {
            let house = House::with_alice().await;
            let log = Log::over(FaultyStore::new([fault])).await;
            let recording = log.record(&house.identity);
            house.login("alice").await;
            drained(&house).await;
            recording.stop().await;
            let names = names(&log.all().await);
            assert_eq!(names, ["UserRegistered", "LoginSucceeded"], "{fault:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn people_come_in_while_the_log_cannot_be_written() {
    within(async {
        let house = House::with_alice().await;
        let store = FaultyStore::new([]);
        let log = Log::over(store.clone()).await;
        store.hold();
        let recording = log.record(&house.identity);
        let token = house.login("alice").await.token;
        assert!(house.identity.session(&token).await.is_ok());
        assert_eq!(house.told().await, ["UserRegistered", "LoginSucceeded"]);
        store.let_go();
        drained(&house).await;
        recording.stop().await;
        assert_eq!(log.all().await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_change_by_another_process_is_found() {
    within(async {
        let house = House::with_alice().await;
        let log = Log::new().await;
        let recording = log.record(&house.identity);
        log.events(1).await;
        let other = house.another().await;
        let (admin, alice) = (admin(), name("alice"));
        let granted = other.grant_role(&admin, &alice, Role::Auditor).await;
        assert_eq!(granted, Ok(true));
        assert_eq!(
            names(&log.events(2).await),
            ["UserRegistered", "RoleGranted"]
        );
        recording.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_fact_that_the_log_never_takes_holds_up_no_other() {
    within(async {
        let house = House::with_alice().await;
        house.sql("INSERT INTO outbox SELECT NULL, 'twice', stream, type, version, payload, who, occurred_at, NULL, NULL FROM outbox").await;
        // The same command id for another fact.
        house.sql("UPDATE outbox SET command_id = 'once' WHERE sequence = 1").await;
        let log = Log::new().await;
        let recording = log.record(&house.identity);
        log.events(2).await;
        drained(&house).await;
        house.sql("INSERT INTO outbox VALUES (NULL, 'once', 'user-alice', 'PasswordChanged', 1, '{\"user\":\"alice\"}', '{\"principal\":\"system:cli\",\"human\":\"operator\",\"roles\":[]}', 5, NULL, NULL)").await;
        house.login("alice").await;
        let events = log.events(3).await;
        assert_eq!(names(&events), ["UserRegistered", "UserRegistered", "LoginSucceeded"]);
        while house.count("outbox WHERE refused IS NOT NULL").await == 0 {
            tokio::task::yield_now().await;
        }
        recording.stop().await;
        assert_eq!(house.told().await, ["PasswordChanged"], "left aside for people to see");
    })
    .await;
}

#[tokio::test]
async fn a_client_in_a_loop_is_recorded_once_a_minute() {
    within(async {
        let house = House::with_alice().await;
        let log = Log::new().await;
        let recording = log.record(&house.identity);
        let principal = house.login("alice").await.session.principal;
        for _ in 0..1_000 {
            let denied = house
                .identity
                .denied(&principal, Permission::AuditRead, "GET /audit");
            denied.await;
        }
        log.events(3).await;
        // The rest is told by the recorder when the minute is over.
        house.pass_seconds(60);
        let events = log.events(4).await;
        recording.stop().await;
        let denied: Vec<_> = events[2..]
            .iter()
            .map(|event| serde_json::to_value(event.event()).expect("JSON"))
            .collect();
        for (denied, times) in denied.iter().zip([1, 999]) {
            let expected = serde_json::json!({
                "principal": "user:alice", "permission": "audit.read",
                "place": "GET /audit", "times": times,
            });
            assert_eq!(*denied, expected);
        }
        assert_eq!(events[2].envelope.stream.as_str(), "user-alice");
    })
    .await;
}

/// Within the minute, when they have only been counted: refused callers and wrong keys.
#[tokio::test]
async fn what_was_counted_is_recorded_when_the_node_stops() {
    within(async {
        let house = House::with_alice().await;
        let log = Log::new().await;
        let recording = log.record(&house.identity);
        let principal = house.login("alice").await.session.principal;
        let key = house.issue("alice", &[]).await.expect("issued");
        for _ in 0..10 {
            let place = "GET /audit";
            let denied = house
                .identity
                .denied(&principal, Permission::AuditRead, place);
            denied.await;
            let refused = house.identity.api_key(&key.key_id, WRONG, peer(1)).await;
            assert!(refused.is_err());
        }
        recording.stop().await;
        let times = |event: &Recorded| match event.event() {
            Event::AccessDenied(denied) => Some(("denied", denied.times)),
            Event::LoginFailed(failed) => Some(("failed", failed.times)),
            _ => None,
        };
        let told: Vec<_> = log.all().await.iter().filter_map(times).collect();
        let expected = [("denied", 1), ("failed", 1), ("denied", 9), ("failed", 9)];
        assert_eq!(told, expected);
        assert_eq!(house.count("outbox").await, 0);
    })
    .await;
}

/// Everything that identity ever records, searched for everything that is secret.
#[tokio::test]
async fn no_secret_and_no_hash_of_one_is_in_the_log() {
    within(async {
        let house = House::with_alice().await;
        let log = Log::new().await;
        let recording = log.record(&house.identity);
        let opened = house.login("alice").await;
        let other = house.login("alice").await;
        let key = house.issue("alice", &[]).await.expect("issued");
        let (identity, alice, by) = (&house.identity, name("alice"), admin());
        let (ticket, _) = identity.ticket(&opened.session.principal).expect("a ticket");
        house.fail("alice", peer(1)).await;
        house.fail("hunter2hunter2", peer(1)).await;
        let refused = identity.api_key(&key.key_id, WRONG, peer(1)).await;
        assert!(refused.is_err());
        identity.denied(&opened.session.principal, Permission::OpsRead, "GET /ops").await;
        identity.logout(&other.token).await.expect("ends");
        identity.revoke_key(&by, &key.key_id).await.expect("revoked");
        identity.grant_role(&by, &alice, Role::Auditor).await.expect("granted");
        identity.revoke_role(&by, &alice, Role::Auditor).await.expect("revoked");
        identity.set_password(&by, &alice, "quite another one").await.expect("set");
        identity.disable_user(&by, &alice).await.expect("disabled");
        drained(&house).await;
        recording.stop().await;
        let events = log.all().await;
        let seen: std::collections::BTreeSet<_> = names(&events).into_iter().collect();
        assert_eq!(seen.len(), 11, "every fact of identity: {seen:?}");

        let hashes = "SELECT password_hash FROM users UNION ALL SELECT hex(secret_hash) FROM api_keys \
                      UNION ALL SELECT hex(salt) FROM store";
        let hashes: Vec<String> =
            sqlx::query_scalar(hashes).fetch_all(&mut house.db().await).await.expect("reads");
        let mut secrets = vec![
            PASSWORD.to_owned(), WRONG.to_owned(), "quite another one".to_owned(),
            "hunter2".to_owned(), "argon2".to_owned(), opened.token.clone(),
            opened.session.csrf_token, other.token.clone(), key.secret.clone(), ticket,
        ];
        for secret in [&opened.token, &other.token, &key.secret] {
            secrets.push(hex::encode(blotter::identity::tokens::hash(secret)));
        }
        secrets.extend(hashes);
        for event in &events {
            let record = String::from_utf8(event.record.clone()).expect("text").to_lowercase();
            for secret in &secrets {
                assert!(!record.contains(&secret.to_lowercase()), "{secret} in {record}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn what_happened_to_a_user_is_in_the_audit_trail() {
    within(async {
        let house = House::with_alice().await;
        let log = Log::new().await;
        let recording = log.record(&house.identity);
        house.login("alice").await;
        drained(&house).await;
        recording.stop().await;
        let views = log.folded(house.dir.path()).await;
        let by_alice = AuditFilter {
            principal: Some("user:alice".to_owned()),
            ..AuditFilter::default()
        };
        let rows = audit::page(&views, &by_alice, 10).await.expect("reads");
        let seen: Vec<_> = rows
            .iter()
            .map(|row| (row.event_type.as_str(), row.human.as_deref()))
            .collect();
        assert_eq!(seen, [("LoginSucceeded", Some("alice"))]);
        let mut ledger = Ledger::default();
        let nothing = state_hash(&ledger).expect("a hash");
        for event in log.all().await {
            ledger.apply(&event).expect("folds");
        }
        assert_eq!(ledger.folded_to.get(), 2);
        assert_eq!(state_hash(&ledger).expect("a hash"), nothing);
    })
    .await;
}

/// Nobody is left to stop it, and the log cannot be written.
#[tokio::test]
async fn a_recorder_whose_node_is_gone_ends() {
    within(async {
        let house = House::with_alice().await;
        let log = Log::over(FaultyStore::new([Fault::Unavailable; 8])).await;
        let recording = log.record(&house.identity);
        let mut state = log.journal.state();
        let unavailable = |state: &JournalState| matches!(state, JournalState::Unavailable(_));
        state.wait_for(unavailable).await.expect("a state");
        let mut ended = recording.ended();
        drop(recording);
        assert!(ended.changed().await.is_err(), "it has ended");
        assert_eq!(house.told().await, ["UserRegistered"]);
    })
    .await;
}
