//! A disk that fails under the node: it ends, says why, and the next start loses nothing.

use crate::shim::Fault;
use crate::support::*;

/// The demo on a disk where call number `at` on the log's files fails.
fn on_a_disk_that_fails(place: &Place, calls: &'static str, at: usize) -> Ran {
    let fault = Fault {
        files: "events.db*",
        calls,
        kind: "eio",
        at,
        times: 1,
    };
    let mut demo = place.demo();
    fault.put_under(&mut demo);
    finish(&mut demo)
}

#[test]
fn the_reason_is_shown_and_nothing_is_lost() {
    for (calls, failed) in [("sync", "fault fdatasync"), ("write", "fault pwrite")] {
        // The first calls make the log.
        for at in [40, 90] {
            let place = Place::new();
            let ran = on_a_disk_that_fails(&place, calls, at);
            assert!(ran.stderr.contains(failed), "{ran:?}");
            ran.refused(
                1,
                &[
                    "error: ",
                    "the event store failed and cannot be trusted: the disk failed",
                    "check the medium, then verify the log",
                ],
            );
            place.assert_verifies();
            let before = place.events();
            assert_same(&finish(&mut place.demo()).summary(), undisturbed());
            assert!(place.events().starts_with(&before), "something was lost");
        }
    }
}

#[test]
fn a_log_that_cannot_be_made_is_said_so() {
    let place = Place::new();
    let ran = on_a_disk_that_fails(&place, "sync", 1);
    ran.refused(1, &["error: ", "events.db", "the disk failed"]);
    assert_same(&finish(&mut place.demo()).summary(), undisturbed());
}
