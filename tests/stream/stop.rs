//! A node that stops takes its leave.

use std::time::Duration;

use blotter::identity::Role;
use tokio::time::Instant;

use crate::client::{Heard, Stream};
use crate::node::Place;

#[test]
fn a_stop_says_goodbye_and_waits_for_nobody() {
    let place = Place::trading("100");
    let mut streams = Vec::new();
    let mut stopped_at = None;
    place.run(async |floor| {
        for role in [Role::SuperAdmin, Role::Auditor, Role::Trader] {
            let mut stream = Stream::of(floor, role).await;
            stream.subscribe(&["prices"], None).await;
            stream.frame_of("event").await;
            streams.push(stream);
        }
        // One that has not said who it is, too.
        streams.push(Stream::stranger(floor).await);
        stopped_at = Some(Instant::now());
    });
    let took = stopped_at.expect("it ran").elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
    actix::System::new().block_on(async {
        for mut stream in streams {
            loop {
                match stream.hear().await {
                    Heard::Frame(_) => {}
                    Heard::Closed(status) => break assert_eq!(status, 1001),
                    other => panic!("{other:?}"),
                }
            }
        }
    });
}
