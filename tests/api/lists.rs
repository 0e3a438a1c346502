//! Lists: pages meet without gaps, filters leave out, shapes are as described.

use serde_json::{Value, json};

use crate::node::{LAST_CLOSE, market_order, on_a_floor};

/// The members of every shape, as agreed.
const SHAPES: [(&str, &str); 13] = [
    (
        "orders",
        "account average_price client_order_id filled_quantity in_doubt leaves_quantity limit_price order_id ordinal position quantity refusal_code reject_reason side status strategy submitted_at submitted_position symbol time_in_force type updated_at venue venue_order_id",
    ),
    (
        "executions",
        "account cash_change commission execution_id leaves_quantity order_id position price quantity realised_pnl side strategy symbol time",
    ),
    (
        "positions",
        "account average_price last_price market_value position quantity symbol total_cost unrealised_pnl",
    ),
    (
        "accounts",
        "account available_cash cash commission currency equity market_value name opened_at position realised_pnl reserved_cash unrealised_pnl",
    ),
    (
        "accounts/demo/equity",
        "cash drawdown equity market_value position time",
    ),
    (
        "instruments",
        "currency kind last_bar last_price position price_decimals quantity_decimals symbol",
    ),
    (
        "candles?symbol=AAPL",
        "close date high low open position symbol volume",
    ),
    (
        "signals",
        "action bar client_order_id confidence position price quantity reason side strategy symbol time",
    ),
    (
        "strategies",
        "account kind name parameters position status strategy symbols venue",
    ),
    (
        "risk/kill-switches",
        "cause engaged_at engaged_by key mode position scope",
    ),
    (
        "audit/events",
        "build causation_id command_id correlation_id event_id leaf_hash node occurred_at payload position recorded_at schema_version stream type version who",
    ),
    ("ops/actors", "actor last_cause restarts since state"),
    (
        "ops/projections",
        "head lag_events position projection reason state",
    ),
];

#[test]
fn every_list_shows_the_agreed_members() {
    on_a_floor(async |floor| {
        let api = floor.admin();
        let halt = json!({"scope": "strategy", "key": "sma-cross-1", "cause": "a drill"});
        let position = api
            .post("/api/v1/risk/kill-switches", &halt)
            .await
            .position();
        api.get(&format!("/api/v1/accounts?min_position={position}"))
            .await
            .good(200);
        for (path, members) in SHAPES {
            let page = api.get(&format!("/api/v1/{path}")).await.good(200);
            let first = &page["items"][0];
            let found: Vec<_> = first
                .as_object()
                .unwrap_or_else(|| panic!("{path} is empty"))
                .keys()
                .map(String::as_str)
                .collect();
            assert_eq!(found.join(" "), members, "{path}");
            assert!(page.as_object().unwrap().contains_key("next_cursor"));
            // No amount is a JSON number with a fraction.
            assert!(!has_fraction(&page), "{path}: {page}");
        }
    });
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(all) => all.iter().any(has_fraction),
        Value::Object(all) => all.values().any(has_fraction),
        _ => false,
    }
}

fn positions(items: &[Value], member: &str) -> Vec<u64> {
    items
        .iter()
        .map(|item| item[member].as_u64().expect("a position"))
        .collect()
}

#[test]
fn pages_meet_without_gaps_in_either_direction() {
    on_a_floor(async |floor| {
        let api = floor.admin();
        for _ in 0..5 {
            api.post("/api/v1/orders", &market_order("1"))
                .await
                .good(201);
        }
        let order = api.post("/api/v1/orders", &market_order("1")).await;
        let position = order.position();
        let wait = format!("min_position={position}");
        // At rest once the venue has acknowledged them all.
        loop {
            let (open, _) = api.walk("/api/v1/orders?status=open", 1000).await;
            if open.len() == 6 && open.iter().all(|order| order["status"] == "new") {
                break;
            }
        }
        for list in [
            "orders?",
            "executions?",
            "signals?",
            "instruments?",
            "accounts?",
            "positions?",
            "positions?account=demo&",
            "strategies?",
        ] {
            let path = format!("/api/v1/{list}{wait}");
            let (all, _) = api.walk(&path, 1000).await;
            assert!(!all.is_empty(), "{list}");
            for limit in [1, 2, 3, all.len()] {
                let (paged, pages) = api.walk(&path, limit).await;
                assert_eq!(paged, all, "{list} by {limit}");
                assert!(pages >= all.len().div_ceil(limit), "{list} by {limit}");
            }
        }
        let (orders, _) = api.walk(&format!("/api/v1/orders?{wait}"), 1000).await;
        let found = positions(&orders, "submitted_position");
        assert!(found.is_sorted_by(|a, b| a > b), "newest first: {found:?}");

        let (up, _) = api.walk("/api/v1/audit/events", 7).await;
        let found = positions(&up, "position");
        assert_eq!(found, (1..=found.len() as u64).collect::<Vec<_>>());
        let (mut down, _) = api.walk("/api/v1/audit/events?order=desc", 7).await;
        down.reverse();
        let shown = down.len().min(up.len());
        assert_eq!(up[..shown], down[..shown]);

        let id = order.json()["order"]["order_id"]
            .as_str()
            .unwrap()
            .to_owned();
        let events = format!("/api/v1/orders/{id}/events");
        let (one_by_one, pages) = api.walk(&events, 1).await;
        assert!(one_by_one.len() >= 2 && pages >= 2);
    });
}

