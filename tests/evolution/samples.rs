//! Payloads of every event type in its shape of today, from which a new shape's golden records are
//! made: both of each field that may be null, and every word that a field may hold.

use std::collections::BTreeMap;

use blotter::events::envelope::Origin;
use blotter::events::{CommitId, Envelope, Event, Meta, Who};
use blotter::values::ids::derived_uuid;
use blotter::values::{CommandId, EventId, NodeId, Position, StreamName, Timestamp, Version};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

const CAUSE: &str = "00000000-0000-4000-8000-000000000001";

/// File name and text of each type's golden records.
pub fn files() -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (name, stream, payload) in samples() {
        let (_, version) = Event::TYPES.iter().find(|known| known.0 == name).unwrap();
        let text = files.entry(format!("{name}.v{version}.jsonl")).or_default();
        let number = text.lines().count() as u64 + 1;
        let payload = to_raw_value(&payload).unwrap();
        let event = Event::read(name, *version, &payload);
        let event = event.unwrap_or_else(|error| panic!("the sample of {name}: {error}"));
        *text += &record(stream, number, event);
        text.push('\n');
    }
    files
}

fn record(stream: &str, number: u64, event: Event) -> String {
    let by_person = number.is_multiple_of(2);
    let who = match by_person {
        true => Who {
            principal: "user:alice".to_owned(),
            human: Some("alice".to_owned()),
            roles: vec!["trader".to_owned(), "auditor".to_owned()],
        },
        false => Who::system("golden"),
    };
    let shape = match event.schema_version() {
        1 => event.name().to_owned(),
        later => format!("{}.v{later}", event.name()),
    };
    let command_id = CommandId::new(&format!("golden-{shape}-{number}")).unwrap();
    let meta = Meta {
        correlation_id: derived_uuid(&["golden", command_id.as_str()]),
        causation_id: by_person.then(|| EventId(CAUSE.parse().unwrap())),
        occurred_at: Timestamp::from_micros(1_115_423_999_999_999).unwrap(),
        who,
        command_id,
    };
    let envelope = Envelope {
        position: Position::new(100 + number),
        stream: StreamName::new(stream).unwrap(),
        version: Version::new(number),
        event_id: CommitId::of_command(&meta.who.principal, &meta.command_id).event_id(0),
        event,
        meta,
        recorded_at: Timestamp::from_micros(1_769_851_800_000_001).unwrap(),
        origin: Origin {
            node: NodeId::new("node-1").unwrap(),
            build: "0.1.0 (golden)".to_owned(),
        },
    };
    String::from_utf8(envelope.seal().unwrap().record).unwrap()
}

fn samples() -> Vec<(&'static str, &'static str, Value)> {
    let parts = [accounts(), orders(), market(), house(), users()];
    parts.into_iter().flatten().collect()
}

fn limit_order() -> Value {
    json!({"symbol": "AAPL", "side": "sell", "quantity": "-0.5", "type": "limit", "limit_price": "101.25", "time_in_force": "gtc"})
}

fn market_order() -> Value {
    json!({"symbol": "AAPL", "side": "buy", "quantity": "100", "type": "market", "time_in_force": "day"})
}

fn report(sequence: u64) -> Value {
    json!({"venue": "paper", "sequence": sequence, "transact_time": "2005-05-06T23:59:59.999999Z"})
}

/// Every check, the last one failed if `is_refused`.
fn checks(is_refused: bool) -> Value {
    let codes = [
        "account_open",
        "no_halt",
        "strategy_running",
        "instrument_listed",
        "quantity_valid",
        "price_valid",
        "reference_fresh",
        "price_collar",
        "max_order_notional",
        "max_position",
        "short_sale",
        "buying_power",
    ];
    let check = |(index, code): (usize, &&str)| {
        let verdict = if is_refused && *code == "buying_power" {
            "failed"
        } else {
            "passed"
        };
        let limit = (index % 2 == 0).then_some("10000");
        let observed = (index % 3 == 0).then_some("25");
        json!({"code": code, "verdict": verdict, "limit": limit, "observed": observed})
    };
    codes.iter().enumerate().map(check).collect()
}

