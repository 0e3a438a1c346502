//! What a venue says: booked once, in whatever number of copies; of orders that are not ours the
//! node ends.

use blotter::actors::guardian::RESTARTS_MAX;
use blotter::events::Event;
use blotter::values::{ClientOrderId, ExecutionId};

use crate::desk::World;
use crate::support::*;
use crate::venue::{acknowledged, trade};

#[test]
fn reports_that_come_again_change_nothing() {
    World::new().run(async |desk| {
        let order = sent_as("o-1");
        receipt(&desk.command(buy("o-1", "10")).await);
        desk.settled().await;
        desk.venue.report(&order, acknowledged(&order));
        desk.venue.report(&order, trade(1, "4"));
        desk.settled().await;
        desk.venue.rewind();
        desk.venue.report(&order, trade(2, "6"));
        desk.settled().await;
        let story = [
            "OrderRouted",
            "OrderAcknowledged",
            "OrderExecuted",
            "OrderExecuted",
        ];
        assert_eq!(desk.story("o-1").await, story);
        let holding = desk.ledger().await.accounts[&account()].holding(&aapl());
        assert_eq!(holding.quantity.to_string(), "10");
        assert_eq!(desk.restarts("execution").await, [""; 0]);
    });
}

/// An execution under a number of its own that was reported before: counted once.
#[test]
fn an_execution_reported_under_two_numbers_is_booked_once() {
    World::new().run(async |desk| {
        let order = sent_as("o-1");
        receipt(&desk.command(buy("o-1", "10")).await);
        desk.settled().await;
        for number in [1, 1, 2, 1] {
            desk.venue.report(&order, trade(number, "5"));
        }
        // An acknowledgement that was overtaken by both fills.
        desk.venue.report(&order, acknowledged(&order));
        desk.settled().await;
        let log = desk.log().await;
        let booked: Vec<_> = log
            .iter()
            .filter_map(|recorded| match recorded.event() {
                Event::FillBooked(fill) => Some(fill.execution_id.clone()),
                _ => None,
            })
            .collect();
        let executions = ["1", "2"].map(|number| ExecutionId::derived(&[number]));
        assert_eq!(booked, executions);
        let holding = desk.ledger().await.accounts[&account()].holding(&aapl());
        assert_eq!(holding.quantity.to_string(), "10");
    });
}

#[test]
fn a_report_on_an_unknown_order_ends_the_node_with_the_reason() {
    World::new().run(async |desk| {
        let stranger = ClientOrderId::new("stranger").expect("an id");
        desk.venue.report(&stranger, acknowledged(&stranger));
        let mut fatal = desk.staff.fatal.clone();
        let reason = fatal.wait_for(Option::is_some).await.expect("a reason");
        let reason = reason.clone().expect("a reason");
        assert!(reason.starts_with("execution failed 6 times"), "{reason}");
        assert!(
            reason.contains("order stranger, which this log never sent"),
            "{reason}"
        );
        assert_eq!(desk.restarts("execution").await.len(), RESTARTS_MAX);
    });
}

#[cfg(feature = "failpoints")]
#[test]
fn a_panic_over_a_report_loses_none_and_books_none_twice() {
    use crate::crash::{all_happened, panic_at};
    for (place, times) in [
        ("execution::report", 2),
        ("execution::before_append", 2),
        ("execution::after_append", 1),
        ("execution::fold", 2),
    ] {
        World::new().run(async |desk| {
            let order = sent_as("o-1");
            receipt(&desk.command(buy("o-1", "10")).await);
            desk.settled().await;
            panic_at(place, times);
            desk.venue.report(&order, acknowledged(&order));
            desk.venue.report(&order, trade(1, "10"));
            desk.settled().await;
            assert!(all_happened(), "{place}");
            assert_eq!(desk.venue.submits(&order), 1, "{place}");
            let booked = desk.count(|event| matches!(event, Event::FillBooked(_)));
            assert_eq!(booked.await, 1, "{place}");
            assert_eq!(desk.restarts("execution").await.len(), times, "{place}");
        });
    }
}
