//! The fold of a whole log.

use std::collections::BTreeSet;

use super::{Counts, Ledger};
use crate::domain::state_hash::state_hash;
use crate::domain::tests::story::{Story, acknowledged, canceled, ledger_of, marked};
use crate::domain::tests::{
    Command, Given, Log, account_id, buy, event_id, executed, money, noon_plus, order_id, price,
    quantity, report, submit, symbol,
};
use crate::events::Recorded;
use crate::events::catalogue::{
    CancelPending, CancelRejected, Finding, OrderInDoubt, OrderReconciled, Origin, UserForgotten,
};
use crate::values::{NodeId, Side, StreamName, UserName, Version};

#[test]
fn it_counts_what_there_is() {
    let expected = Counts {
        bars: 1,
        signals: 1,
        orders: 4,
        fills: 2,
        refusals: 1,
    };
    assert_eq!(ledger_of(&Story::whole().records).counts, expected);
}

#[test]
fn it_knows_what_became_of_every_order() {
    let ledger = ledger_of(&Story::whole().records);
    let shows = |order: &str| {
        let order = &ledger.orders[&order_id(order)];
        let filled = (order.filled_quantity, order.filled_notional);
        assert_eq!(order.account, account_id("main"));
        (order.ordinal, order.status.name(), filled)
    };
    assert_eq!(shows("o1"), (1, "canceled", (quantity("4"), money("397"))));
    assert_eq!(shows("o2"), (2, "refused", (quantity("0"), money("0"))));
    assert_eq!(shows("o3"), (3, "filled", (quantity("2"), money("200.1"))));
    assert_eq!(shows("o4"), (4, "approved", (quantity("0"), money("0"))));
}

#[test]
fn it_knows_accounts_prices_nodes_and_rows() {
    let story = Story::whole();
    let ledger = ledger_of(&story.records);
    let account = &ledger.accounts[&account_id("main")];
    assert_eq!(account.holding(&symbol("AAPL")).cost, money("597.1"));
    assert_eq!(account.reserved_cash, money("100.1"), "by o4");
    // 10000 - 597.1 - 0.02, and 6 x 101 more.
    assert_eq!(ledger.totals(), Some((money("9402.88"), money("10008.88"))));
    assert_eq!(ledger.prices[&symbol("AAPL")], price("101"));
    assert_eq!(ledger.marked_at, noon_plus(60));
    assert_eq!(ledger.last_row, Some(("test".to_owned(), 9)));
    assert!(ledger.instruments.contains(&symbol("AAPL")));
    let node = NodeId::new("n1").expect("a node id");
    assert_eq!(ledger.node_versions[&node], Version::new(1));
    assert_eq!(ledger.folded_to.get(), story.records.len() as u64);
}

/// Whom the log says forgotten, a state from a snapshot says forgotten too; money knows nothing of it.
#[test]
fn it_knows_who_was_forgotten() {
    let mut story = Story::whole();
    let before = ledger_of(&story.records);
    assert!(before.forgotten.is_empty());
    let alice = UserName::new("alice").expect("a name");
    let forgotten = UserForgotten {
        user: alice.clone(),
    };
    story.record(&StreamName::user(&alice), forgotten);
    let ledger = ledger_of(&story.records);
    assert_eq!(ledger.forgotten, BTreeSet::from([alice]));
    let kept = serde_json::to_string(&ledger).expect("JSON");
    let read: Ledger = serde_json::from_str(&kept).expect("the same shape");
    assert_eq!(read, ledger);
    let hash = |ledger: &Ledger| state_hash(ledger).expect("hashed");
    assert_eq!(hash(&ledger), hash(&before));
}

#[test]
fn totals_need_every_price() {
    let mut story = Story::begin();
    let bought = executed("o1", Side::Buy, "1", "100", "0");
    story.ask(Command::Fill(bought, event_id(9)));
    assert_eq!(ledger_of(&story.records).totals(), None);
    assert_eq!(Ledger::default().totals(), Some((money("0"), money("0"))));
}

