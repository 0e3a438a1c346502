//! JSON Schemas of stored shapes, made from their structs.
//!
//! Entry point: [`of`]. The committed ones are in `docs/events`. Invariant: a schema allows what
//! its struct writes and no field besides.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

/// JSON Schema (draft 2020-12) of what `T` is written as.
pub fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    close(&mut schema, true);
    schema
}

/// Refuses fields that are not named. A branch of an object that is put together from several
/// (`is_whole` is false) lets the fields of the others through: what holds it together refuses.
fn close(schema: &mut Value, is_whole: bool) {
    let Value::Object(schema) = schema else {
        return;
    };
    if is_whole && let Some(others) = others(schema) {
        schema.entry(others).or_insert(Value::Bool(false));
    }
    for (keyword, inside) in schema.iter_mut() {
        match (keyword.as_str(), inside) {
            ("oneOf" | "anyOf" | "allOf", Value::Array(branches)) => {
                branches.iter_mut().for_each(|branch| close(branch, false));
            }
            ("properties" | "$defs", Value::Object(named)) => {
                named.values_mut().for_each(|schema| close(schema, true));
            }
            ("items", schema) => close(schema, true),
            _ => {}
        }
    }
}

/// The keyword that speaks of an object's other fields; `None` for what is no object.
fn others(schema: &Map<String, Value>) -> Option<&'static str> {
    let branches = ["oneOf", "anyOf", "allOf"].into_iter();
    let mut branches = branches
        .filter_map(|keyword| schema.get(keyword)?.as_array())
        .flatten();
    if branches.any(|branch| branch.get("properties").is_some()) {
        return Some("unevaluatedProperties");
    }
    let is_object = schema.get("type").is_some_and(|kind| kind == "object");
    is_object.then_some("additionalProperties")
}
