//! `GET /ws/v1`: who may open a stream, and how many.

use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;

use actix_web::dev::Extensions;
use actix_web::http::header::{CONNECTION, UPGRADE};
use actix_web::{HttpRequest, HttpResponse, web};
use tokio::sync::watch;
use tokio::time::Instant;

use super::connection::Connection;
use super::frames::CLIENT_FRAME_BYTES_MAX;
use super::limits::Limits;
use super::seats::{NoSeat, Seats};
use super::session::Session;
use super::visitor::Visitor;
use crate::http::Services;
use crate::http::origin;
use crate::http::problem::{Code, Problem};
use crate::runtime::{SystemTasks, Tasks};

/// What all streams of a server share. Cheap to clone.
#[derive(Clone, Default)]
pub struct Hub {
    seats: Seats,
    stopping: Arc<watch::Sender<bool>>,
}

impl Hub {
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Says goodbye to every client.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }
}

/// A second handle on a connection, by which a client that takes nothing is cut off: what waits in
/// the first would keep it open.
#[derive(Clone)]
pub struct Socket(Arc<TcpStream>);

impl Socket {
    pub fn cut(&self) {
        // It may be gone already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Notes a new connection's socket; for the server to call.
pub fn keep_socket(connection: &dyn std::any::Any, data: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<actix_web::rt::net::TcpStream>() else {
        return;
    };
    if let Ok(second) = stream.as_fd().try_clone_to_owned() {
        data.insert(Socket(Arc::new(TcpStream::from(second))));
    }
}

pub fn configure(config: &mut web::ServiceConfig) {
    config.route("/ws/v1", web::get().to(upgrade));
}

async fn upgrade(
    http: HttpRequest,
    payload: web::Payload,
    services: web::Data<Services>,
    hub: web::Data<Hub>,
) -> Result<HttpResponse, Problem> {
    let services = services.get_ref().clone();
    check_upgrade(&http)?;
    origin::require_own(&http)?;
    if hub.is_stopping() {
        return Err(Problem::new(Code::Unavailable, "the node stops").retry_after(1));
    }
    let visitor = Visitor::of(&http, &services).await?;
    let mut seat = hub.seats.stranger().map_err(no_seat)?;
    let mut session = Session::new(Limits {
        replay_events: services.settings.stream_replay_events,
        ..Limits::default()
    });
    if let Some(principal) = visitor.principal() {
        seat.known_as(&principal.id).map_err(no_seat)?;
        session.authenticated(principal);
    }
    let socket = http.conn_data::<Socket>().cloned();
    let (response, writer, messages) = actix_ws::handle(&http, payload).map_err(|error| {
        let detail = format!("not a WebSocket handshake: {error}");
        Problem::new(Code::BadRequest, detail)
    })?;
    let connection = Connection {
        services,
        session,
        visitor,
        seat,
        socket,
        writer,
        messages: messages
            .max_frame_size(CLIENT_FRAME_BYTES_MAX)
            .aggregate_continuations()
            .max_continuation_size(CLIENT_FRAME_BYTES_MAX),
        stopping: hub.stopping.subscribe(),
        started: Instant::now(),
    };
    SystemTasks.spawn("stream", Box::pin(connection.run()));
    Ok(response)
}

fn check_upgrade(http: &HttpRequest) -> Result<(), Problem> {
    let names = |name, wanted: &str| {
        let values = http.headers().get_all(name);
        let mut texts = values.filter_map(|value| value.to_str().ok());
        texts.any(|text| text.to_ascii_lowercase().contains(wanted))
    };
    match names(UPGRADE, "websocket") && names(CONNECTION, "upgrade") {
        true => Ok(()),
        false => Err(Problem::new(
            Code::BadRequest,
            "this address speaks WebSocket only: ask for an upgrade; see docs/stream.md",
        )),
    }
}

fn no_seat(error: NoSeat) -> Problem {
    Problem::new(Code::TooManyRequests, error.to_string()).retry_after(5)
}
