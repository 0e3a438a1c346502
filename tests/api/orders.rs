//! Orders: what is decided is answered, recorded and shown, once.

use serde_json::{Value, json};

use crate::node::{LAST_CLOSE, market_order, on_a_floor};

const ORDERS: &str = "/api/v1/orders";

#[test]
fn an_approved_order_is_answered_from_the_record_and_found_at_its_position() {
    on_a_floor(async |floor| {
        let api = floor.trader();
        let answer = api.post(ORDERS, &market_order("10")).await;
        let decision = answer.good(201);
        let order = &decision["order"];
        assert_eq!(order["status"], "pending_new");
        assert_eq!(
            (&order["quantity"], &order["leaves_quantity"]),
            (&json!("10"), &json!("10"))
        );
        assert_eq!(
            order["client_order_id"], order["order_id"],
            "none was chosen"
        );
        assert_eq!(decision["reference_price"], LAST_CLOSE);
        assert_eq!(decision["checks"].as_array().unwrap().len(), 12);
        assert!(
            decision["checks"]
                .as_array()
                .unwrap()
                .iter()
                .all(|check| check["verdict"] == "passed")
        );
        assert_ne!(decision["reservation"]["cash"], "0");
        assert_eq!(answer.position(), decision["position"]);
        assert_eq!(order["position"], decision["position"]);

        let id = order["order_id"].as_str().unwrap();
        let read = api
            .get(&format!("{ORDERS}/{id}?min_position={}", answer.position()))
            .await;
        let shown = read.good(200);
        assert!(
            read.position() >= answer.position(),
            "it read what was recorded"
        );
        for same in [
            "order_id",
            "account",
            "ordinal",
            "symbol",
            "side",
            "type",
            "limit_price",
            "time_in_force",
            "quantity",
            "venue",
            "submitted_at",
            "submitted_position",
        ] {
            assert_eq!(shown[same], order[same], "{same}");
        }

        let events = api.get(&format!("{ORDERS}/{id}/events")).await.good(200);
        let events = events["items"].as_array().unwrap();
        let types: Vec<_> = events
            .iter()
            .map(|event| event["type"].as_str().unwrap())
            .collect();
        assert_eq!(&types[..2], ["OrderSubmitted", "OrderApproved"]);
        assert_eq!(events[1]["position"], decision["position"]);
        assert!(
            events[0]["who"]["principal"]
                .as_str()
                .unwrap()
                .starts_with("key:")
        );
        assert_eq!(events[0]["who"]["human"], "trader");
        assert_eq!(events[0]["who"]["roles"], json!(["trader"]));
        assert_eq!(events[0]["leaf_hash"].as_str().unwrap().len(), 64);
    });
}

#[test]
fn a_limit_order_keeps_its_terms() {
    on_a_floor(async |floor| {
        let order = json!({
            "account": "demo", "symbol": "MSFT", "side": "buy", "quantity": 7, "type": "limit",
            "limit_price": "50.25", "time_in_force": "gtc", "client_order_id": "mine-1",
        });
        let decision = floor.trader().post(ORDERS, &order).await.good(201);
        let shown = &decision["order"];
        assert_eq!(shown["limit_price"], "50.25");
        assert_eq!(
            (&shown["quantity"], &shown["type"]),
            (&json!("7"), &json!("limit"))
        );
        assert_eq!(
            (&shown["time_in_force"], &shown["venue"]),
            (&json!("gtc"), &json!("paper"))
        );
        assert_eq!(shown["client_order_id"], "mine-1");

        let again = floor.trader().post(ORDERS, &order).await;
        again.problem(409, "client_order_id_taken");
        assert_eq!(again.fields(), ["client_order_id"]);
    });
}

