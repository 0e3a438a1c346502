//! Panics at a failpoint, on this test's thread only: every test has a thread of its own, so tests
//! that crash actors run beside the others.
#![cfg(feature = "failpoints")]

use std::cell::RefCell;
use std::sync::Once;

const PLACES: [&str; 14] = [
    "risk::before_append",
    "risk::after_append",
    "risk::fold",
    "risk::command",
    "execution::before_append",
    "execution::after_append",
    "execution::before_send",
    "execution::after_send",
    "execution::report",
    "execution::fold",
    "notifier::delivered",
    "notifier::after_append",
    "strategy::evaluate",
    "strategy::fold",
];

thread_local! {
    /// Where to panic, and how many times.
    static ARMED: RefCell<Vec<(&'static str, usize)>> = const { RefCell::new(Vec::new()) };
}

/// The next `times` passages of `place` on this thread panic.
pub fn panic_at(place: &'static str, times: usize) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        for place in PLACES {
            fail::cfg_callback(place, move || pass(place)).expect("a failpoint");
        }
    });
    assert!(PLACES.contains(&place), "{place} is not a place to crash");
    ARMED.with_borrow_mut(|armed| armed.push((place, times)));
}

/// Whether every armed panic has happened.
pub fn all_happened() -> bool {
    ARMED.with_borrow(Vec::is_empty)
}

fn pass(place: &'static str) {
    let panics = ARMED.with_borrow_mut(|armed| {
        let index = armed.iter().position(|(armed, _)| *armed == place)?;
        armed[index].1 -= 1;
        if armed[index].1 == 0 {
            armed.remove(index);
        }
        Some(())
    });
    let panics = panics.is_some();
    assert!(!panics, "crash at {place}, as the test wants");
}
