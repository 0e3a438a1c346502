//! What comes back from a plain request; shared by the tests of the API and of the stream.
#![allow(
    dead_code,
    reason = "not every binary that shares this file needs all of it"
)]

use awc::ClientRequest;
use serde_json::Value;

const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Answer {
    /// Sends `body` as it is and reads all of what comes back.
    pub async fn of(request: ClientRequest, body: Vec<u8>) -> Self {
        let asked = format!("{} {}", request.get_method(), request.get_uri());
        let sent = request.send_body(body).await;
        let mut response = sent.unwrap_or_else(|error| panic!("{asked}: {error}"));
        let body = response.body().limit(ANSWER_BYTES_MAX).await;
        let headers = response.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        });
        Self {
            status: response.status().as_u16(),
            headers: headers.collect(),
            text: String::from_utf8_lossy(&body.expect("a body")).into_owned(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The same; empty where it is missing.
    pub fn header_text(&self, name: &str) -> &str {
        self.header(name).unwrap_or_default()
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
