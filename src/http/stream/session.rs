//! One client's stream as a state machine: frames, events and time go in, frames come out.
//!
//! It does no IO and reads no clock; [`connection`](super::connection) moves its frames. Invariants:
//! within one subscription positions ascend strictly and none of its events is left out, except by
//! a `reset`, after which rows as of its position or later stand in for them; what waits here is
//! bounded by [`Limits`]; a heartbeat stands behind every event up to its position.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::channel::Channel;
use super::frames::{self, ClientFrame, Close, CloseStatus, ResetReason, ServerFrame, Wanted};
use super::limits::Limits;
use super::queue::{Kind, Outgoing, Queue};
use super::subscription::{Pull, Rows, Subscription, once_each};
use crate::events::Recorded;
use crate::identity::{Permission, Principal};
use crate::values::{Position, Timestamp};

/// How far things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// The last durable position.
    pub head: Position,
    /// The position up to which the read models are complete.
    pub viewed: Position,
}

/// What a client's frame asks of the world outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Whose ticket is this? Answered with [`Session::authenticated`] or [`Session::close`].
    Redeem(String),
    /// The client asked for a channel that it may not see; the connection is ending.
    Denied(Permission, Channel),
}

/// A client that reads nothing, or says nothing: there is nobody left to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone(pub &'static str);

/// See the module. `now` is the time since the connection was made.
pub struct Session {
    limits: Limits,
    now: Duration,
    permissions: Option<BTreeSet<Permission>>,
    subscription: Option<Subscription>,
    queue: Queue,
    /// The queue was dropped; rows are fetched once the client reads again.
    stalled: bool,
    progress_at: Duration,
    heartbeat_at: Duration,
    burst_ends_at: Option<Duration>,
    heard_at: Duration,
    ping_at: Duration,
    window_ends_at: Duration,
    window_frames: u32,
    closing: Option<Close>,
}

impl Session {
    pub fn new(limits: Limits) -> Self {
        Self {
            now: Duration::ZERO,
            permissions: None,
            subscription: None,
            queue: Queue::default(),
            stalled: false,
            progress_at: Duration::ZERO,
            heartbeat_at: limits.heartbeat_every,
            burst_ends_at: None,
            heard_at: Duration::ZERO,
            ping_at: limits.ping_every,
            window_ends_at: limits.frames_window,
            window_frames: 0,
            closing: None,
            limits,
        }
    }

    /// It is proved who the client is.
    pub fn authenticated(&mut self, principal: &Principal) {
        let seconds = self.limits.heartbeat_every.as_secs();
        self.say(frames::authenticated(principal, seconds));
        self.permissions = Some(principal.permissions.clone());
        self.heartbeat_at = self.now + self.limits.heartbeat_every;
    }

    /// What the client may see by now; a channel that it may no longer see ends the connection.
    pub fn permitted(&mut self, permissions: &BTreeSet<Permission>) -> Option<Request> {
        self.permissions = Some(permissions.clone());
        let channels = self.subscription.as_ref().map(|s| s.channels.clone());
        self.refuse_hidden(&channels.unwrap_or_default())
    }

    /// Takes a text frame.
    pub fn text(&mut self, now: Duration, text: &str, reached: Reached) -> Option<Request> {
        self.hear(now);
        if self.closing.is_some() {
            return None;
        }
        if self.too_many_frames() {
            let detail = "too many frames; a subscription needs one frame, not many";
            self.close(Close::new(
                CloseStatus::TryAgainLater,
                "too_many_requests",
                detail,
            ));
            return None;
        }
        match (ClientFrame::read(text), self.permissions.is_some()) {
            (Err(close), _) => self.close(close),
            (Ok(ClientFrame::Authenticate { ticket }), false) => {
                return Some(Request::Redeem(ticket));
            }
            (Ok(ClientFrame::Authenticate { .. }), true) => {
                self.close(Close::bad_frame("this connection is authenticated already"));
            }
            (Ok(_), false) => {
                let detail = "authenticate first, with a ticket from POST /api/v1/stream-tickets";
                self.close(Close::unauthenticated(detail));
            }
            (Ok(ClientFrame::Ping {}), true) => self.say(ServerFrame::Pong {}.write()),
            (Ok(ClientFrame::Subscribe(wanted)), true) => return self.subscribe(wanted, reached),
        }
        None
    }

    /// Takes a frame that carries nothing for us: the client lives.
    pub fn hear(&mut self, now: Duration) {
        self.now = now;
        self.heard_at = now;
    }

    /// Takes a ping of the protocol.
    pub fn ping(&mut self, now: Duration, payload: &[u8]) {
        self.hear(now);
        self.enqueue(Kind::Control, Outgoing::Pong(payload.to_vec()));
    }

    fn too_many_frames(&mut self) -> bool {
        if self.now >= self.window_ends_at {
            self.window_ends_at = self.now + self.limits.frames_window;
            self.window_frames = 0;
        }
        self.window_frames += 1;
        self.window_frames > self.limits.frames
    }

