//! A command is carried out once, whoever repeats it and whatever dies in between. Fills too.

use blotter::actors::messages::{AskRisk, Asked, CommandFailure, RiskCommand};
use blotter::events::{Event, Who};
use blotter::values::{ClientOrderId, Side};

use crate::desk::{World, quiet};
use crate::faulty::Fault;
use crate::support::*;

fn submitted(event: &Event) -> bool {
    matches!(event, Event::OrderSubmitted(_))
}

#[test]
fn a_repeated_command_gets_the_first_receipt() {
    let world = World::new();
    let first = world.run(async |desk| {
        let first = receipt(&desk.command(buy("o-1", "10")).await);
        let again = receipt(&desk.command(buy("o-1", "10")).await);
        assert_eq!(again, first);
        desk.settled().await;
        first
    });
    world.run(async |desk| {
        let again = receipt(&desk.command(buy("o-1", "10")).await);
        assert_eq!(again, first, "another receipt after a restart");
        desk.settled().await;
        assert_eq!(desk.count(submitted).await, 1);
        assert_eq!(desk.venue.submits(&sent_as("o-1")), 1);
    });
}

#[test]
fn both_askers_of_a_command_in_flight_get_the_same_receipt() {
    World::new().run(async |desk| {
        desk.store.hold();
        let mut first = desk.later(buy("o-1", "10"));
        quiet().await;
        let mut second = desk.later(buy("o-1", "10"));
        quiet().await;
        assert!(first.now().is_none() && second.now().is_none());
        desk.store.let_go();
        let first = receipt(&first.answer().await);
        assert_eq!(receipt(&second.answer().await), first);
        desk.settled().await;
        assert_eq!(desk.count(submitted).await, 1);
        assert_eq!(desk.restarts("risk").await, [""; 0]);
    });
}

/// The log does not have it yet, and may have it in a moment.
#[test]
fn nobody_is_told_that_nothing_was_recorded_of_a_command_in_doubt() {
    for fault in [Fault::UnknownLost, Fault::UnknownLate] {
        World::new().run(async |desk| {
            desk.store.fail_next(fault);
            let first = desk.later(buy("o-1", "10"));
            quiet().await;
            let again = desk.command(buy("o-1", "10")).await;
            let is_open = matches!(again, Err(CommandFailure::Unknown(_)));
            assert!(is_open, "{fault:?}: {again:?}");
            let new = AskRisk {
                asked: Asked::fresh(Who::system("test"), command_id("o-2")),
                command: buy("o-2", "10").command,
            };
            let new = desk.command(new).await;
            let is_out = matches!(new, Err(CommandFailure::Unavailable(_)));
            assert!(is_out, "{fault:?}: {new:?}");

            let first = receipt(&first.answer().await);
            assert_eq!(receipt(&desk.command(buy("o-1", "10")).await), first);
            assert_eq!(desk.count(submitted).await, 1, "{fault:?}");
        });
    }
}

#[test]
fn another_command_under_the_same_id_is_refused() {
    let world = World::new();
    let mismatch = Err(CommandFailure::IdempotencyMismatch(command_id("o-1")));
    world.run(async |desk| {
        desk.store.hold();
        let first = desk.later(buy("o-1", "10"));
        quiet().await;
        let other = desk.later(buy("o-1", "11"));
        quiet().await;
        desk.store.let_go();
        receipt(&first.answer().await);
        assert_eq!(other.answer().await.map(|_| ()), mismatch);
        assert_eq!(desk.command(buy("o-1", "12")).await.map(|_| ()), mismatch);
    });
    world.run(async |desk| {
        assert_eq!(desk.command(buy("o-1", "11")).await.map(|_| ()), mismatch);
        assert_eq!(desk.count(submitted).await, 1);
    });
}

#[test]
fn a_client_order_id_is_good_for_one_order() {
    let named = |id: &str, client_order_id: &str| {
        let mut order = order(Side::Buy, "10");
        order.client_order_id = Some(ClientOrderId::new(client_order_id).expect("an id"));
        ask(id, RiskCommand::SubmitOrder(order))
    };
    let refused = |result| match result {
        Err(CommandFailure::Rejected { code, .. }) => assert_eq!(code, "client_order_id_taken"),
        other => panic!("{}", other.is_ok()),
    };
    let world = World::new();
    world.run(async |desk| {
        desk.store.hold();
        let first = desk.later(named("o-1", "mine"));
        quiet().await;
        let second = desk.later(named("o-2", "mine"));
        quiet().await;
        desk.store.let_go();
        receipt(&first.answer().await);
        refused(second.answer().await);
        receipt(&desk.command(buy("o-3", "1")).await);
        refused(desk.command(named("o-4", sent_as("o-3").as_str())).await);
        desk.settled().await;
    });
    world.run(async |desk| {
        refused(desk.command(named("o-5", "mine")).await);
        desk.settled().await;
        assert_eq!(desk.count(submitted).await, 2);
        assert_eq!(desk.venue.entered().len(), 2);
    });
}

#[cfg(feature = "failpoints")]
mod crashes {
    use std::time::Duration;

    use super::*;
    use crate::crash::{all_happened, panic_at};
    use crate::desk::pass;
    use crate::venue::{acknowledged, trade};

