//! The engine over KurrentDB, against a double of it: what goes wrong on the way and what comes of
//! it. What every engine does is in `conformance`.
//!
//! `appends` lose their answers, `reads` end early, `leases` change hands, `opening` is refused;
//! `journal` is what the rest of the program notices of it.

mod appends;
mod journal;
mod leases;
mod opening;
mod reads;

use std::sync::Arc;

use blotter::events::kurrent::KurrentStore;
use blotter::events::verify::verify_log;
use blotter::events::{EventStore, Lease};

use crate::kurrent_double::Double;
use crate::support::*;

/// Answers that never come are waited for so long.
const SHORT_WAIT_MS: u64 = 1_000;

/// A double, a store on it that soon gives up waiting, and its lease.
struct Place {
    double: Double,
    store: Arc<KurrentStore>,
    lease: Lease,
}

async fn place() -> Place {
    let double = Double::start();
    let store = Arc::new(impatient(&double).await);
    let lease = store.acquire_lease(&node()).await.expect("a lease");
    Place {
        double,
        store,
        lease,
    }
}

/// Another store on the same log.
async fn impatient(double: &Double) -> KurrentStore {
    open_kurrent(&double.url_waiting("kurrentdb", "", SHORT_WAIT_MS)).await
}

/// A log opened anew holds together, and is `events` events long.
async fn assert_whole(double: &Double, events: u64) {
    let store = open_kurrent(&double.url()).await;
    let report = verify_log(&store, |_, _| ()).await.expect("holds");
    assert_eq!(report.head.get(), events);
    assert_eq!(
        store.head().await.expect("a head").frontier.root(),
        report.root
    );
}
