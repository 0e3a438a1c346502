//! Whether a fold, kept at a place in the log and brought back, goes on as if it had never been away.

use std::fmt::Debug;

use blotter::actors::notifier::Outstanding;
use blotter::actors::strategy::View;
use blotter::domain::ledger::Ledger;
use blotter::domain::order::VenueOrders;
use blotter::domain::risk::RiskBook;
use blotter::domain::state_hash::state_hash;
use blotter::events::{Fold, Recorded};
use blotter::values::{StrategyId, VenueId};

fn folded<F: Fold>(mut fold: F, log: &[Recorded]) -> F {
    for recorded in log {
        fold.fold(recorded).expect("folds");
    }
    fold
}

/// As the snapshot's file has it.
fn kept_and_brought_back<F: Fold>(fold: &F) -> F {
    let state = serde_json::to_vec(fold).expect("a state");
    serde_json::from_slice(&state).expect("the same state")
}

/// Gives the fold of the whole log, which every cut has led to as well.
fn whole<F: Fold + PartialEq + Debug>(log: &[Recorded], cuts: &[usize], empty: F) -> F {
    let whole = folded(empty.empty(), log);
    for cut in cuts {
        let (before, after) = log.split_at(*cut);
        let fold = folded(empty.empty(), before);
        let restored = kept_and_brought_back(&fold);
        assert!(restored == fold, "{} at {cut}", fold.name());
        let gone_on = folded(restored, after);
        assert!(gone_on == whole, "{} cut at {cut}", fold.name());
    }
    whole
}

/// Every fold of a node over `log` comes to the same, cut at each of `cuts`.
pub fn assert_cuts_do_not_show(
    log: &[Recorded],
    cuts: &[usize],
    venue: &VenueId,
    strategies: &[StrategyId],
) {
    let ledger = whole(log, cuts, Ledger::default());
    let hash = state_hash(&ledger).expect("a hash");
    for cut in cuts {
        let restored = kept_and_brought_back(&folded(Ledger::default(), &log[..*cut]));
        let gone_on = folded(restored, &log[*cut..]);
        assert_eq!(state_hash(&gone_on).expect("a hash"), hash, "cut at {cut}");
    }
    whole(log, cuts, RiskBook::default());
    whole(log, cuts, VenueOrders::new(venue.clone()));
    whole(log, cuts, Outstanding::default());
    for id in strategies {
        whole(log, cuts, View::new(id.clone()));
    }
}