#[test]
fn an_order_in_doubt_follows_what_is_found() {
    let findings = [(Finding::Known, "new"), (Finding::NeverArrived, "approved")];
    for (finding, status) in findings {
        let mut story = Story::begin();
        story.ask(submit("o1", buy("1")));
        story.routed("o1");
        let order_id = order_id("o1");
        let reason = String::new();
        story.order(
            "o1",
            OrderInDoubt {
                order_id: order_id.clone(),
                reason,
            },
        );
        story.order(
            "o1",
            OrderReconciled {
                order_id: order_id.clone(),
                finding,
            },
        );
        let ledger = ledger_of(&story.records);
        assert_eq!(ledger.orders[&order_id].status.name(), status);
    }
}

#[test]
fn only_the_venues_refusal_of_a_cancel_ends_a_pending_one() {
    let venue = Origin::Venue { report: report(1) };
    for (origin, status) in [(Origin::Gateway, "pending_cancel"), (venue, "new")] {
        let mut story = Story::begin();
        story.ask(submit("o1", buy("1")));
        story.routed("o1");
        let (order_id, request) = (order_id("o1"), event_id(1));
        let pending = CancelPending {
            order_id: order_id.clone(),
            request,
        };
        story.order("o1", pending);
        let refusal = CancelRejected {
            order_id: order_id.clone(),
            origin,
            reason: String::new(),
            request,
        };
        story.order("o1", refusal);
        let ledger = ledger_of(&story.records);
        assert_eq!(ledger.orders[&order_id].status.name(), status);
    }
}

#[test]
fn facts_of_an_order_nobody_submitted_change_nothing() {
    let mut story = Story::begin();
    story.order("o9", acknowledged("o9"));
    assert!(ledger_of(&story.records).orders.is_empty());
}

/// Account and order streams are written by two actors. Nothing may rest on who was first.
#[test]
fn the_state_is_the_same_however_the_two_streams_interleave() {
    let mut story = Story::begin();
    story.ask(submit("o1", buy("10")));
    let begin = story.records.len();
    story.routed("o1");
    story.order("o1", acknowledged("o1"));
    story.executed("o1", "4", "99.25", "6");
    story.executed("o1", "3", "99.35", "3");
    story.order("o1", canceled("o1"));
    story.ask(Command::Release(order_id("o1"), event_id(9)));
    let (begin, tail) = story.records.split_at(begin);
    let (account, order): (Vec<&Recorded>, Vec<&Recorded>) = tail
        .iter()
        .partition(|recorded| recorded.envelope.stream.category() == "account");
    assert_eq!((account.len(), order.len()), (3, 5));
    let expected = state_hash(&ledger_of(&story.records)).expect("a hash");
    let mut tried = 0;
    // Every way to merge the two: a bit for each place, set where the account's next event stands.
    for places in 0u32..1 << tail.len() {
        if places.count_ones() as usize != account.len() {
            continue;
        }
        let (mut account, mut order) = (account.iter(), order.iter());
        let merged = (0..tail.len()).filter_map(|place| match places >> place & 1 {
            1 => account.next(),
            _ => order.next(),
        });
        let mut ledger = ledger_of(begin);
        for recorded in merged {
            ledger.apply(recorded).expect("folded");
        }
        assert_eq!(state_hash(&ledger).expect("a hash"), expected, "{places:b}");
        tried += 1;
    }
    assert_eq!(tried, 56);
}

#[test]
fn a_log_that_cannot_be_says_where() {
    let mut log = Log::default();
    log.record(&StreamName::market(&symbol("AAPL")), marked("1"));
    let deposited = Given::cash("1").events.pop().expect("a deposit");
    let stream = StreamName::account(&account_id("main"));
    let error = Ledger::default().apply(&log.record(&stream, deposited));
    assert_eq!(
        error.expect_err("no account").to_string(),
        "folding position 2: CashDeposited before the account was opened"
    );
}
