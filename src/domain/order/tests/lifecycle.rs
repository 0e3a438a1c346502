//! The lifecycle, written down a second time and compared cell by cell.

use crate::domain::order::{OrderStatus, Step};
use crate::domain::tests::report;
use crate::events::catalogue::Origin;

use OrderStatus::*;

const STATUSES: [OrderStatus; 12] = [
    Submitted,
    Refused,
    Approved,
    Routed,
    InDoubt,
    New,
    PartiallyFilled,
    PendingCancel,
    Filled,
    Canceled,
    Expired,
    Rejected,
];

/// In the order of the columns below.
const STEPS: [Step; 15] = [
    Step::Refuse,
    Step::Approve,
    Step::Route,
    Step::Doubt,
    Step::FoundAtVenue,
    Step::NeverArrived,
    Step::Acknowledge,
    Step::Reject,
    Step::Fill,
    Step::FillLast,
    Step::RequestCancel,
    Step::RejectCancel,
    Step::RejectCancelUnsent,
    Step::Cancel,
    Step::Expire,
];

/// A row for each status, a column for each step: the status after it. `.` is impossible, `=`
/// changes nothing, `wrk` is working: partially filled when anything was executed, else new.
const TABLE: &str = "
         refuse appr route doubt known never ack reject fill last cancel? no-venue no-gate canceled expired
    sub  ref    app  .     .     .     .     .   .      .    .    .       .        =       .        .
    ref  .      .    .     .     .     .     .   .      .    .    .       .        =       .        .
    app  .      .    rou   .     .     .     new rej    par  fil  .       .        =       can      exp
    rou  .      .    .     dou   .     .     new rej    par  fil  pen     .        =       can      exp
    dou  .      .    .     .     new   app   new rej    par  fil  pen     .        =       can      exp
    new  .      .    .     .     .     .     new rej    par  fil  pen     .        =       can      exp
    par  .      .    .     .     .     .     =   .      par  fil  pen     .        =       can      exp
    pen  .      .    .     .     .     .     =   rej    =    fil  .       wrk      =       can      exp
    fil  .      .    .     .     .     .     =   =      =    =    .       =        =       =        =
    can  .      .    .     .     .     .     =   =      =    =    .       =        =       =        =
    exp  .      .    .     .     .     .     =   =      =    =    .       =        =       =        =
    rej  .      .    .     .     .     .     =   =      =    =    .       =        =       =        =
";

fn named(short: &str) -> Option<OrderStatus> {
    let found = STATUSES.into_iter().find(|status| match status {
        InDoubt => short == "dou",
        PendingCancel => short == "pen",
        status => status.name().starts_with(short),
    });
    Some(found.unwrap_or_else(|| panic!("no status {short}")))
}

fn expected(cell: &str, before: OrderStatus, filled: bool) -> Option<OrderStatus> {
    match (cell, filled) {
        (".", _) => None,
        ("=", _) => Some(before),
        ("wrk", true) => Some(PartiallyFilled),
        ("wrk", false) => Some(New),
        (short, _) => named(short),
    }
}

#[test]
fn every_status_and_step_gives_what_the_table_says() {
    let rows: Vec<Vec<&str>> = TABLE
        .lines()
        .map(|line| line.split_whitespace().collect())
        .filter(|row: &Vec<&str>| !row.is_empty())
        .skip(1)
        .collect();
    assert_eq!(rows.len(), STATUSES.len());
    for (before, row) in STATUSES.into_iter().zip(rows) {
        assert_eq!(named(row[0]), Some(before));
        assert_eq!(row.len(), 1 + STEPS.len(), "{before:?}");
        for (step, cell) in STEPS.into_iter().zip(&row[1..]) {
            for filled in [false, true] {
                assert_eq!(
                    before.after(step, filled),
                    expected(cell, before, filled),
                    "{before:?} after {step:?}, filled: {filled}"
                );
            }
        }
    }
}

#[test]
fn an_order_that_has_ended_stays_ended() {
    let ended = STATUSES.into_iter().filter(|status| status.is_terminal());
    assert_eq!(
        ended.clone().collect::<Vec<_>>(),
        [Refused, Filled, Canceled, Expired, Rejected]
    );
    for before in ended {
        for step in STEPS {
            for filled in [false, true] {
                let after = before.after(step, filled);
                assert!(
                    after.is_none_or(|after| after == before),
                    "{before:?} {step:?}"
                );
            }
        }
    }
}

#[test]
fn names_are_those_of_the_json() {
    for status in STATUSES {
        let json = serde_json::to_value(status).expect("JSON");
        assert_eq!(json, status.name());
    }
}

#[test]
fn a_refused_cancel_counts_by_who_refused_it() {
    let venue = Origin::Venue { report: report(1) };
    assert_eq!(Step::of_cancel_reject(&venue), Step::RejectCancel);
    assert_eq!(
        Step::of_cancel_reject(&Origin::Gateway),
        Step::RejectCancelUnsent
    );
}
