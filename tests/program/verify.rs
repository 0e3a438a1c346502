//! `blotter verify`: its exit status, and the position it names when a log was changed.

use crate::support::*;

fn finished() -> Place {
    let place = Place::new();
    finish(&mut place.demo()).done();
    place
}

#[test]
fn a_whole_log_holds() {
    let place = finished();
    let text = finish(&mut place.command(&["verify"])).done();
    let events = place.events().len();
    assert!(
        text.contains(&format!(" holds: {events} events in ")),
        "{text}"
    );
}

/// Exit 1, naming `position` first.
fn assert_broken(place: &Place, position: u64) {
    let ran = finish(&mut place.command(&["verify"]));
    ran.refused(1, &[&format!("position {position}")]);
    assert_eq!(ran.stdout, "", "{ran:?}");
}

#[test]
fn one_changed_byte_is_found_at_its_position() {
    let place = finished();
    let fills = place.events_of("FillBooked");
    let position = fills[2]["position"].as_u64().expect("a position");
    let price = fills[2]["payload"]["price"].as_str().expect("a price");
    let digit = match price.starts_with('9') {
        true => '8',
        false => '9',
    };
    let (was, is) = (
        format!("\"price\":\"{price}"),
        format!("\"price\":\"{digit}{}", &price[1..]),
    );
    let edit = format!(
        "UPDATE commits SET records = replace(records, '{was}', '{is}') WHERE first_position = {position}"
    );
    tamper(&place.log(), &["DROP TRIGGER commits_no_update", &edit]);
    assert_broken(&place, position);
}

#[test]
fn a_removed_commit_is_found_at_its_position() {
    let place = finished();
    let marks = place.events_of("PriceMarked");
    let position = marks[40]["position"].as_u64().expect("a position");
    let delete = format!("DELETE FROM commits WHERE first_position = {position}");
    tamper(&place.log(), &["DROP TRIGGER commits_no_delete", &delete]);
    assert_broken(&place, position);
}

#[test]
fn a_log_cut_short_is_found() {
    let place = finished();
    let last = place.events().len() as u64;
    let delete = format!("DELETE FROM commits WHERE first_position = {last}");
    tamper(&place.log(), &["DROP TRIGGER commits_no_delete", &delete]);
    assert_broken(&place, last);
}

#[test]
fn what_cannot_be_checked_is_said_so() {
    let place = Place::new();
    let ran = finish(&mut place.command(&["verify"]));
    ran.refused(2, &["data/events.db"]);
    assert!(!place.data_dir().exists(), "checking makes nothing");
}

fn verify(place: &Place, arguments: &[&str]) -> Ran {
    finish(place.command(&["verify"]).args(arguments))
}

#[test]
fn read_models_are_held_against_the_log() {
    let place = finished();
    let last = place.events().len();
    let marks = verify(&place, &[]).done();
    let stand = format!("read models come from this log, up to position {last}");
    assert!(
        marks.contains(&stand) && marks.contains("not compared"),
        "{marks}"
    );
    let scratch = place.dir.path().join("scratch");
    std::fs::create_dir(&scratch).expect("a directory");
    let mut command = place.command(&["verify", "--read-models"]);
    let rows = finish(command.env("TMPDIR", &scratch)).done();
    assert!(rows.contains(&stand), "{rows}");
    let compared = rows
        .split("all ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    let compared: usize = compared.expect("a count").parse().expect("a number");
    // The audit log alone has a row for each event.
    assert!(compared > last, "{rows}");
    let left = std::fs::read_dir(&scratch).expect("reads");
    assert_eq!(left.count(), 0, "something was left behind");
}

#[test]
fn a_changed_row_of_a_read_model_is_found_and_shown() {
    let cases = [
        (
            "UPDATE positions SET quantity = quantity || '0' WHERE symbol = (SELECT max(symbol) FROM positions)",
            ["table positions of read model positions", "the log gives ("],
        ),
        (
            "DELETE FROM executions WHERE position = (SELECT max(position) FROM executions)",
            [
                "table executions of read model executions",
                "which the log gives",
            ],
        ),
        (
            "UPDATE audit SET principal = 'nobody' WHERE position = 3",
            ["table audit of read model audit", "'nobody'"],
        ),
    ];
    for (change, said) in cases {
        let place = finished();
        tamper(&place.data_dir().join("views.db"), &[change]);
        verify(&place, &[]).done();
        let ran = verify(&place, &["--read-models"]);
        ran.refused(1, &said);
        assert!(ran.stderr.contains("delete views.db"), "{ran:?}");
        assert!(
            ran.stdout.contains("log ") && !ran.stdout.contains("read models come"),
            "{ran:?}"
        );
    }
}

#[test]
fn read_models_of_another_history_are_found_by_where_they_stand() {
    let changes = [
        (
            "UPDATE checkpoints SET position = position + 1 WHERE projection = 'orders'",
            [
                "read model orders is at position",
                "an older copy of the log",
            ],
        ),
        (
            "UPDATE checkpoints SET leaf_hash = replace(leaf_hash, substr(leaf_hash, 1, 4), '0000') WHERE projection = 'equity'",
            ["read model equity is at position", "another record"],
        ),
        (
            "UPDATE checkpoints SET log_id = '00000000-0000-4000-8000-000000000000'",
            [
                "read models of log 00000000-0000-4000-8000-000000000000",
                "delete views.db",
            ],
        ),
    ];
    for (change, said) in changes {
        let place = finished();
        tamper(&place.data_dir().join("views.db"), &[change]);
        verify(&place, &[]).refused(1, &said);
    }
}

#[test]
fn read_models_of_another_version_or_none_are_said_so() {
    let place = finished();
    let views = place.data_dir().join("views.db");
    let other = "UPDATE checkpoints SET fingerprint = 'ff' WHERE projection = 'candles'";
    tamper(&views, &[other, "DELETE FROM candles"]);
    let text = verify(&place, &["--read-models"]).done();
    assert!(
        text.contains("folded anew at the next start: candles"),
        "{text}"
    );
    for file in ["views.db", "views.db-wal", "views.db-shm"] {
        let _ = std::fs::remove_file(place.data_dir().join(file));
    }
    let text = verify(&place, &[]).done();
    assert!(text.contains("there are no read models at "), "{text}");
    verify(&place, &["--read-models"]).refused(2, &["there are no read models at "]);
    assert!(!views.exists(), "checking makes nothing");
}

/// Beside a node that goes on folding: one moment of its read models is compared.
#[test]
fn read_models_are_compared_beside_a_running_node() {
    let place = Place::new();
    let mut paced = place.command(&["demo", "--json", "--speed", "40"]);
    let node = Running::start(paced.arg("--data").arg(&place.file));
    node.line().expect("ready");
    until("some trading", || place.events().len() > 120);
    for _ in 0..3 {
        let text = verify(&place, &["--read-models"]).done();
        assert!(
            text.contains("rows of 11 are as the log gives them"),
            "{text}"
        );
    }
    node.terminate();
    assert_eq!(node.finish().code(), Some(0));
}
