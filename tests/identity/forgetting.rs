//! What facts say about people: sealed, shown while the key is there, and forgotten.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use blotter::events::Recorded;
use blotter::identity::{AuthError, Identity, ManageError, Role, UNREADABLE};
use blotter::runtime::SystemRandomness;
use serde_json::{Value, json};

use crate::logs::{Log, names, within};
use crate::support::*;

const LABEL: &str = "bot";
/// Where the logins of `House` come from, and other places.
const PEER: &str = "192.0.2.1";
const OTHER_PEER: &str = "192.0.2.99";
const BOBS_PEER: &str = "192.0.2.55";

/// Alice comes in, mistypes once and gets a key; somebody unknown does not come in.
async fn story(house: &House) {
    house.login("alice").await;
    house.fail("alice", peer(99)).await;
    house.issue("alice", &[]).await.expect("issued");
    house.fail("nobody", peer(99)).await;
}

/// As people see it.
async fn shown(identity: &Identity, recorded: &Recorded) -> Value {
    let payload = recorded.stored_payload().expect("a payload");
    let mut payload = serde_json::from_str(payload.get()).expect("JSON");
    let revealed = identity.reader().reveal(recorded, &mut payload).await;
    revealed.expect("can be asked");
    payload
}

/// What is personal in the events, by type.
async fn personal(identity: &Identity, events: &[Recorded]) -> Vec<(&'static str, Value)> {
    let mut found = Vec::new();
    for recorded in events {
        let payload = shown(identity, recorded).await;
        for field in ["peer", "label"] {
            if let Some(text) = payload.get(field) {
                found.push((recorded.event().name(), text.clone()));
            }
        }
    }
    found
}

/// Whether a text stands in any file of a directory.
fn is_in_files(dir: &Path, text: &[u8]) -> bool {
    let mut entries = std::fs::read_dir(dir).expect("reads");
    entries.any(|entry| {
        // A database that is just being closed takes its side files along.
        let bytes = std::fs::read(entry.expect("an entry").path()).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text)
    })
}

fn is_in_records(events: &[Recorded], text: &str) -> bool {
    let mut records = events.iter().map(|recorded| &recorded.record);
    records.any(|record| String::from_utf8_lossy(record).contains(text))
}

/// Alice's key, as bytes of the file.
async fn key_of_alice(house: &House) -> Vec<u8> {
    let key = sqlx::query_scalar("SELECT key FROM subject_keys WHERE subject = 'alice'");
    key.fetch_one(&mut house.db().await).await.expect("a key")
}

#[tokio::test]
async fn what_is_personal_is_sealed_in_the_log_and_shown_in_the_clear() {
    within(async {
        let house = House::with_alice().await;
        let log = Log::new().await;
        let recording = log.record(&house.identity);
        story(&house).await;
        let events = log.events(5).await;
        recording.stop().await;
        let of_alice: Vec<Recorded> = events
            .iter()
            .filter(|recorded| recorded.envelope.stream.as_str() == "user-alice")
            .cloned()
            .collect();
        for text in [PEER, OTHER_PEER, "\"bot\""] {
            assert!(!is_in_records(&of_alice, text), "{text}");
        }
        assert_eq!(
            personal(&house.identity, &events).await,
            [
                ("LoginSucceeded", json!(PEER)),
                ("LoginFailed", json!(OTHER_PEER)),
                ("ApiKeyIssued", json!(LABEL)),
                // Of nobody: there is no key that could be destroyed.
                ("LoginFailed", json!(OTHER_PEER)),
            ]
        );
        assert_eq!(house.count("subject_keys").await, 1);

        // Another store has no key for it, and a key of its own does not fit.
        let other = House::with_alice().await;
        other.login("alice").await;
        assert_eq!(
            shown(&other.identity, &of_alice[1]).await["peer"],
            UNREADABLE
        );
        assert_eq!(
            shown(&House::new().await.identity, &of_alice[1]).await["peer"],
            UNREADABLE
        );
    })
    .await;
}

