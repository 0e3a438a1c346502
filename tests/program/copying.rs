//! `blotter events copy`: the copy is the log, and a node goes on with it.

use serde_json::Value;

use crate::support::*;

impl Place {
    fn url(&self, name: &str) -> String {
        format!("sqlite:{}", self.dir.path().join(name).display())
    }

    fn own_url(&self) -> String {
        format!("sqlite:{}", self.log().display())
    }

    fn copy(&self, from: &str, to: &str) -> Ran {
        finish(&mut blotter(["events", "copy", "--from", from, "--to", to]))
    }

    /// The demo on the log at `url`, beside the book, users and read models of this place.
    fn demo_on(&self, url: &str) -> Value {
        finish(self.demo().env("BLOTTER_EVENT_STORE", url)).summary()
    }
}

#[test]
fn a_node_goes_on_with_the_copy_of_a_log_that_was_stopped() {
    let place = Place::new();
    let running = place.run_to(150);
    running.terminate();
    assert_eq!(running.finish().code(), Some(0));
    let copied = place.url("copy.db");
    let text = place.copy(&place.own_url(), &copied).done();
    let events = place.events().len();
    let whole = format!("is complete in {copied}: {events} events in ");
    assert!(text.contains(&whole), "{text}");
    let verified = finish(
        place
            .command(&["verify"])
            .env("BLOTTER_EVENT_STORE", &copied),
    )
    .done();
    let root = |text: &str| {
        text.lines()
            .find(|line| line.starts_with("root "))
            .map(str::to_owned)
    };
    assert_eq!(root(&text), root(&verified), "{text}{verified}");
    // The run on the copy ends as one that was never interrupted.
    assert_same(&place.demo_on(&copied), undisturbed());
    // And the log left behind is the beginning of it: what came since can be taken back there.
    let back = place.copy(&copied, &place.own_url()).done();
    assert!(back.contains(" events in "), "{back}");
    place.assert_verifies();
    assert_same(&finish(&mut place.demo()).summary(), undisturbed());
}

#[test]
fn a_log_in_use_is_copied_as_far_as_it_is() {
    let place = Place::new();
    let mut running = place.run_to(100);
    let copied = place.url("copy.db");
    place.copy(&place.own_url(), &copied).done();
    running.kill();
    running.finish();
    place.copy(&place.own_url(), &copied).done();
    assert_same(&place.demo_on(&copied), undisturbed());
}

#[test]
fn how_far_it_is_is_told_on_standard_error() {
    let place = Place::new();
    finish(&mut place.demo()).done();
    let events = place.events().len();
    let ran = place.copy(&place.own_url(), &place.url("copy.db"));
    for step in ["checking the source", "copying", "checking the copy"] {
        let line = format!("{step}: {events} of {events} events (100 %)");
        assert!(ran.stderr.contains(&line), "{line} is not in {ran:?}");
    }
    assert_eq!(ran.stdout.lines().count(), 2, "{ran:?}");
}

#[test]
fn a_log_that_went_its_own_way_is_refused() {
    let (place, other) = (Place::new(), Place::new());
    finish(&mut place.demo()).done();
    finish(&mut other.demo()).done();
    let refused = place.copy(&place.own_url(), &other.own_url());
    refused.refused(1, &["holds another log", "a target that holds nothing yet"]);
    assert_eq!(refused.stdout, "");
    // The same log, longer.
    let copied = place.url("copy.db");
    place.copy(&place.own_url(), &copied).done();
    place.demo_on(&copied);
    let refused = place.copy(&place.own_url(), &copied);
    refused.refused(1, &["the target ends at position", "nothing was copied"]);
}

#[test]
fn a_damaged_source_leaves_no_target_behind() {
    let place = Place::new();
    finish(&mut place.demo()).done();
    let position = place.events_of("FillBooked")[2]["position"].as_u64();
    let position = position.expect("a position");
    let edit = format!(
        "UPDATE commits SET records = replace(records, 'price', 'prize') WHERE first_position = {position}"
    );
    tamper(&place.log(), &["DROP TRIGGER commits_no_update", &edit]);
    let refused = place.copy(&place.own_url(), &place.url("copy.db"));
    let broken = format!("the source: the log is broken at position {position}");
    refused.refused(1, &[&broken, "nothing was copied"]);
    assert!(!place.dir.path().join("copy.db").exists());
}

#[test]
fn wrong_usage_is_told_apart() {
    let place = Place::new();
    let own = place.own_url();
    place.copy(&own, &own).refused(2, &["name the same log"]);
    let secret = place.copy(&own, "mysql://u:hunter2@h/db");
    secret.refused(2, &["--to: unknown engine \"mysql\"", "sqlite:PATH"]);
    assert!(!secret.stderr.contains("hunter2"), "{secret:?}");
    let missing = place.copy(&own, &place.url("copy.db"));
    missing.refused(1, &["--from: ", "there is no log at", "check its address"]);
    assert!(!place.dir.path().join("copy.db").exists());
    let mixed =
        finish(&mut place.command(&["events", "--json", "copy", "--from", "a", "--to", "b"]));
    assert_eq!(mixed.code(), Some(2), "{mixed:?}");
}
