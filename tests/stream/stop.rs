//! A node that stops takes its leave.

use std::time::Duration;

use blotter::identity::Role;
use tokio::time::Instant;

use crate::client::{Heard, Stream};
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
    let mut stopped_at = None;
    Place::quiet().with_history(400, 64 << 10).run_then(
        async |floor| {
            settled(floor).await;
            let mut stream = Stream::of(floor, Role::SuperAdmin).await;
            // It asks for a lot and takes nothing.
            stream.subscribe(&["audit"], Some(0)).await;
            stopped_at = Some(Instant::now());
            stream
        },
        async |_kept_open_and_unread| (),
    );
    let took = stopped_at.expect("it ran").elapsed();
    assert!(took < Duration::from_secs(15), "{took:?}");
}
