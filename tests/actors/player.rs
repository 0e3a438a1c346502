//! The recorded market: each bar waits until what it set off has come to rest, but not for ever.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use blotter::actors::mailbox::Mail;
use blotter::actors::port::port;
use blotter::actors::settle::Settle;
use blotter::app::player::{PlayEnd, Player, Speed};
use blotter::events::catalogue::{Bar, NodeStopped};
use blotter::events::{Event, Journal};
use blotter::market::{BarRow, Dataset, Progress, Tape};
use blotter::values::{Position, StreamName, Symbol};
use blotter::venues::paper::{PaperModel, PaperVenue};
use tokio::sync::watch;

use crate::desk::{World, commit, in_system, pass};
use crate::support::*;

/// Always has something left to do.
struct Restless {
    asked: watch::Sender<bool>,
}

impl Actor for Restless {
    type Context = Context<Self>;
}

impl Handler<Mail<Settle>> for Restless {
    type Result = ResponseFuture<Option<Position>>;

    fn handle(&mut self, _: Mail<Settle>, _: &mut Self::Context) -> Self::Result {
        self.asked.send_replace(true);
        Box::pin(pending())
    }
}

/// One bar of something that nobody trades.
fn one_bar() -> Tape {
    let price = "40".parse().expect("a price");
    let bar = Bar {
        date: "2023-11-15".parse().expect("a date"),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: 1,
    };
    let symbol = Symbol::new("MSFT").expect("a symbol");
    let dataset = Dataset {
        source: "test@1".to_owned(),
        rows: vec![BarRow { symbol, bar }],
    };
    Tape::new(dataset, false)
}

/// So many events that come from elsewhere, after `before` of them.
async fn others_trade(journal: &Journal, before: u64, events: u64) {
    const COMMIT_EVENTS: u64 = 256;
    let stopped: Event = NodeStopped {
        node: node(),
        reason: "something that nobody acts upon".to_owned(),
    }
    .into();
    for first in (before..before + events).step_by(COMMIT_EVENTS as usize) {
        let count = COMMIT_EVENTS.min(before + events - first) as usize;
        let stream = StreamName::node(&node());
        let commit = commit(
            &format!("n-{first}"),
            stream,
            first,
            vec![stopped.clone(); count],
        );
        journal.writer().submit(commit).await.expect("recorded");
    }
}

#[test]
fn the_market_goes_on_while_others_trade_without_a_pause() {
    const WITHOUT_REST: u64 = 4_096;
    let world = World::new();
    in_system(async {
        // The venue's book is a file.
        tokio::time::resume();
        let runtime = world.runtime();
        let journal = world.journal(&runtime).await;
        let dir = tempfile::tempdir().expect("a directory");
        let (path, model) = (dir.path().join("paper.db"), PaperModel::default());
        let venue = PaperVenue::open(path, venue_id(), LOG_ID, model, world.clock.clone()).await;
        let (asked, mut was_asked) = watch::channel(false);
        let (slot, settle) = port::<Settle>("restless");
        slot.publish(&Restless { asked }.start());
        let (_stop, stop) = watch::channel(false);
        let (progress, played) = watch::channel(Progress::default());
        let player = Player {
            tape: one_bar(),
            venue: Arc::new(venue.expect("opens")),
            writer: journal.writer(),
            feed: journal.feed().clone(),
            clock: world.clock.clone(),
            runtime,
            settle: vec![settle],
            strategies: Vec::new(),
            speed: Speed::Max,
            stop,
            progress,
        };
        let others = async {
            was_asked.wait_for(|asked| *asked).await.expect("an actor");
            // Nothing is left to be done outside of this thread.
            tokio::time::pause();
            others_trade(&journal, 0, WITHOUT_REST - 1).await;
            pass(Duration::from_secs(1)).await;
            assert_eq!(played.borrow().row, 0, "it did not wait");
            others_trade(&journal, WITHOUT_REST - 1, 1).await;
        };
        let (end, ()) = futures_util::join!(player.play(None), others);
        assert_eq!(end.expect("plays"), PlayEnd::DataDone);
    });
}
