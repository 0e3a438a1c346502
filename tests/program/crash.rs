//! Killed at any moment: nothing is lost, nothing happens twice, the result is the same.

use serde_json::Value;

use crate::support::*;

/// Kills runs at `kills` positions drawn from `seed`, spread over `events`, and then lets one
/// finish.
fn assert_survives(place: &Place, seed: u64, kills: usize, events: u64, expected: &Value) {
    let mut random = Random(seed);
    let mut targets: Vec<u64> = (0..kills).map(|_| random.below(events)).collect();
    targets.sort_unstable();
    for target in targets {
        let mut running = place.run_to(target);
        running.kill();
        let ran = running.finish();
        let ended = ran.code().is_none() || ran.code() == Some(0);
        assert!(ended, "seed {seed}, at {target}: {ran:?}");
        if place.log().exists() && Watch::default().head(&place.log()) > 0 {
            place.assert_verifies();
        }
    }
    let done = finish(&mut place.demo()).summary();
    assert_same(&done, expected);
    place.assert_verifies();
    assert_sent_once(&place.events());
}

/// One submission, one acknowledgement and one execution an order.
fn assert_sent_once(events: &[Value]) {
    for event_type in [
        "OrderSubmitted",
        "OrderAcknowledged",
        "OrderExecuted",
        "FillBooked",
    ] {
        let mut orders: Vec<_> = events
            .iter()
            .filter(|event| event["type"] == event_type)
            .map(|event| event["payload"]["order_id"].to_string())
            .collect();
        let count = orders.len();
        orders.sort_unstable();
        orders.dedup();
        assert_eq!(orders.len(), count, "{event_type} twice for one order");
    }
}

#[test]
fn killed_at_random_it_comes_to_the_same() {
    for round in 0..rounds(1, 20) {
        let place = Place::new();
        assert_survives(&place, 1 + round as u64, 5, 420, undisturbed());
    }
}

#[test]
fn killed_at_random_over_the_built_in_data() {
    if !is_torture() {
        eprintln!("skipped: kills over the built-in data are done with BLOTTER_TORTURE=1");
        return;
    }
    let mut reference = Place::new();
    reference.file = crate::data::built_in();
    let expected = finish(&mut reference.demo()).summary();
    let events = expected["events"].as_u64().expect("a count");
    let mut place = Place::new();
    place.file = crate::data::built_in();
    assert_survives(&place, 77, rounds(0, 15), events, &expected);
}
