//! Moves the frames of one [`Session`] over its WebSocket.
//!
//! One task a client. It waits for whatever comes first: room to write, a frame, events, time, the
//! node's stop. Invariants: nothing is read from the feed that the session has no room for; a
//! client that reads nothing costs its bounded queue and is cut off in the end.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_ws::{
    AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Closed, Message,
    ProtocolError,
};
use futures_util::stream::LocalBoxStream;
use futures_util::{FutureExt, Sink, StreamExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::frames::{CLIENT_FRAME_BYTES_MAX, Close, CloseStatus};
use super::queue::Outgoing;
use super::seats::Seat;
use super::session::{Gone, Reached, Request, Session};
use super::snapshots;
use super::subscription::{Pull, Rows};
use super::upgrade::Socket;
use super::visitor::Visitor;
use crate::events::{FeedError, Recorded};
use crate::http::Services;

/// Longest wait for read models that have yet to reach what the client was sent.
const VIEWS_WAIT_MAX: Duration = Duration::from_secs(2);
/// Longest wait for a client to take the last frames.
const GOODBYE_WAIT_MAX: Duration = Duration::from_secs(1);
/// How often it is asked whether the client is still who it was.
const RECHECK_EVERY: Duration = Duration::from_secs(5);
/// Frames handed over before others get their turn.
const WRITES_AT_ONCE: usize = 64;

type Batches = LocalBoxStream<'static, Result<Vec<Arc<Recorded>>, FeedError>>;

/// See the module.
pub struct Connection {
    pub services: Services,
    pub session: Session,
    pub visitor: Visitor,
    pub seat: Seat,
    pub socket: Option<Socket>,
    pub writer: actix_ws::Session,
    pub messages: AggregatedMessageStream,
    pub stopping: watch::Receiver<bool>,
    pub started: Instant,
}

/// What woke the connection up.
enum Woken {
    Room(Result<(), Closed>),
    Message(Option<Result<AggregatedMessage, ProtocolError>>),
    Events(Pull, Option<Result<Vec<Arc<Recorded>>, FeedError>>),
    Time,
    Recheck,
    Stop,
}

/// The client has left, or cannot be reached any more.
struct Left;

impl From<Closed> for Left {
    fn from(_: Closed) -> Self {
        Left
    }
}

impl Connection {
    /// Serves the client until either side ends it.
    pub async fn run(mut self) {
        let mut batches: Option<(Pull, Batches)> = None;
        let mut recheck_at = self.started + RECHECK_EVERY;
        while self.session.is_done().is_none() {
            if let Some(rows) = self.session.wants_rows() {
                self.open(rows).await;
                continue;
            }
            self.keep_place(&mut batches);
            let woken = self.woken(batches.as_mut(), recheck_at).await;
            if matches!(woken, Woken::Recheck) {
                recheck_at = Instant::now() + RECHECK_EVERY;
            }
            if self.handle(woken).await.is_err() {
                return;
            }
            if let Err(Gone(reason)) = self.session.tick(self.now(), self.services.wall.now()) {
                tracing::info!(reason, "a stream client is cut off");
                return self.cut();
            }
        }
        let reason = self.session.is_done().map(close_reason);
        let writer = self.writer.clone();
        let goodbye = async {
            let said = writer.close(reason).await;
            // What is left unread when the socket closes would take our last frames with it.
            while let Some(Ok(message)) = self.messages.next().await {
                if matches!(message, AggregatedMessage::Close(_)) {
                    break;
                }
            }
            said
        };
        if timeout(GOODBYE_WAIT_MAX, goodbye).await.is_err() {
            self.cut();
        }
    }

    /// Ends the connection without another word.
    fn cut(&self) {
        if let Some(socket) = &self.socket {
            socket.cut();
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn reached(&self) -> Reached {
        Reached {
            head: self.services.feed.head(),
            viewed: *self.services.viewed.borrow(),
        }
    }

    /// The feed is read from where the session stands; a read under way goes on.
    fn keep_place(&self, batches: &mut Option<(Pull, Batches)>) {
        let Some(pull) = self.session.wants_events() else {
            return;
        };
        match batches {
            Some((place, _)) if place.place == pull.place => *place = pull,
            _ => {
                let subscription = self.services.feed.subscribe(pull.after);
                *batches = Some((pull, subscription.into_stream().boxed_local()));
            }
        }
    }

    async fn woken(&mut self, batches: Option<&mut (Pull, Batches)>, recheck_at: Instant) -> Woken {
        let tick_at = self.started + self.session.next_tick();
        let wants_events = self.session.wants_events().is_some();
        let events = async {
            match batches.filter(|_| wants_events) {
                Some((pull, batches)) => (*pull, batches.next().await),
                None => std::future::pending().await,
            }
        };
        let writer = &mut self.writer;
        tokio::select! {
            room = poll_fn(|cx| Pin::new(&mut *writer).poll_ready(cx)), if self.session.has_output() => {
                Woken::Room(room)
            }
            message = self.messages.next(), if self.session.listens() => Woken::Message(message),
            (pull, batch) = events => Woken::Events(pull, batch),
            () = sleep_until(tick_at) => Woken::Time,
            () = sleep_until(recheck_at), if !self.session.is_closing() => Woken::Recheck,
            _ = self.stopping.wait_for(|stopping| *stopping), if !self.session.is_closing() => {
                Woken::Stop
            }
        }
    }

    async fn handle(&mut self, woken: Woken) -> Result<(), Left> {
        match woken {
            Woken::Room(room) => {
                room?;
                self.write()?;
            }
            Woken::Message(None) => return Err(Left),
            Woken::Message(Some(Err(error))) => self.refuse(&error)?,
            Woken::Message(Some(Ok(message))) => self.message(message).await?,
            Woken::Events(pull, Some(Ok(batch))) => {
                let (now, reached) = (self.now(), self.reached());
                self.session.events(now, pull, batch, reached);
            }
            Woken::Events(_, Some(Err(FeedError::Closed)) | None) | Woken::Stop => {
                self.session.close(going_away());
            }
            Woken::Events(_, Some(Err(error))) => {
                tracing::error!(%error, "a stream cannot go on");
                let detail = "the log cannot be read now; try again";
                self.session.close(Close::new(
                    CloseStatus::TryAgainLater,
                    "unavailable",
                    detail,
                ));
            }
            Woken::Time => {}
            Woken::Recheck => self.recheck().await,
        }
        Ok(())
    }

    /// There is room for one frame, and perhaps for more.
    fn write(&mut self) -> Result<(), Closed> {
        for _ in 0..WRITES_AT_ONCE {
            let Some(frame) = self.session.next_frame(self.started.elapsed()) else {
                return Ok(());
            };
            let message = match frame {
                Outgoing::Text(text) => Message::Text(text.into()),
                Outgoing::Ping => Message::Ping(Vec::new().into()),
                Outgoing::Pong(payload) => Message::Pong(payload.into()),
            };
            Pin::new(&mut self.writer).start_send(message)?;
            let writer = &mut self.writer;
            let room = poll_fn(|cx| Pin::new(&mut *writer).poll_ready(cx)).now_or_never();
            if room.transpose()?.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn message(&mut self, message: AggregatedMessage) -> Result<(), Left> {
        let now = self.now();
        match message {
            AggregatedMessage::Text(text) => {
                let reached = self.reached();
                if let Some(request) = self.session.text(now, &text, reached) {
                    self.answer(request).await;
                }
            }
            AggregatedMessage::Binary(_) => self.session.close(Close::bad_frame(
                "send JSON as text frames, not binary ones",
            )),
            AggregatedMessage::Ping(payload) => self.session.ping(now, &payload),
            AggregatedMessage::Pong(_) => self.session.hear(now),
            AggregatedMessage::Close(_) => return Err(Left),
        }
        Ok(())
    }

    fn refuse(&mut self, error: &ProtocolError) -> Result<(), Left> {
        match error {
            ProtocolError::Io(_) => return Err(Left),
            ProtocolError::Overflow => self.session.close(Close::bad_frame(format!(
                "a frame may be at most {CLIENT_FRAME_BYTES_MAX} bytes long"
            ))),
            other => self
                .session
                .close(Close::bad_frame(format!("not a WebSocket frame: {other}"))),
        }
        Ok(())
    }

    async fn answer(&mut self, request: Request) {
        match request {
            Request::Redeem(ticket) => match self.visitor.redeem(&self.services, &ticket).await {
                Ok(principal) => match self.seat.known_as(&principal.id) {
                    Ok(()) => self.session.authenticated(&principal),
                    Err(full) => self.session.close(Close::new(
                        CloseStatus::TryAgainLater,
                        "too_many_requests",
                        full.to_string(),
                    )),
                },
                Err(close) => self.session.close(close),
            },
            Request::Denied(permission, _) => {
                self.visitor.denied(&self.services, permission).await;
            }
        }
    }

    async fn recheck(&mut self) {
        match self.visitor.recheck(&self.services).await {
            Ok(Some(permissions)) => {
                if let Some(request) = self.session.permitted(&permissions) {
                    self.answer(request).await;
                }
            }
            Ok(None) => {}
            Err(close) => self.session.close(close),
        }
    }

    /// Fetches the rows that a subscription begins with.
    async fn open(&mut self, rows: Rows) {
        let mut viewed = self.services.viewed.clone();
        let reached = timeout(VIEWS_WAIT_MAX, viewed.wait_for(|at| *at >= rows.as_of)).await;
        let position = match reached {
            Ok(Ok(position)) => *position,
            _ => {
                let detail = "the read models are behind; try again";
                let close = Close::new(CloseStatus::TryAgainLater, "read_model_behind", detail);
                return self.session.close(close);
            }
        };
        match snapshots::fetch(&self.services, &rows.channels).await {
            Ok(fetched) => self.session.open(self.now(), position, &fetched),
            Err(error) => {
                tracing::error!(%error, "rows for a stream client cannot be read");
                let detail = "the read models cannot be asked now; try again";
                self.session.close(Close::new(
                    CloseStatus::TryAgainLater,
                    "unavailable",
                    detail,
                ));
            }
        }
    }
}

/// The node stops; the client finds it again, and goes on from its last position.
fn going_away() -> Close {
    Close::new(
        CloseStatus::GoingAway,
        "going_away",
        "the node stops; connect again",
    )
}

fn close_reason(close: &Close) -> CloseReason {
    CloseReason {
        code: CloseCode::from(close.status.number()),
        description: Some(close.detail.clone()),
    }
}
