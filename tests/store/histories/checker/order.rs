//! What moments, leases and writers that look ahead demand of positions.

use std::collections::{BTreeMap, HashMap};

use super::{Case, Verdict};
use crate::histories::history::{Answer, Call, LeaseTaken, Logged, Tick};

pub fn check(case: &Case<'_>) -> Verdict {
    real_time(case)?;
    generations(case)?;
    leases(case)?;
    fences(case)
}

/// When the call that recorded a commit was made.
fn asked(case: &Case<'_>, logged: &Logged) -> Tick {
    let calls = &case.calls[&logged.receipt.commit_id];
    let of = |wanted: fn(&Answer) -> bool| {
        let calls = calls.iter().filter(|call| wanted(&call.answer));
        calls.map(|call| call.span.from).min()
    };
    of(|answer| matches!(answer, Answer::Recorded(_)))
        .or_else(|| of(|answer| *answer == Answer::Unknown))
        .unwrap_or_default()
}

/// A commit acknowledged before another was asked for has the lower position.
fn real_time(case: &Case<'_>) -> Verdict {
    let mut first_known: Option<(Tick, &Logged)> = None;
    for logged in case.history.log.iter().rev() {
        let (id, position) = (logged.receipt.commit_id, logged.receipt.first_position);
        if let Some((known, later)) = first_known
            && known < asked(case, logged)
        {
            return Err(format!(
                "commit {id} at position {position} was asked for after commit {} at position {} \
                 had been acknowledged",
                later.receipt.commit_id, later.receipt.first_position
            ));
        }
        if let Some(known) = case.known.get(&id)
            && first_known.is_none_or(|(first, _)| *known < first)
        {
            first_known = Some((*known, logged));
        }
    }
    Ok(())
}

/// After the first commit of a writer that looks ahead failed, none of its is recorded. That one
/// may be called dropped itself: where an outcome had to be looked up, its own reason is lost.
fn generations(case: &Case<'_>) -> Verdict {
    let mut generations: HashMap<u64, BTreeMap<Tick, &Call>> = HashMap::new();
    for call in &case.history.calls {
        if let Some(generation) = call.generation {
            let calls = generations.entry(generation).or_default();
            calls.insert(call.span.from, call);
        }
    }
    for calls in generations.values() {
        let mut failed: Option<&Call> = None;
        for call in calls.values() {
            match (&call.answer, failed) {
                (Answer::Recorded(_), Some(failed)) => {
                    return Err(format!(
                        "commit {} was recorded after commit {} of the same writer had not been",
                        call.commit, failed.commit
                    ));
                }
                (Answer::Recorded(_), None) => {}
                (_, None) => failed = Some(call),
                (_, Some(_)) => {}
            }
        }
    }
    Ok(())
}

/// Epochs grow with every lease.
fn leases(case: &Case<'_>) -> Verdict {
    for taken in &case.history.leases {
        for other in &case.history.leases {
            let later = other.span.from > taken.span.to;
            if later && other.epoch <= taken.epoch {
                return Err(format!(
                    "lease {} was given to {} after lease {} had been given to {}",
                    other.epoch, other.client, taken.epoch, taken.client
                ));
            }
            if other.epoch == taken.epoch && other.span != taken.span {
                return Err(format!(
                    "lease {} was given to {} and to {}",
                    taken.epoch, taken.client, other.client
                ));
            }
        }
    }
    Ok(())
}

/// An old lease records nothing once a newer one was given, and none after a newer one has.
fn fences(case: &Case<'_>) -> Verdict {
    let mut leases: Vec<&LeaseTaken> = case.history.leases.iter().collect();
    leases.sort_by_key(|taken| taken.span.to);
    for call in &case.history.calls {
        let given = leases.partition_point(|taken| taken.span.to < call.span.from);
        let newest = leases[..given].iter().map(|taken| taken.epoch).max();
        let (epoch, newest) = (call.epoch, newest.unwrap_or_default());
        if newest > epoch && matches!(call.answer, Answer::Recorded(_)) {
            return Err(format!(
                "commit {} was recorded under lease {epoch} after lease {newest} had been given",
                call.commit
            ));
        }
        if let Answer::Fenced { current } = call.answer
            && current <= epoch
        {
            return Err(format!(
                "commit {} under lease {epoch} was fenced by lease {current}",
                call.commit
            ));
        }
    }
    let mut newest = 0;
    for logged in &case.history.log {
        let calls = &case.calls[&logged.receipt.commit_id];
        let by = |call: &&&Call| matches!(call.answer, Answer::Recorded(_));
        let Some(call) = calls.iter().find(by) else {
            continue;
        };
        if call.epoch < newest {
            return Err(format!(
                "lease {} recorded position {} after lease {newest} had begun to record",
                call.epoch, logged.receipt.first_position
            ));
        }
        newest = call.epoch;
    }
    Ok(())
}
