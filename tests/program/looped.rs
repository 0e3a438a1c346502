//! `demo --loop`: the data again and again with later dates, the same as one long file would give,
//! however often it is killed.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};
use serde_json::Value;

use crate::data;
use crate::support::*;

const PASSES: u64 = 3;
const ROWS: u64 = data::SHORT_BARS;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// The short data `PASSES` times in one file, each time eleven weeks later: its 76 days take more
/// than ten.
fn unrolled() -> String {
    let text = data::short();
    let mut lines = text.lines();
    let mut out = format!("{}\n", lines.next().expect("a header"));
    let rows: Vec<_> = lines.collect();
    for pass in 0..PASSES {
        for row in &rows {
            let mut fields: Vec<_> = row.split(',').map(str::to_owned).collect();
            let moved = day(&fields[1]) + Days::new(7 * 11 * pass);
            fields[1] = moved.to_string();
            out.push_str(&fields.join(","));
            out.push('\n');
        }
    }
    out
}

fn looping(place: &Place) -> std::process::Command {
    let mut command = place.command(&["demo", "--loop", "--speed", "max", "--json"]);
    command.arg("--data").arg(&place.file);
    command
}

/// Plays on until the log has reached `position`.
fn loop_to(place: &Place, position: u64) -> Running {
    let mut running = Running::start(&mut looping(place));
    let mut watch = Watch::default();
    until("the log grows", || {
        assert!(running.is_alive(), "it ended: {}", running.stderr());
        watch.head(&place.log()) >= position
    });
    running
}

/// What was seen, decided and done up to row `last`, without ids and positions.
fn story(events: &[Value], last: u64) -> Vec<Value> {
    let told = [
        "PriceMarked",
        "SignalGenerated",
        "OrderRefused",
        "FillBooked",
    ];
    let after =
        |event: &Value| event["type"] == "PriceMarked" && event["payload"]["row"] == last + 1;
    let before = events.iter().take_while(|event| !after(event));
    let mut story = Vec::new();
    for event in before.filter(|event| told.iter().any(|name| event["type"] == *name)) {
        let mut payload = event["payload"].clone();
        let fields = payload.as_object_mut().expect("an object");
        for id in [
            "order_id",
            "execution_id",
            "execution_event",
            "decided_at",
            "source",
        ] {
            fields.remove(id);
        }
        for id in ["command_id", "client_order_id"] {
            fields.remove(id);
        }
        fields.insert("type".to_owned(), event["type"].clone());
        story.push(payload);
    }
    story
}

fn marks(events: &[Value]) -> Vec<&Value> {
    let marks = events.iter().filter(|event| event["type"] == "PriceMarked");
    marks.collect()
}

fn last_row(events: &[Value]) -> u64 {
    let last = marks(events)
        .last()
        .map(|mark| mark["payload"]["row"].clone());
    last.and_then(|row| row.as_u64()).unwrap_or(0)
}

#[test]
fn killed_again_and_again_it_plays_what_one_long_file_would() {
    let long = Place::with(&unrolled());
    let expected = finish(&mut long.demo()).summary();
    assert_eq!(expected["bars"], PASSES * ROWS);
    let expected = story(&long.events(), PASSES * ROWS);

    let place = Place::new();
    let mut random = Random(20);
    let mut target = 0;
    let goal = loop {
        target += random.below(250) + 100;
        let mut running = loop_to(&place, target);
        running.kill();
        let ran = running.finish();
        assert_eq!(ran.code(), None, "{ran:?}");
        place.assert_verifies();
        let row = last_row(&place.events());
        if row > PASSES * ROWS {
            break row;
        }
    };
    let running = loop_to(&place, target + 60);
    running.terminate();
    let stopped = running.finish();
    assert_eq!(stopped.code(), Some(0), "{stopped:?}");
    assert_eq!(stopped.lines().len(), 1, "it is never done: {stopped:?}");
    place.assert_verifies();

    let events = place.events();
    assert!(last_row(&events) >= goal);
    assert_numbered(&marks(&events));
    assert_eq!(story(&events, PASSES * ROWS), expected);
    // The first pass is the plain demonstration.
    let once = Place::new();
    finish(&mut once.demo()).summary();
    assert_eq!(story(&events, ROWS), story(&once.events(), ROWS));
}

