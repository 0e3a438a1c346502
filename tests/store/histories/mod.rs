//! Many clients at once, and whether what they saw fits together.
//!
//! `clients` use one journal, with `subscribers` of its feed, over a store in `troubles`; `holders`
//! take the lease from each other. A `recorder` writes down when each of them asked for what and
//! what it was told: a `history`. The `checker` decides from that and the final log alone;
//! `wrong` shows that it refuses histories that cannot be.

mod checker;
mod clients;
mod history;
mod holders;
mod recorder;
mod subscribers;
mod troubles;
mod wrong;

use blotter::events::verify::verify_log;

use self::clients::{Size, a_runtime};
use self::history::History;
use crate::home::Home;
use crate::torture::rounds;

/// Rounds of the long run, on a log of its own each.
const TORTURE_ROUNDS: usize = 100;

fn judge(home: &Home, seed: u64, history: &History) {
    if let Err(sentence) = checker::check(history) {
        panic!("seed {seed}: {sentence}");
    }
    let verified = async {
        let store = home.open().await;
        verify_log(&*store, |_, _| ()).await
    };
    let verified = a_runtime().block_on(verified);
    let report = verified.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    assert_eq!(report.head.get(), history.head);
}

fn through_the_journal(new_home: impl Fn() -> Home, size: Size) {
    for seed in 1..=rounds(1, TORTURE_ROUNDS) as u64 {
        let home = new_home();
        let history = clients::play(&home, seed, size);
        judge(&home, seed, &history);
        println!(
            "seed {seed}: {} calls, {} events, {} subscriptions, {} pages",
            history.calls.len(),
            history.head,
            history.sights.len(),
            history.pages.len()
        );
    }
}

fn under_many_leases(new_home: impl Fn() -> Home, turns: u64) {
    for seed in 1..=rounds(1, TORTURE_ROUNDS) as u64 {
        let home = new_home();
        let history = holders::play(&home, seed, turns);
        judge(&home, seed, &history);
        println!(
            "seed {seed}: {} calls, {} leases, {} events",
            history.calls.len(),
            history.leases.len(),
            history.head
        );
    }
}

#[test]
fn clients_of_a_journal_in_memory() {
    let size = Size {
        eras: 3,
        steps: 60,
        troubles: 4,
    };
    through_the_journal(Home::memory, size);
}

#[test]
fn clients_of_a_journal_on_sqlite() {
    let size = Size {
        eras: 3,
        steps: 40,
        troubles: 4,
    };
    through_the_journal(Home::file, size);
}

#[test]
fn clients_of_a_journal_on_postgres() {
    let size = Size {
        eras: 3,
        steps: 40,
        troubles: 4,
    };
    through_the_journal(Home::database, size);
}

#[test]
fn clients_of_a_journal_on_kurrent() {
    let size = Size {
        eras: 3,
        steps: 30,
        troubles: 3,
    };
    through_the_journal(Home::kurrent, size);
}

#[test]
fn leases_in_memory() {
    under_many_leases(Home::memory, 20);
}

#[test]
fn leases_on_sqlite() {
    under_many_leases(Home::file, 10);
}

#[test]
fn leases_on_postgres() {
    under_many_leases(Home::database, 10);
}

#[test]
fn leases_on_kurrent() {
    under_many_leases(Home::kurrent, 6);
}