fn accounts() -> Vec<(&'static str, &'static str, Value)> {
    let on = "account-main";
    let mut all = vec![
        (
            "AccountOpened",
            on,
            json!({"account": "main", "name": "Main", "currency": "USD"}),
        ),
        (
            "CashDeposited",
            on,
            json!({"amount": "10000.125", "reason": "start \"€\"\n"}),
        ),
        (
            "OrderSubmitted",
            on,
            json!({"order_id": "o-1", "client_order_id": "c-1", "ordinal": 1, "terms": market_order(), "venue": "paper", "strategy": "sma-1"}),
        ),
        (
            "OrderSubmitted",
            on,
            json!({"order_id": "o-2", "client_order_id": "c-2", "ordinal": 2, "terms": limit_order(), "venue": "paper", "strategy": null}),
        ),
        (
            "OrderApproved",
            on,
            approved(
                market_order(),
                json!("sma-1"),
                json!({"cash": "12500", "quantity": "0"}),
            ),
        ),
        (
            "OrderApproved",
            on,
            approved(
                limit_order(),
                json!(null),
                json!({"cash": "0", "quantity": "0.5"}),
            ),
        ),
        (
            "CancelRequested",
            on,
            json!({"order_id": "o-1", "reason": "asked for"}),
        ),
        (
            "FillBooked",
            on,
            json!({"order_id": "o-1", "execution_id": "e-1", "execution_event": CAUSE, "symbol": "AAPL", "side": "buy", "quantity": "60", "price": "100.5", "commission": "1.25", "cash_change": "-6031.25", "quantity_change": "60", "cost_change": "6030", "realised_pnl": "0", "reservation_released": {"cash": "7500", "quantity": "0"}, "leaves_quantity": "40"}),
        ),
        (
            "FillBooked",
            on,
            json!({"order_id": "o-2", "execution_id": "e-2", "execution_event": CAUSE, "symbol": "AAPL", "side": "sell", "quantity": "0.5", "price": "102", "commission": "0", "cash_change": "51", "quantity_change": "-0.5", "cost_change": "-50.25", "realised_pnl": "0.75", "reservation_released": {"cash": "0", "quantity": "0.5"}, "leaves_quantity": "0"}),
        ),
        (
            "ReservationReleased",
            on,
            json!({"order_id": "o-1", "released": {"cash": "5000", "quantity": "0"}, "ended_by": CAUSE}),
        ),
    ];
    // Refused by each of the checks.
    for check in checks(false).as_array().unwrap() {
        all.push(("OrderRefused", on, json!({"order_id": "o-3", "code": check["code"], "checks": checks(true), "decided_at": 17})));
    }
    all
}

fn approved(terms: Value, strategy: Value, reservation: Value) -> Value {
    json!({"order_id": "o-1", "client_order_id": "c-1", "account": "main", "terms": terms, "venue": "paper", "strategy": strategy, "checks": checks(false), "reservation": reservation, "reference_price": "100", "decided_at": 16})
}

