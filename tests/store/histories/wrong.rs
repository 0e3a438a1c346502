//! Histories made by hand: a right one, and for each rule of the checker one that breaks it.

use blotter::events::{CommitId, Receipt};
use blotter::values::canonical::Hash;
use blotter::values::{Position, Version};

use super::checker::check;
use super::history::*;
use crate::support::stream;

fn id(name: u8) -> CommitId {
    CommitId::from_bytes([name; 16])
}

fn leaf(position: u64) -> Hash {
    [u8::try_from(position).expect("few"); 32]
}

fn logged(name: u8, on: &str, position: u64, version: u64, events: u64) -> Logged {
    Logged {
        receipt: Receipt {
            commit_id: id(name),
            stream: stream(on),
            first_position: Position::new(position),
            first_version: Version::new(version),
            events,
        },
        fingerprint: [name; 32],
        leaves: (position..position + events).map(leaf).collect(),
    }
}

/// The call that recorded it, asked for at `from` and answered right after.
fn recorded(logged: &Logged, from: Tick) -> Call {
    Call {
        client: "client-1".to_owned(),
        span: Span { from, to: from + 1 },
        commit: logged.receipt.commit_id,
        fingerprint: logged.fingerprint,
        stream: logged.receipt.stream.clone(),
        expected: logged.receipt.first_version.get() - 1,
        events: logged.receipt.events,
        generation: None,
        epoch: 1,
        answer: Answer::Recorded(logged.receipt.clone()),
        published: Some(logged.receipt.last_position().get()),
    }
}

/// Commit 1 at positions 1 and 2, commit 2 at 3, commit 3 at 4; one asked for after the other, at
/// 10, 20 and 30. At 40 and later everything is read, and all of it is right.
fn right() -> History {
    let log = vec![
        logged(1, "order-1", 1, 1, 2),
        logged(2, "order-2", 3, 1, 1),
        logged(3, "order-1", 4, 3, 1),
    ];
    let seen = (1..=4).map(|position| Seen {
        position,
        leaf: leaf(position),
        durable: 4,
    });
    let numbered = |positions: &[u64]| Ok(positions.iter().map(|at| (*at, leaf(*at))).collect());
    let page = |on: Option<&str>, after, limit, events| Page {
        span: Span { from: 40, to: 41 },
        stream: on.map(stream),
        after,
        limit,
        events,
    };
    History {
        calls: (0..3)
            .map(|index| recorded(&log[index], 10 * (index as u64 + 1)))
            .collect(),
        lookups: vec![Lookup {
            span: Span { from: 42, to: 43 },
            commit: id(2),
            found: Some((log[1].fingerprint, log[1].receipt.clone())),
        }],
        pages: vec![
            page(None, 1, 10, numbered(&[2, 3, 4])),
            page(Some("order-1"), 1, 1, numbered(&[2])),
            page(Some("order-1"), 1, 5, numbered(&[2, 4])),
        ],
        sights: vec![Sight {
            subscriber: "subscriber-1".to_owned(),
            after: 0,
            seen: seen.collect(),
            failure: None,
        }],
        leases: vec![LeaseTaken {
            client: "node-1".to_owned(),
            span: Span { from: 0, to: 1 },
            epoch: 1,
        }],
        failures: Vec::new(),
        log,
        head: 4,
    }
}

/// The right history after `change`, which must be refused in these words.
#[track_caller]
fn refused(words: &str, change: impl FnOnce(&mut History)) {
    let mut history = right();
    change(&mut history);
    let verdict = check(&history);
    let sentence = verdict.expect_err("it cannot be, and is passed");
    assert!(sentence.contains(words), "{sentence}");
}

#[track_caller]
fn passed(change: impl FnOnce(&mut History)) {
    let mut history = right();
    change(&mut history);
    assert_eq!(check(&history), Ok(()));
}

