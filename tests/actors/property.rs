//! Whatever a venue answers and whenever a run ends: each order is entered once, sent again only
//! when the venue was certain not to have it, and every fill is booked once.

use std::collections::BTreeMap;

use blotter::events::Event;
use blotter::events::catalogue::Finding;
use blotter::values::ClientOrderId;
use proptest::prelude::*;

use crate::cuts::assert_cuts_do_not_show;
use crate::desk::{Desk, World, pass, quiet};
use crate::faulty::Fault;
use crate::support::*;
use crate::venue::{Call, Sending, acknowledged, trade};

#[derive(Debug, Clone)]
enum Step {
    Submit,
    /// The next sending, or sending again, fares like this.
    Sending(Sending),
    QuestionsFail(usize),
    /// The venue acknowledges and fills some order that it has.
    Fill(usize),
    Cancel(usize),
    StoreFails(Fault),
    ReportsComeAgain,
    Wait,
    /// Snapshots are kept of what is durable; the next run begins with them.
    KeepSnapshots,
    /// The run ends wherever it is, and the next begins.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let sending = prop::sample::select(vec![
        Sending::Arrives,
        Sending::Unavailable,
        Sending::UnknownArrived,
        Sending::UnknownLost,
        Sending::Hangs,
        Sending::HangsLost,
    ]);
    let fault = prop::sample::select(vec![
        Fault::Busy,
        Fault::Unavailable,
        Fault::UnknownRecorded,
        Fault::UnknownLost,
        Fault::UnknownLate,
    ]);
    let step = prop_oneof![
        4 => Just(Step::Submit),
        4 => sending.prop_map(Step::Sending),
        1 => (1usize..4).prop_map(Step::QuestionsFail),
        3 => any::<usize>().prop_map(Step::Fill),
        2 => any::<usize>().prop_map(Step::Cancel),
        2 => fault.prop_map(Step::StoreFails),
        1 => Just(Step::ReportsComeAgain),
        2 => Just(Step::Wait),
        2 => Just(Step::KeepSnapshots),
        2 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..24)
}

#[derive(Default)]
struct Counts {
    orders: usize,
    fills: BTreeMap<ClientOrderId, u32>,
}

impl Counts {
    /// Takes the steps up to the next restart; `None` at the end.
    async fn play(&mut self, desk: &Desk, steps: &mut std::slice::Iter<'_, Step>) -> Option<()> {
        loop {
            match steps.next()? {
                Step::Submit => {
                    self.orders += 1;
                    let _answer = desk.later(buy(&format!("o-{}", self.orders), "2"));
                }
                Step::Sending(sending) => desk.venue.next_sendings([*sending]),
                Step::QuestionsFail(count) => desk.venue.fail_questions(*count),
                Step::Fill(index) => self.fill(desk, *index),
                Step::Cancel(index) if self.orders > 0 => {
                    let of = format!("o-{}", index % self.orders + 1);
                    let _answer = desk.later(cancel(&format!("c-{index}"), &of));
                }
                Step::Cancel(_) => {}
                Step::StoreFails(fault) => desk.store.fail_next(*fault),
                Step::ReportsComeAgain => desk.venue.rewind(),
                Step::Wait => pass(std::time::Duration::from_secs(3)).await,
                Step::KeepSnapshots => desk.keep_snapshots().await,
                Step::Restart => return Some(()),
            }
            quiet().await;
        }
    }

    fn fill(&mut self, desk: &Desk, index: usize) {
        let entered = desk.venue.entered();
        let Some(order) = entered.get(index % entered.len().max(1)) else {
            return;
        };
        let number = entered.len() as u32 * 100 + index as u32 % 100;
        let fills = self.fills.entry(order.clone()).or_default();
        if *fills == 0 {
            desk.venue.report(order, acknowledged(order));
        }
        if *fills < 2 {
            *fills += 1;
            let unique = fnv(order.as_str()).wrapping_add(number * 2 + *fills);
            desk.venue.report(order, trade(unique, "1"));
        }
    }
}

/// Spreads execution numbers over the orders.
fn fnv(text: &str) -> u32 {
    text.bytes().fold(2_166_136_261, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(16_777_619)
    })
}

/// Sent again: only after the venue had said that it never arrived.
async fn assert_sent_as_allowed(desk: &Desk) {
    let mut certain: BTreeMap<ClientOrderId, usize> = BTreeMap::new();
    let mut client_order_ids = BTreeMap::new();
    for recorded in desk.log().await {
        match recorded.event() {
            Event::OrderRouted(routed) => {
                let sent_as = routed.client_order_id.clone();
                client_order_ids.insert(routed.order_id.clone(), sent_as);
            }
            Event::OrderReconciled(found) if found.finding == Finding::NeverArrived => {
                let sent_as = client_order_ids[&found.order_id].clone();
                *certain.entry(sent_as).or_default() += 1;
            }
            _ => {}
        }
    }
    let mut submits: BTreeMap<ClientOrderId, usize> = BTreeMap::new();
    for call in desk.venue.calls() {
        if let Call::Submit(order) = call {
            *submits.entry(order).or_default() += 1;
        }
    }
    for (order, times) in submits {
        let allowed = 1 + certain.get(&order).copied().unwrap_or(0);
        assert!(times <= allowed, "{order} was sent {times} times");
        assert!(client_order_ids.values().any(|routed| *routed == order));
    }
}

async fn assert_booked_as_reported(desk: &Desk, counts: &Counts) {
    let reported: u32 = counts.fills.values().sum();
    let booked = desk.count(|event| matches!(event, Event::FillBooked(_)));
    assert_eq!(booked.await, reported as usize, "fills booked");
    let holding = desk.ledger().await.accounts[&account()].holding(&aapl());
    assert_eq!(holding.quantity.to_string(), reported.to_string());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_order_is_entered_once_and_its_fills_are_booked_once(
        steps in steps(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let world = World::new().with_snapshots();
        let mut counts = Counts::default();
        let mut rest = steps.iter();
        while world.run(async |desk| counts.play(desk, &mut rest).await).is_some() {}
        world.venue.behave();
        world.run(async |desk| {
            // Faults that nothing met yet would turn up below.
            let _ = desk.command(deposit("last", "1")).await;
            pass(std::time::Duration::from_secs(60)).await;
            desk.settled().await;
            assert_sent_as_allowed(desk).await;
            assert_booked_as_reported(desk, &counts).await;
            let mut entered = desk.venue.entered();
            let count = entered.len();
            entered.sort();
            entered.dedup();
            assert_eq!(entered.len(), count, "entered twice");
            assert!(desk.staff.fatal.borrow().is_none());
            let log: Vec<_> = desk.log().await;
            let cuts: Vec<_> = cuts.iter().map(|cut| cut.index(log.len() + 1)).collect();
            assert_cuts_do_not_show(&log, &cuts, &venue_id(), &[]);
        });
    }
}