fn orders() -> Vec<(&'static str, &'static str, Value)> {
    let on = "order-o-1";
    let gateway = json!({"origin": "gateway"});
    let venue = json!({"origin": "venue", "report": report(3)});
    let routed = |terms: Value, attempt: u32| json!({"order_id": "o-1", "account": "main", "client_order_id": "c-1", "venue": "paper", "terms": terms, "approval": CAUSE, "attempt": attempt});
    let executed = |side: &str| json!({"order_id": "o-1", "account": "main", "execution_id": "e-1", "symbol": "AAPL", "side": side, "quantity": "60", "price": "100.5", "commission": "1.25", "cumulative_quantity": "60", "leaves_quantity": "40", "report": report(2)});
    vec![
        ("OrderRouted", on, routed(market_order(), 1)),
        ("OrderRouted", on, routed(limit_order(), 2)),
        (
            "OrderAcknowledged",
            on,
            json!({"order_id": "o-1", "venue_order_id": "v-1", "report": report(1)}),
        ),
        (
            "OrderRejected",
            on,
            json!({"order_id": "o-1", "account": "main", "origin": gateway, "reason": "the approval is too old"}),
        ),
        (
            "OrderRejected",
            on,
            json!({"order_id": "o-1", "account": "main", "origin": venue, "reason": "unknown symbol"}),
        ),
        ("OrderExecuted", on, executed("buy")),
        ("OrderExecuted", on, executed("sell")),
        (
            "CancelPending",
            on,
            json!({"order_id": "o-1", "request": CAUSE}),
        ),
        (
            "OrderCanceled",
            on,
            json!({"order_id": "o-1", "account": "main", "origin": gateway}),
        ),
        (
            "OrderCanceled",
            on,
            json!({"order_id": "o-1", "account": "main", "origin": venue}),
        ),
        (
            "CancelRejected",
            on,
            json!({"order_id": "o-1", "origin": gateway, "reason": "it has ended", "request": CAUSE}),
        ),
        (
            "CancelRejected",
            on,
            json!({"order_id": "o-1", "origin": venue, "reason": "too late", "request": CAUSE}),
        ),
        (
            "OrderExpired",
            on,
            json!({"order_id": "o-1", "account": "main", "report": report(4)}),
        ),
        (
            "OrderInDoubt",
            on,
            json!({"order_id": "o-1", "reason": "no answer"}),
        ),
        (
            "OrderReconciled",
            on,
            json!({"order_id": "o-1", "finding": "known"}),
        ),
        (
            "OrderReconciled",
            on,
            json!({"order_id": "o-1", "finding": "never_arrived"}),
        ),
    ]
}

fn market() -> Vec<(&'static str, &'static str, Value)> {
    let on = "strategy-sma-1";
    let signal = |side: &str, action: Value| {
        let mut signal = json!({"symbol": "AAPL", "side": side, "bar": "2005-05-06", "price": "36.97", "confidence": "0.000001"});
        let members = signal.as_object_mut().unwrap();
        members.extend(action.as_object().unwrap().clone());
        signal
    };
    vec![
        (
            "StrategyRegistered",
            on,
            json!({"strategy": "sma-1", "name": "SMA 20/50", "rule": {"kind": "sma_cross", "fast_bars": 20, "slow_bars": 50, "equity_fraction": "0.2"}, "account": "main", "venue": "paper", "symbols": ["AAPL", "IBM"]}),
        ),
        ("StrategyApproved", on, json!({"reason": "reviewed"})),
        ("StrategyStarted", on, json!({})),
        (
            "SignalGenerated",
            on,
            signal(
                "buy",
                json!({"action": "order", "command_id": "sma-1-7", "client_order_id": "c-1", "quantity": "27"}),
            ),
        ),
        (
            "SignalGenerated",
            on,
            signal(
                "sell",
                json!({"action": "none", "reason": "nothing is held"}),
            ),
        ),
        (
            "PriceMarked",
            "market-AAPL",
            json!({"symbol": "AAPL", "bar": {"date": "2005-05-06", "open": "36.8", "high": "37.1", "low": "36.5", "close": "36.97", "volume": 11000000}, "source": "us_wiki_daily.csv.gz 0123456789abcdef", "row": 4812}),
        ),
        (
            "InstrumentListed",
            "instrument-AAPL",
            json!({"instrument": {"symbol": "AAPL", "kind": "equity", "currency": "USD", "price_decimals": 4, "quantity_decimals": 0}}),
        ),
    ]
}