/// Another call for the commit of `history.calls[index]`, at 35.
fn again(history: &mut History, index: usize, answer: Answer) -> &mut Call {
    let mut call = history.calls[index].clone();
    call.span = Span { from: 35, to: 36 };
    call.answer = answer;
    history.calls.push(call);
    history.calls.last_mut().expect("a call")
}

/// A call for a commit that is not in the log, at 35.
fn another(history: &mut History, answer: Answer) -> &mut Call {
    let call = again(history, 2, answer);
    call.commit = id(9);
    call
}

/// Leaves only calls and log.
fn unread(history: &mut History) {
    history.lookups.clear();
    history.pages.clear();
    history.sights.clear();
}

fn repeated(history: &History, index: usize) -> Answer {
    Answer::Repeated(history.log[index].receipt.clone())
}

#[test]
fn what_can_be_is_passed() {
    passed(|_| ());
    passed(|history| {
        let answer = repeated(history, 0);
        again(history, 0, answer);
    });
    passed(|history| another(history, Answer::Conflict { actual: 3 }).expected = 1);
    passed(|history| again(history, 0, Answer::Mismatch).fingerprint = [7; 32]);
    // An answer that never came, of what was recorded.
    passed(|history| {
        history.calls[2].answer = Answer::Unknown;
        history.calls[2].span.to = Tick::MAX;
    });
    // And one that never came, of what was not; then it was asked for again.
    passed(|history| {
        history.calls[2].span = Span { from: 33, to: 34 };
        again(history, 2, Answer::Unknown).span = Span { from: 5, to: 6 };
    });
    // Two at the same time have no order.
    passed(|history| {
        history.calls[0].span = Span { from: 20, to: 23 };
        history.calls[1].span = Span { from: 21, to: 22 };
        unread(history);
    });
}

#[test]
fn a_log_with_gaps_or_twice_the_same_is_refused() {
    refused("position 3 should follow", |history| {
        history.log.remove(1);
    });
    refused(
        "stream order-1 is at version 2 before position 4",
        |history| {
            history.log[2].receipt.first_version = Version::new(4);
        },
    );
    refused("its rows end at 4", |history| history.head = 5);
    refused("is in the log twice", |history| {
        history.log.push(logged(2, "order-2", 5, 2, 1));
        history.head = 5;
    });
    refused("says 1 events; it has 2", |history| {
        history.log[2].leaves.push(leaf(5));
    });
}

#[test]
fn an_acknowledgement_that_the_log_does_not_bear_out_is_refused() {
    refused("at position 4 and is not in the log", |history| {
        history.log.pop();
        history.head = 3;
    });
    refused("was acknowledged to client-1 as", |history| {
        let mut receipt = history.log[2].receipt.clone();
        receipt.first_position = Position::new(3);
        history.calls[2].answer = Answer::Recorded(receipt);
    });
    refused("the log holds it for another command", |history| {
        let answer = repeated(history, 0);
        again(history, 0, answer).fingerprint = [7; 32];
    });
    refused("expected order-1 at version 1 for 1 events", |history| {
        history.calls[2].expected = 1;
    });
    refused("acknowledged as new 2 times", |history| {
        let answer = history.calls[0].answer.clone();
        again(history, 0, answer);
    });
    refused("when the feed ended at 3", |history| {
        history.calls[2].published = Some(3);
    });
}

#[test]
fn a_commit_that_nobody_may_have_recorded_is_refused() {
    refused("nobody asked for commit", |history| {
        history.calls.pop();
    });
    refused(
        "was refused each time and is in the log at position 4",
        |history| {
            history.calls[2].answer = Answer::NotRecorded("unavailable".to_owned());
        },
    );
    refused("a repetition", |history| {
        history.calls[2].answer = repeated(history, 2);
    });
}

