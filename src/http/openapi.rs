//! The API's own description (OpenAPI 3.1), made from the tables of endpoints.
//!
//! Entry points: [`document`]; `docs/openapi.json` is its committed copy. Invariant: it is made
//! from what is served, so it cannot say anything else.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::api;
use super::endpoint::{Access, Answer, Body, Endpoint, Kind, Method, Param, Shape};
use super::problem::{Code, FieldError, PROBLEM_JSON};

const INTRODUCTION: &str = "\
Orders, accounts, prices and the audit trail of one node. Amounts and times are strings, positions \
integers. Commands take `Idempotency-Key`; every answer carries `Blotter-Position`, and a read with \
`min_position` waits until it has reached that position. Lists page by `cursor`. Failures are \
`application/problem+json` with a stable `code`: see `/api/docs/problems`.";

/// Any failure; what it may carry besides is said at its code.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(
    dead_code,
    reason = "its shape is for the document; problems are written field by field"
)]
struct ProblemShape {
    #[schema(example = "/api/docs/problems#invalid_field")]
    r#type: String,
    #[schema(example = "Fields of the body are wrong")]
    title: String,
    #[schema(example = 422)]
    status: u16,
    /// One sentence: what was wrong, where, what is allowed.
    detail: String,
    /// Stable, for programs.
    code: Code,
    /// Absent when there are none.
    errors: Option<Vec<FieldError>>,
    /// Also in the header `X-Request-Id`, and in the server's log beside its own faults.
    request_id: String,
    /// With `forbidden`: what is missing.
    permission: Option<String>,
    /// With `order_refused`: the first check that failed.
    refusal: Option<super::rows::words::CheckCodeWord>,
    /// With `order_refused`.
    checks: Option<Vec<super::rows::Check>>,
    /// With `order_refused`.
    order_id: Option<String>,
    /// With `order_refused`: the last position of what was recorded.
    position: Option<u64>,
    /// With `unavailable` and `outcome_unknown` of a command: repeat the command under this key.
    idempotency_key: Option<String>,
}

/// The whole description.
pub fn document() -> Value {
    let mut schemas = BTreeMap::new();
    add(&mut schemas, &Shape::of::<ProblemShape>());
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for endpoint in api::endpoints() {
        let method = endpoint.method.name().to_lowercase();
        let operation = operation(endpoint, &mut schemas);
        paths
            .entry(endpoint.path)
            .or_default()
            .insert(method, operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Blotter",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": groups(),
        "paths": paths,
        "components": { "schemas": schemas, "securitySchemes": security_schemes() },
    })
}

fn groups() -> Vec<Value> {
    let mut names: Vec<&str> = Vec::new();
    for endpoint in api::endpoints() {
        if !names.contains(&endpoint.group) {
            names.push(endpoint.group);
        }
    }
    names
        .into_iter()
        .map(|name| json!({ "name": name }))
        .collect()
}

fn security_schemes() -> Value {
    json!({
        "session": {
            "type": "apiKey", "in": "cookie", "name": super::auth::SESSION_COOKIE,
            "description": "From `POST /api/v1/sessions`. Changes need the header `X-CSRF-Token` too.",
        },
        "key_id": { "type": "apiKey", "in": "header", "name": "APCA-API-KEY-ID" },
        "secret_key": { "type": "apiKey", "in": "header", "name": "APCA-API-SECRET-KEY" },
        "basic": {
            "type": "http", "scheme": "basic",
            "description": "Key id and secret key as user and password.",
        },
    })
}

fn operation(endpoint: &Endpoint, schemas: &mut BTreeMap<String, Value>) -> Value {
    let mut operation = json!({
        "operationId": operation_id(endpoint),
        "tags": [endpoint.group],
        "summary": endpoint.summary,
        "parameters": parameters(endpoint),
        "responses": responses(endpoint, schemas),
        "security": security(endpoint.access),
        "x-permission": permission(endpoint.access),
    });
    if !endpoint.description.is_empty() {
        operation["description"] = endpoint.description.into();
    }
    let body = match endpoint.body {
        Body::None => None,
        Body::Json(shape) => Some((shape, true)),
        Body::OptionalJson(shape) => Some((shape, false)),
    };
    if let Some((shape, required)) = body {
        let schema = add(schemas, &shape);
        if let Some(described) = schemas.get_mut((shape.name)().as_ref()) {
            // Fields that are not known are refused.
            described["additionalProperties"] = false.into();
        }
        operation["requestBody"] = json!({
            "required": required,
            "content": { "application/json": { "schema": schema } },
        });
    }
    operation
}

/// `get_orders_by_order_id`
fn operation_id(endpoint: &Endpoint) -> String {
    let path = endpoint
        .path
        .trim_start_matches("/api/")
        .trim_start_matches("v1/");
    let words = path.replace('{', "by_").replace('}', "");
    let words = words.replace(['/', '-', '.'], "_");
    format!("{}_{words}", endpoint.method.name().to_lowercase())
}

