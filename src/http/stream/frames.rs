//! The frames of the stream: what a client may say, and how what it hears is written.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::channel::Channel;
use crate::events::Recorded;
use crate::identity::Principal;
use crate::values::{Position, Timestamp};

/// Longest frame that a client may send.
pub const CLIENT_FRAME_BYTES_MAX: usize = 16 * 1024;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientFrame {
    Authenticate { ticket: String },
    Subscribe(Wanted),
    Ping {},
}

/// What a client wants to hear.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    pub channels: Vec<Channel>,
    /// The last position it has seen; what follows is sent. Without it snapshots come first.
    #[serde(default)]
    pub from_position: Option<Position>,
}

/// Why rows are sent in place of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetReason {
    TooFarBehind,
    SlowConsumer,
}

/// How the server ends a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    pub status: CloseStatus,
    /// In the error frame before it; a stop of the node has none.
    pub code: &'static str,
    pub detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseStatus {
    /// The node stops.
    GoingAway,
    /// Not now.
    TryAgainLater,
    BadFrame,
    Unauthenticated,
    Forbidden,
}

impl CloseStatus {
    /// RFC 6455, and its range for applications.
    pub fn number(self) -> u16 {
        match self {
            CloseStatus::GoingAway => 1001,
            CloseStatus::TryAgainLater => 1013,
            CloseStatus::BadFrame => 4400,
            CloseStatus::Unauthenticated => 4401,
            CloseStatus::Forbidden => 4403,
        }
    }
}

impl Close {
    pub fn new(status: CloseStatus, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
        }
    }

    pub fn bad_frame(detail: impl Into<String>) -> Self {
        Self::new(CloseStatus::BadFrame, "bad_frame", detail)
    }

    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(CloseStatus::Unauthenticated, "unauthenticated", detail)
    }
}

/// What the server says, except for events.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame<'a> {
    Authenticated {
        user: &'a str,
        permissions: Vec<&'static str>,
        heartbeat_seconds: u64,
    },
    Subscribed {
        channels: &'a [Channel],
        position: Position,
    },
    Snapshot {
        channel: Channel,
        position: Position,
        items: &'a RawValue,
    },
    Heartbeat {
        position: Position,
        time: Timestamp,
    },
    Reset {
        reason: ResetReason,
        position: Position,
    },
    Pong {},
    Error {
        code: &'a str,
        detail: &'a str,
    },
}

impl ClientFrame {
    pub fn read(text: &str) -> Result<Self, Close> {
        serde_json::from_str(text).map_err(|error| {
            Close::bad_frame(format!(
                "{error}; send {{\"type\":\"authenticate\",\"ticket\":...}}, \
                 {{\"type\":\"subscribe\",\"channels\":[...],\"from_position\":...}} or {{\"type\":\"ping\"}}"
            ))
        })
    }
}

impl ServerFrame<'_> {
    pub fn write(&self) -> String {
        // Texts and numbers only: nothing in it can fail to become JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

pub fn authenticated(principal: &Principal, heartbeat_seconds: u64) -> String {
    let permissions = principal.permissions.iter().map(|p| p.name()).collect();
    ServerFrame::Authenticated {
        user: &principal.user,
        permissions,
        heartbeat_seconds,
    }
    .write()
}

/// The event as it stands in the log, byte for byte, with its leaf hash as a last member. `None`
/// if the record is no JSON object in text, which no store hands out.
pub fn event(channel: Channel, recorded: &Recorded) -> Option<String> {
    let record = std::str::from_utf8(&recorded.record).ok()?;
    let members = record.strip_suffix('}')?;
    Some(format!(
        r#"{{"type":"event","channel":"{}","position":{},"event":{members},"leaf_hash":"{}"}}}}"#,
        channel.name(),
        recorded.position(),
        hex::encode(recorded.leaf),
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_a_client_may_say() {
        let read = |text: &str| ClientFrame::read(text);
        assert_eq!(
            read(r#"{"type":"authenticate","ticket":"t"}"#),
            Ok(ClientFrame::Authenticate {
                ticket: "t".to_owned()
            })
        );
        assert_eq!(read(r#"{"type":"ping"}"#), Ok(ClientFrame::Ping {}));
        let wanted = Wanted {
            channels: vec![Channel::Prices, Channel::Orders],
            from_position: Some(Position::new(7)),
        };
        assert_eq!(
            read(r#"{"type":"subscribe","channels":["prices","orders"],"from_position":7}"#),
            Ok(ClientFrame::Subscribe(wanted))
        );
    }

    #[test]
    fn anything_else_is_refused_with_what_is_allowed() {
        let bad = [
            "",
            "null",
            "[]",
            "{}",
            r#"{"type":"dance"}"#,
            r#"{"type":"subscribe"}"#,
            r#"{"type":"subscribe","channels":["gossip"]}"#,
            r#"{"type":"subscribe","channels":["orders"],"from_position":-1}"#,
            r#"{"type":"subscribe","channels":["orders"],"from":1}"#,
            r#"{"type":"authenticate"}"#,
        ];
        for text in bad {
            let close = ClientFrame::read(text).expect_err(text);
            assert_eq!(close.status.number(), 4400);
            assert!(close.detail.contains("\"subscribe\""), "{}", close.detail);
        }
        let gossip = r#"{"type":"subscribe","channels":["gossip"]}"#;
        let close = ClientFrame::read(gossip).expect_err("no such channel");
        assert!(close.detail.contains("kill_switches"), "{}", close.detail);
    }

    #[test]
    fn frames_are_written_as_documented() {
        let heartbeat = ServerFrame::Heartbeat {
            position: Position::new(130),
            time: Timestamp::from_micros(0).expect("a time"),
        };
        let written: Value = serde_json::from_str(&heartbeat.write()).expect("JSON");
        assert_eq!(
            written,
            json!({"type": "heartbeat", "position": 130, "time": "1970-01-01T00:00:00.000000Z"})
        );
        assert_eq!(ServerFrame::Pong {}.write(), r#"{"type":"pong"}"#);
        let reset = ServerFrame::Reset {
            reason: ResetReason::TooFarBehind,
            position: Position::new(9),
        };
        let written: Value = serde_json::from_str(&reset.write()).expect("JSON");
        assert_eq!(
            written,
            json!({"type": "reset", "reason": "too_far_behind", "position": 9})
        );
    }
}
