//! Clients that are too far behind, or do not read.

use std::future::pending;
use std::time::Duration;

use blotter::identity::Role;
use tokio::time::timeout;

use crate::client::{Heard, Stream};
use crate::node::{Place, settled};

/// Larger than all that sockets and the stream keep for a client.
const HISTORY_EVENTS: u64 = 400;
const EVENT_BYTES: usize = 64 << 10;

#[test]
fn whoever_is_too_far_behind_gets_rows() {
    let place = Place::quiet()
        .with("http.stream_replay_events", "100")
        .with_history(400, 10);
    place.run(async |floor| {
        settled(floor).await;
        let mut stream = Stream::of(floor, Role::SuperAdmin).await;
        stream.subscribe(&["ops", "prices"], Some(200)).await;
        let subscribed = stream.frame().await;
        let reset = stream.frame().await;
        assert_eq!(reset["type"], "reset");
        assert_eq!(reset["reason"], "too_far_behind");
        assert_eq!(reset["position"], subscribed["position"]);
        let position = reset["position"].as_u64().expect("a position");
        assert!(position > 400);
        for channel in ["ops", "prices"] {
            let rows = stream.frame().await;
            assert_eq!(rows["type"], "snapshot");
            assert_eq!(rows["channel"], channel);
            assert_eq!(rows["position"], position);
        }
        // Close enough, it gets every event.
        stream.subscribe(&["audit"], Some(position - 50)).await;
        stream.frame_of("subscribed").await;
        let event = stream.frame().await;
        assert_eq!(event["position"], position - 49);
    });
}

#[test]
fn whoever_does_not_read_is_reset_and_goes_on() {
    let place = Place::quiet().with_history(HISTORY_EVENTS, EVENT_BYTES);
    place.run(async |floor| {
        settled(floor).await;
        let mut stream = Stream::of(floor, Role::SuperAdmin).await;
        stream.subscribe(&["audit", "ops"], Some(0)).await;
        assert_eq!(stream.frame().await["type"], "subscribed");
        // Longer than a client may take nothing while its queue is full, also where all is slow.
        let not_reading = timeout(Duration::from_secs(10), pending::<()>()).await;
        assert!(not_reading.is_err());
        let mut last = 0;
        let reset = loop {
            let frame = stream.frame().await;
            let position = frame["position"].as_u64().expect("a position");
            match frame["type"].as_str() {
                Some("event") => {
                    assert_eq!(position, last + 1);
                    last = position;
                }
                Some("heartbeat") => assert!(position <= last),
                _ => break frame,
            }
        };
        assert_eq!(reset["reason"], "slow_consumer", "{reset}");
        let position = reset["position"].as_u64().expect("a position");
        assert!(last < HISTORY_EVENTS, "something was left out");
        assert!(position > HISTORY_EVENTS, "up to the end");
        let rows = stream.frame().await;
        assert_eq!(
            (&rows["channel"], &rows["position"]),
            (&"ops".into(), &position.into())
        );
        // It lives on.
        stream.subscribe(&["audit"], Some(position - 1)).await;
        stream.frame_of("subscribed").await;
        assert_eq!(stream.frame().await["position"], position);
    });
}

/// Takes over half a minute.
#[test]
fn whoever_takes_nothing_is_cut_off() {
    if std::env::var_os("BLOTTER_TORTURE").is_none() {
        eprintln!("skipped: it takes half a minute; set BLOTTER_TORTURE=1");
        return;
    }
    let place = Place::quiet().with_history(HISTORY_EVENTS, EVENT_BYTES);
    place.run(async |floor| {
        let mut stream = Stream::of(floor, Role::SuperAdmin).await;
        stream.subscribe(&["audit"], Some(0)).await;
        let not_reading = timeout(Duration::from_secs(33), pending::<()>()).await;
        assert!(not_reading.is_err());
        let metrics = crate::client::get(floor, "/metrics").await.text;
        assert!(
            metrics.contains("\nblotter_stream_clients 0\n"),
            "{metrics}"
        );
        // What was on its way arrives; then nothing, and no goodbye.
        while let Heard::Frame(frame) = stream.hear().await {
            assert_ne!(frame["type"], "reset");
        }
    });
}