#[tokio::test]
async fn a_forgotten_user_cannot_be_read_about_any_more() {
    within(async {
        let house = House::with_alice().await;
        house.add("bob", &[Role::Trader]).await;
        let log = Log::new().await;
        let recording = log.record(&house.identity);
        story(&house).await;
        let bob = house.identity.login("bob", PASSWORD, peer(55)).await;
        bob.expect("comes in");
        let before = log.events(7).await;
        let key = key_of_alice(&house).await;
        assert!(is_in_files(house.dir.path(), &key));

        let alice = name("alice");
        let forgotten = house.identity.forget_user(&admin(), &alice).await;
        assert_eq!(forgotten, Ok(true));
        // Attempts under the name go on.
        house.fail("alice", peer(99)).await;
        let events = log.events(11).await;
        recording.stop().await;
        assert_eq!(events[..7], before[..], "what is recorded stays");
        let after = [
            "SessionRevoked",
            "UserDisabled",
            "UserForgotten",
            "LoginFailed",
        ];
        assert_eq!(names(&events[7..]), after);
        assert_eq!(
            personal(&house.identity, &events).await,
            [
                ("LoginSucceeded", json!("forgotten")),
                ("LoginFailed", json!("forgotten")),
                ("ApiKeyIssued", json!("forgotten")),
                ("LoginFailed", json!(OTHER_PEER)),
                ("LoginSucceeded", json!(BOBS_PEER)),
                ("LoginFailed", json!("forgotten")),
            ]
        );

        // The read models, and the store itself: neither the key nor what it sealed. (The counter
        // of failures from the other place belongs to the place, and is soon forgotten by itself.)
        log.folded(house.dir.path()).await;
        for gone in [&key[..], PEER.as_bytes()] {
            let found = is_in_files(house.dir.path(), gone);
            assert!(!found, "{}", String::from_utf8_lossy(gone));
        }
        assert!(is_in_files(house.dir.path(), BOBS_PEER.as_bytes()));
        let label = sqlx::query_scalar::<_, String>("SELECT label FROM api_keys");
        let label = label.fetch_one(&mut house.db().await).await;
        assert_eq!(label.expect("a label"), "");
    })
    .await;
}

/// The key is gone from the files the moment the command is done, not with some later change.
#[tokio::test]
async fn a_destroyed_key_is_in_no_file() {
    let house = House::with_alice().await;
    house.login("alice").await;
    let key = key_of_alice(&house).await;
    let forgotten = house.identity.forget_user(&admin(), &name("alice")).await;
    assert_eq!(forgotten, Ok(true));
    assert!(!is_in_files(house.dir.path(), &key));
}

#[tokio::test]
async fn a_forgotten_user_does_not_come_in_and_is_forgotten_once() {
    let house = House::with_alice().await;
    let opened = house.login("alice").await;
    let key = house.issue("alice", &[]).await.expect("issued");
    let alice = name("alice");
    let by = admin();
    let forget = || house.identity.forget_user(&by, &alice);
    assert_eq!(forget().await, Ok(true));
    let told = house.told().await;
    assert_eq!(forget().await, Ok(false));
    assert_eq!(house.told().await, told, "nothing new is said");

    let refused = Err(AuthError::BadCredentials);
    assert_eq!(house.identity.session(&opened.token).await, refused);
    let by_key = house.identity.api_key(&key.key_id, &key.secret, peer(1));
    assert_eq!(by_key.await, Err(AuthError::BadCredentials));
    let by_password = house.identity.login("alice", PASSWORD, peer(1)).await;
    assert_eq!(by_password, Err(AuthError::BadCredentials));
    let added = house
        .identity
        .add_user(&admin(), &alice, PASSWORD, &roles(&[Role::Trader]))
        .await;
    assert_eq!(added, Err(ManageError::UserExists(alice.clone())));
    let nobody = house.identity.forget_user(&admin(), &name("bob")).await;
    assert_eq!(nobody, Err(ManageError::UnknownUser(name("bob"))));

    // Who was disabled before is not disabled again.
    house.add("carol", &[Role::Trader]).await;
    let carol = name("carol");
    let disabled = house.identity.disable_user(&admin(), &carol).await;
    assert_eq!(disabled, Ok(true));
    let forgotten = house.identity.forget_user(&admin(), &carol).await;
    assert_eq!(forgotten, Ok(true));
    let told = house.told().await;
    let told = &told[told.len() - 2..];
    assert_eq!(told, ["UserDisabled", "UserForgotten"]);

    house.add("dora", &[Role::Trader]).await;
    let users = house.identity.users().await.expect("listed");
    let listed = users.iter().map(|user| {
        let (disabled, forgotten) = (user.disabled_at.is_some(), user.forgotten_at.is_some());
        (user.name.as_str(), disabled, forgotten)
    });
    let expected = [
        ("alice", true, true),
        ("carol", true, true),
        ("dora", false, false),
    ];
    assert_eq!(listed.collect::<Vec<_>>(), expected);
}

