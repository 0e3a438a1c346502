//! A client, a log and time, all in one hand.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::events::catalogue::{ActorRestarted, HaltMode, HaltScope, KillSwitchEngaged};
use crate::events::envelope::Origin;
use crate::events::{Envelope, Event, Meta, Recorded, Who};
use crate::http::stream::channel::Channel;
use crate::http::stream::limits::Limits;
use crate::http::stream::queue::Outgoing;
use crate::http::stream::session::{Gone, Reached, Request, Session};
use crate::identity::{Principal, Role};
use crate::values::{CommandId, EventId, NodeId, Position, StreamName, Timestamp, Version};

pub fn principal(role: Role) -> Principal {
    Principal {
        id: "user:anna".to_owned(),
        user: "anna".to_owned(),
        roles: [role].into(),
        permissions: role.permissions(),
    }
}

/// Every third event is about an actor, the others about a kill switch.
fn event(position: u64) -> Event {
    match position % 3 {
        0 => Event::from(ActorRestarted {
            actor: "risk".to_owned(),
            cause: format!("cause {position}"),
            restarts_in_window: 1,
        }),
        _ => Event::from(KillSwitchEngaged {
            scope: HaltScope::Firm,
            mode: HaltMode::Halt,
            cause: format!("cause {position}"),
        }),
    }
}

pub fn recorded(position: u64) -> Arc<Recorded> {
    let envelope = Envelope {
        position: Position::new(position),
        stream: StreamName::new("system-halts").expect("a stream"),
        version: Version::new(position),
        event_id: EventId(Uuid::from_u128(u128::from(position))),
        event: event(position),
        meta: Meta {
            command_id: CommandId::new("c-1").expect("a command id"),
            correlation_id: Uuid::from_u128(7),
            causation_id: None,
            who: Who::system("test"),
            occurred_at: Timestamp::default(),
        },
        recorded_at: Timestamp::default(),
        origin: Origin {
            node: NodeId::new("node-1").expect("a node"),
            build: "test".to_owned(),
        },
    };
    Arc::new(envelope.seal().expect("a record"))
}

/// A session with the log it follows.
pub struct Given {
    pub session: Session,
    pub now: Duration,
    pub log: Vec<Arc<Recorded>>,
    pub viewed: u64,
}

impl Given {
    /// Nobody has said who they are yet.
    pub fn stranger(limits: Limits) -> Self {
        Self {
            session: Session::new(limits),
            now: Duration::ZERO,
            log: Vec::new(),
            viewed: 0,
        }
    }

    pub fn client(role: Role, limits: Limits) -> Self {
        let mut given = Self::stranger(limits);
        given.session.authenticated(&principal(role));
        assert_eq!(given.read_all()[0]["type"], "authenticated");
        given
    }

    /// The log and the read models grow to `head`.
    pub fn record_to(&mut self, head: u64) {
        let next = self.log.len() as u64 + 1;
        self.log.extend((next..=head).map(recorded));
        self.viewed = head;
    }

    pub fn reached(&self) -> Reached {
        Reached {
            head: Position::new(self.log.len() as u64),
            viewed: Position::new(self.viewed),
        }
    }

    pub fn say(&mut self, frame: Value) -> Option<Request> {
        let reached = self.reached();
        self.session.text(self.now, &frame.to_string(), reached)
    }

    pub fn subscribe(&mut self, channels: &[Channel], from: Option<u64>) {
        let mut frame = json!({"type": "subscribe", "channels": channels});
        if let Some(from) = from {
            frame["from_position"] = json!(from);
        }
        assert_eq!(self.say(frame), None);
    }

    /// Does for the session what the connection does, except for sending.
    pub fn serve(&mut self) {
        while self.fetch_rows() || self.pull_events() {}
    }

    fn fetch_rows(&mut self) -> bool {
        let rows = self.session.wants_rows();
        let Some(rows) = rows.filter(|rows| rows.as_of.get() <= self.viewed) else {
            return false;
        };
        let fetched: Vec<_> = rows.channels.iter().map(|c| (*c, no_rows())).collect();
        let viewed = Position::new(self.viewed);
        self.session.open(self.now, viewed, &fetched);
        true
    }

    fn pull_events(&mut self) -> bool {
        let Some(pull) = self.session.wants_events() else {
            return false;
        };
        let after = pull.after.get() as usize;
        let batch: Vec<_> = self.log.iter().skip(after).take(64).cloned().collect();
        let reached = self.reached();
        let found = !batch.is_empty();
        if found {
            self.session.events(self.now, pull, batch, reached);
        }
        found
    }

    /// The client reads one frame, if there is one.
    pub fn read(&mut self) -> Option<Value> {
        loop {
            match self.session.next_frame(self.now)? {
                Outgoing::Text(text) => break Some(serde_json::from_str(&text).expect("JSON")),
                Outgoing::Ping | Outgoing::Pong(_) => {}
            }
        }
    }

    /// The client reads whatever it can get.
    pub fn read_all(&mut self) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            self.serve();
            if !self.session.has_output() {
                return frames;
            }
            frames.extend(std::iter::from_fn(|| self.read()));
        }
    }

    pub fn pass(&mut self, time: Duration) -> Result<(), Gone> {
        self.now += time;
        self.session.tick(self.now, Timestamp::default())
    }
}

pub fn no_rows() -> Box<RawValue> {
    RawValue::from_string("[]".to_owned()).expect("JSON")
}

/// What kind of frames these are.
pub fn types(frames: &[Value]) -> Vec<&str> {
    frames
        .iter()
        .map(|frame| frame["type"].as_str().expect("a type"))
        .collect()
}

/// Positions of the events among `frames`.
pub fn positions(frames: &[Value]) -> Vec<u64> {
    let events = frames.iter().filter(|frame| frame["type"] == "event");
    events
        .map(|frame| frame["position"].as_u64().expect("a position"))
        .collect()
}
