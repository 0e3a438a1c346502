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