/// The log remembers who was forgotten; the store that was restored does not.
#[tokio::test]
async fn a_restored_older_store_forgets_again() {
    within(async {
        let house = House::with_alice().await;
        let log = Log::new().await;
        let recording = log.record(&house.identity);
        house.login("alice").await;
        let events = log.events(2).await;
        recording.stop().await;

        // A copy made while alice was remembered.
        let older = House::new().await;
        let copy = older.dir.path().join("copy.db");
        house
            .sql(&format!("VACUUM INTO '{}'", copy.display()))
            .await;
        let forgotten = house.identity.forget_user(&admin(), &name("alice")).await;
        assert_eq!(forgotten, Ok(true));

        let randomness = Arc::new(SystemRandomness);
        let restored = Identity::open(&copy, older.clock.clone(), randomness).await;
        let restored = restored.expect("opens");
        assert_eq!(shown(&restored, &events[1]).await["peer"], PEER);
        let forgotten = BTreeSet::from([name("alice"), name("zoe")]);
        assert_eq!(restored.forget_again(&forgotten).await, Ok(2));
        assert_eq!(shown(&restored, &events[1]).await["peer"], "forgotten");
        let login = restored.login("alice", PASSWORD, peer(1)).await;
        assert_eq!(login, Err(AuthError::BadCredentials));
        assert_eq!(restored.forget_again(&forgotten).await, Ok(0), "done");
        // Made after the copy and forgotten since: the name is taken all the same.
        let (by, zoe, has) = (admin(), name("zoe"), roles(&[Role::Trader]));
        let added = restored.add_user(&by, &zoe, PASSWORD, &has).await;
        assert_eq!(added, Err(ManageError::UserExists(zoe)));
    })
    .await;
}

#[tokio::test]
async fn a_store_of_layout_1_gets_its_keys() {
    let house = House::with_alice().await;
    house.sql("DROP TABLE subject_keys").await;
    house.sql("PRAGMA user_version = 1").await;
    let identity = house.another().await;
    let opened = identity.login("alice", PASSWORD, peer(1)).await;
    opened.expect("comes in, as before");
    assert_eq!(house.count("subject_keys").await, 1);
}

/// It stands in the log in the clear, since it was recorded before anything was sealed.
#[tokio::test]
async fn a_fact_of_version_1_is_shown_as_forgotten_too() {
    let house = House::with_alice().await;
    house.login("alice").await;
    let stored = include_bytes!("../golden/LoginSucceeded.v1.jsonl").trim_ascii_end();
    let recorded = Recorded::read(stored.to_vec()).expect("a record");
    assert_eq!(recorded.envelope.stream.as_str(), "user-alice");
    assert_eq!(shown(&house.identity, &recorded).await["peer"], "192.0.2.7");
    let forgotten = house.identity.forget_user(&admin(), &name("alice")).await;
    assert_eq!(forgotten, Ok(true));
    let shown = shown(&house.identity, &recorded).await;
    assert_eq!(shown, json!({"user": "alice", "peer": "forgotten"}));
}
