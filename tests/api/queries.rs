//! Queries, cursors and positions that are wrong, or ask to wait.

use actix::clock::Instant;
use std::time::Duration;

use crate::node::on_a_floor;

#[test]
fn a_wrong_query_is_refused_with_what_is_allowed() {
    let long = format!("/api/v1/orders?account={}", "x".repeat(129));
    let cases = [
        ("/api/v1/orders?acount=demo", "acount"),
        ("/api/v1/orders?limit=0", "limit"),
        ("/api/v1/orders?limit=1001", "limit"),
        ("/api/v1/orders?limit=-1", "limit"),
        ("/api/v1/orders?limit=ten", "limit"),
        ("/api/v1/orders?limit=1&limit=2", "limit"),
        ("/api/v1/orders?status=new", "status"),
        ("/api/v1/orders?account=a%20b", "account"),
        ("/api/v1/orders?account=", "account"),
        ("/api/v1/orders?min_position=-1", "min_position"),
        (
            "/api/v1/orders?min_position=18446744073709551615",
            "min_position",
        ),
        (&long, "account"),
        ("/api/v1/orders/x?expand=all", "expand"),
        ("/api/v1/candles", "symbol"),
        ("/api/v1/candles?symbol=AAPL&from=2005-1-1", "from"),
        ("/api/v1/candles?symbol=AAPL&from=2005-02-30", "from"),
        ("/api/v1/audit/events?type=Nothing", "type"),
        ("/api/v1/audit/events?from=yesterday", "from"),
        ("/api/v1/audit/events?order=up", "order"),
        ("/api/v1/accounts/demo/equity?points=1", "points"),
        ("/api/v1/accounts/demo/equity?points=2001", "points"),
        ("/api/v1/accounts/demo/equity?points=10&after=3", "points"),
        ("/api/v1/ops/actors?limit=3", "limit"),
        ("/api/v1/orders/a%20b", "order_id"),
        ("/api/v1/accounts/a%2Fb", "account"),
    ];
    on_a_floor(async |floor| {
        let api = floor.admin();
        for (path, field) in cases {
            let answer = api.get(path).await;
            let problem = answer.problem(400, "bad_request");
            assert_eq!(answer.fields(), [field], "{path}: {problem}");
            assert!(!problem["errors"][0]["allowed"].as_str().unwrap().is_empty());
        }
        let unknown = api.get("/api/v1/orders?acount=demo").await.json();
        let allowed = unknown["errors"][0]["allowed"].as_str().unwrap();
        assert_eq!(
            allowed,
            "account, symbol, status, cursor, limit, min_position"
        );
        let both = api
            .get("/api/v1/orders?limit=0&status=new&nonsense=1")
            .await;
        assert_eq!(both.fields().len(), 3);
    });
}

#[test]
fn a_cursor_that_was_not_made_here_is_refused() {
    on_a_floor(async |floor| {
        let api = floor.admin();
        let lists = [
            "orders",
            "executions",
            "positions",
            "accounts",
            "instruments",
            "signals",
            "strategies",
            "audit/events",
        ];
        for list in lists {
            for cursor in ["", "x", "%25", "LTE", "4pyT"] {
                let answer = api.get(&format!("/api/v1/{list}?cursor={cursor}")).await;
                if answer.status == 200 {
                    // Accounts, symbols and strategies may be called nearly anything.
                    continue;
                }
                answer.problem(400, "bad_cursor");
            }
            api.get(&format!("/api/v1/{list}?cursor=%20"))
                .await
                .problem(400, "bad_cursor");
        }
    });
}

#[test]
fn a_read_waits_for_its_position_and_says_so_in_vain() {
    on_a_floor(async |floor| {
        let api = floor.trader();
        let now = api.get("/api/v1/accounts").await.position();
        let reached = api
            .get(&format!("/api/v1/accounts?min_position={now}"))
            .await;
        reached.good(200);
        let started = Instant::now();
        let far = api
            .get(&format!(
                "/api/v1/accounts?min_position={}",
                now + 1_000_000
            ))
            .await;
        let waited = started.elapsed();
        let problem = far.problem(503, "read_model_behind");
        assert_eq!(far.header("retry-after"), Some("1"));
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains(&now.to_string()),
            "{problem}"
        );
        assert!(
            (Duration::from_secs(2)..Duration::from_secs(10)).contains(&waited),
            "{waited:?}"
        );
    });
}

#[test]
fn unknown_addresses_and_methods_are_problems_too() {
    on_a_floor(async |floor| {
        let api = floor.admin();
        for path in [
            "/api/v1/nothing",
            "/api/nothing",
            "/api/v1/",
            "/api/v1/orders/a/b/c",
        ] {
            let answer = api.get(path).await;
            answer.problem(404, "not_found");
            assert_eq!(
                answer.header("blotter-position").is_some(),
                path.starts_with("/api/v1")
            );
        }
        for method in ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
            let answer = api.raw(method, "/api/v1/orders", "", Vec::new()).await;
            answer.problem(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), Some("POST, GET"));
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
        api.get("/api/v1/orders/none")
            .await
            .problem(404, "not_found");
        api.get("/api/v1/orders/none/events")
            .await
            .problem(404, "not_found");
        api.get("/api/v1/accounts/none")
            .await
            .problem(404, "not_found");
        api.get("/api/v1/accounts/none/equity")
            .await
            .problem(404, "not_found");
    });
}

#[test]
fn every_answer_has_a_position_and_an_id_of_its_own() {
    on_a_floor(async |floor| {
        let ours = floor.admin().with("X-Request-Id", "chosen-outside");
        let mut ids = std::collections::BTreeSet::new();
        for path in [
            "orders",
            "accounts",
            "ops/actors",
            "sessions/current",
            "none",
            "orders?x=1",
        ] {
            let answer = ours.get(&format!("/api/v1/{path}")).await;
            assert!(answer.position() > 0);
            let id = answer.header("x-request-id").unwrap().to_owned();
            assert_ne!(id, "chosen-outside");
            assert!(ids.insert(id));
        }
        assert!(
            floor.api.get("/api/v1/orders").await.position() > 0,
            "refused, and still"
        );
    });
}
