//! Durable before visible, looking ahead, and what a failed append leaves behind.

use std::time::Duration;

use blotter::actors::messages::{CommandFailure, CommandOutcome, PreviewOrder};
use blotter::events::catalogue::{Check, CheckCode, Verdict};
use blotter::events::{Event, StoreError};
use blotter::values::Side;

use crate::desk::{World, quiet};
use crate::faulty::Fault;
use crate::support::*;

#[test]
fn nobody_sees_an_order_before_it_is_durable() {
    World::new().run(async |desk| {
        let head = desk.journal.feed().head();
        desk.store.hold();
        let mut order = desk.later(buy("o-1", "10"));
        quiet().await;
        assert!(order.now().is_none(), "answered before it was durable");
        assert_eq!(desk.journal.feed().head(), head, "published too early");
        assert_eq!(desk.venue.calls(), [], "sent too early");

        desk.store.let_go();
        let answer = order.answer().await;
        let position = receipt(&answer).first_position;
        assert_eq!(position, head.next());
        assert!(desk.journal.feed().head() > head);
        quiet().await;
        assert_eq!(desk.venue.entered(), [sent_as("o-1")]);
    });
}

#[test]
fn two_orders_that_can_be_afforded_singly_are_not_both_approved() {
    World::new().run(async |desk| {
        desk.store.hold();
        let first = desk.later(buy("o-1", "60"));
        let second = desk.later(buy("o-2", "60"));
        quiet().await;
        desk.store.let_go();
        receipt(&first.answer().await);
        receipt(&second.answer().await);
        desk.settled().await;

        let log = desk.log().await;
        let approved: Vec<_> = log
            .iter()
            .filter_map(|recorded| match recorded.event() {
                Event::OrderApproved(approved) => Some(approved.order_id.clone()),
                _ => None,
            })
            .collect();
        let refused: Vec<_> = log
            .iter()
            .filter_map(|recorded| match recorded.event() {
                Event::OrderRefused(refused) => Some((refused.order_id.clone(), refused.code)),
                _ => None,
            })
            .collect();
        assert_eq!(approved, [order_id("o-1")]);
        assert_eq!(refused, [(order_id("o-2"), CheckCode::BuyingPower)]);
        assert_eq!(desk.venue.entered(), [sent_as("o-1")]);
    });
}

#[test]
fn a_failed_append_drops_what_was_decided_on_top_of_it() {
    World::new().run(async |desk| {
        let head = desk.journal.feed().head();
        desk.store.hold();
        desk.store.fail_next(Fault::Unavailable);
        let dropped: Vec<_> = ["o-1", "o-2", "o-3"]
            .map(|id| desk.later(buy(id, "30")))
            .into_iter()
            .collect();
        quiet().await;
        desk.store.let_go();
        for (answer, id) in dropped.into_iter().zip(1..) {
            match answer.answer().await {
                // Unknown where an attempt died with the actor: it is safe to send it again.
                Err(CommandFailure::Unavailable(_) | CommandFailure::Unknown(_)) => {}
                other => panic!("order {id} was told {other:?}"),
            }
        }
        // 90 are affordable again only if nothing of the dropped ones is remembered.
        desk.clock.advance_to(at_second(5));
        let mut answer = desk.command(buy("o-4", "90")).await;
        while matches!(answer, Err(CommandFailure::Unavailable(_))) {
            quiet().await;
            answer = desk.command(buy("o-4", "90")).await;
        }
        let Ok(CommandOutcome::Recorded(appended)) = answer else {
            panic!("{answer:?}");
        };
        assert!(matches!(
            appended.records[1].event(),
            Event::OrderApproved(_)
        ));
        desk.settled().await;
        let submitted = desk.count(|event| matches!(event, Event::OrderSubmitted(_)));
        assert_eq!(submitted.await, 1, "a dropped order was recorded");
        let log = desk.log().await;
        assert!(log[head.get() as usize..].iter().all(|recorded| {
            !matches!(recorded.event(), Event::OrderSubmitted(o) if o.order_id != order_id("o-4"))
        }));
        assert_eq!(desk.restarts("risk").await.len(), 1);
        assert_eq!(desk.venue.entered(), [sent_as("o-4")]);
    });
}

