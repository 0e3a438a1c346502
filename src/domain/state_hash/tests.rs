//! The state hash: a golden value, what it does not depend on, and what changes it.

use super::state_hash;
use crate::domain::ledger::Ledger;
use crate::domain::tests::story::{Story, acknowledged, canceled, ledger_of, marked, signal};
use crate::domain::tests::{
    account_id, limits, order_id, paper, release, sell, strategy_id, submit, symbol,
};
use crate::events::Recorded;
use crate::events::catalogue::{
    CancelRequested, HaltScope, KillSwitchReleased, LimitScope, RiskLimitsChanged,
};
use crate::values::StreamName;

/// [`Story::whole`], one record a line; `tests/reference/state_hash.py` is held against it too.
const SMALL_LOG: &str = include_str!("../../../tests/reference/small_log.jsonl");
/// Of that log, computed by `tests/reference/state_hash.py`.
const SMALL_LOG_HASH: &str = "f89f756caf1d9788c3a5c439f528a420fa90b5c4f9afc5d0756242fbf69353cb";

fn hash(records: &[Recorded]) -> String {
    hex::encode(state_hash(&ledger_of(records)).expect("a hash"))
}

/// The whole story with something more.
fn after(change: impl FnOnce(&mut Story)) -> String {
    let mut story = Story::whole();
    change(&mut story);
    hash(&story.records)
}

fn read(line: &str) -> Recorded {
    Recorded::read(line.as_bytes().to_vec()).expect("a record")
}

#[test]
fn the_second_program_computes_the_same() {
    let records: Vec<Recorded> = SMALL_LOG.lines().map(read).collect();
    assert_eq!(hash(&records), SMALL_LOG_HASH);
    assert_eq!(records, Story::whole().records);
}

#[test]
fn an_empty_log_has_a_hash() {
    let hash = state_hash(&Ledger::default()).expect("a hash");
    assert_eq!(
        hex::encode(hash),
        "648f51b7c7210a0f4ce290ca6c5799755d15418ff238a0ef02f358293e811b34"
    );
}

#[test]
fn times_and_ids_do_not_stand_in_it() {
    let others = [
        ("2000-03-01T12:0", "2013-07-09T03:1"),
        ("\"main\"", "\"zz-main\""),
        ("account-main", "account-zz-main"),
        ("\"o1\"", "\"z1\""),
        ("order-o1", "order-z1"),
        ("\"s1\"", "\"z9\""),
        ("strategy-s1", "strategy-z9"),
        ("\"paper\"", "\"elsewhere\""),
        ("\"n1\"", "\"n2\""),
        ("0000-000000000", "0000-999999999"),
    ];
    for (from, _) in others {
        assert!(SMALL_LOG.contains(from), "{from} does not occur");
    }
    let all = others.iter().fold(SMALL_LOG.to_owned(), |log, (from, to)| {
        log.replace(from, to)
    });
    let records: Vec<Recorded> = all.lines().map(read).collect();
    assert_eq!(hash(&records), SMALL_LOG_HASH);
}

#[test]
fn every_kind_of_state_changes_it() {
    let strategy = StreamName::strategy(&strategy_id("s1"));
    let hashes = [
        after(|_| ()),
        after(|story| story.deposit("0.01")),
        // Refused: only its record is new.
        after(|story| story.ask(submit("o5", sell("100")))),
        after(|story| story.routed("o4")),
        after(|story| {
            story.routed("o4");
            story.order("o4", acknowledged("o4"));
        }),
        after(|story| story.executed("o4", "1", "100", "0")),
        after(|story| story.executed("o4", "1", "100.01", "0")),
        after(|story| story.order("o4", canceled("o4"))),
        after(|story| story.ask(release("o4"))),
        after(|story| story.halt(HaltScope::Firm)),
        after(|story| story.halt(HaltScope::Account(account_id("other")))),
        after(|story| story.halt(HaltScope::Strategy(strategy_id("s1")))),
        after(|story| story.halt(HaltScope::Instrument(symbol("AAPL")))),
        after(|story| story.halt(HaltScope::Venue(paper()))),
        after(|story| {
            let scope = HaltScope::Account(account_id("main"));
            let cause = String::new();
            story.record(&StreamName::halts(), KillSwitchReleased { scope, cause });
        }),
        after(|story| story.record(&strategy, signal())),
    ];
    let mut distinct = hashes.to_vec();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), hashes.len(), "{hashes:#?}");
    assert_eq!(hashes[0], SMALL_LOG_HASH);
}

#[test]
fn a_strategys_status_changes_it() {
    let mut records = Story::whole().records;
    records.retain(|recorded| recorded.event().name() != "StrategyStarted");
    assert_ne!(hash(&records), SMALL_LOG_HASH);
}

#[test]
fn what_is_not_state_leaves_it_alone() {
    let request = CancelRequested {
        order_id: order_id("o4"),
        reason: String::new(),
    };
    let changed = RiskLimitsChanged {
        scope: LimitScope::Firm,
        before: None,
        after: limits(),
        reason: String::new(),
    };
    let main = StreamName::account(&account_id("main"));
    let market = StreamName::market(&symbol("AAPL"));
    let unchanged = [
        after(|story| story.record(&main, request)),
        after(|story| story.record(&LimitScope::Firm.stream(), changed)),
        after(|story| story.record(&market, marked("55"))),
        // A switch that is engaged already.
        after(|story| story.halt(HaltScope::Account(account_id("main")))),
        after(|story| story.order("unknown", acknowledged("unknown"))),
    ];
    for hash in unchanged {
        assert_eq!(hash, SMALL_LOG_HASH);
    }
}
