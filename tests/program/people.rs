//! `blotter users` and `blotter keys`, beside a node and without one.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use serde_json::Value;

use crate::support::*;

/// A command that reads `input`.
fn with_input(place: &Place, arguments: &[&str], input: &str) -> Ran {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(input.as_bytes()).expect("writes");
    std::io::Seek::rewind(&mut file).expect("rewinds");
    finish(place.command(arguments).stdin(Stdio::from(file)))
}

fn run(place: &Place, arguments: &[&str]) -> Ran {
    finish(&mut place.command(arguments))
}

/// Before any node has run.
const FIRST_USER: [&str; 6] = ["users", "add", "alice", "--role", "trader", "--new-store"];

fn json(place: &Place, arguments: &[&str]) -> Vec<Value> {
    json_lines(&run(place, arguments).done())
}

#[test]
fn users_and_keys_are_managed_without_a_node() {
    let place = Place::new();
    let added = run(&place, &FIRST_USER).done();
    let password = added
        .lines()
        .nth(1)
        .expect("a line")
        .split_whitespace()
        .nth(1);
    assert_eq!(password.expect("a password").len(), 24, "{added}");
    let secrets = place.data_dir().join("secrets.db");
    let mode = std::fs::metadata(&secrets)
        .expect("a store")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!place.log().exists(), "no log is made");

    let roles = [
        "users", "add", "bob", "--role", "auditor", "--role", "observer",
    ];
    let bob = [&roles[..], &["--password-stdin", "--json"]].concat();
    let added = json_lines(&with_input(&place, &bob, "correct horse\nmore").done());
    assert_eq!(added[0]["password"], Value::Null);
    run(&place, &["users", "grant", "alice", "risk_officer"]).done();
    run(&place, &["users", "revoke", "alice", "trader"]).done();
    run(&place, &["users", "disable", "bob"]).done();
    let users = json(&place, &["users", "list", "--json"]);
    assert_eq!(users[0]["roles"], serde_json::json!(["risk_officer"]));
    assert_eq!(
        (&users[1]["user"], &users[1]["disabled"]),
        (&"bob".into(), &true.into())
    );

    let scopes = [
        "--scope",
        "orders.read",
        "--label",
        "report",
        "--expires-in-days",
        "90",
    ];
    let issue = [&["keys", "issue", "alice", "--json"], &scopes[..]].concat();
    let key = json(&place, &issue).remove(0);
    let key_id = key["key_id"].as_str().expect("an id");
    let listed = run(&place, &["keys", "list", "--user", "alice", "--json"]).done();
    assert!(!listed.contains(key["secret_key"].as_str().expect("a secret")));
    let listed = json_lines(&listed).remove(0);
    assert_eq!(
        (&listed["key_id"], &listed["state"]),
        (&key["key_id"], &"active".into())
    );
    run(&place, &["keys", "revoke", key_id]).done();
    let text = run(&place, &["keys", "list"]).done();
    assert!(text.contains(key_id) && text.contains("revoked"), "{text}");
}

#[test]
fn what_cannot_be_done_is_said_with_what_is_allowed() {
    let place = Place::new();
    run(&place, &["users", "add", "alice"]).refused(2, &["--role <ROLE>"]);
    let unknown = ["users", "add", "alice", "--role", "boss"];
    run(&place, &unknown).refused(2, &["\"boss\" is no role; allowed: super_admin, "]);
    let named = ["users", "add", "Alice!", "--role", "trader"];
    run(&place, &named).refused(2, &["allowed: 1 to 32 of a-z"]);
    run(&place, &FIRST_USER).done();
    let common = [
        "users",
        "add",
        "carol",
        "--role",
        "trader",
        "--password-stdin",
    ];
    with_input(&place, &common, "password1\n").refused(2, &["most common ones"]);
    with_input(&place, &common, "").refused(2, &["too short", "8 to 128"]);
    run(&place, &FIRST_USER).refused(1, &["a secrets store at", "leave out --new-store"]);
    let again = ["users", "add", "alice", "--role", "trader"];
    run(&place, &again).refused(1, &["there is a user alice already"]);
    run(&place, &["users", "disable", "bob"]).refused(1, &["no user bob", "users list"]);
    run(&place, &["users", "revoke", "alice", "trader"]).refused(2, &["a user needs a role"]);
    let scope = ["keys", "issue", "alice", "--scope", "users.manage"];
    run(&place, &scope).refused(2, &["do not give users.manage; allowed: orders.read"]);
    let scope = ["keys", "issue", "alice", "--scope", "everything"];
    run(&place, &scope).refused(2, &["no permission; allowed: orders.read"]);
    let days = ["keys", "issue", "alice", "--expires-in-days", "0"];
    run(&place, &days).refused(2, &["1..=3653"]);
    run(&place, &["keys", "revoke", "PKNONE"]).refused(1, &["no API key PKNONE"]);
}

