//! Kill switches: engaged at once, shown, released by those who may.

use blotter::identity::Role;
use serde_json::json;

use crate::node::{market_order, on_a_floor};

const KILL: &str = "/api/v1/risk/kill-switches";
const RELEASE: &str = "/api/v1/risk/kill-switches/release";
const ORDERS: &str = "/api/v1/orders";

#[test]
fn every_scope_stops_orders_until_it_is_released() {
    let scopes = [
        (json!({"scope": "firm"}), "firm"),
        (json!({"scope": "account", "key": "demo"}), "account demo"),
        (
            json!({"scope": "instrument", "key": "AAPL"}),
            "instrument AAPL",
        ),
        (json!({"scope": "venue", "key": "paper"}), "venue paper"),
    ];
    on_a_floor(async |floor| {
        let officer = floor.by(Role::RiskOfficer);
        for (scope, name) in &scopes {
            let mut body = scope.clone();
            body["cause"] = json!("a drill");
            let answer = officer.post(KILL, &body).await;
            let engaged = answer.good(201);
            assert_eq!(
                (&engaged["scope"], &engaged["key"]),
                (&scope["scope"], &scope["key"])
            );
            assert_eq!(
                (&engaged["mode"], &engaged["cause"]),
                (&json!("halt"), &json!("a drill"))
            );
            assert!(engaged["engaged_by"].as_str().unwrap().starts_with("key:"));
            assert_eq!(engaged["position"], answer.position());

            let refused = floor.trader().post(ORDERS, &market_order("1")).await;
            let problem = refused.problem(422, "order_refused");
            assert_eq!(problem["refusal"], "no_halt");
            assert!(
                problem["detail"].as_str().unwrap().contains(name),
                "{problem}"
            );

            let again = officer.post(KILL, &body).await;
            assert_eq!(again.good(200), engaged, "engaged already");
            let shown = officer
                .get(&format!("{KILL}?min_position={}", answer.position()))
                .await;
            assert_eq!(shown.good(200)["items"], json!([engaged]));

            let released = officer.post(RELEASE, &body).await;
            let expected = json!({
                "scope": scope["scope"], "key": scope["key"], "position": released.position(),
            });
            assert_eq!(released.good(200), expected);
            let again = officer
                .post(RELEASE, &body)
                .await
                .problem(409, "kill_switch_not_engaged");
            assert!(again["detail"].as_str().unwrap().contains(name), "{again}");
            let shown = officer
                .get(&format!("{KILL}?min_position={}", released.position()))
                .await;
            assert_eq!(shown.good(200)["items"], json!([]));
            floor
                .trader()
                .post(ORDERS, &market_order("1"))
                .await
                .good(201);
        }
    });
}

#[test]
fn a_trader_may_stop_but_not_release_and_cancels_pass() {
    on_a_floor(async |floor| {
        let trader = floor.trader();
        let order = trader.post(ORDERS, &market_order("1")).await.good(201);
        let body = json!({"scope": "firm", "cause": "something is wrong"});
        trader.post(KILL, &body).await.good(201);
        let problem = trader.post(RELEASE, &body).await.problem(403, "forbidden");
        assert_eq!(problem["permission"], "kill_switches.release");
        let id = order["order"]["order_id"].as_str().unwrap();
        trader
            .post(&format!("{ORDERS}/{id}/cancel"), &json!({}))
            .await
            .good(202);
    });
}
