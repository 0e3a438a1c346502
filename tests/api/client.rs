//! An HTTP client that knows who it is.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::http::Method;
use awc::{Client, ClientRequest};
use serde_json::Value;

/// Longest that one answer may take.
const DEADLINE: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Credentials that are sent along.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    pub headers: Vec<(String, String)>,
}

impl Credentials {
    pub fn key(id: &str, secret: &str) -> Self {
        Self::default()
            .with("APCA-API-KEY-ID", id)
            .with("APCA-API-SECRET-KEY", secret)
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts the status and gives the body.
    pub fn good(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }

    pub fn position(&self) -> u64 {
        let header = self.header("blotter-position");
        header
            .unwrap_or_else(|| panic!("no position: {self:?}"))
            .parse()
            .expect("a number")
    }

    /// Asserts a problem in full form and gives it.
    pub fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(problem["status"], status, "{problem}");
        assert_eq!(problem["type"], format!("/api/docs/problems#{code}"));
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        problem
    }

    /// Fields that a problem names, in order.
    pub fn fields(&self) -> Vec<String> {
        let problem = self.json();
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        let field = |error: &Value| error["field"].as_str().expect("a field").to_owned();
        errors.iter().map(field).collect()
    }
}

/// One node's API, as one caller.
#[derive(Clone)]
pub struct Api {
    pub address: SocketAddr,
    client: Client,
    credentials: Credentials,
}

impl Api {
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            client: Client::builder().timeout(DEADLINE).finish(),
            credentials: Credentials::default(),
        }
    }

    /// The same as another caller.
    pub fn by(&self, credentials: Credentials) -> Self {
        Self {
            credentials,
            ..self.clone()
        }
    }

    /// The same with one more header.
    pub fn with(&self, name: &str, value: &str) -> Self {
        self.by(self.credentials.clone().with(name, value))
    }

    fn request(&self, method: &str, path: &str) -> ClientRequest {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let url = format!("http://{}{path}", self.address);
        let mut request = self.client.request(method, url);
        for (name, value) in &self.credentials.headers {
            request = request.insert_header((name.as_str(), value.as_str()));
        }
        request
    }

    /// Sends `body` exactly as it is.
    pub async fn raw(&self, method: &str, path: &str, media_type: &str, body: Vec<u8>) -> Answer {
        let mut request = self.request(method, path);
        if !media_type.is_empty() {
            request = request.insert_header(("content-type", media_type));
        }
        let sent = request.send_body(body).await;
        let mut response = sent.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let body = response
            .body()
            .limit(ANSWER_BYTES_MAX)
            .await
            .expect("a body");
        let headers = response.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        Answer {
            status: response.status().as_u16(),
            headers: headers.collect(),
            text: String::from_utf8(body.to_vec()).expect("text"),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.raw("GET", path, "", Vec::new()).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.raw("DELETE", path, "", Vec::new()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        let body = body.to_string().into_bytes();
        self.raw("POST", path, "application/json", body).await
    }

    /// Every item of a list, page by page of `limit`, and how many pages that took.
    pub async fn walk(&self, path: &str, limit: usize) -> (Vec<Value>, usize) {
        let separator = if path.contains('?') { '&' } else { '?' };
        let first = format!("{path}{separator}limit={limit}");
        let (mut items, mut pages) = (Vec::new(), 0);
        let mut next = Some(first.clone());
        while let Some(address) = next {
            let page = self.get(&address).await.good(200);
            let found = page["items"].as_array().expect("items");
            assert!(found.len() <= limit, "{page}");
            items.extend(found.iter().cloned());
            pages += 1;
            assert!(pages < 10_000, "{path} never ends");
            let cursor = page["next_cursor"].as_str();
            next = cursor.map(|cursor| format!("{first}&cursor={cursor}"));
        }
        (items, pages)
    }
}
