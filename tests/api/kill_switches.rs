//! Kill switches: engaged at once, shown, released by those who may.

use blotter::http::Services;
use blotter::identity::Role;
use serde_json::json;
use tokio::sync::watch;

use crate::node::{market_order, on_a_floor};
use crate::scripted::Place;

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

/// Whoever finds a switch engaged already finds it also at the position that comes with the answer:
/// not the one that the read models were at before they were waited for.
#[test]
fn a_repeated_engage_is_answered_with_a_position_that_shows_it() {
    Place::new().run(async |floor| {
        let at_first = *floor.services.viewed.borrow();
        let (shown, viewed) = watch::channel(at_first);
        let behind = Services {
            viewed,
            ..floor.services.clone()
        };
        let trader = floor.trader_at(behind).await;
        let body = json!({"scope": "firm", "cause": "something is wrong"});
        let engaged = trader.post(KILL, &body, Some("k-1")).await;
        let engaged_at = engaged.position();
        let engaged = engaged.good(201);
        let head = floor.shown().await;
        // The same command, and another one that finds nothing to do.
        for key in ["k-1", "k-2"] {
            shown.send_replace(at_first);
            let mut asked = floor.desk.store.lookups_made.subscribe();
            let again = trader.post(KILL, &body, Some(key));
            let folding = async {
                asked.changed().await.expect("a store");
                shown.send_replace(head);
            };
            let (again, ()) = futures_util::join!(again, folding);
            assert!(again.position() >= engaged_at, "{key}: {again:?}");
            assert_eq!(again.json(), engaged, "{key}");
        }
    });
}
