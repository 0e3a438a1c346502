//! A client of the stream, and one of plain HTTP.

use std::time::Duration;

use actix_codec::Framed;
use awc::ws::{CloseReason, Codec, Frame, Message};
use awc::{BoxedSocket, Client};
use blotter::identity::Role;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::answer::Answer;
use crate::node::{Floor, Key};

/// Longest wait for any one thing.
const DEADLINE: Duration = Duration::from_secs(30);
const FRAME_BYTES_MAX: usize = 64 << 20;

/// What comes out of a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    Frame(Value),
    Pong,
    Closed(u16),
    /// The connection ended without a word.
    Broken,
}

pub struct Stream(Framed<BoxedSocket, Codec>);

impl Stream {
    /// Connects without saying who it is.
    pub async fn stranger(floor: &Floor<'_>) -> Self {
        Self::connect(floor, &[]).await
    }

    /// Connects with a key of somebody with `role`.
    pub async fn of(floor: &Floor<'_>, role: Role) -> Self {
        let mut stream = Self::connect(floor, &key_headers(floor.key(role))).await;
        let frame = stream.frame().await;
        assert_eq!(frame["type"], "authenticated", "{frame}");
        stream
    }

    pub async fn connect(floor: &Floor<'_>, headers: &[(&'static str, String)]) -> Self {
        let mut request = Client::new().ws(floor.url("/ws/v1"));
        for (name, value) in headers {
            request = request.set_header(*name, value.as_str());
        }
        let (_, framed) = request
            .max_frame_size(FRAME_BYTES_MAX)
            .connect()
            .await
            .expect("connects");
        Self(framed)
    }

    pub async fn say(&mut self, frame: Value) {
        self.send(Message::Text(frame.to_string().into())).await;
    }

    pub async fn send(&mut self, message: Message) {
        self.0.send(message).await.expect("sends");
    }

    pub async fn subscribe(&mut self, channels: &[&str], from: Option<u64>) {
        let mut frame = json!({"type": "subscribe", "channels": channels});
        if let Some(from) = from {
            frame["from_position"] = json!(from);
        }
        self.say(frame).await;
    }

    /// The next thing to come; pings are answered by the way.
    pub async fn hear(&mut self) -> Heard {
        let heard = timeout(DEADLINE, self.next()).await;
        heard.expect("something in time")
    }

    async fn next(&mut self) -> Heard {
        loop {
            match self.0.next().await {
                Some(Ok(Frame::Text(text))) => {
                    break Heard::Frame(serde_json::from_slice(&text).expect("JSON"));
                }
                Some(Ok(Frame::Ping(payload))) => self.send(Message::Pong(payload)).await,
                Some(Ok(Frame::Pong(_))) => break Heard::Pong,
                Some(Ok(Frame::Close(reason))) => break Heard::Closed(number(reason)),
                Some(Ok(other)) => panic!("{other:?}"),
                Some(Err(_)) | None => break Heard::Broken,
            }
        }
    }

    /// Whatever comes within `time`, or nothing.
    pub async fn hear_within(&mut self, time: Duration) -> Option<Heard> {
        timeout(time, self.next()).await.ok()
    }

    pub async fn frame(&mut self) -> Value {
        match self.hear().await {
            Heard::Frame(frame) => frame,
            other => panic!("{other:?} in place of a frame"),
        }
    }

    /// The next frame of this type; others are passed over.
    pub async fn frame_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.frame().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Asserts that the server ends it: an error with `code`, then the close with `status`.
    pub async fn ended(&mut self, code: &str, status: u16) -> Value {
        let error = self.frame_of("error").await;
        assert_eq!(error["code"], code, "{error}");
        assert_eq!(self.hear().await, Heard::Closed(status));
        error
    }
}

fn number(reason: Option<CloseReason>) -> u16 {
    reason.expect("a reason").code.into()
}

pub fn key_headers(key: &Key) -> Vec<(&'static str, String)> {
    vec![
        ("apca-api-key-id", key.id.clone()),
        ("apca-api-secret-key", key.secret.clone()),
    ]
}

pub async fn http(
    floor: &Floor<'_>,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let method = method.parse().expect("a method");
    let client = Client::builder()
        .disable_redirects()
        .timeout(DEADLINE)
        .finish();
    let mut request = client.request(method, floor.url(path)).no_decompress();
    for (name, value) in headers {
        request = request.insert_header((*name, *value));
    }
    Answer::of(request, body.as_bytes().to_vec()).await
}

pub async fn get(floor: &Floor<'_>, path: &str) -> Answer {
    http(floor, "GET", path, &[], "").await
}

/// Asks for an upgrade by hand, to see the whole answer.
pub async fn upgrade(floor: &Floor<'_>, headers: &[(&str, &str)]) -> Answer {
    let mut request = format!("GET /ws/v1 HTTP/1.1\r\nhost: {}\r\n", floor.address);
    let usual = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let is_given = |name: &str| headers.iter().any(|(other, _)| *other == name);
    let usual = usual.iter().filter(|(name, _)| !is_given(name));
    for (name, value) in usual.chain(headers) {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut socket = TcpStream::connect(floor.address).await.expect("connects");
    socket.write_all(request.as_bytes()).await.expect("sends");
    let answer = timeout(DEADLINE, read_answer(&mut socket)).await;
    answer.expect("an answer in time")
}

async fn read_answer(socket: &mut TcpStream) -> Answer {
    let mut received = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&received).into_owned();
        if let Some(answer) = parse_answer(&text) {
            return answer;
        }
        assert_ne!(
            socket.read_buf(&mut received).await.expect("reads"),
            0,
            "{text}"
        );
    }
}

/// `None` while there is more to come.
fn parse_answer(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    let answer = Answer {
        status,
        headers: headers.collect(),
        text: body.to_owned(),
    };
    let length = answer.header_text("content-length").parse().unwrap_or(0);
    (status == 101 || body.len() >= length).then_some(answer)
}