fn house() -> Vec<(&'static str, &'static str, Value)> {
    let none = json!({"max_order_notional": null, "max_position": null, "price_collar": null, "reference_age_seconds_max": null});
    let all = json!({"max_order_notional": "50000", "max_position": "1000", "price_collar": "0.1", "reference_age_seconds_max": 604800});
    let scopes = [
        ("account", "main"),
        ("strategy", "sma-1"),
        ("instrument", "AAPL"),
        ("venue", "paper"),
    ];
    let mut events = vec![
        (
            "RiskLimitsChanged",
            "limits-firm",
            json!({"scope": {"scope": "firm"}, "before": null, "after": all, "reason": "the first"}),
        ),
        (
            "RiskLimitsChanged",
            "limits-account:main",
            json!({"scope": {"scope": "account", "account": "main"}, "before": none, "after": all, "reason": "tighter"}),
        ),
        (
            "RiskLimitsChanged",
            "limits-firm",
            json!({"scope": {"scope": "firm"}, "before": all, "after": none, "reason": "none"}),
        ),
        (
            "KillSwitchEngaged",
            "system-halts",
            json!({"scope": "firm", "mode": "halt", "cause": "drawdown"}),
        ),
        (
            "KillSwitchReleased",
            "system-halts",
            json!({"scope": "firm", "cause": "reviewed"}),
        ),
    ];
    for (scope, key) in scopes {
        events.push((
            "KillSwitchEngaged",
            "system-halts",
            json!({"scope": scope, "key": key, "mode": "halt", "cause": "by hand"}),
        ));
        events.push((
            "KillSwitchReleased",
            "system-halts",
            json!({"scope": scope, "key": key, "cause": "by hand"}),
        ));
    }
    for severity in ["info", "warning", "error", "critical"] {
        events.push(("AlertRaised", "alert-1", json!({"severity": severity, "summary": "a kill switch was engaged", "about": CAUSE, "about_position": 99})));
    }
    events.extend([
        ("AlertDelivered", "alert-1", json!({"channel": "log"})),
        ("NodeStarted", "node-node-1", json!({"node": "node-1", "lease_epoch": 3, "head": 98, "config_hash": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"})),
        ("NodeStopped", "node-node-1", json!({"node": "node-1", "reason": "asked to"})),
        ("ActorRestarted", "node-node-1", json!({"actor": "risk", "cause": "it panicked", "restarts_in_window": 1})),
    ]);
    events
}

/// Something personal, as it is stored.
fn sealed() -> Value {
    json!({"sealed": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMA"})
}

fn users() -> Vec<(&'static str, &'static str, Value)> {
    let on = "user-alice";
    vec![
        (
            "UserRegistered",
            on,
            json!({"user": "alice", "roles": ["auditor", "trader"]}),
        ),
        (
            "RoleGranted",
            on,
            json!({"user": "alice", "role": "risk_officer"}),
        ),
        (
            "RoleRevoked",
            on,
            json!({"user": "alice", "role": "trader"}),
        ),
        ("UserDisabled", on, json!({"user": "alice"})),
        ("PasswordChanged", on, json!({"user": "alice"})),
        (
            "LoginSucceeded",
            on,
            json!({"user": "alice", "peer": sealed()}),
        ),
        (
            "LoginSucceeded",
            on,
            json!({"user": "alice", "peer": "192.0.2.7"}),
        ),
        (
            "LoginFailed",
            on,
            json!({"user": "alice", "peer": sealed(), "credential": "password", "times": 1}),
        ),
        (
            "LoginFailed",
            "user-unknown",
            json!({"user": null, "peer": "various", "credential": "key:PK0123456789ABCDEFGH", "times": 12}),
        ),
        (
            "AccessDenied",
            on,
            json!({"principal": "user:alice", "permission": "audit.read", "place": "GET /api/v1/audit/events", "times": 1}),
        ),
        (
            "ApiKeyIssued",
            on,
            json!({"user": "alice", "key_id": "PK0123456789ABCDEFGH", "label": sealed(), "scopes": ["orders.read"], "expires_at": null}),
        ),
        (
            "ApiKeyIssued",
            on,
            json!({"user": "alice", "key_id": "PK0123456789ABCDEFGH", "label": "forgotten", "scopes": [], "expires_at": "2026-05-01T00:00:00.000000Z"}),
        ),
        (
            "ApiKeyRevoked",
            on,
            json!({"user": "alice", "key_id": "PK0123456789ABCDEFGH"}),
        ),
        (
            "SessionRevoked",
            on,
            json!({"user": "alice", "session": "s-0123", "reason": "the user was disabled"}),
        ),
        ("UserForgotten", on, json!({"user": "alice"})),
    ]
}
