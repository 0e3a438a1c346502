//! An HTTP client that knows who it is.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::http::Method;
use awc::{Client, ClientRequest};
use serde_json::Value;

use crate::answer::Answer;
use crate::described;

/// Longest that one answer may take.
const DEADLINE: Duration = Duration::from_secs(30);

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
        let answer = Answer::of(request, body).await;
        described::check(method, path, &answer);
        answer
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
