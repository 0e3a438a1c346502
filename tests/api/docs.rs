//! The pages for people: complete, and without anything from elsewhere.

use blotter::http::api;
use blotter::http::problem::Code;

use crate::node::on_a_floor;

#[test]
fn the_pages_name_every_route_and_problem_and_ask_nobody_else() {
    on_a_floor(async |floor| {
        let routes = floor.api.get("/api/docs").await;
        assert_eq!(
            routes.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        for endpoint in api::endpoints() {
            let named = format!(
                "<b>{}</b> <code>{}</code>",
                endpoint.method.name(),
                endpoint.path
            );
            assert!(routes.text.contains(&named), "{named}");
        }
        let problems = floor.api.get("/api/docs/problems").await;
        for code in Code::ALL {
            assert!(
                problems
                    .text
                    .contains(&format!("<section id=\"{}\">", code.name()))
            );
        }
        for page in [&routes, &problems] {
            assert_eq!(page.status, 200);
            for foreign in ["<script", "http://", "https://", "style=", " on"] {
                let found = page
                    .text
                    .match_indices(foreign)
                    .map(|(at, _)| &page.text[at..]);
                let bad = found
                    .filter(|rest| foreign != " on" || rest.starts_with(" onclick"))
                    .count();
                assert_eq!(bad, 0, "{foreign} in a page");
            }
        }
        // Every anchor that is linked to exists.
        for (at, _) in routes.text.match_indices("href=\"#") {
            let id = routes.text[at + 7..].split('"').next().unwrap();
            assert!(routes.text.contains(&format!("id=\"{id}\"")), "{id}");
        }
        let style = floor.api.get("/api/docs/style.css").await;
        assert_eq!(
            style.header("content-type"),
            Some("text/css; charset=utf-8")
        );
        assert!(!style.text.contains("url(") && !style.text.contains("@import"));
    });
}
