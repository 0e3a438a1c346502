//! Records against the committed schemas.

use std::collections::HashMap;
use std::fs;
use std::process::{Command, Stdio};

use blotter::events::Event;
use jsonschema::Validator;
use serde_json::Value;

use crate::golden;
use crate::support::*;

/// The committed schemas.
struct Schemas {
    record: Validator,
    payloads: HashMap<(String, u64), Validator>,
}

impl Schemas {
    fn committed() -> Self {
        crate::schemas::update();
        let read = |name: &str| {
            let path = folder("docs/events").join(name);
            let text = fs::read(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
            let schema: Value = serde_json::from_slice(&text).expect("JSON");
            let options = jsonschema::draft202012::options().should_validate_formats(true);
            options.build(&schema).expect("a schema")
        };
        let payloads = Event::SHAPES.iter().map(|shape| {
            let key = (shape.name.to_owned(), u64::from(shape.schema_version));
            (key, read(&(shape_name(shape) + ".json")))
        });
        Self {
            record: read("record.json"),
            payloads: payloads.collect(),
        }
    }

    /// What is wrong with a record, the first of it.
    fn check(&self, record: &Value) -> Result<(), String> {
        let said = |error: jsonschema::ValidationError<'_>| {
            format!(
                "{error} at {:?} of {record}",
                error.instance_path().as_str()
            )
        };
        self.record.validate(record).map_err(said)?;
        let name = record["type"].as_str().expect("a type").to_owned();
        let version = record["schema_version"].as_u64().expect("a version");
        let payload = self.payloads.get(&(name, version)).expect("a schema");
        payload.validate(&record["payload"]).map_err(said)
    }
}

#[test]
fn every_golden_record_is_as_its_schema_says() {
    let schemas = Schemas::committed();
    for (file, _, record) in golden::records() {
        let record: Value = serde_json::from_str(&record).expect("JSON");
        assert_eq!(schemas.check(&record), Ok(()), "{file}");
    }
}

/// So that the tests here cannot pass for nothing.
#[test]
fn a_record_that_is_otherwise_is_refused() {
    let schemas = Schemas::committed();
    let mut checked = 0;
    for (file, _, record) in golden::records() {
        let record: Value = serde_json::from_str(&record).expect("JSON");
        let mut changed = |change: &dyn Fn(&mut Value)| {
            let mut record = record.clone();
            change(&mut record);
            assert!(schemas.check(&record).is_err(), "{file}: {record}");
            checked += 1;
        };
        changed(&|record| record["more"] = 1.into());
        changed(&|record| record["occurred_at"] = "2026-01-31T09:30:00Z".into());
        changed(&|record| record["payload"]["more"] = 1.into());
        let fields = record["payload"].as_object().expect("an object");
        for field in fields.keys() {
            changed(&|record| {
                let payload = record["payload"].as_object_mut().expect("an object");
                payload.remove(field);
            });
            changed(&|record| record["payload"][field] = (-1.5).into());
        }
    }
    assert!(checked > 500, "{checked}");
}

#[test]
fn every_record_of_the_built_in_demo_is_as_its_schema_says() {
    let place = tempfile::tempdir().expect("a folder");
    let blotter = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_blotter"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("BLOTTER_") {
                command.env_remove(name);
            }
        }
        command.env_remove("FAILPOINTS").stdin(Stdio::null());
        command.env("BLOTTER_BIND", "127.0.0.1:0");
        command.args(arguments).arg("--data-dir").arg(place.path());
        let ran = command.output().expect("runs");
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8(ran.stdout).expect("text")
    };
    blotter(&["demo", "--speed", "max", "--exit-when-done", "--json"]);
    let schemas = Schemas::committed();
    let records = blotter(&["events", "--json"]);
    assert!(records.lines().count() > 10_000, "the whole demo");
    for record in records.lines() {
        let record: Value = serde_json::from_str(record).expect("JSON");
        assert_eq!(schemas.check(&record), Ok(()));
    }
}
