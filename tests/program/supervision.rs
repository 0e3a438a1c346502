//! A panic at every failpoint of every actor, and actors that cannot be helped.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::Value;

use crate::data::SHORT_BARS;
use crate::support::*;

const STRATEGY: &str = "strategy:sma-cross-1";
/// Runs at the same time: each spends most of its time waiting for the disk.
const WORKERS: usize = 4;

/// Failpoint, its actor, and how often it is passed in an undisturbed run, at least.
const FAILPOINTS: [(&str, &str, u64); 18] = [
    ("risk::command", "risk", 17),
    ("risk::before_append", "risk", 28),
    ("risk::after_append", "risk", 28),
    ("risk::fold", "risk", 400),
    ("strategy::before_append", STRATEGY, 300),
    ("strategy::after_append", STRATEGY, 17),
    ("strategy::after_send", STRATEGY, 14),
    ("strategy::fold", STRATEGY, 400),
    ("strategy::evaluate", STRATEGY, 312),
    ("execution::before_append", "execution", 33),
    ("execution::after_append", "execution", 33),
    ("execution::before_send", "execution", 11),
    ("execution::after_send", "execution", 11),
    ("execution::report", "execution", 22),
    ("execution::fold", "execution", 400),
    ("notifier::fold", "notifier", 400),
    ("notifier::delivered", "notifier", 3),
    ("notifier::after_append", "notifier", 6),
];

/// A panic at the passage after `passed` ones.
fn once(failpoint: &str, passed: u64) -> String {
    match passed {
        0 => format!("{failpoint}=1*panic->off"),
        passed => format!("{failpoint}={passed}*off->1*panic->off"),
    }
}

/// Runs the short data with one panic; gives what is wrong with the outcome.
fn check_one_panic(failpoint: &str, actor: &str, passed: u64) -> Result<(), String> {
    let place = Place::new();
    let activated = once(failpoint, passed);
    let ran = finish(place.demo().env("FAILPOINTS", &activated));
    let wrong = |what: String| Err(format!("{activated}: {what}\n{}", ran.stderr));
    if ran.code() != Some(0) {
        return wrong(format!("exit {:?}", ran.status));
    }
    let summary = ran.summary();
    for figure in FIGURES {
        let expected = &undisturbed()[figure];
        if summary[figure] != *expected {
            return wrong(format!("{figure} {}, not {expected}", summary[figure]));
        }
    }
    let restarted: Vec<Value> = place
        .events_of("ActorRestarted")
        .into_iter()
        .map(|event| event["payload"]["actor"].clone())
        .collect();
    if restarted != [actor] {
        return wrong(format!("restarted: {restarted:?}"));
    }
    place.assert_verifies();
    Ok(())
}

/// Works through `jobs` a few at a time and reports everything that went wrong at once.
fn assert_all(jobs: Vec<(&'static str, &'static str, u64)>) {
    undisturbed();
    let (jobs, wrong) = (Mutex::new(jobs), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let Some((failpoint, actor, passed)) = jobs.lock().expect("jobs").pop() else {
                        return;
                    };
                    if let Err(what) = check_one_panic(failpoint, actor, passed) {
                        wrong.lock().expect("list").push(what);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("list");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn one_panic_anywhere_changes_nothing() {
    let half_way = |(name, actor, passages): (_, _, u64)| (name, actor, passages / 2);
    assert_all(FAILPOINTS.into_iter().map(half_way).collect());
}

#[test]
fn one_panic_while_setting_up_changes_nothing() {
    let first = [
        ("risk::after_append", "risk", 0),
        ("strategy::before_append", STRATEGY, 0),
        ("strategy::after_append", STRATEGY, 0),
    ];
    assert_all(first.to_vec());
}

#[test]
fn one_panic_at_any_time_changes_nothing() {
    if !is_torture() {
        eprintln!("skipped: panics at random passages are tried with BLOTTER_TORTURE=1");
        return;
    }
    let mut random = Random(4_711);
    let draw = |_| {
        let (name, actor, passages) = FAILPOINTS[random.below(FAILPOINTS.len() as u64) as usize];
        (name, actor, random.below(passages))
    };
    assert_all((0..rounds(0, 60)).map(draw).collect());
}

#[test]
fn every_failpoint_of_an_actor_is_tried() {
    let actors = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/actors");
    let mut named = BTreeSet::new();
    for file in rust_files(&actors) {
        let text = std::fs::read_to_string(&file).expect("reads");
        for call in text.split("fail_point!(").skip(1) {
            let name = call.split('"').nth(1).expect("a name");
            named.insert(name.to_owned());
        }
    }
    let tried: BTreeSet<_> = FAILPOINTS
        .iter()
        .map(|(name, ..)| (*name).to_owned())
        .collect();
    assert_eq!(named, tried);
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => rust_files(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .collect()
}

/// The node ends, and says which actor gave up and why.
fn assert_gives_up(activated: &str, actor: &str) {
    let place = Place::new();
    let ran = finish(place.demo().env("FAILPOINTS", activated));
    assert_eq!(ran.code(), Some(1), "{activated}: {ran:?}");
    let says = format!("error: the node has to stop: {actor} failed 6 times within 60 s");
    let line = ran.stderr.lines().find(|line| line.starts_with(&says));
    let line = line.unwrap_or_else(|| panic!("{activated}: {ran:?}"));
    assert!(line.ends_with("because it panicked"), "{line}");
    place.assert_verifies();
    let done = finish(&mut place.demo()).summary();
    assert_same(&done, undisturbed());
}

#[test]
fn risk_that_cannot_be_helped_ends_the_node() {
    assert_gives_up("risk::command=9*off->panic", "risk");
}

#[test]
fn risk_that_cannot_be_helped_from_the_start_ends_the_node() {
    assert_gives_up("risk::command=panic", "risk");
}

#[test]
fn execution_that_cannot_be_helped_ends_the_node() {
    assert_gives_up("execution::fold=200*off->panic", "execution");
}

#[test]
fn a_notifier_that_cannot_be_helped_ends_the_node() {
    assert_gives_up("notifier::fold=200*off->panic", "notifier");
}

#[test]
fn a_strategy_that_cannot_be_helped_is_halted_and_the_node_goes_on() {
    let place = Place::new();
    let activated = "strategy::evaluate=200*off->panic";
    let ran = finish(place.demo().env("FAILPOINTS", activated));
    let summary = ran.summary();
    assert_eq!(summary["bars"], SHORT_BARS, "the data is played to its end");
    let events = place.events();
    let halted = events
        .iter()
        .position(|event| event["type"] == "KillSwitchEngaged")
        .expect("a halt");
    let halt = &events[halted]["payload"];
    assert_eq!(
        [&halt["scope"], &halt["key"]],
        ["strategy", "sma-cross-1"],
        "{halt}"
    );
    let cause = halt["cause"].as_str().expect("a cause");
    assert!(
        cause.starts_with(STRATEGY) && cause.contains("panicked"),
        "{cause}"
    );
    for event in &events[halted..] {
        assert_ne!(event["type"], "OrderApproved", "an order passed the halt");
    }
    place.assert_verifies();
}
