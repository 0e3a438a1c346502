//! Rows of the "Order State Change Matrices" of FIX 4.4, appendix D, as far as there are the
//! messages for them. Every row is played as it stands, with each report said twice, and with each
//! execution reported once more under a new number.

use super::{Desk, acknowledged, cancel_rejected, rejected, trade};
use crate::domain::order::ReportedChange;
use crate::domain::tests::buy;

#[derive(Clone)]
enum Message {
    /// From the venue.
    Said(ReportedChange),
    /// Risk's cancel request of that number.
    Cancel(u128),
}

use Message::{Cancel, Said};

/// A message and what the order shows after it: OrdStatus CumQty/LeavesQty.
type Row = Vec<(Message, &'static str)>;

fn new() -> (Message, &'static str) {
    (Said(acknowledged()), "new 0/10000")
}

fn said(change: ReportedChange, shows: &'static str) -> (Message, &'static str) {
    (Said(change), shows)
}

fn traded(units: &str, shows: &'static str) -> (Message, &'static str) {
    // Each execution has its own size in a row, so that can name it.
    (Said(trade(&format!("e{units}"), units)), shows)
}

fn plays(reference: &str, row: &Row) {
    for repeat in [
        "nothing",
        "each report",
        "each execution under a new number",
    ] {
        let mut desk = Desk::routed(buy("10000"));
        for (number, (message, shows)) in row.iter().enumerate() {
            match message {
                Cancel(request) => {
                    desk.cancel(*request);
                }
                Said(change) => {
                    desk.say(change.clone());
                    let executed = matches!(change, ReportedChange::Executed { .. });
                    match repeat {
                        "each report" => desk.say_again(change.clone()),
                        "each execution under a new number" if executed => desk.say(change.clone()),
                        _ => Vec::new(),
                    };
                }
            }
            assert_eq!(
                desk.shows(),
                *shows,
                "{reference}, message {number}, {repeat} twice"
            );
        }
    }
}

#[test]
fn a_new_order_filled_or_rejected() {
    plays("A.0", &vec![said(rejected(), "rejected 0/0")]);
    let filled = vec![
        new(),
        traded("2000", "partially_filled 2000/8000"),
        traded("1000", "partially_filled 3000/7000"),
        traded("7000", "filled 10000/0"),
    ];
    plays("A.1.a", &filled);
    let expired = vec![
        new(),
        traded("2000", "partially_filled 2000/8000"),
        said(ReportedChange::Expired, "expired 2000/0"),
    ];
    plays("A.1.b, as an expiry", &expired);
}

#[test]
fn a_cancel_of_an_order_without_fills() {
    let pending = || vec![new(), (Cancel(50), "pending_cancel 0/10000")];
    let with = |last| [pending(), vec![last]].concat();
    plays("B.1.a", &with(said(cancel_rejected(), "new 0/10000")));
    plays(
        "B.1.a",
        &with(said(ReportedChange::Canceled, "canceled 0/0")),
    );
}

#[test]
fn a_cancel_crossing_a_fill() {
    let ends = [
        said(cancel_rejected(), "partially_filled 6000/4000"),
        said(ReportedChange::Canceled, "canceled 6000/0"),
    ];
    let fill_first = [
        traded("3000", "partially_filled 5000/5000"),
        (Cancel(50), "pending_cancel 5000/5000"),
    ];
    let cancel_first = [
        (Cancel(50), "pending_cancel 2000/8000"),
        traded("3000", "pending_cancel 5000/5000"),
    ];
    for crossing in [&fill_first, &cancel_first] {
        for end in &ends {
            let mut row = vec![new(), traded("2000", "partially_filled 2000/8000")];
            row.extend_from_slice(crossing);
            row.push(traded("1000", "pending_cancel 6000/4000"));
            row.push(end.clone());
            plays("B.1.b", &row);
        }
    }
}

#[test]
fn a_cancel_losing_against_the_last_fill() {
    // FIX would show "pending cancel 10000/0" until the cancel is answered. Here the order has
    // ended with its last unit, and the answer changes nothing.
    let row = vec![
        new(),
        traded("2000", "partially_filled 2000/8000"),
        (Cancel(50), "pending_cancel 2000/8000"),
        traded("8000", "filled 10000/0"),
        said(cancel_rejected(), "filled 10000/0"),
    ];
    plays("B.1.c", &row);
}

#[test]
fn a_cancel_crossing_the_acknowledgement() {
    let row = vec![
        (Cancel(50), "pending_cancel 0/10000"),
        said(acknowledged(), "pending_cancel 0/10000"),
        said(ReportedChange::Canceled, "canceled 0/0"),
    ];
    plays("B.1.d", &row);
    let row = vec![
        new(),
        (Cancel(50), "pending_cancel 0/10000"),
        said(ReportedChange::Canceled, "canceled 0/0"),
    ];
    plays("B.1.e", &row);
}

#[test]
fn a_fill_after_the_cancel_is_accepted() {
    let row = vec![
        new(),
        traded("5000", "partially_filled 5000/5000"),
        (Cancel(50), "pending_cancel 5000/5000"),
        said(ReportedChange::Canceled, "canceled 5000/0"),
        traded("4000", "canceled 9000/0"),
    ];
    plays("J.1.b, without the bust", &row);
}
