//! Sessions of browsers: signing in, changing with the token, signing out.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::client::{Api, Credentials};
use crate::node::{PASSWORD, market_order, on_a_floor};

const SESSIONS: &str = "/api/v1/sessions";
const CURRENT: &str = "/api/v1/sessions/current";
const ORDERS: &str = "/api/v1/orders";

async fn sign_in(api: &Api, user: &str) -> (Answer, Credentials, Value) {
    let answer = api
        .post(SESSIONS, &json!({"user": user, "password": PASSWORD}))
        .await;
    let session = answer.good(201);
    let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    let pair = cookie.split(';').next().unwrap().to_owned();
    (
        answer,
        Credentials::default().with("Cookie", &pair),
        session,
    )
}

#[test]
fn a_session_reads_at_once_and_changes_with_its_token() {
    on_a_floor(async |floor| {
        let (answer, cookie, session) = sign_in(&floor.api, "trader").await;
        let set = answer.header("set-cookie").unwrap();
        for part in [
            "__Host-blotter_session=",
            "Secure",
            "HttpOnly",
            "SameSite=Strict",
            "Path=/",
        ] {
            assert!(set.contains(part), "{part} is not in the cookie");
        }
        assert_eq!(
            (&session["user"], &session["principal"]),
            (&json!("trader"), &json!("user:trader"))
        );
        assert_eq!(session["roles"], json!(["trader"]));
        let permissions = session["permissions"].as_array().unwrap();
        assert!(
            permissions.contains(&json!("orders.submit"))
                && !permissions.contains(&json!("audit.read"))
        );
        assert!(session["idle_seconds"].as_u64().unwrap() > 0 && session["expires_at"].is_string());

        let browser = floor.api.by(cookie);
        let again = browser.get(CURRENT).await.good(200);
        assert_eq!(again["csrf_token"], session["csrf_token"]);
        let token = session["csrf_token"].as_str().unwrap();

        let order = market_order("1");
        browser
            .post(ORDERS, &order)
            .await
            .problem(403, "csrf_token_missing");
        let wrong = browser.with(
            "X-CSRF-Token",
            &token
                .to_lowercase()
                .replace(token.chars().next().unwrap(), "~"),
        );
        wrong
            .post(ORDERS, &order)
            .await
            .problem(403, "csrf_token_missing");
        let page = browser.with("X-CSRF-Token", token);
        page.post(ORDERS, &order).await.good(201);
        let foreign = page.with("Origin", "https://evil.example");
        foreign
            .post(ORDERS, &order)
            .await
            .problem(403, "origin_not_allowed");
        let own = page.with("Origin", &format!("http://{}", floor.api.address));
        own.post(ORDERS, &order).await.good(201);
        let ticket = own
            .raw("POST", "/api/v1/stream-tickets", "", Vec::new())
            .await
            .good(201);
        assert!(ticket["ticket"].as_str().unwrap().len() >= 20 && ticket["expires_at"].is_string());

        browser
            .delete(CURRENT)
            .await
            .problem(403, "csrf_token_missing");
        let out = page.delete(CURRENT).await;
        assert_eq!((out.status, out.text.as_str()), (204, ""));
        assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
        browser.get(CURRENT).await.problem(401, "unauthenticated");
        page.post(ORDERS, &order)
            .await
            .problem(401, "unauthenticated");
    });
}

#[test]
fn a_wrong_sign_in_says_no_more_than_that_and_is_slowed_down() {
    on_a_floor(async |floor| {
        let api = &floor.api;
        let foreign = api.with("Origin", "http://evil.example");
        let login = json!({"user": "trader", "password": PASSWORD});
        foreign
            .post(SESSIONS, &login)
            .await
            .problem(403, "origin_not_allowed");

        let odd = api
            .post(SESSIONS, &json!({"user": "trader", "password": 12345678}))
            .await;
        odd.problem(422, "invalid_field");
        assert_eq!(odd.fields(), ["password"]);
        assert!(!odd.text.contains("12345678"), "it repeats a password");
        let twice = br#"{"user":"a","password":"first-secret","password":"second-secret"}"#;
        let twice = api
            .raw("POST", SESSIONS, "application/json", twice.to_vec())
            .await;
        twice.problem(422, "invalid_field");
        assert!(!twice.text.contains("secret"), "it repeats a password");

        let unknown = api
            .post(SESSIONS, &json!({"user": "nobody", "password": "x-secret"}))
            .await;
        let known = api
            .post(SESSIONS, &json!({"user": "trader", "password": "x-secret"}))
            .await;
        let (mut unknown, mut known) = (
            unknown.problem(401, "bad_credentials"),
            known.problem(401, "bad_credentials"),
        );
        for problem in [&mut unknown, &mut known] {
            problem["request_id"] = json!("its own");
        }
        assert_eq!(unknown, known, "it tells whether a user exists");
        let mut answer = api
            .post(SESSIONS, &json!({"user": "trader", "password": "x-secret"}))
            .await;
        for _ in 0..50 {
            if answer.status == 429 {
                break;
            }
            answer = api
                .post(SESSIONS, &json!({"user": "trader", "password": "x-secret"}))
                .await;
        }
        answer.problem(429, "login_throttled");
        assert!(
            answer
                .header("retry-after")
                .unwrap()
                .parse::<u64>()
                .unwrap()
                >= 1
        );
    });
}

/// Not a failed login: whoever makes tickets and never uses them has to wait for their end.
#[test]
fn too_many_unused_tickets_are_too_many_requests() {
    on_a_floor(async |floor| {
        let api = floor.trader();
        let make = async || {
            api.raw("POST", "/api/v1/stream-tickets", "", Vec::new())
                .await
        };
        let mut answer = make().await;
        for _ in 0..1_000 {
            if answer.status != 201 {
                break;
            }
            answer = make().await;
        }
        let problem = answer.problem(429, "too_many_requests");
        assert!(problem["detail"].as_str().unwrap().contains("tickets"));
        let wait: u64 = answer.header_text("retry-after").parse().expect("seconds");
        assert!((1..=30).contains(&wait), "{wait}");
    });
}
