//! A lasting address of an actor that may be rebuilt at any time.
//!
//! Messages are commands with ids, so one that hit a dying actor is simply sent to the next.

use std::sync::Arc;
use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, Message, Recipient};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::mailbox::{Depth, Mail};

/// How long a sender waits for an answer, or for the actor to come back.
pub const ANSWER_WAIT: Duration = Duration::from_secs(30);
/// Most messages of one port that wait for an actor to take them up; more wait to be sent.
pub const MAILBOX_MESSAGES_MAX: usize = 256;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    #[error("{actor} did not come back within {} s", ANSWER_WAIT.as_secs())]
    Absent { actor: Arc<str> },
    #[error("{actor} did not answer within {} s; it may have acted", ANSWER_WAIT.as_secs())]
    NoAnswer { actor: Arc<str> },
    #[error(
        "{actor} had {MAILBOX_MESSAGES_MAX} messages waiting for {} s; nothing was sent",
        ANSWER_WAIT.as_secs()
    )]
    Full { actor: Arc<str> },
    #[error("{actor} failed too often and was given up; start the node again")]
    Retired { actor: Arc<str> },
}

/// Where messages go at the moment.
enum Place<M: Message + Send>
where
    M::Result: Send,
{
    /// Nowhere yet.
    Absent,
    At(Recipient<Mail<M>>),
    /// Nowhere any more.
    Retired,
}

/// The senders' end.
pub struct Port<M: Message + Send>
where
    M::Result: Send,
{
    actor: Arc<str>,
    depth: Depth,
    places: Arc<Semaphore>,
    current: watch::Receiver<Place<M>>,
}

impl<M: Message + Send> Clone for Port<M>
where
    M::Result: Send,
{
    fn clone(&self) -> Self {
        Self {
            actor: self.actor.clone(),
            depth: self.depth.clone(),
            places: self.places.clone(),
            current: self.current.clone(),
        }
    }
}

/// Where the current actor is made known.
pub struct PortSlot<M: Message + Send>
where
    M::Result: Send,
{
    current: watch::Sender<Place<M>>,
}

/// A port for messages `M` to `actor`, which is not there yet. Ports of one actor have the name
/// that the guardian knows it by.
pub fn port<M: Message + Send>(actor: &str) -> (PortSlot<M>, Port<M>)
where
    M::Result: Send,
{
    let (sender, receiver) = watch::channel(Place::Absent);
    let port = Port {
        actor: actor.into(),
        depth: Depth::of(actor),
        places: Arc::new(Semaphore::new(MAILBOX_MESSAGES_MAX)),
        current: receiver,
    };
    (PortSlot { current: sender }, port)
}

impl<M: Message + Send + 'static> PortSlot<M>
where
    M::Result: Send,
{
    /// From now on messages go to `address`.
    pub fn publish<A>(&self, address: &Addr<A>)
    where
        A: Actor + Handler<Mail<M>>,
        A::Context: ToEnvelope<A, Mail<M>>,
    {
        self.current
            .send_replace(Place::At(address.clone().recipient()));
    }

    /// The actor will not come back: whoever asks is told so at once.
    pub fn retire(&self) {
        self.current.send_replace(Place::Retired);
    }
}

impl<M: Message + Send + Clone + 'static> Port<M>
where
    M::Result: Send,
{
    /// Sends `message` and waits for the answer, across rebuilds of the actor. A full mailbox
    /// makes the sender wait.
    pub async fn ask(&self, message: M) -> Result<M::Result, PortError> {
        let actor = self.actor.clone();
        let mut current = self.current.clone();
        loop {
            let recipient = match &*current.borrow_and_update() {
                Place::Absent => None,
                Place::At(recipient) => Some(recipient.clone()),
                Place::Retired => return Err(PortError::Retired { actor }),
            };
            if let Some(recipient) = recipient {
                let place = self.places.clone().acquire_owned();
                let Ok(Ok(place)) = timeout(ANSWER_WAIT, place).await else {
                    return Err(PortError::Full { actor });
                };
                let mail = self.depth.mail(message.clone(), place);
                match timeout(ANSWER_WAIT, recipient.send(mail)).await {
                    Ok(Ok(answer)) => return Ok(answer),
                    // Closed: it is being rebuilt.
                    Ok(Err(_)) => {}
                    Err(_) => return Err(PortError::NoAnswer { actor }),
                }
            }
            match timeout(ANSWER_WAIT, current.changed()).await {
                Ok(Ok(())) => {}
                _ => return Err(PortError::Absent { actor }),
            }
        }
    }
}