    #[test]
    fn a_command_whose_actor_died_is_carried_out_once() {
        for place in [
            "risk::command",
            "risk::before_append",
            "risk::after_append",
            "risk::fold",
        ] {
            World::new().run(async |desk| {
                panic_at(place, 1);
                receipt(&desk.command(buy("o-1", "10")).await);
                desk.settled().await;
                assert!(all_happened(), "{place} was not passed");
                assert_eq!(desk.count(submitted).await, 1, "{place}");
                assert_eq!(desk.venue.entered(), [sent_as("o-1")], "{place}");
                assert_eq!(desk.restarts("risk").await, ["it panicked"], "{place}");
            });
        }
    }

    /// The command is recorded after its sender looked it up and before the next actor decides: a
    /// second decision on it would find the account there, or the order cancelled.
    #[test]
    fn a_command_recorded_by_an_actor_that_died_is_answered_with_its_receipt() {
        use blotter::domain::account::OpenAccount;
        let open = RiskCommand::OpenAccount(OpenAccount {
            account: blotter::values::AccountId::new("second").expect("an account"),
            name: "second".to_owned(),
            currency: "USD".to_owned(),
        });
        let halt = blotter::events::catalogue::HaltScope::Firm;
        for asked in [ask("a-1", open), buy("o-1", "1"), engage("h-1", halt)] {
            World::new().run(async |desk| {
                desk.store.hold();
                let command = desk.later(asked.clone());
                quiet().await;
                panic_at("risk::command", 1);
                let other = desk.later(deposit("d-1", "1"));
                // Long enough for the sender to look, find nothing, and ask again.
                pass(Duration::from_millis(100)).await;
                assert!(all_happened(), "risk did not die");
                desk.store.let_go();
                let first = receipt(&command.answer().await);
                receipt(&other.answer().await);
                assert_eq!(receipt(&desk.command(asked).await), first);
                assert_eq!(desk.restarts("risk").await, ["it panicked"]);
            });
        }
    }

    /// A first sending waits for a risk that is being rebuilt when the store fails. It is recorded
    /// once the store is back, so its repetition is not told that nothing was recorded.
    #[test]
    fn a_repetition_is_not_told_that_nothing_was_recorded_while_the_first_still_waits() {
        World::new().run(async |desk| {
            // Risk dies over the command, and the next one too, once it has been built.
            desk.store.hold();
            let other = desk.later(deposit("d-1", "1"));
            quiet().await;
            panic_at("risk::command", 2);
            let mut first = desk.later(buy("o-1", "10"));
            quiet().await;
            // Now the store goes out, and stays so for some probes.
            for _ in 0..4 {
                desk.store.fail_next(Fault::Unavailable);
            }
            desk.store.let_go();
            quiet().await;
            assert!(all_happened() && first.now().is_none(), "it waits");
            let again = desk.command(buy("o-1", "10")).await;
            let is_open = matches!(again, Err(CommandFailure::Unknown(_)));
            assert!(is_open, "{again:?}");
            let alone = desk.command(buy("o-2", "10")).await;
            let is_out = matches!(alone, Err(CommandFailure::Unavailable(_)));
            assert!(is_out, "nobody else sends it: {alone:?}");

            let first = receipt(&first.answer().await);
            assert_eq!(receipt(&desk.command(buy("o-1", "10")).await), first);
            let _ = other.answer().await;
            desk.settled().await;
            assert_eq!(desk.count(submitted).await, 1);
        });
    }

    /// Risk dies before, while and after a fill is recorded on the account.
    #[test]
    fn a_fill_is_booked_once() {
        let places = [
            ("risk::fold", 2),
            ("risk::before_append", 2),
            ("risk::after_append", 1),
        ];
        for (place, times) in places {
            World::new().run(async |desk| {
                let order = sent_as("o-1");
                receipt(&desk.command(buy("o-1", "10")).await);
                desk.settled().await;
                panic_at(place, times);
                desk.venue.report(&order, acknowledged(&order));
                desk.venue.report(&order, trade(1, "10"));
                booked_once(desk, place).await;
                assert_eq!(desk.restarts("risk").await.len(), times, "{place}");
            });
        }
    }

    #[test]
    fn a_fill_whose_booking_failed_or_waits_is_booked_once() {
        for fault in [None, Some(Fault::Unavailable), Some(Fault::UnknownLost)] {
            World::new().run(async |desk| {
                let order = sent_as("o-1");
                receipt(&desk.command(buy("o-1", "10")).await);
                desk.settled().await;
                // The execution gets to disk, its booking does not.
                desk.store.hold();
                desk.store.allow(1);
                desk.venue.report(&order, trade(1, "10"));
                quiet().await;
                fault
                    .into_iter()
                    .for_each(|fault| desk.store.fail_next(fault));
                panic_at("risk::command", 1);
                let other = desk.later(deposit("d-1", "1"));
                quiet().await;
                assert!(all_happened(), "risk did not die");
                desk.store.let_go();
                // While the store is out the sender is told so.
                let _ = other.answer().await;
                booked_once(desk, &format!("{fault:?}")).await;
            });
        }
    }

    async fn booked_once(desk: &crate::desk::Desk, case: &str) {
        desk.settled().await;
        assert!(all_happened(), "{case}");
        let booked = desk.count(|event| matches!(event, Event::FillBooked(_)));
        assert_eq!(booked.await, 1, "{case}");
        let account = desk.ledger().await.accounts[&account()].clone();
        assert_eq!(
            account.holding(&aapl()).quantity.to_string(),
            "10",
            "{case}"
        );
        assert_eq!(account.reserved_cash.to_string(), "0", "{case}");
    }
}
