//! A node that stops takes its leave.

use std::time::Duration;

use blotter::identity::Role;

use crate::client::{Heard, Stream, http, key_headers};
use crate::node::{Place, settled};

#[test]
fn a_stop_says_goodbye_to_every_client() {
    Place::trading("100").run_then(
        async |floor| {
            // One that has not said who it is, too.
            let mut streams = vec![Stream::stranger(floor).await];
            for role in [Role::SuperAdmin, Role::Auditor, Role::Trader] {
                let mut stream = Stream::of(floor, role).await;
                stream.subscribe(&["prices"], None).await;
                stream.frame_of("event").await;
                streams.push(stream);
            }
            streams
        },
        async |streams| {
            for mut stream in streams {
                loop {
                    match stream.hear().await {
                        Heard::Frame(_) => {}
                        Heard::Closed(status) => break assert_eq!(status, 1001),
                        other => panic!("{other:?}"),
                    }
                }
            }
        },
    );
}

#[test]
fn a_stop_waits_for_nobody() {
    let place = Place::quiet().with_history(400, 64 << 10);
    let mut kept_open = None;
    place.run_then(
        async |floor| {
            settled(floor).await;
            let mut stream = Stream::of(floor, Role::SuperAdmin).await;
            // It asks for a lot and takes nothing.
            stream.subscribe(&["audit"], Some(0)).await;
            stream
        },
        async |stream| kept_open = Some(stream),
    );
    drop(kept_open);
    let took = place.stop_took.get();
    // A second for the goodbye; the rest is for machines that are busy.
    assert!(took < Duration::from_secs(10), "{took:?}");
}

/// The first refusal is told at once; those after it are only counted for a minute.
#[test]
fn a_stop_records_the_refusals_that_were_only_counted() {
    let log = Place::quiet().run(async |floor| {
        let key = key_headers(floor.key(Role::Trader));
        let key: Vec<_> = key.iter().map(|(name, value)| (*name, &**value)).collect();
        for _ in 0..3 {
            let answer = http(floor, "GET", "/api/v1/audit/events", &key, "").await;
            answer.problem(403, "forbidden");
        }
    });
    let denied = log.iter().filter(|event| event["type"] == "AccessDenied");
    let times: Vec<_> = denied.map(|event| &event["payload"]["times"]).collect();
    assert_eq!(times, [1, 2]);
}