    fn subscribe(&mut self, wanted: Wanted, reached: Reached) -> Option<Request> {
        let channels = once_each(wanted.channels);
        if let Some(denied) = self.refuse_hidden(&channels) {
            return Some(denied);
        }
        let mut new = Subscription::replacing(self.subscription.as_ref(), channels);
        self.stalled = false;
        self.burst_ends_at = None;
        match wanted.from_position {
            None => new.begin_with_rows(None),
            Some(from) if from > reached.head => {
                self.close(Close::new(
                    CloseStatus::BadFrame,
                    "position_past_the_end",
                    format!(
                        "from_position {from} is past the end of the log at {}; is this another log?",
                        reached.head
                    ),
                ));
                return None;
            }
            Some(from) if is_too_far(&self.limits, from, reached) => {
                new.begin_with_rows(Some(ResetReason::TooFarBehind));
            }
            Some(from) => {
                new.stand_at(from);
                let channels = &new.channels;
                let position = from;
                self.say(ServerFrame::Subscribed { channels, position }.write());
            }
        }
        // What was queued for the one before is not for this one.
        self.queue.drop_dated();
        self.subscription = Some(new);
        None
    }

    fn refuse_hidden(&mut self, channels: &[Channel]) -> Option<Request> {
        let permissions = self.permissions.as_ref()?;
        let hidden = |channel: &&Channel| !permissions.contains(&channel.permission());
        let channel = *channels.iter().find(hidden)?;
        let permission = channel.permission();
        self.close(Close::new(
            CloseStatus::Forbidden,
            "forbidden",
            format!(
                "channel {} needs the permission {permission}",
                channel.name()
            ),
        ));
        Some(Request::Denied(permission, channel))
    }

    /// Rows to be fetched now, if any.
    pub fn wants_rows(&self) -> Option<Rows> {
        let ready = !self.stalled && self.closing.is_none() && self.has_room();
        self.subscription.as_ref()?.wants_rows().filter(|_| ready)
    }

    /// The rows that were wanted, as of `position` or later; what follows it is sent from now on.
    pub fn open(&mut self, now: Duration, position: Position, rows: &[(Channel, Box<RawValue>)]) {
        self.now = now;
        let Some(subscription) = &mut self.subscription else {
            return;
        };
        let Some(opening) = subscription.opened(position) else {
            return;
        };
        let channels = subscription.channels.clone();
        if opening.is_new {
            let channels = &channels;
            self.say(ServerFrame::Subscribed { channels, position }.write());
        }
        if let Some(reason) = opening.reset {
            self.say(ServerFrame::Reset { reason, position }.write());
        }
        for (channel, items) in rows {
            let snapshot = ServerFrame::Snapshot {
                channel: *channel,
                position,
                items,
            };
            self.enqueue(Kind::Dated, Outgoing::Text(snapshot.write()));
        }
    }

    /// Events to be pulled now, if any.
    pub fn wants_events(&self) -> Option<Pull> {
        let pull = self.subscription.as_ref()?.wants_events();
        pull.filter(|_| self.closing.is_none())
    }

    /// The events that were wanted; those of an earlier wish are ignored.
    pub fn events(
        &mut self,
        now: Duration,
        pull: Pull,
        batch: Vec<Arc<Recorded>>,
        reached: Reached,
    ) {
        self.now = now;
        let is_wanted = self.wants_events() == Some(pull);
        let Some(subscription) = self.subscription.as_mut().filter(|_| is_wanted) else {
            return;
        };
        subscription.take(batch);
        let stands_at = subscription.queued_to();
        if is_too_far(&self.limits, stands_at, reached) {
            subscription.reset(ResetReason::TooFarBehind, true);
        }
        self.fill();
    }

    /// Queues what waits, as far as there is room.
    fn fill(&mut self) {
        while self.has_room() {
            let next = self.subscription.as_mut().and_then(Subscription::next);
            let Some((channel, recorded)) = next else {
                return;
            };
            let position = recorded.position();
            let Some(frame) = frames::event(channel, &recorded) else {
                let detail = format!("event {position} cannot be sent");
                return self.close(Close::new(CloseStatus::TryAgainLater, "internal", detail));
            };
            self.enqueue(Kind::Event(position), Outgoing::Text(frame));
            self.burst_ends_at
                .get_or_insert(self.now + self.limits.burst);
        }
    }

    fn has_room(&self) -> bool {
        self.queue.len() < self.limits.queue_frames && self.queue.bytes() < self.limits.queue_bytes
    }

    #[cfg(test)]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Whether the connection should find out if it can take a frame.
    pub fn has_output(&self) -> bool {
        !self.queue.is_empty() || self.stalled
    }

    /// Whether the client may say something now.
    pub fn listens(&self) -> bool {
        self.queue.takes_controls()
    }

