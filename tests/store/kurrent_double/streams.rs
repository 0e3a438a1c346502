//! Streams in memory and the rules of reading and appending.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;

use serde_json::Value;

use super::{AppendFault, ReadFault};

pub const LOG: &str = "blotter-log";
pub const LEASE: &str = "blotter-lease";

/// An event as it was sent; its revision is its place in the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The id's text, whatever form it came in.
    pub id: String,
    pub metadata: HashMap<String, String>,
    pub custom_metadata: Vec<u8>,
    pub data: Vec<u8>,
}

/// What an append demands of its stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expected {
    Revision(u64),
    NoStream,
    Any,
    Exists,
}

/// What came of an append.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Appended {
    /// The last revision.
    At(u64),
    /// The stream ends elsewhere.
    Moved(Option<u64>),
    Deleted,
    TooLarge,
}

/// An append that has arrived.
#[derive(Debug, Clone)]
pub struct Append {
    pub stream: String,
    pub expected: Expected,
    pub events: Vec<Event>,
}

#[derive(Debug)]
pub struct State {
    pub streams: BTreeMap<String, Vec<Event>>,
    /// Streams deleted for good.
    pub tombstones: Vec<String>,
    pub append_faults: VecDeque<AppendFault>,
    /// Of the log.
    pub read_faults: VecDeque<ReadFault>,
    /// An append that is going to arrive late.
    pub late: Option<Append>,
    /// User and password that are asked for, if any.
    pub login: Option<(String, String)>,
    /// Set on a follower.
    pub leader: Option<SocketAddr>,
    /// Events that the log has lost at its beginning for good.
    pub scavenged: u64,
    /// Largest append in bytes.
    pub append_bytes_max: usize,
    /// Sizes of the appends to the log that were recorded, in events.
    pub recorded: Vec<usize>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            streams: BTreeMap::new(),
            tombstones: Vec::new(),
            append_faults: VecDeque::new(),
            read_faults: VecDeque::new(),
            late: None,
            login: None,
            leader: None,
            scavenged: 0,
            append_bytes_max: 1 << 20,
            recorded: Vec::new(),
        }
    }
}

impl State {
    /// An expected revision is checked first; an append whose events stand right there already,
    /// by their ids, is a repetition and answered as the first one was.
    pub fn append(&mut self, append: &Append) -> Appended {
        if self.tombstones.contains(&append.stream) {
            return Appended::Deleted;
        }
        let sizes = append.events.iter().map(Event::bytes);
        if sizes.sum::<usize>() > self.append_bytes_max {
            return Appended::TooLarge;
        }
        let found = self.streams.get(&append.stream);
        let end = found.map_or(0, Vec::len) as u64;
        let begin = match append.expected {
            Expected::Revision(revision) => revision + 1,
            Expected::NoStream => 0,
            Expected::Any => end,
            Expected::Exists if end > 0 => end,
            Expected::Exists => return Appended::Moved(None),
        };
        if begin != end {
            let there = found.into_iter().flatten().skip(begin as usize);
            let ids = append.events.iter().map(|event| &event.id);
            let repeated = there
                .map(|event| &event.id)
                .take(append.events.len())
                .eq(ids);
            return match repeated && !append.events.is_empty() {
                true => Appended::At(begin + append.events.len() as u64 - 1),
                false => Appended::Moved(end.checked_sub(1)),
            };
        }
        let stream = self.streams.entry(append.stream.clone()).or_default();
        stream.extend(append.events.iter().cloned());
        let last = stream.len() as u64 - 1;
        if append.stream == LOG {
            self.recorded.push(append.events.len());
        }
        Appended::At(last)
    }

    /// The events that can be read, each with its revision; `None` when there is no such stream,
    /// or all of it was truncated.
    pub fn readable(&self, stream: &str) -> Option<Vec<(u64, Event)>> {
        let events = self.streams.get(stream)?;
        let settings = self.settings(stream);
        let number = |name: &str| settings.get(name).and_then(Value::as_u64);
        let by_count =
            number("$maxCount").map_or(0, |max| (events.len() as u64).saturating_sub(max));
        let scavenged = if stream == LOG { self.scavenged } else { 0 };
        let first = number("$tb").unwrap_or(0).max(by_count).max(scavenged);
        let readable = (0..).zip(events).filter(|(revision, _)| *revision >= first);
        let readable: Vec<_> = readable
            .map(|(revision, event)| (revision, event.clone()))
            .collect();
        (!readable.is_empty()).then_some(readable)
    }

    fn settings(&self, stream: &str) -> Value {
        let settings = self.streams.get(&format!("$${stream}"));
        let last = settings.and_then(|events| events.last());
        last.and_then(|event| serde_json::from_slice(&event.data).ok())
            .unwrap_or_default()
    }

    /// Sets a stream's metadata, as an administrator would.
    pub fn set(&mut self, stream: &str, settings: &Value) {
        let event = Event {
            id: "00000000-0000-0000-0000-000000000000".to_owned(),
            metadata: HashMap::new(),
            custom_metadata: Vec::new(),
            data: settings.to_string().into_bytes(),
        };
        let settings = self.streams.entry(format!("$${stream}")).or_default();
        settings.push(event);
    }

    pub fn log(&mut self) -> &mut Vec<Event> {
        self.streams.get_mut(LOG).expect("a log")
    }

    pub fn len(&self, stream: &str) -> usize {
        self.streams.get(stream).map_or(0, Vec::len)
    }
}

impl Event {
    fn bytes(&self) -> usize {
        let name = self.metadata.get("type").map_or(0, String::len);
        self.data.len() + self.custom_metadata.len() + 2 * name
    }
}