/// The permission's name, or who may call without one.
pub fn permission(access: Access) -> &'static str {
    match access {
        Access::Open => "open",
        Access::Authenticated => "authenticated",
        Access::Needs(permission) => permission.name(),
    }
}

fn security(access: Access) -> Value {
    match access {
        Access::Open => json!([]),
        _ => json!([{ "session": [] }, { "key_id": [], "secret_key": [] }, { "basic": [] }]),
    }
}

fn parameters(endpoint: &Endpoint) -> Vec<Value> {
    let mut all: Vec<Value> = path_names(endpoint.path).map(in_path).collect();
    all.extend(endpoint.query.iter().map(in_query));
    if endpoint.method != Method::Get && endpoint.access != Access::Open {
        all.push(json!({
            "name": "X-CSRF-Token", "in": "header", "required": false,
            "description": "The session's `csrf_token`: needed with a session's cookie.",
            "schema": { "type": "string" },
        }));
    }
    if is_command(endpoint) {
        all.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "The same key with an equal command gives the first answer; one is made when left out.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$" },
        }));
    }
    all
}

/// Whether its outcome is recorded once a key.
fn is_command(endpoint: &Endpoint) -> bool {
    endpoint.problems.contains(&Code::IdempotencyKeyReused)
}

fn path_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn in_path(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": id() })
}

fn in_query(param: &Param) -> Value {
    let schema = match param.kind {
        Kind::Id => id(),
        Kind::Text | Kind::Cursor => json!({ "type": "string" }),
        Kind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Time => json!({ "type": "string", "format": "date-time" }),
        Kind::Date => json!({ "type": "string", "format": "date" }),
        Kind::OneOf(words) => json!({ "type": "string", "enum": words }),
    };
    json!({
        "name": param.name, "in": "query", "required": param.required,
        "description": param.description, "schema": schema,
    })
}

fn id() -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$" })
}

fn responses(endpoint: &Endpoint, schemas: &mut BTreeMap<String, Value>) -> Value {
    let mut all = Map::new();
    let mut put = |status: u16, answer: Value| all.insert(status.to_string(), answer);
    match endpoint.answer {
        Answer::Json(status, shape) => {
            put(status, good(endpoint, add(schemas, &shape)));
        }
        Answer::JsonOr(status, other, shape) => {
            put(status, good(endpoint, add(schemas, &shape)));
            put(other, good(endpoint, add(schemas, &shape)));
        }
        Answer::List(shape) => {
            let items = json!({ "type": "array", "items": add(schemas, &shape) });
            let schema = json!({
                "type": "object", "required": ["items", "next_cursor"],
                "properties": { "items": items, "next_cursor": { "type": ["string", "null"] } },
            });
            put(200, good(endpoint, schema));
        }
        Answer::Empty(status) => {
            put(
                status,
                json!({ "description": "Done", "headers": headers(endpoint) }),
            );
        }
        Answer::File(media_type) => {
            let kind = match media_type {
                "application/json" => "object",
                _ => "string",
            };
            let content = json!({ media_type: { "schema": { "type": kind } } });
            put(
                200,
                json!({ "description": "The page", "content": content }),
            );
        }
    }
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in endpoint.problems() {
        by_status.entry(code.status()).or_default().push(code);
    }
    for (status, codes) in by_status {
        let titles = codes
            .iter()
            .map(|code| format!("`{}`: {}.", code.name(), code.title()));
        let description = titles.collect::<Vec<_>>().join(" ");
        let names: Vec<_> = codes.iter().map(|code| code.name()).collect();
        let schema = json!({ "$ref": "#/components/schemas/Problem" });
        put(
            status,
            json!({
                "description": description,
                "content": { PROBLEM_JSON: { "schema": schema } },
                "x-codes": names,
            }),
        );
    }
    Value::Object(all)
}

fn good(endpoint: &Endpoint, schema: Value) -> Value {
    json!({
        "description": "Success",
        "headers": headers(endpoint),
        "content": { "application/json": { "schema": schema } },
    })
}

fn headers(endpoint: &Endpoint) -> Value {
    let text = match is_command(endpoint) {
        true => "The last position of what was recorded.",
        false => "The position that the read models are complete up to.",
    };
    match endpoint.path.starts_with("/api/v1") {
        true => json!({
            "Blotter-Position": { "description": text, "schema": { "type": "integer" } },
        }),
        false => json!({}),
    }
}

/// Puts a shape and those it is made of among the schemas; returns a reference to it.
fn add(schemas: &mut BTreeMap<String, Value>, shape: &Shape) -> Value {
    let name = (shape.name)();
    let mut all = vec![(name.to_string(), (shape.schema)())];
    (shape.parts)(&mut all);
    for (name, schema) in all {
        schemas
            .entry(name)
            .or_insert_with(|| serde_json::to_value(schema).unwrap_or_default());
    }
    json!({ "$ref": format!("#/components/schemas/{name}") })
}