    /// The connection can take a frame: here is one, if there is.
    pub fn next_frame(&mut self, now: Duration) -> Option<Outgoing> {
        self.now = now;
        self.progress_at = now;
        self.stalled = false;
        let (kind, frame) = self.queue.pop()?;
        if let (Kind::Event(position), Some(subscription)) = (kind, &mut self.subscription) {
            subscription.sent(position);
        }
        self.fill();
        Some(frame)
    }

    /// Lets time pass; `time` is the wall clock's. `Err`: cut the client off.
    pub fn tick(&mut self, now: Duration, time: Timestamp) -> Result<(), Gone> {
        self.now = now;
        if self.has_output() && now >= self.progress_at + self.limits.stuck_after {
            return Err(Gone("it has taken nothing for too long"));
        }
        if now >= self.heard_at + self.limits.silence {
            return Err(Gone("it has said nothing for too long"));
        }
        if self.closing.is_some() {
            return Ok(());
        }
        if self.permissions.is_none() && now >= self.limits.authenticate_within {
            let seconds = self.limits.authenticate_within.as_secs();
            let detail = format!("no ticket arrived within {seconds} s");
            self.close(Close::unauthenticated(detail));
            return Ok(());
        }
        self.drop_if_slow();
        if now >= self.ping_at {
            self.ping_at = now + self.limits.ping_every;
            self.enqueue_first(Outgoing::Ping);
        }
        let burst_over = self.burst_ends_at.is_some_and(|end| now >= end);
        if self.permissions.is_some() && (burst_over || now >= self.heartbeat_at) {
            self.heartbeat(time);
        }
        Ok(())
    }

    fn drop_if_slow(&mut self) {
        let full = !self.has_room();
        let slow_at = self.progress_at + self.limits.slow_after;
        let Some(subscription) = &mut self.subscription else {
            return;
        };
        if full && subscription.has_waiting() && self.now >= slow_at {
            subscription.reset(ResetReason::SlowConsumer, false);
            self.queue.drop_dated();
            self.stalled = true;
        }
    }

    fn heartbeat(&mut self, time: Timestamp) {
        self.heartbeat_at = self.now + self.limits.heartbeat_every;
        self.burst_ends_at = None;
        // A full queue has a heartbeat's news in it already.
        if self.has_room() && !self.stalled {
            let subscription = self.subscription.as_ref();
            let position = subscription.map_or(Position::ZERO, Subscription::queued_to);
            let heartbeat = ServerFrame::Heartbeat { position, time };
            self.enqueue(Kind::Dated, Outgoing::Text(heartbeat.write()));
        }
    }

    /// When [`Session::tick`] has something to do.
    pub fn next_tick(&self) -> Duration {
        let mut next = self.heard_at + self.limits.silence;
        let mut consider = |at: Duration, applies: bool| {
            if applies {
                next = next.min(at);
            }
        };
        let known = self.permissions.is_some();
        let live = self.closing.is_none();
        consider(
            self.progress_at + self.limits.stuck_after,
            self.has_output(),
        );
        consider(self.limits.authenticate_within, live && !known);
        consider(self.heartbeat_at, live && known);
        consider(self.ping_at, live);
        if let Some(end) = self.burst_ends_at {
            consider(end, live);
        }
        let slow = self.progress_at + self.limits.slow_after;
        consider(slow, live && !self.has_room() && !self.stalled);
        // What is due and could not be done is looked at again in a moment.
        next.max(self.now + Duration::from_millis(10))
    }

    /// Says why, then ends. What was queued is dropped: the client resumes by position.
    pub fn close(&mut self, close: Close) {
        if self.closing.is_some() {
            return;
        }
        self.queue.clear();
        self.stalled = false;
        if close.status != CloseStatus::GoingAway {
            let (code, detail) = (close.code, close.detail.as_str());
            self.say(ServerFrame::Error { code, detail }.write());
        }
        self.closing = Some(close);
    }

    /// Why the connection is to be closed, once everything has been sent.
    pub fn is_done(&self) -> Option<&Close> {
        self.closing.as_ref().filter(|_| self.queue.is_empty())
    }

    pub fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    fn say(&mut self, text: String) {
        self.enqueue(Kind::Control, Outgoing::Text(text));
    }

    fn enqueue(&mut self, kind: Kind, frame: Outgoing) {
        self.count_from_now_if_idle();
        self.queue.push(kind, frame);
    }

    fn enqueue_first(&mut self, frame: Outgoing) {
        self.count_from_now_if_idle();
        self.queue.push_first(frame);
    }

    /// A client that has taken everything was not slow while there was nothing to take.
    fn count_from_now_if_idle(&mut self) {
        if !self.has_output() {
            self.progress_at = self.now;
        }
    }
}

/// Rows are of no help to one who is far behind while they are as far back themselves.
fn is_too_far(limits: &Limits, at: Position, reached: Reached) -> bool {
    reached.viewed.get().saturating_sub(at.get()) > limits.replay_events
}