/// Whatever risk refuses: code, figures, sentence, and the field it is about.
#[test]
fn a_refused_order_says_which_check_failed_and_by_how_much() {
    let with = |field: &str, value: Value| {
        let mut order = market_order("10");
        order[field] = value;
        order
    };
    let mut wide = with("type", json!("limit"));
    wide["limit_price"] = json!("1");
    let mut fine = wide.clone();
    fine["limit_price"] = json!("116.00001");
    let cases = [
        (with("quantity", json!("1000")), "buying_power", "quantity"),
        (with("quantity", json!("1.5")), "quantity_valid", "quantity"),
        (with("symbol", json!("NONE")), "instrument_listed", "symbol"),
        (with("side", json!("sell")), "short_sale", "quantity"),
        (wide, "price_collar", "limit_price"),
        (fine, "price_valid", "limit_price"),
    ];
    on_a_floor(async |floor| {
        let api = floor.trader();
        for (order, code, field) in &cases {
            let mut order = order.clone();
            if *code == "short_sale" {
                order["quantity"] = json!("1000");
            }
            let answer = api.post(ORDERS, &order).await;
            let problem = answer.problem(422, "order_refused");
            assert_eq!(problem["refusal"], *code, "{problem}");
            let failed = problem["checks"].as_array().unwrap().iter();
            let failed = failed.clone().find(|check| check["code"] == *code).unwrap();
            assert_eq!(failed["verdict"], "failed");
            assert_eq!(problem["detail"], failed["message"]);
            assert!(answer.fields().contains(&(*field).to_owned()), "{problem}");
            assert_eq!(answer.position(), problem["position"]);

            let id = problem["order_id"].as_str().unwrap();
            let shown = api
                .get(&format!("{ORDERS}/{id}?min_position={}", answer.position()))
                .await;
            let shown = shown.good(200);
            assert_eq!(
                (&shown["status"], &shown["refusal_code"]),
                (&json!("rejected"), &json!(code))
            );
            assert_eq!(shown["leaves_quantity"], "0");
        }
        let power = api.post(ORDERS, &cases[0].0).await.json();
        let check = &power["checks"].as_array().unwrap()[11];
        let (limit, observed) = (
            check["limit"].as_str().unwrap(),
            check["observed"].as_str().unwrap(),
        );
        assert!(power["detail"].as_str().unwrap().contains(limit), "{power}");
        assert!(
            power["detail"].as_str().unwrap().contains(observed),
            "{power}"
        );
    });
}

#[test]
fn a_preview_says_what_the_order_would_get_and_records_nothing() {
    on_a_floor(async |floor| {
        let api = floor.trader();
        let head = || async {
            let status = floor.admin().get("/api/v1/ops/projections").await.good(200);
            status["items"][0]["head"].clone()
        };
        let before = head().await;
        let path = "/api/v1/orders/preview";
        let good = api.post(path, &market_order("10")).await.good(200);
        assert_eq!(
            (&good["decision"], &good["refusal"]),
            (&json!("approved"), &Value::Null)
        );
        assert_eq!(
            (&good["reference_price"], &good["notional"]),
            (&json!("117"), &json!("1170"))
        );
        assert!(good["commission"].is_string() && good["reservation"]["cash"].is_string());
        let bad = api.post(path, &market_order("1000")).await.good(200);
        assert_eq!(
            (&bad["decision"], &bad["refusal"]),
            (&json!("refused"), &json!("buying_power"))
        );
        let mut unlisted = market_order("10");
        unlisted["symbol"] = json!("NONE");
        let unlisted = api.post(path, &unlisted).await.good(200);
        assert_eq!(unlisted["refusal"], "instrument_listed");
        assert!(unlisted["reference_price"].is_null() && unlisted["reservation"].is_null());
        let mut stranger = market_order("10");
        stranger["account"] = json!("nobody");
        api.post(path, &stranger)
            .await
            .problem(422, "unknown_account");
        assert_eq!(head().await, before, "a preview recorded something");

        let decided = api.post(ORDERS, &market_order("10")).await.good(201);
        for same in ["checks", "reservation", "reference_price"] {
            assert_eq!(decided[same], good[same], "{same} of the preview");
        }
    });
}

#[test]
fn an_order_is_cancelled_once() {
    on_a_floor(async |floor| {
        let api = floor.trader();
        let order = api.post(ORDERS, &market_order("10")).await.good(201);
        let id = order["order"]["order_id"].as_str().unwrap().to_owned();
        // At once: the read models may not have it yet.
        let answer = api
            .post(
                &format!("{ORDERS}/{id}/cancel"),
                &json!({"reason": "too late"}),
            )
            .await;
        let accepted = answer.good(202);
        assert_eq!(
            accepted,
            json!({"order_id": id, "position": answer.position()})
        );
        let mut position = answer.position();
        let ended = loop {
            let read = api
                .get(&format!("{ORDERS}/{id}?min_position={position}"))
                .await;
            let shown = read.good(200);
            if shown["status"] == "canceled" {
                break shown;
            }
            position = read.position();
        };
        assert_eq!(ended["leaves_quantity"], "0");
        let cancel = format!("{ORDERS}/{id}/cancel");
        // Booked by risk a moment after the venue's report.
        loop {
            let again = api.raw("POST", &cancel, "", Vec::new()).await;
            if again.status == 409 {
                again.problem(409, "no_open_order");
                break;
            }
            again.good(202);
        }
        let unknown = api
            .raw("POST", "/api/v1/orders/none/cancel", "", Vec::new())
            .await;
        unknown.problem(404, "not_found");
    });
}
