//! Frames that wait for a client to take them.

use std::collections::VecDeque;

use crate::values::Position;

/// Frames of ours that wait while we still listen: beyond it the client has to read first.
const CONTROLS_MAX: usize = 64;

/// One WebSocket message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    Text(String),
    Ping,
    Pong(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Event(Position),
    /// Rows and heartbeats: worth nothing once an event before them was dropped.
    Dated,
    /// Answers to the client, which are never dropped.
    Control,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Queue {
    frames: VecDeque<(Kind, Outgoing)>,
    bytes: usize,
    controls: usize,
}

impl Queue {
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the client may say something that needs an answer.
    pub fn takes_controls(&self) -> bool {
        self.controls < CONTROLS_MAX
    }

    pub fn push(&mut self, kind: Kind, frame: Outgoing) {
        self.count(kind, &frame, 1);
        self.frames.push_back((kind, frame));
    }

    /// Ahead of everything that waits.
    pub fn push_first(&mut self, frame: Outgoing) {
        self.count(Kind::Control, &frame, 1);
        self.frames.push_front((Kind::Control, frame));
    }

    pub fn pop(&mut self) -> Option<(Kind, Outgoing)> {
        let (kind, frame) = self.frames.pop_front()?;
        self.count(kind, &frame, -1);
        Some((kind, frame))
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Leaves only answers to the client.
    pub fn drop_dated(&mut self) {
        for (kind, frame) in std::mem::take(self).frames {
            if kind == Kind::Control {
                self.push(kind, frame);
            }
        }
    }

    fn count(&mut self, kind: Kind, frame: &Outgoing, sign: isize) {
        let bytes = match frame {
            Outgoing::Text(text) => text.len(),
            Outgoing::Pong(bytes) => bytes.len(),
            Outgoing::Ping => 0,
        };
        let controls = usize::from(kind == Kind::Control);
        if sign > 0 {
            self.bytes += bytes;
            self.controls += controls;
        } else {
            self.bytes -= bytes;
            self.controls -= controls;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Outgoing {
        Outgoing::Text(text.to_owned())
    }

    #[test]
    fn what_is_taken_out_no_longer_counts() {
        let mut queue = Queue::default();
        queue.push(Kind::Control, text("ab"));
        queue.push(Kind::Event(Position::new(1)), text("cde"));
        queue.push_first(Outgoing::Ping);
        assert_eq!((queue.len(), queue.bytes()), (3, 5));
        assert_eq!(queue.pop(), Some((Kind::Control, Outgoing::Ping)));
        queue.drop_dated();
        assert_eq!((queue.len(), queue.bytes()), (1, 2));
        assert_eq!(queue.pop(), Some((Kind::Control, text("ab"))));
        assert_eq!((queue.len(), queue.bytes(), queue.controls), (0, 0, 0));
    }

    #[test]
    fn a_client_that_asks_and_does_not_read_is_no_longer_listened_to() {
        let mut queue = Queue::default();
        for _ in 0..CONTROLS_MAX {
            assert!(queue.takes_controls());
            queue.push(Kind::Control, text("{}"));
        }
        assert!(!queue.takes_controls());
    }
}
