//! Whatever happens to a client, it sees each event of its channels once, in order, or is told by
//! a `reset` from where on it knows everything again.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;

use super::given::*;
use crate::http::stream::channel::Channel;
use crate::http::stream::limits::Limits;
use crate::identity::Role;

#[derive(Debug, Clone)]
enum Step {
    /// So many more events are recorded.
    Record(u64),
    /// The client reads so many frames.
    Read(usize),
    Pass(u64),
    /// The read models stop, or go on.
    View(bool),
    /// The connection breaks; the client resumes where it was.
    Break,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..40u64).prop_map(Step::Record),
        4 => (0..30usize).prop_map(Step::Read),
        3 => (0..1_500u64).prop_map(Step::Pass),
        1 => any::<bool>().prop_map(Step::View),
        1 => Just(Step::Break),
    ]
}

/// What a client that follows the protocol knows.
#[derive(Default)]
struct Client {
    /// Everything up to here has been seen, or rows stood in for it.
    seen: u64,
    /// Every position known: seen as an event, or stood in for.
    known: Vec<bool>,
}

impl Client {
    fn take(&mut self, frame: &Value) {
        let position = frame["position"].as_u64();
        match frame["type"].as_str() {
            Some("event") => {
                let position = position.expect("a position");
                assert!(position > self.seen, "{position} after {}", self.seen);
                self.know(position, position);
                self.seen = position;
            }
            // Nothing up to there is missing, so resuming from there loses nothing.
            Some("heartbeat") => self.seen = self.seen.max(position.expect("a position")),
            Some("reset") => {
                let position = position.expect("a position");
                assert!(position >= self.seen, "{position} after {}", self.seen);
                self.know(self.seen + 1, position);
                self.seen = position;
            }
            _ => {}
        }
    }

    fn know(&mut self, from: u64, to: u64) {
        self.known
            .resize(self.known.len().max(to as usize + 1), false);
        for position in from..=to {
            assert!(!self.known[position as usize], "{position} a second time");
            self.known[position as usize] = true;
        }
    }
}

fn connect(channels: &[Channel], limits: &Limits, from: u64, before: Option<Given>) -> Given {
    let mut given = Given::client(Role::SuperAdmin, limits.clone());
    if let Some(before) = before {
        given.log = before.log;
        given.viewed = before.viewed;
    }
    given.subscribe(channels, Some(from));
    given
}

fn play(channels: &[Channel], limits: &Limits, steps: Vec<Step>) {
    let mut client = Client::default();
    let mut given = connect(channels, limits, 0, None);
    let mut viewing = true;
    for step in steps {
        match step {
            Step::Record(events) => {
                let viewed = given.viewed;
                given.record_to(given.log.len() as u64 + events);
                if !viewing {
                    given.viewed = viewed;
                }
            }
            Step::Read(frames) => {
                for _ in 0..frames {
                    given.serve();
                    if let Some(frame) = given.read() {
                        client.take(&frame);
                    }
                }
            }
            Step::Pass(millis) => {
                given.session.hear(given.now);
                if given.pass(Duration::from_millis(millis)).is_err() {
                    given = connect(channels, limits, client.seen, Some(given));
                }
            }
            Step::View(on) => {
                viewing = on;
                if on {
                    given.viewed = given.log.len() as u64;
                }
            }
            Step::Break => given = connect(channels, limits, client.seen, Some(given)),
        }
        given.serve();
    }
    given.viewed = given.log.len() as u64;
    for frame in given.read_all() {
        client.take(&frame);
    }
    client.known.resize(given.log.len() + 1, false);
    for recorded in &given.log {
        let position = recorded.position().get() as usize;
        let is_ours = channels.iter().any(|c| c.carries(recorded.event()));
        assert!(!is_ours || client.known[position], "{position} is missing");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn each_event_is_seen_once_in_order(
        steps in proptest::collection::vec(step(), 1..80),
        audit in any::<bool>(),
        replay_events in prop_oneof![Just(60u64), Just(100_000)],
    ) {
        let channels = match audit {
            true => vec![Channel::Audit],
            false => vec![Channel::Ops],
        };
        let limits = Limits { queue_frames: 12, replay_events, ..Limits::default() };
        play(&channels, &limits, steps);
    }
}
