//! Every answer of the API's tests is held against the description: its codes, and the words that
//! are listed there.

use blotter::http::endpoint::{Answer as Shown, Endpoint};
use blotter::http::{api, openapi};
use serde_json::Value;

use crate::answer::Answer;

/// Asserts that `answer` to `method` on `path` says nothing that the description does not.
pub fn check(method: &str, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap_or_default();
    let at_path: Vec<_> = api::endpoints()
        .filter(|endpoint| fits(endpoint.path, path))
        .collect();
    let endpoint = at_path.iter().find(|one| one.method.name() == method);
    let is_problem = answer.header("content-type") == Some("application/problem+json");
    let Some(endpoint) = endpoint.filter(|_| answer.text.starts_with('{')) else {
        return;
    };
    match is_problem {
        true => check_code(endpoint, answer),
        false => check_words(endpoint, &answer.json()),
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.split('/'), path.split('/'));
    pattern.clone().count() == path.clone().count()
        && pattern
            .zip(path)
            .all(|(wanted, found)| wanted.starts_with('{') || wanted == found)
}

fn check_code(endpoint: &Endpoint, answer: &Answer) {
    let problem = answer.json();
    let document = openapi::document();
    let method = endpoint.method.name().to_lowercase();
    let operation = &document["paths"][endpoint.path][&method];
    let codes = &operation["responses"][answer.status.to_string()]["x-codes"];
    let listed = codes
        .as_array()
        .is_some_and(|codes| codes.contains(&problem["code"]));
    assert!(
        listed,
        "{} answers {problem}, described is {codes}",
        endpoint.place()
    );
    let schema = document["components"]["schemas"]["Problem"].clone();
    listed_words(&document, &schema, &problem, &endpoint.place());
}

fn check_words(endpoint: &Endpoint, shown: &Value) {
    let (Shown::Json(_, shape) | Shown::JsonOr(_, _, shape) | Shown::List(shape)) = endpoint.answer
    else {
        return;
    };
    let document = openapi::document();
    let schema = document["components"]["schemas"][(shape.name)().as_ref()].clone();
    assert!(schema.is_object(), "{}", endpoint.place());
    let items = match endpoint.answer {
        Shown::List(_) => shown["items"].as_array().cloned().unwrap_or_default(),
        _ => vec![shown.clone()],
    };
    for item in &items {
        listed_words(&document, &schema, item, &endpoint.place());
    }
}

/// Walks a value along its schema: a word is one of those listed.
fn listed_words(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.trim_start_matches('#');
        let target = document.pointer(pointer).expect("a schema");
        return listed_words(document, target, value, place);
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(
            words.contains(value),
            "{place}: {value} is none of {words:?}"
        );
    }
    // Either nothing, or one shape.
    let choices = schema["oneOf"].as_array().into_iter().flatten();
    for choice in choices.filter(|choice| choice["type"] != "null" && !value.is_null()) {
        listed_words(document, choice, value, place);
    }
    for item in value.as_array().into_iter().flatten() {
        listed_words(document, &schema["items"], item, place);
    }
    let members = schema["properties"].as_object().into_iter().flatten();
    for (name, member) in members {
        if let Some(held) = value.get(name) {
            listed_words(document, member, held, place);
        }
    }
}
