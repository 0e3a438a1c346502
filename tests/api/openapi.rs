//! The API's description: the committed copy, and that it says what is served.

use std::collections::BTreeSet;
use std::path::Path;

use blotter::events::catalogue::CheckCode;
use blotter::http::endpoint::{Answer, Body, Method};
use blotter::http::problem::Code;
use blotter::http::{api, openapi};
use serde_json::{Value, json};

use crate::node::on_a_floor;

/// `BLOTTER_UPDATE=1` writes it anew.
#[test]
fn the_committed_description_is_the_present_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let mut present = serde_json::to_string_pretty(&openapi::document()).expect("text");
    present.push('\n');
    if std::env::var_os("BLOTTER_UPDATE").is_some() {
        std::fs::write(&path, &present).expect("writes");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let first = committed
        .lines()
        .zip(present.lines())
        .position(|(old, new)| old != new);
    assert!(
        committed == present,
        "docs/openapi.json differs from line {first:?} on; if that is meant, run \
         BLOTTER_UPDATE=1 cargo test --test api openapi"
    );
}

fn operations(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let of = |(path, methods): (&String, &Value)| {
        let methods = methods.as_object().expect("methods").clone();
        let path = path.clone();
        methods.into_iter().map(move |(method, operation)| {
            (format!("{} {path}", method.to_uppercase()), operation)
        })
    };
    paths.iter().flat_map(of).collect()
}

#[test]
fn every_route_is_described_and_nothing_else_is() {
    let document = openapi::document();
    let described: BTreeSet<String> = operations(&document)
        .into_iter()
        .map(|(place, _)| place)
        .collect();
    let served: BTreeSet<String> = api::endpoints().map(|endpoint| endpoint.place()).collect();
    assert_eq!(described, served);
    assert_eq!(
        api::endpoints().count(),
        served.len(),
        "a route stands in two tables"
    );
    let mut ids = BTreeSet::new();
    for (place, operation) in operations(&document) {
        assert!(ids.insert(operation["operationId"].to_string()), "{place}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(
            responses.contains_key("500") && responses.contains_key("400"),
            "{place}"
        );
        let open = operation["x-permission"] == "open";
        assert_eq!(operation["security"] == json!([]), open, "{place}");
        assert_eq!(
            responses.contains_key("401"),
            !open || place == "POST /api/v1/sessions",
            "{place}"
        );
    }
}

/// A code that no operation lists would take a client by surprise; one answer of each operation is
/// held against its list by `described.rs`.
#[test]
fn every_code_that_can_be_answered_is_listed() {
    let document = openapi::document();
    let all: BTreeSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    let words = |name: &str| -> BTreeSet<String> {
        let listed = document["components"]["schemas"][name]["enum"].as_array();
        let listed = listed.unwrap_or_else(|| panic!("{name} lists nothing"));
        let word = |word: &Value| word.as_str().expect("a word").to_owned();
        listed.iter().map(word).collect()
    };
    let known: BTreeSet<String> = all.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(words("ProblemCode"), known);
    let mut listed = BTreeSet::new();
    for (place, operation) in operations(&document) {
        for (status, answer) in operation["responses"].as_object().expect("responses") {
            for code in answer["x-codes"].as_array().into_iter().flatten() {
                let name = code.as_str().expect("a name");
                let code = Code::ALL.iter().find(|code| code.name() == name);
                let code = code.unwrap_or_else(|| panic!("{place}: {name} is no code"));
                assert_eq!(code.status().to_string(), *status, "{place} {name}");
                listed.insert(code.name());
            }
        }
    }
    assert_eq!(listed, all);
    assert_eq!(words("CheckCode").len(), CheckCode::ALL.len());
    for (schema, member, list) in [
        ("Problem", "code", "ProblemCode"),
        ("Check", "code", "CheckCode"),
        ("Check", "verdict", "Verdict"),
        ("Preview", "decision", "Decision"),
    ] {
        let described = &document["components"]["schemas"][schema]["properties"][member];
        assert!(
            described.to_string().contains(&format!("/{list}\"")),
            "{schema}.{member}: {described}"
        );
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(
                    members
                        .get("$ref")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                );
                members
                    .values()
                    .for_each(|member| references(member, found));
            }
            Value::Array(all) => all.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = openapi::document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("inside");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn members(document: &Value, name: &str) -> BTreeSet<String> {
    let schema = &document["components"]["schemas"][name];
    let members = schema["properties"].as_object();
    members
        .unwrap_or_else(|| panic!("{name}: {schema}"))
        .keys()
        .cloned()
        .collect()
}

/// The reader of a body names what it takes; the description must name the same.
#[test]
fn bodies_are_described_as_they_are_read() {
    on_a_floor(async |floor| {
        let document = openapi::document();
        let served = floor.api.get("/api/openapi.json").await.good(200);
        assert_eq!(served, document);
        for endpoint in api::endpoints() {
            let (Body::Json(shape) | Body::OptionalJson(shape)) = endpoint.body else {
                continue;
            };
            assert_eq!(endpoint.method, Method::Post);
            let path = endpoint.path.replace("{order_id}", "none");
            let answer = floor
                .admin()
                .post(&path, &json!({"no_such_field": 1}))
                .await;
            let problem = answer.problem(422, "invalid_field");
            let errors = problem["errors"].as_array().unwrap();
            let odd = errors
                .iter()
                .find(|error| error["field"] == "no_such_field")
                .unwrap();
            let taken = odd["allowed"]
                .as_str()
                .unwrap()
                .split(", ")
                .map(str::to_owned);
            assert_eq!(
                taken.collect::<BTreeSet<_>>(),
                members(&document, &(shape.name)()),
                "{path}"
            );
        }
    });
}

/// What is answered has exactly the members that are described.
#[test]
fn answers_are_described_as_they_are_given() {
    on_a_floor(async |floor| {
        let document = openapi::document();
        for endpoint in api::endpoints().filter(|endpoint| endpoint.method == Method::Get) {
            let path = endpoint.path.replace("{account}", "demo");
            let path = match endpoint.path.contains("candles") {
                true => format!("{path}?symbol=AAPL"),
                false => path,
            };
            if path.contains('{') {
                continue;
            }
            let (shape, shown) = match endpoint.answer {
                Answer::List(shape) => (
                    shape,
                    floor.admin().get(&path).await.good(200)["items"][0].clone(),
                ),
                Answer::Json(_, shape) => (shape, floor.admin().get(&path).await.good(200)),
                _ => continue,
            };
            let Some(shown) = shown.as_object() else {
                assert!(path.contains("kill-switches"), "{path} is empty");
                continue;
            };
            let found: BTreeSet<_> = shown.keys().cloned().collect();
            assert_eq!(found, members(&document, &(shape.name)()), "{path}");
        }
    });
}