/// A mistyped directory is not made into a node's.
#[test]
fn where_no_node_is_nothing_is_made() {
    let place = Place::new();
    let commands: [&[&str]; 5] = [
        &["users", "list"],
        &["users", "add", "alice", "--role", "trader"],
        &["users", "set-password", "alice"],
        &["keys", "issue", "alice"],
        &["keys", "list"],
    ];
    for command in commands {
        let ran = run(&place, command);
        ran.refused(1, &["there is no node in ", "blotter demo", "--new-store"]);
        assert_eq!(ran.stderr.lines().count(), 1, "{ran:?}");
        assert_eq!(ran.stdout, "", "{ran:?}");
        assert!(!place.data_dir().exists(), "{command:?}");
    }
    let made = run(&place, &FIRST_USER);
    let store = place.data_dir().join("secrets.db");
    let said = format!("a new secrets store was made at {}", store.display());
    made.refused(0, &[&said]);
    assert!(store.exists());
}

#[test]
fn an_empty_list_is_told_from_a_wrong_question() {
    let place = Place::new();
    run(&place, &FIRST_USER).done();
    let nobody = ["keys", "list", "--user", "nobody"];
    run(&place, &nobody).refused(1, &["there is no user nobody; see `blotter users list`"]);
    let hers = run(&place, &["keys", "list", "--user", "alice"]);
    hers.refused(0, &["note: there is no API key of alice"]);
    assert_eq!(hers.stdout, "");
    let all = run(&place, &["keys", "list", "--json"]);
    all.refused(0, &["note: there is no API key;"]);
    run(&place, &["keys", "issue", "alice"]).done();
    let hers = run(&place, &["keys", "list", "--user", "alice"]);
    assert_eq!((hers.stdout.lines().count(), hers.stderr.as_str()), (1, ""));
}

/// The node's log tells of what the command line did before and meanwhile, and the whole holds.
#[test]
fn changes_reach_the_log_of_the_node_that_runs() {
    let place = Place::new();
    run(&place, &FIRST_USER).done();
    let mut paced = place.command(&["demo", "--json", "--speed", "1"]);
    let node = Running::start(paced.arg("--data").arg(&place.file));
    node.line().expect("ready");
    // Beside the demonstration's own user and key.
    let of_alice = |event_type: &str| {
        let mut events = place.events_of(event_type);
        events.retain(|event| event["stream"] == "user-alice");
        events
    };
    until("the user is recorded", || {
        !of_alice("UserRegistered").is_empty()
    });
    let key = json(&place, &["keys", "issue", "alice", "--json"]).remove(0);
    until("the key is recorded", || {
        !of_alice("ApiKeyIssued").is_empty()
    });
    let issued = of_alice("ApiKeyIssued").remove(0);
    assert_eq!(issued["version"], 2);
    assert_eq!(issued["payload"]["key_id"], key["key_id"]);
    assert_eq!(issued["who"]["principal"], "system:cli");
    assert!(issued["who"]["human"].is_string(), "{issued}");
    // Found at the latest when the node stops, and then before the stop itself.
    run(&place, &["users", "disable", "alice"]).done();
    node.terminate();
    assert_eq!(node.finish().code(), Some(0));
    let events = place.events();
    let types: Vec<_> = events
        .iter()
        .rev()
        .take(2)
        .map(|event| &event["type"])
        .collect();
    assert_eq!(types, ["NodeStopped", "UserDisabled"]);
    place.assert_verifies();
    let log = finish(&mut place.command(&["events", "--json"])).done();
    assert!(!log.contains(key["secret_key"].as_str().expect("a secret")));
    // And what comes of the data is the same as ever.
    let done = finish(&mut place.demo()).summary();
    assert_same(&done, undisturbed());
    assert_eq!(of_alice("UserRegistered").len(), 1);
}