#[test]
fn filters_leave_out_what_was_not_asked_for() {
    on_a_floor(async |floor| {
        let api = floor.admin();
        let (all, _) = api.walk("/api/v1/orders", 1000).await;
        for symbol in ["AAPL", "MSFT"] {
            let (found, _) = api
                .walk(&format!("/api/v1/orders?symbol={symbol}"), 1000)
                .await;
            let expected: Vec<_> = all
                .iter()
                .filter(|o| o["symbol"] == symbol)
                .cloned()
                .collect();
            assert_eq!(found, expected);
        }
        let (open, _) = api.walk("/api/v1/orders?status=open", 1000).await;
        let (closed, _) = api
            .walk("/api/v1/orders?status=closed&account=demo", 1000)
            .await;
        assert_eq!(open.len() + closed.len(), all.len());
        assert!(!closed.is_empty());
        let filled = closed
            .iter()
            .find(|order| order["status"] == "filled")
            .expect("a fill");
        let average: f64 = filled["average_price"].as_str().unwrap().parse().unwrap();
        assert!((20.0..200.0).contains(&average), "{filled}");

        let id = filled["order_id"].as_str().unwrap();
        let fills = api
            .get(&format!("/api/v1/executions?order_id={id}"))
            .await
            .good(200);
        assert_eq!(fills["items"][0]["order_id"], id);
        assert_eq!(fills["items"][0]["strategy"], "sma-cross-1");
        let none = api.get("/api/v1/executions?account=nobody").await.good(200);
        assert_eq!(none, json!({"items": [], "next_cursor": null}));

        let events = api
            .get(&format!("/api/v1/audit/events?order_id={id}&limit=1000"))
            .await
            .good(200);
        let own = api
            .get(&format!("/api/v1/orders/{id}/events?limit=1000"))
            .await
            .good(200);
        assert_eq!(events["items"], own["items"]);
        let by = api
            .get("/api/v1/audit/events?principal=system:risk&type=FillBooked")
            .await
            .good(200);
        let items = by["items"].as_array().unwrap();
        assert!(!items.is_empty());
        assert!(
            items
                .iter()
                .all(|e| e["type"] == "FillBooked" && e["who"]["principal"] == "system:risk")
        );
    });
}

#[test]
fn figures_agree_with_each_other() {
    on_a_floor(async |floor| {
        let api = floor.admin();
        let account = api.get("/api/v1/accounts/demo").await.good(200);
        let list = api.get("/api/v1/accounts").await.good(200);
        assert_eq!(list["items"], json!([account]));
        let newest = api
            .get("/api/v1/accounts/demo/equity?points=2")
            .await
            .good(200);
        let newest = newest["items"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(newest["equity"], account["equity"]);
        assert_eq!(newest["cash"], account["cash"]);
        let many = api
            .get("/api/v1/accounts/demo/equity?points=20")
            .await
            .good(200);
        let many = many["items"].as_array().unwrap();
        assert!((3..=20).contains(&many.len()));
        assert_eq!(many.last(), Some(&newest));
        assert!(positions(many, "position").is_sorted_by(|a, b| a < b));
        let first = api
            .get("/api/v1/accounts/demo/equity?limit=5")
            .await
            .good(200);
        let last = first["items"][4]["position"].as_u64().unwrap();
        let next = api
            .get(&format!(
                "/api/v1/accounts/demo/equity?limit=5&after={last}"
            ))
            .await
            .good(200);
        assert!(next["items"][0]["position"].as_u64().unwrap() > last);

        let candles = api
            .get("/api/v1/candles?symbol=AAPL&limit=3")
            .await
            .good(200);
        let days: Vec<_> = candles["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["date"].clone())
            .collect();
        assert_eq!(days, ["2005-03-11", "2005-03-12", "2005-03-13"]);
        assert_eq!(candles["items"][2]["close"], LAST_CLOSE);
        let early = api
            .get("/api/v1/candles?symbol=AAPL&from=2005-01-03&to=2005-01-04")
            .await
            .good(200);
        assert_eq!(early["items"].as_array().unwrap().len(), 2);
        let instruments = api.get("/api/v1/instruments").await.good(200);
        assert_eq!(instruments["items"][0]["last_price"], LAST_CLOSE);
        assert_eq!(instruments["items"][0]["last_bar"], "2005-03-13");
        let strategy = api.get("/api/v1/strategies").await.good(200);
        assert_eq!(strategy["items"][0]["kind"], "sma_cross");
        assert_eq!(strategy["items"][0]["parameters"]["fast_bars"], 10);
        assert_eq!(strategy["items"][0]["status"], "running");
        let actors = api.get("/api/v1/ops/actors").await.good(200);
        let actors = actors["items"].as_array().unwrap();
        assert!(
            actors
                .iter()
                .any(|a| a["actor"] == "risk" && a["state"] == "running")
        );
    });
}
