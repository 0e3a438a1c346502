//! No secret is written to the log of the program or into the log of events.

use std::io::{self, Write};
use std::sync::{Mutex, Once};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::client::Credentials;
use crate::node::{PASSWORD, market_order, on_a_floor};

/// Everything that this process logs, of every level.
static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Logged;

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.lock().expect("text").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Logged {
    type Writer = Logged;

    fn make_writer(&self) -> Logged {
        Logged
    }
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let log = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(Logged)
            .finish();
        tracing::subscriber::set_global_default(log).expect("the only one");
    });
}

#[test]
fn no_secret_is_logged_or_recorded() {
    listen();
    on_a_floor(async |floor| {
        let mut secrets = vec![PASSWORD.to_owned()];
        secrets.extend(floor.keys.iter().map(|(_, key)| key.headers[1].1.clone()));
        let login = json!({"user": "trader", "password": PASSWORD});
        let answer = floor.api.post("/api/v1/sessions", &login).await;
        let session = answer.good(201);
        let cookie = answer.header("set-cookie").expect("a cookie");
        let pair = cookie.split(';').next().expect("a pair").to_owned();
        secrets.push(pair.split_once('=').expect("a token").1.to_owned());
        let token = session["csrf_token"].as_str().expect("a token").to_owned();
        secrets.push(token.clone());
        let wrong = "a-password-typed-wrong";
        secrets.push(wrong.to_owned());
        let mistyped = json!({"user": "trader", "password": wrong});
        floor
            .api
            .post("/api/v1/sessions", &mistyped)
            .await
            .problem(401, "bad_credentials");
        // People type passwords into the wrong field.
        let swapped = json!({"user": wrong, "password": "x"});
        floor
            .api
            .post("/api/v1/sessions", &swapped)
            .await
            .problem(401, "bad_credentials");

        let browser = Credentials::default()
            .with("Cookie", &pair)
            .with("X-CSRF-Token", &token);
        let browser = floor.api.by(browser);
        let ticket = browser
            .raw("POST", "/api/v1/stream-tickets", "", Vec::new())
            .await;
        secrets.push(
            ticket.good(201)["ticket"]
                .as_str()
                .expect("a ticket")
                .to_owned(),
        );
        browser
            .post("/api/v1/orders", &market_order("1"))
            .await
            .good(201);
        browser
            .post("/api/v1/orders", &json!({"x": 1}))
            .await
            .problem(422, "invalid_field");
        floor
            .trader()
            .post("/api/v1/orders", &market_order("1"))
            .await
            .good(201);
        browser.delete("/api/v1/sessions/current").await;

        let (events, _) = floor.admin().walk("/api/v1/audit/events", 1000).await;
        let recorded = serde_json::to_string(&events).expect("text");
        assert!(
            recorded.contains("LoginSucceeded"),
            "signing in is on record"
        );
        let whence = r#""peer":"127.0.0.1","user":"trader""#;
        assert!(recorded.contains(whence), "and where from, in the clear");
        let logged = String::from_utf8_lossy(&LOGGED.lock().expect("text")).into_owned();
        assert!(
            logged.contains("TRACE") || logged.contains("DEBUG"),
            "nothing was heard"
        );
        for secret in secrets {
            assert!(secret.len() >= 10);
            assert!(
                !recorded.contains(&secret),
                "a secret is in the log of events"
            );
            assert!(!logged.contains(&secret), "a secret was logged");
        }
    });
}
