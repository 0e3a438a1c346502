//! The committed schemas are those of the structs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

use blotter::events::catalogue::Shape;
use blotter::events::envelope::record_schema;
use blotter::events::{Event, Recorded};
use serde_json::Value;

use crate::support::*;

const HEAD: &str = "\
# Events

Every fact that can stand in the log, by the stream it stands on. A file a schema version: `NAME.vN.json` is the JSON Schema
(draft 2020-12) of the payload, [record.json](record.json) that of the record around it. They are made from the structs in
`src/events/catalogue` by `BLOTTER_UPDATE=1 cargo test --test evolution`; a test holds them against each other and against every golden record and every
record of a demo. How a shape changes: [../event-store.md](../event-store.md), \"Evolution\".

Amounts are normalised decimal text, times UTC with microseconds. A field that may be absent is there and null.
";

/// Every file of `docs/events` as it has to be.
fn expected() -> BTreeMap<String, String> {
    let pretty = |schema: &Value| serde_json::to_string_pretty(schema).expect("JSON") + "\n";
    let file = |shape: &Shape<Event>| (shape_name(shape) + ".json", pretty(&shape.schema()));
    let mut files: BTreeMap<_, _> = Event::SHAPES.iter().map(file).collect();
    files.insert("record.json".to_owned(), pretty(&record_schema()));
    files.insert("README.md".to_owned(), index());
    files
}

/// One line an event, with its newest shape first.
fn index() -> String {
    let mut page = HEAD.to_owned();
    let mut stream = "";
    let newest = |shape: &&Shape<Event>| Event::TYPES.contains(&(shape.name, shape.schema_version));
    for shape in Event::SHAPES.iter().filter(newest) {
        if shape.stream != stream {
            stream = shape.stream;
            let head = "| Event | Meaning | Shapes, and since when |\n|---|---|---|";
            write!(page, "\n## `{stream}`\n\n{head}\n").expect("text");
        }
        let shapes = Event::SHAPES.iter().rev();
        let shapes = shapes
            .filter(|other| other.name == shape.name)
            .map(|shape| {
                let (version, since) = (shape.schema_version, shape.since);
                format!("[v{version}]({}.json) {since}", shape_name(shape))
            });
        let shapes = shapes.collect::<Vec<_>>().join(", ");
        let meaning = meaning(shape);
        writeln!(page, "| `{}` | {meaning} | {shapes} |", shape.name).expect("text");
    }
    page
}

/// What the struct says about itself.
fn meaning(shape: &Shape<Event>) -> String {
    let schema = shape.schema();
    let text = schema["description"].as_str();
    let text = text.unwrap_or_else(|| panic!("{} has no line that says what it means", shape.name));
    text.replace('\n', " ").replace('|', "\\|")
}

/// Writes all of them, when that is wanted: whichever test comes first.
pub fn update() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        if is_update() {
            for (name, text) in expected() {
                fs::write(folder("docs/events").join(name), text).expect("writes");
            }
        }
    });
}

#[test]
fn the_committed_schemas_are_those_of_the_structs() {
    update();
    let folder = folder("docs/events");
    let expected = expected();
    for (name, text) in &expected {
        let committed = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert_eq!(
            &committed, text,
            "docs/events/{name} is not what the catalogue says; \
             write it with BLOTTER_UPDATE=1 cargo test --test evolution"
        );
    }
    let expected: BTreeSet<String> = expected.into_keys().collect();
    assert_eq!(files(&folder), expected, "files of docs/events");
}

/// A field that is left out there is recorded in the clear.
#[test]
fn every_personal_field_is_named_for_sealing() {
    let mut named = BTreeSet::new();
    for (_, _, record) in crate::golden::records() {
        let mut recorded = Recorded::read(record.into_bytes()).expect("a record");
        let name = recorded.event().name();
        if let Some((field, _)) = recorded.envelope.event.personal() {
            named.insert((name, field.to_owned()));
        }
    }
    let mut personal = BTreeSet::new();
    for shape in Event::SHAPES {
        let schema = shape.schema();
        let fields = schema["properties"].as_object().into_iter().flatten();
        let fields = fields.filter(|(_, field)| field["$ref"] == "#/$defs/Personal");
        personal.extend(fields.map(|(field, _)| (shape.name, field.clone())));
        let deep = schema["$defs"].as_object().into_iter().flatten();
        let deep = deep.filter(|(_, inner)| inner.to_string().contains("#/$defs/Personal"));
        assert_eq!(
            deep.count(),
            0,
            "{} hides it deeper than it is looked for",
            shape.name
        );
    }
    assert_eq!(named, personal);
    assert_eq!(named.len(), 3);
}

#[test]
fn a_schema_is_one_and_refuses_what_its_struct_does_not_write() {
    for shape in Event::SHAPES {
        let schema = shape.schema();
        assert!(
            jsonschema::draft202012::meta::is_valid(&schema),
            "{}",
            shape.name
        );
        let closed = ["additionalProperties", "unevaluatedProperties"]
            .into_iter()
            .any(|others| schema[others] == false);
        assert!(closed, "{} lets other fields through", shape.name);
    }
}
