//! What was looked up, read and handed out, against the log.

use blotter::values::canonical::Hash;

use super::{Case, Verdict};
use crate::histories::history::{Logged, Lookup, Page, Sight};

pub fn check(case: &Case<'_>) -> Verdict {
    let history = case.history;
    history.lookups.iter().try_for_each(|it| lookup(case, it))?;
    history.pages.iter().try_for_each(|it| page(case, it))?;
    history.sights.iter().try_for_each(|it| sight(case, it))
}

fn lookup(case: &Case<'_>, lookup: &Lookup) -> Verdict {
    let id = lookup.commit;
    let logged = case.log.commits.get(&id);
    match &lookup.found {
        None if case.was_known(id, lookup.span.from) => Err(format!(
            "commit {id} was known to be in the log, and was looked up later in vain"
        )),
        Some((fingerprint, receipt)) => {
            let logged =
                logged.filter(|it| it.receipt == *receipt && it.fingerprint == *fingerprint);
            match logged {
                Some(_) => Ok(()),
                None => Err(format!(
                    "commit {id} was found at position {}, where the log does not hold it",
                    receipt.first_position
                )),
            }
        }
        None => Ok(()),
    }
}

/// A page begins right after its cursor, is as the log, and does not end before what was
/// acknowledged when it was asked for.
fn page(case: &Case<'_>, page: &Page) -> Verdict {
    let (after, limit) = (page.after, page.limit);
    let name = match &page.stream {
        Some(stream) => format!("a page of stream {stream} after version {after}"),
        None => format!("a page after position {after}"),
    };
    let events = match &page.events {
        Ok(events) => events,
        Err(error) => return Err(format!("{name} could not be read: {error}")),
    };
    let (all, end) = track(case, page);
    let expected = all.iter().skip(usize::try_from(after).expect("a length"));
    if events.len() > limit || !events.iter().eq(expected.take(events.len())) {
        return Err(format!("{name} holds other events than the log"));
    }
    let due = end.saturating_sub(after).min(limit as u64);
    match (events.len() as u64) < due {
        true => Err(format!(
            "{name} has {} events; {due} had been acknowledged before it was asked for",
            events.len()
        )),
        false => Ok(()),
    }
}

/// The events that a page is cut from, and how many of them were known when it was asked for.
fn track(case: &Case<'_>, page: &Page) -> (Vec<(u64, Hash)>, u64) {
    let (mut events, mut end) = (Vec::new(), 0);
    let is_on = |logged: &&Logged| {
        let stream = page.stream.as_ref();
        stream.is_none_or(|stream| *stream == logged.receipt.stream)
    };
    for logged in case.history.log.iter().filter(is_on) {
        let receipt = &logged.receipt;
        let positions = receipt.first_position.get()..;
        events.extend(positions.zip(logged.leaves.iter().copied()));
        if case.was_known(receipt.commit_id, page.span.from) {
            end = events.len() as u64;
        }
    }
    (events, end)
}

/// A subscriber is given the log after its cursor, all of it, and nothing too early.
fn sight(case: &Case<'_>, sight: &Sight) -> Verdict {
    let name = &sight.subscriber;
    let mut last = sight.after;
    for seen in &sight.seen {
        let position = seen.position;
        if position != last + 1 {
            return Err(format!("{name} was given position {position} after {last}"));
        }
        let index = usize::try_from(position - 1).expect("a length");
        if case.log.leaves.get(index) != Some(&seen.leaf) {
            return Err(format!(
                "{name} was given another event at position {position} than the log holds"
            ));
        }
        if seen.durable < position {
            return Err(format!(
                "{name} was given position {position} when the log ended at {}",
                seen.durable
            ));
        }
        last = position;
    }
    if let Some(failure) = &sight.failure {
        return Err(format!(
            "{name} got nothing after position {last}: {failure}"
        ));
    }
    Ok(())
}
