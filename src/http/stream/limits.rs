//! How much a client may ask for, and how long anything may take.

use std::time::Duration;

/// Events that a client may be behind and still get them all; further back it is reset.
pub const REPLAY_EVENTS_MAX: u64 = 100_000;

/// Bounds of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Frames that wait for a client.
    pub queue_frames: usize,
    /// The same in bytes: no further event is queued beyond it.
    pub queue_bytes: usize,
    /// See [`REPLAY_EVENTS_MAX`].
    pub replay_events: u64,
    /// From connecting to a ticket.
    pub authenticate_within: Duration,
    pub heartbeat_every: Duration,
    /// From the first event since the last heartbeat to the next heartbeat.
    pub burst: Duration,
    /// Without any write progress while its queue is full, a client counts as slow.
    pub slow_after: Duration,
    /// Without any write progress it is cut off.
    pub stuck_after: Duration,
    pub ping_every: Duration,
    /// Without any frame from it, a client is cut off; it answers pings by protocol.
    pub silence: Duration,
    /// Frames that it may send in each `frames_window`.
    pub frames: u32,
    pub frames_window: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue_frames: 1_024,
            queue_bytes: 4 << 20,
            replay_events: REPLAY_EVENTS_MAX,
            authenticate_within: Duration::from_secs(5),
            heartbeat_every: Duration::from_secs(5),
            burst: Duration::from_millis(100),
            slow_after: Duration::from_secs(1),
            stuck_after: Duration::from_secs(30),
            ping_every: Duration::from_secs(30),
            silence: Duration::from_secs(120),
            frames: 100,
            frames_window: Duration::from_secs(10),
        }
    }
}
