//! Coming to rest: how a replayed market waits until everything that a price set off is done.

use actix::Message;
use tokio::sync::oneshot;

use crate::values::Position;

/// Answered once the actor has folded the log at least up to `through` and has nothing left to do;
/// with the position folded.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Option<Position>")]
pub struct Settle {
    pub through: Position,
}

/// Most askers waiting at one actor; one more is answered `None` at once.
const WAITING_MAX: usize = 64;

/// Those waiting for one actor to come to rest.
#[derive(Default)]
pub struct SettleQueue {
    waiting: Vec<(Position, oneshot::Sender<Position>)>,
}

impl SettleQueue {
    /// Adds an asker; the future answers when [`SettleQueue::answer`] finds it satisfied.
    pub fn wait(&mut self, settle: Settle) -> impl Future<Output = Option<Position>> + use<> {
        let (reply, answer) = oneshot::channel();
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push((settle.through, reply));
        }
        async move { answer.await.ok() }
    }

    /// To be called whenever the actor has folded or finished something.
    pub fn answer(&mut self, folded_to: Position, idle: bool) {
        if !idle {
            return;
        }
        let ready = |(through, _): &mut (Position, _)| *through <= folded_to;
        for (_, reply) in self.waiting.extract_if(.., ready) {
            // An asker that gave up is no concern of ours.
            let _ = reply.send(folded_to);
        }
    }
}