#[test]
fn an_append_of_unknown_outcome_leaves_one_copy_and_the_right_answer() {
    let faults = [
        Fault::UnknownRecorded,
        Fault::UnknownLost,
        Fault::UnknownLate,
    ];
    for fault in faults {
        World::new().run(async |desk| {
            desk.store.fail_next(fault);
            let order = desk.later(buy("o-1", "10"));
            receipt(&order.answer().await);
            desk.settled().await;
            let submitted = desk.count(|event| matches!(event, Event::OrderSubmitted(_)));
            assert_eq!(submitted.await, 1, "{fault:?}");
            assert_eq!(desk.venue.entered(), [sent_as("o-1")], "{fault:?}");
            assert_eq!(desk.reserved_cash().await, "1001", "{fault:?}");
        });
    }
}

#[test]
fn what_cannot_be_folded_is_not_recorded() {
    World::new().run(async |desk| {
        let huge = "600000000000000";
        let first = desk.command(deposit("d-1", huge)).await;
        let second = desk.command(deposit("d-2", huge)).await;
        assert!(first.is_ok(), "{first:?}");
        assert!(
            matches!(second, Err(CommandFailure::Rejected { .. })),
            "{second:?}"
        );
        // The log can still be folded: the node can start again, and risk goes on.
        assert_eq!(desk.ledger().await.accounts.len(), 1);
        receipt(&desk.command(buy("o-1", "10")).await);
        assert_eq!(desk.restarts("risk").await, [""; 0]);
    });
}

fn previewed(quantity: &str) -> PreviewOrder {
    PreviewOrder {
        submit: order(Side::Buy, quantity),
    }
}

/// A preview rests on what is on disk: it waits for what risk has decided and not recorded yet, and
/// is not given when that failed.
#[test]
fn a_preview_is_not_told_on_the_strength_of_something_unrecorded() {
    World::new().run(async |desk| {
        desk.store.hold();
        let sent = desk.later(buy("o-1", "90"));
        quiet().await;
        let asked = desk.staff.preview.ask(previewed("90"));
        tokio::pin!(asked);
        let early = tokio::time::timeout(Duration::from_millis(5), &mut asked).await;
        assert!(early.is_err(), "told before it was durable: {early:?}");
        desk.store.let_go();
        receipt(&sent.answer().await);
        let preview = asked.await.expect("an answer").expect("a preview");
        let failed = |check: &&Check| check.verdict == Verdict::Failed;
        let codes: Vec<_> = preview.assessment.checks.iter().filter(failed).collect();
        assert_eq!(codes[0].code, CheckCode::BuyingPower, "{codes:?}");
    });
    World::new().run(async |desk| {
        desk.store.hold();
        desk.store.fail_next(Fault::Unavailable);
        let sent = desk.later(buy("o-1", "90"));
        quiet().await;
        let asked = desk.staff.preview.ask(previewed("90"));
        tokio::pin!(asked);
        let early = tokio::time::timeout(Duration::from_millis(5), &mut asked).await;
        assert!(early.is_err(), "{early:?}");
        desk.store.let_go();
        assert!(sent.answer().await.is_err());
        // From the actor that has to go, or from the one that was built from the log.
        match asked.await.expect("an answer") {
            Err(CommandFailure::Unavailable(_)) => {}
            Ok(preview) => assert!(
                preview
                    .assessment
                    .checks
                    .iter()
                    .all(|check| check.verdict == Verdict::Passed),
                "it remembers what was never recorded"
            ),
            other => panic!("{other:?}"),
        }
    });
}

/// Where the log cannot be asked, an earlier sending of the same command may be in it.
#[test]
fn nobody_is_told_that_nothing_was_recorded_when_the_log_cannot_be_asked() {
    World::new().run(async |desk| {
        receipt(&desk.command(buy("o-1", "1")).await);
        let down = StoreError::Unavailable("scripted".to_owned());
        desk.store.fail_lookup(down);
        let again = desk.command(buy("o-1", "1")).await;
        assert!(
            matches!(again, Err(CommandFailure::Unknown(_))),
            "{again:?}"
        );
        receipt(&desk.command(buy("o-1", "1")).await);
        let orders = |event: &Event| matches!(event, Event::OrderSubmitted(_));
        assert_eq!(desk.count(orders).await, 1);
    });
}
