//! Every answer tells browsers to be careful.

use crate::answer::Answer;
use crate::client::{get, http, upgrade};
use crate::node::Place;

fn assert_careful(answer: &Answer) {
    let policy = answer.header_text("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{answer:?}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header_text(name), value, "{answer:?}");
    }
    assert!(
        answer
            .header_text("permissions-policy")
            .contains("camera=()")
    );
}

#[test]
fn every_kind_of_answer_is_careful() {
    Place::quiet().run(async |floor| {
        for path in [
            "/",
            "/orders",
            "/favicon.ico",
            "/assets/none.js",
            "/live",
            "/ready",
            "/health",
            "/metrics",
            "/ws/v1",
            "/api/docs",
            "/api/openapi.json",
            "/api/v1/orders",
            "/api/v1/nothing",
            "/v2/orders",
        ] {
            let answer = get(floor, path).await;
            assert_careful(&answer);
            let is_private = path.starts_with("/api") || path.starts_with("/v2");
            if is_private {
                assert_eq!(answer.header_text("cache-control"), "no-store", "{path}");
            }
            assert_eq!(answer.header_text("strict-transport-security"), "");
        }
        let post = http(floor, "POST", "/orders", &[], "").await;
        post.problem(405, "method_not_allowed");
        assert_careful(&post);
        let broken = http(floor, "POST", "/api/v1/sessions", &[], "{").await;
        assert_eq!(broken.status, 415, "{broken:?}");
        assert_careful(&broken);
        assert_careful(&upgrade(floor, &[("origin", "https://evil.example")]).await);
        assert_careful(&upgrade(floor, &[("sec-websocket-version", "7")]).await);
        assert_careful(&http(floor, "GET", "/", &[("host", "evil.example")], "").await);
        let secure = [("x-forwarded-proto", "https")];
        let secure = http(floor, "GET", "/live", &secure, "").await;
        assert!(
            secure
                .header_text("strict-transport-security")
                .contains("max-age=63072000")
        );
    });
}

#[test]
fn the_dashboard_or_how_to_build_it_is_at_the_root() {
    Place::quiet().run(async |floor| {
        for path in ["/", "/orders", "/orders/1/events"] {
            let page = get(floor, path).await;
            assert_eq!(page.status, 200);
            assert_eq!(page.header_text("content-type"), "text/html; charset=utf-8");
            assert_eq!(page.header_text("cache-control"), "no-cache");
            assert!(page.text.to_lowercase().starts_with("<!doctype html>"));
            let head = http(floor, "HEAD", path, &[], "").await;
            assert_eq!((head.status, head.text.as_str()), (200, ""));
            assert_eq!(
                head.header_text("content-length"),
                page.text.len().to_string()
            );
        }
        for path in [
            "/robots.txt",
            "/api/nothing",
            "/api/v1/nothing",
            "/ws/v9",
            "/assets/x",
        ] {
            get(floor, path).await.problem(404, "not_found");
        }
    });
}

#[test]
fn an_upgrade_is_answered_with_the_headers_too() {
    Place::quiet().run(async |floor| {
        let answer = upgrade(floor, &[]).await;
        assert_eq!(answer.status, 101);
        assert_eq!(
            answer.header_text("sec-websocket-accept"),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        assert_careful(&answer);
    });
}
