//! tephra: its engine in this process.

use std::time::Duration;

use tephra::{
    AppendCondition, Event, EventType, Query, QueryItem, SegmentConfig, SegmentSet, Tag, Tags,
    WriteCoordinator, WriterConfig,
};

use crate::load::{Figures, drive, on_an_event_loop};
use crate::place::directory;

const SEGMENT_BYTES: usize = 256 * 1024 * 1024;

/// Each append on a tag of its own, `events` at a time.
pub fn unique_tags(appenders: usize, events: usize, bytes: usize, cell: Duration) -> Figures {
    let directory = directory();
    let set = SegmentSet::open(directory.path(), SegmentConfig::new(SEGMENT_BYTES));
    let started = WriteCoordinator::start(set.expect("opens"), WriterConfig::default());
    let (coordinator, handle) = started.expect("starts");
    let figures = on_an_event_loop(drive(appenders, cell, |appender, number| {
        let tag = Tag::new(format!("order:{appender}-{number}")).expect("a tag");
        let tags = Tags::new([tag]).expect("tags");
        let name = EventType::new("ActorRestarted").expect("a type");
        let event = Event::new(&name, &tags, &vec![b'x'; bytes]).expect("an event");
        let expected = AppendCondition::new(Query::item(QueryItem::with_tags(tags)));
        let appended = handle.append_async(vec![event; events], Some(expected));
        Box::pin(async move {
            appended.await.expect("recorded");
        })
    }));
    coordinator.shutdown();
    figures
}