#[test]
fn a_refusal_that_was_never_right_is_refused() {
    refused(
        "asked for it again, and was refused as a conflict",
        |history| {
            again(history, 0, Answer::Conflict { actual: 3 });
        },
    );
    refused("is at version 2, as it expected", |history| {
        another(history, Answer::Conflict { actual: 2 });
    });
    refused("is at version 1, where it never was", |history| {
        another(history, Answer::Conflict { actual: 1 });
    });
    refused("is at version 0, after version 2", |history| {
        another(history, Answer::Conflict { actual: 0 });
    });
    refused("before anybody asked for that", |history| {
        let call = another(history, Answer::Conflict { actual: 3 });
        call.span = Span { from: 25, to: 26 };
        call.expected = 1;
    });
    refused("the log holds no other command under it", |history| {
        again(history, 0, Answer::Mismatch);
    });
}

#[test]
fn an_order_that_the_moments_forbid_is_refused() {
    refused("was asked for after commit", |history| {
        history.calls[0].span = Span { from: 25, to: 26 };
    });
    refused("of the same writer had not been", |history| {
        history.calls[2].generation = Some(1);
        let failed = another(history, Answer::NotRecorded("full".to_owned()));
        failed.span = Span { from: 25, to: 26 };
        failed.generation = Some(1);
    });
}

fn lease(epoch: u64, from: Tick) -> LeaseTaken {
    LeaseTaken {
        client: "node-2".to_owned(),
        span: Span { from, to: from + 1 },
        epoch,
    }
}

#[test]
fn leases_that_do_not_fence_are_refused() {
    passed(|history| {
        history.leases.push(lease(2, 25));
        history.calls[2].epoch = 2;
        another(history, Answer::Fenced { current: 2 }).epoch = 1;
    });
    refused("was recorded under lease 1 after lease 2", |history| {
        history.leases.push(lease(2, 25));
    });
    refused("lease 1 recorded position 4 after lease 2", |history| {
        history.calls[1].epoch = 2;
    });
    refused("was given to node-1 and to node-2", |history| {
        history.leases.push(lease(1, 0));
        history.leases[1].span.to = 2;
    });
    refused("lease 1 was given to node-2 after lease 1", |history| {
        history.leases.push(lease(1, 25));
    });
    refused("was fenced by lease 1", |history| {
        another(history, Answer::Fenced { current: 1 });
    });
}

#[test]
fn readers_that_see_something_else_are_refused() {
    refused("was looked up later in vain", |history| {
        history.lookups[0].found = None;
    });
    refused("where the log does not hold it", |history| {
        let found = history.lookups[0].found.as_mut().expect("found");
        found.1.first_position = Position::new(4);
    });
    refused(
        "a page after position 1 could not be read: damaged",
        |history| {
            history.pages[0].events = Err("damaged".to_owned());
        },
    );
    refused("a page after position 1 has 2 events; 3", |history| {
        let events = history.pages[0].events.as_mut().expect("events");
        events.pop();
    });
    refused(
        "of stream order-1 after version 1 holds other events",
        |history| {
            let events = history.pages[2].events.as_mut().expect("events");
            events.remove(0);
        },
    );
    refused("an append of node-1 failed", |history| {
        let failure = "an append of node-1 failed: fatal".to_owned();
        history.failures.push(failure);
    });
}

#[test]
fn subscribers_that_are_given_something_else_are_refused() {
    refused("subscriber-1 was given position 3 after 1", |history| {
        history.sights[0].seen.remove(1);
    });
    refused("was given position 2 after 2", |history| {
        let twice = history.sights[0].seen[1];
        history.sights[0].seen.insert(2, twice);
    });
    refused("another event at position 3", |history| {
        history.sights[0].seen[2].leaf = leaf(9);
    });
    refused(
        "another event at position 5 than the log holds",
        |history| {
            let mut more = history.sights[0].seen[3];
            more.position = 5;
            history.sights[0].seen.push(more);
        },
    );
    refused("was given position 4 when the log ended at 3", |history| {
        history.sights[0].seen[3].durable = 3;
    });
    refused(
        "got nothing after position 4: the feed was closed",
        |history| {
            history.sights[0].failure = Some("the feed was closed".to_owned());
        },
    );
}
