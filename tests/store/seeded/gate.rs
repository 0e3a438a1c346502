//! Which check catches which bug.

use std::process::{Command, Output, Stdio};

use blotter::events::seeded::Bug;

use super::BUG;
use crate::torture::is_torture;

/// Makes a test of each line: the bug, the check that catches it, and what that says, which may
/// depend on who happens to be faster.
macro_rules! caught {
    ($($test:ident: $bug:ident, $check:literal, $words:expr;)+) => {
        /// The bugs, and for each a check that catches it.
        const CAUGHT: &[(Bug, &str)] = &[$((Bug::$bug, $check)),+];
        $(#[test] fn $test() { is_caught(Bug::$bug, $check, &$words); })+
    };
}

caught! {
    an_unchecked_version: VersionUnchecked,
        "histories::clients_of_a_journal_in_memory", ["it was recorded on order-"];
    a_version_checked_first: VersionBeforeCommitId,
        "histories::clients_of_a_journal_in_memory", ["asked for it again, and was refused"];
    an_ignored_fingerprint: FingerprintIgnored,
        "histories::clients_of_a_journal_in_memory", ["holds it for another command"];
    a_gap_after_a_refusal: PositionGap,
        "conformance::on_sqlite::a_conflict_fails_only_its_own_commit", ["left: Position(4)"];
    an_old_lease_on_sqlite: LeaseUnchecked,
        "histories::leases_on_sqlite", ["was recorded under lease"];
    an_old_lease_on_kurrent: LeaseUnchecked,
        "histories::leases_on_kurrent", ["had begun to record"];
    an_old_lease_in_memory: LeaseUnchecked,
        "conformance::on_memory::a_newer_lease_fences_the_old_one", ["Fenced"];
    an_early_acknowledgement_seen_by_others: AckBeforeCommit,
        "histories::clients_of_a_journal_on_sqlite",
        ["looked up later in vain", "is not in the log", "every answer calls"];
    an_early_acknowledgement_before_a_kill: AckBeforeCommit,
        "kills::killed_at_random_on_sqlite", ["is not in the log"];
    rows_and_head_apart: TornBatch,
        "kills::killed_at_random_on_sqlite",
        ["the last commit ends at", "the log ends at position"];
    a_head_without_its_rows: HeadWithoutRows,
        "histories::clients_of_a_journal_on_sqlite",
        ["the last commit ends at", "position 1 should follow in the log"];
    a_lazy_commit: LazyCommit,
        "kills::killed_at_random_on_postgres", ["is not in the log", "what had been confirmed"];
    a_lost_race: LostRaceAnswered,
        "histories::leases_on_postgres", ["is not in the log", "was acknowledged as new"];
    a_head_of_another_moment: HeadApart,
        "histories::clients_of_a_journal_on_postgres", ["is missing; the last one is"];
    a_forgotten_append: LostAppendForgotten,
        "histories::clients_of_a_journal_on_kurrent", ["the journal stopped"];
    an_unknown_outcome_told_as_none: UnknownIsUnrecorded,
        "histories::clients_of_a_journal_in_memory",
        ["was refused each time and is in the log", "every answer calls"];
    a_batch_under_new_ids: NewIdsAfterUnknown,
        "histories::clients_of_a_journal_in_memory",
        ["was acknowledged", "was refused as a conflict"];
    an_append_that_came_late: LateLandingIgnored,
        "histories::clients_of_a_journal_in_memory",
        ["when the feed ended at", "every answer calls"];
    a_subscription_that_skips: SubscriptionSkips,
        "histories::clients_of_a_journal_in_memory", ["was given position"];
}

/// Runs one test of this binary in a process of its own.
fn run(check: &str, bug: Option<Bug>) -> (bool, String) {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command
        .args([check, "--exact", "--nocapture"])
        .env_remove(BUG);
    // One round finds it, or the check is no good.
    command.env_remove("BLOTTER_TORTURE").stdin(Stdio::null());
    if let Some(bug) = bug {
        command.env(BUG, format!("{bug:?}"));
    }
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("runs");
    let stdout = String::from_utf8_lossy(&stdout);
    assert!(stdout.contains("running 1 test"), "no such test: {check}");
    let said = format!("{stdout}{}", String::from_utf8_lossy(&stderr));
    (status.success(), said)
}

#[track_caller]
fn is_caught(bug: Bug, check: &str, words: &[&str]) {
    let (passed, said) = run(check, Some(bug));
    assert!(!passed, "{bug:?} is on, and {check} passes");
    let is_said = words.iter().any(|words| said.contains(words));
    assert!(is_said, "{check} fails otherwise: {said}");
}

#[test]
fn with_none_switched_on_every_check_passes() {
    let mut checks: Vec<&str> = CAUGHT.iter().map(|(_, check)| *check).collect();
    checks.sort_unstable();
    checks.dedup();
    // They are tests of this suite and run in it; here it is the process of their own that counts.
    checks.retain(|check| is_torture() || check.ends_with("in_memory") || check.contains("::on_"));
    for check in checks {
        let (passed, said) = run(check, None);
        assert!(passed, "{said}");
    }
}

#[test]
fn every_known_bug_is_tried() {
    for bug in Bug::ALL {
        let is_tried = CAUGHT.iter().any(|(caught, _)| *caught == bug);
        assert!(is_tried, "nothing is said to catch {bug:?}");
    }
}
