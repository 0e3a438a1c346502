//! Each answer against the log, and each commit of the log against who asked for it.

use blotter::events::Receipt;

use super::{Case, Verdict};
use crate::histories::history::{Answer, Call, Logged};

pub fn check(case: &Case<'_>) -> Verdict {
    for call in &case.history.calls {
        if let Some(receipt) = call.answer.receipt() {
            acknowledged(case, call, receipt)?;
        }
        match call.answer {
            Answer::Recorded(_) => as_asked_for(case, call)?,
            Answer::Conflict { actual } => conflict(case, call, actual)?,
            Answer::Mismatch => mismatch(case, call)?,
            _ => {}
        }
    }
    case.history
        .log
        .iter()
        .try_for_each(|logged| asked_for(case, logged))
}

/// What was acknowledged is in the log, there, and for that command.
fn acknowledged(case: &Case<'_>, call: &Call, receipt: &Receipt) -> Verdict {
    let (id, client, position) = (call.commit, &call.client, receipt.first_position);
    let Some(logged) = case.log.commits.get(&id) else {
        return Err(format!(
            "commit {id} was acknowledged to {client} at position {position} and is not in the log"
        ));
    };
    if logged.receipt != *receipt {
        return Err(format!(
            "commit {id} was acknowledged to {client} as {receipt:?}; in the log it is {:?}",
            logged.receipt
        ));
    }
    if logged.fingerprint != call.fingerprint {
        return Err(format!(
            "commit {id} was acknowledged to {client}, and the log holds it for another command"
        ));
    }
    let last = receipt.last_position().get();
    match call.published {
        Some(head) if head < last => Err(format!(
            "commit {id} was acknowledged up to position {last} when the feed ended at {head}"
        )),
        _ => Ok(()),
    }
}

/// What a call recorded is what it asked for, and was recorded once.
fn as_asked_for(case: &Case<'_>, call: &Call) -> Verdict {
    let id = call.commit;
    if let Some(logged) = case.log.commits.get(&id)
        && !fits(call, logged)
    {
        let receipt = &logged.receipt;
        return Err(format!(
            "commit {id} expected {} at version {} for {} events; it was recorded on {} as {} \
             from version {}",
            call.stream,
            call.expected,
            call.events,
            receipt.stream,
            receipt.events,
            receipt.first_version
        ));
    }
    let is_new = |call: &&&Call| matches!(call.answer, Answer::Recorded(_));
    match case.calls[&id].iter().filter(is_new).count() {
        1 => Ok(()),
        times => Err(format!("commit {id} was acknowledged as new {times} times")),
    }
}

fn fits(call: &Call, logged: &Logged) -> bool {
    let receipt = &logged.receipt;
    call.fingerprint == logged.fingerprint
        && call.stream == receipt.stream
        && call.events == receipt.events
        && call.expected + 1 == receipt.first_version.get()
}

/// A conflict is the truth at some moment of the call, and no repetition is called one.
fn conflict(case: &Case<'_>, call: &Call, actual: u64) -> Verdict {
    let (id, stream) = (call.commit, &call.stream);
    if case.was_known(id, call.span.from) {
        return Err(format!(
            "commit {id} was in the log when {} asked for it again, and was refused as a conflict",
            call.client
        ));
    }
    if actual == call.expected {
        return Err(format!(
            "commit {id} was refused because stream {stream} is at version {actual}, as it expected"
        ));
    }
    let commits = case.log.streams.get(stream).map_or(&[][..], Vec::as_slice);
    let is_at = |logged: &&&Logged| logged.receipt.last_version().get() <= actual;
    let before = commits.iter().take_while(is_at).count();
    let reached = commits[..before]
        .last()
        .map_or(0, |last| last.receipt.last_version().get());
    if reached != actual {
        return Err(format!(
            "commit {id} was refused because stream {stream} is at version {actual}, where it never was"
        ));
    }
    if let Some(maker) = commits[..before].last() {
        let maker = maker.receipt.commit_id;
        let asked = case.calls.get(&maker).into_iter().flatten();
        if asked.map(|call| call.span.from).min() > Some(call.span.to) {
            return Err(format!(
                "commit {id} was refused because of commit {maker}, before anybody asked for that"
            ));
        }
    }
    match commits.get(before) {
        Some(next) if case.was_known(next.receipt.commit_id, call.span.from) => Err(format!(
            "commit {id} was refused because stream {stream} is at version {actual}, after version \
             {} had been acknowledged",
            next.receipt.last_version()
        )),
        _ => Ok(()),
    }
}

fn mismatch(case: &Case<'_>, call: &Call) -> Verdict {
    let logged = case.log.commits.get(&call.commit);
    match logged.is_some_and(|logged| logged.fingerprint != call.fingerprint) {
        true => Ok(()),
        false => Err(format!(
            "commit {} was refused as another command's; the log holds no other command under it",
            call.commit
        )),
    }
}

/// Somebody asked for it, and was not told that it had failed.
fn asked_for(case: &Case<'_>, logged: &Logged) -> Verdict {
    let receipt = &logged.receipt;
    let (id, position) = (receipt.commit_id, receipt.first_position);
    let calls = case.calls.get(&id).map_or(&[][..], Vec::as_slice);
    let may_have = |call: &&Call| matches!(call.answer, Answer::Recorded(_) | Answer::Unknown);
    if calls
        .iter()
        .any(|call| may_have(call) && fits(call, logged))
    {
        return Ok(());
    }
    Err(match calls {
        [] => format!("nobody asked for commit {id} at position {position}"),
        calls if calls.iter().any(|call| call.answer.receipt().is_some()) => {
            format!("every answer calls commit {id} at position {position} a repetition")
        }
        _ => format!("commit {id} was refused each time and is in the log at position {position}"),
    })
}