/// Rows count on, dates rise within each symbol and keep their weekday, versions have no gap.
fn assert_numbered(marks: &[&Value]) {
    let mut latest = BTreeMap::new();
    for (index, mark) in marks.iter().enumerate() {
        let payload = &mark["payload"];
        assert_eq!(payload["row"], index as u64 + 1);
        let date = day(payload["bar"]["date"].as_str().expect("a date"));
        let symbol = payload["symbol"].as_str().expect("a symbol");
        let before = latest.insert(symbol, date);
        assert!(before.is_none_or(|before| before < date), "{mark}");
        if let Some(earlier) = index.checked_sub(ROWS as usize) {
            let earlier = &marks[earlier]["payload"];
            let moved = day(earlier["bar"]["date"].as_str().expect("a date"));
            assert_eq!(date.weekday(), moved.weekday());
            assert_eq!(earlier["symbol"], symbol);
            assert_eq!(earlier["bar"]["close"], payload["bar"]["close"]);
        }
    }
}

#[test]
fn without_the_flag_a_log_in_a_later_pass_is_finished_and_not_played_on() {
    let place = Place::new();
    let mut row = 0;
    let mut target = 300;
    while row <= ROWS {
        let mut running = loop_to(&place, target);
        running.kill();
        running.finish();
        row = last_row(&place.events());
        target += 100;
    }
    let done = finish(&mut place.demo()).summary();
    assert_eq!(done["bars"], row, "{done}");
    let again = finish(&mut place.demo()).summary();
    assert_same(&again, &done);
    place.assert_verifies();
}

#[test]
fn what_is_never_done_cannot_end_when_done() {
    let place = Place::new();
    let both = ["leave out --exit-when-done", "--loop"];
    finish(looping(&place).arg("--exit-when-done")).refused(2, &both);
    finish(place.demo().env("BLOTTER_MARKET_LOOP", "true")).refused(2, &both);
    let wrong = ["BLOTTER_MARKET_LOOP: found \"often\"", "true or false"];
    finish(place.demo().env("BLOTTER_MARKET_LOOP", "often")).refused(2, &wrong);
    assert!(!place.data_dir().exists(), "nothing was touched");
}

/// The strategy is held up before it looks at a bar of the second pass that it has to act on, and
/// the node killed: the bar is in the log, and nothing that follows from it.
#[cfg(feature = "failpoints")]
#[test]
fn a_bar_that_was_only_recorded_is_finished_whether_it_loops_on_or_not() {
    let long = Place::with(&unrolled());
    finish(&mut long.demo()).summary();
    let events = long.events();
    let seen_in_second_pass = (1..events.len()).find(|index| {
        let row = events[index - 1]["payload"]["row"].as_u64();
        events[*index]["type"] == "SignalGenerated" && row.is_some_and(|row| row > ROWS)
    });
    let row = &events[seen_in_second_pass.expect("a signal") - 1]["payload"]["row"];
    let row = row.as_u64().expect("a number");
    for loops_on in [false, true] {
        let place = Place::new();
        let held_up = format!("strategy::evaluate={}*off->pause", row - 1);
        let mut running = Running::start(looping(&place).env("FAILPOINTS", held_up));
        running.line().expect("ready");
        until("the bar is recorded", || last_row(&place.events()) >= row);
        running.kill();
        running.finish();
        let before = place.events();
        assert_eq!(before.last().expect("an event")["payload"]["row"], row);
        match loops_on {
            true => {
                let running = loop_to(&place, before.len() as u64 + 60);
                running.terminate();
                running.finish().done();
            }
            false => drop(finish(&mut place.demo()).summary()),
        }
        assert_eq!(story(&place.events(), row), story(&events, row));
        place.assert_verifies();
    }
}