/// Whether a text stands in any file of the data directory but the secrets store.
fn is_beside_the_secrets(place: &Place, text: &str) -> bool {
    let folders = [place.data_dir(), place.data_dir().join("snapshots")];
    let entries = folders
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).expect("reads"));
    let files = entries.map(|entry| entry.expect("an entry").path());
    let mut files = files.filter(|path| path.is_file() && !path.ends_with("secrets.db"));
    files.any(|path| holds(&std::fs::read(path).expect("a file"), text))
}

/// Snapshots are compressed, behind a header.
fn holds(bytes: &[u8], text: &str) -> bool {
    let found = |bytes: &[u8]| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    let start = bytes.windows(3).position(|part| part == [0x1f, 0x8b, 8]);
    let mut unpacked = Vec::new();
    if let Some(start) = start {
        let mut decoder = flate2::read::GzDecoder::new(&bytes[start..]);
        // Of other files it is no more than bytes that look like it.
        let _ = decoder.read_to_end(&mut unpacked);
    }
    found(bytes) || found(&unpacked)
}

/// From the command line to the log and back, with a restored copy in between.
#[test]
fn a_forgotten_user_stays_forgotten_when_an_older_store_is_restored() {
    let place = Place::new();
    run(&place, &FIRST_USER).done();
    let label = "holiday-house";
    run(&place, &["keys", "issue", "alice", "--label", label]).done();
    let hash = finish(&mut place.demo()).summary()["state_hash"].clone();
    let issued = || {
        let of_alice = ["events", "--type", "ApiKeyIssued", "--stream", "user-alice"];
        run(&place, &of_alice).done()
    };
    let state = || {
        let listed = run(&place, &["users", "list"]).done();
        let alice = listed.lines().find(|line| line.starts_with("alice"));
        let words = alice.expect("a line").split_whitespace();
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(issued().contains(label), "{}", issued());
    let stored = place.events_of("ApiKeyIssued");
    let sealed = |event: &Value| event["payload"]["label"]["sealed"].is_string();
    assert!(stored.iter().all(sealed));
    assert!(!is_beside_the_secrets(&place, label));
    let secrets = place.data_dir().join("secrets.db");
    let older = std::fs::read(&secrets).expect("a copy");
    assert!(holds(&older, label), "it is looked for as it is written");

    let said = run(&place, &["users", "forget", "alice"]).done();
    assert!(said.contains("alice is forgotten"), "{said}");
    let said = run(&place, &["users", "forget", "alice"]).done();
    assert!(said.contains("was forgotten before"), "{said}");
    assert!(issued().contains(r#""label":"forgotten""#), "{}", issued());
    let again = finish(&mut place.demo()).summary();
    assert_eq!(again["state_hash"], hash);
    assert_eq!(place.events_of("UserForgotten").len(), 1);
    place.assert_verifies();
    assert_eq!(
        place.events_of("ApiKeyIssued"),
        stored,
        "nothing stored has changed"
    );

    // With what the stop left in snapshots, and with read models and folds from the log alone.
    for is_folded_again in [false, true] {
        std::fs::write(&secrets, &older).expect("restores");
        assert!(issued().contains(label), "the older store knows");
        assert_eq!(state(), ["alice", "active", "trader"]);
        if is_folded_again {
            std::fs::remove_dir_all(place.data_dir().join("snapshots")).expect("removed");
            std::fs::remove_file(place.data_dir().join("views.db")).expect("removed");
        }
        let started = finish(&mut place.demo());
        assert!(
            started.stderr.contains("is forgotten again"),
            "{}",
            started.stderr
        );
        assert_eq!(started.summary()["state_hash"], hash);
        assert!(issued().contains(r#""label":"forgotten""#), "{}", issued());
        assert_eq!(state(), ["alice", "forgotten", "trader"]);
        let now = std::fs::read(&secrets).expect("a file");
        assert!(!holds(&now, label) && !is_beside_the_secrets(&place, label));
        assert_eq!(place.events_of("UserForgotten").len(), 1, "it is said once");
        place.assert_verifies();
    }
}
