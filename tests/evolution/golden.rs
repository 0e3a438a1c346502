//! Records of every shape ever stored, kept for good.
//!
//! A file `NAME.vN.jsonl` holds whole records, one a line, exactly as stored. `SHA256SUMS` names
//! every file with its hash (`sha256sum -c` reads it), `LEAVES` every record with its leaf hash.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use blotter::events::{Event, Recorded};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::samples;
use crate::support::*;

const SUMS: &str = "SHA256SUMS";
const LEAVES: &str = "LEAVES";

/// File, line from 1, and record of each golden record.
pub fn records() -> Vec<(String, usize, String)> {
    update();
    found()
}

fn found() -> Vec<(String, usize, String)> {
    let folder = folder("tests/golden");
    let names = files(&folder).into_iter();
    let golden = names.filter(|name| name.ends_with(".jsonl"));
    let records = golden.flat_map(|name| {
        let text = fs::read_to_string(folder.join(&name)).expect("text");
        let lines = text.lines().map(str::to_owned).collect::<Vec<_>>();
        let numbered = lines.into_iter().enumerate();
        numbered.map(move |(index, record)| (name.clone(), index + 1, record))
    });
    records.collect()
}

/// The lines `value  name` of a manifest, by name.
fn manifest(name: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(folder("tests/golden").join(name)).unwrap_or_default();
    let lines = text.lines().map(|line| {
        let (value, name) = line.split_once("  ").expect("two words");
        (name.to_owned(), value.to_owned())
    });
    lines.collect()
}

/// Adds lines to a manifest; those that are there stay.
fn extend(name: &str, found: &BTreeMap<String, String>) {
    let mut all = found.clone();
    all.extend(manifest(name));
    let text: String = all
        .into_iter()
        .map(|(name, value)| format!("{value}  {name}\n"))
        .collect();
    fs::write(folder("tests/golden").join(name), text).expect("writes");
}

fn sums() -> BTreeMap<String, String> {
    let folder = folder("tests/golden");
    let names = files(&folder).into_iter();
    let golden = names.filter(|name| ![SUMS, LEAVES].contains(&name.as_str()));
    let sums = golden.map(|name| {
        let bytes = fs::read(folder.join(&name)).expect("a file");
        (name, hex::encode(Sha256::digest(bytes)))
    });
    sums.collect()
}

fn leaves() -> BTreeMap<String, String> {
    let leaf = |(file, line, record): (String, usize, String)| {
        let prefixed = [&[0], record.as_bytes()].concat();
        (
            format!("{file}:{line}"),
            hex::encode(Sha256::digest(prefixed)),
        )
    };
    found().into_iter().map(leaf).collect()
}

/// Writes what is missing, when that is wanted: whichever test comes first.
fn update() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        if !is_update() {
            return;
        }
        for (file, records) in samples::files() {
            let path = folder("tests/golden").join(file);
            if !path.exists() {
                fs::write(path, records).expect("writes");
            }
        }
        extend(SUMS, &sums());
        extend(LEAVES, &leaves());
    });
}

#[test]
fn every_shape_has_golden_records() {
    update();
    let shapes = Event::SHAPES
        .iter()
        .map(|shape| shape_name(shape) + ".jsonl");
    let mut expected: BTreeSet<String> = shapes.collect();
    expected.extend([SUMS, LEAVES].map(str::to_owned));
    assert_eq!(
        files(&folder("tests/golden")),
        expected,
        "give a new shape its samples in tests/evolution/samples.rs, then \
         BLOTTER_UPDATE=1 cargo test --test evolution"
    );
    for (name, version) in Event::TYPES {
        let file = format!("{name}.v{version}.jsonl");
        assert!(expected.contains(&file), "{file}");
    }
}

#[test]
fn no_golden_file_has_changed() {
    update();
    let (found, listed) = (sums(), manifest(SUMS));
    for (name, sum) in &found {
        assert_eq!(
            Some(sum),
            listed.get(name),
            "tests/golden/{name}: what was stored once never changes; whoever means it changes \
             its line in {SUMS} by hand"
        );
    }
    assert_eq!(found.len(), listed.len(), "a file of {SUMS} is gone");
    assert_eq!(leaves(), manifest(LEAVES), "leaf hashes");
}

#[test]
fn every_golden_record_is_read_and_written_again_byte_for_byte() {
    let records = records();
    let leaves = manifest(LEAVES);
    for (file, line, record) in records {
        let place = format!("{file}:{line}");
        let recorded = Recorded::read(record.clone().into_bytes())
            .unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_eq!(recorded.record, record.as_bytes(), "{place}");
        assert_eq!(hex::encode(recorded.leaf), leaves[&place], "{place}");
        let rewritten = recorded.rewrite().expect("writes");
        assert_eq!(
            String::from_utf8(rewritten).expect("text"),
            record,
            "{place}"
        );
        let stored = recorded.schema_version;
        let name = recorded.event().name();
        assert_eq!(file, format!("{name}.v{stored}.jsonl"));
        // What is in the shape of today is also what would be recorded today.
        if stored == recorded.event().schema_version() {
            let sealed = recorded.envelope.clone().seal().expect("seals");
            assert_eq!(sealed, recorded, "{place}");
        }
    }
}

/// What a field of some shape may be: absent, there, or one of a few words.
type Seen = BTreeSet<(String, String)>;

/// Allowed by the shape, and against its meaning.
const NEVER: [(&str, &str, &str); 1] = [("OrderApproved.v1.jsonl", "/checks/*/verdict", "failed")];

/// Every word that a field may hold, and both of a field that may be null.
#[test]
fn golden_records_hold_every_case() {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    for (file, _, record) in records() {
        let record: Value = serde_json::from_str(&record).expect("JSON");
        let seen = seen.entry(file).or_default();
        see("", &record["payload"], seen);
    }
    for shape in Event::SHAPES {
        let schema = shape.schema();
        let mut possible = Seen::new();
        list("", &schema, &schema, &mut possible);
        let file = shape_name(shape) + ".jsonl";
        let missing: Vec<_> = possible
            .difference(&seen[&file])
            .filter(|case| !NEVER.contains(&(&file, &case.0, &case.1)))
            .collect();
        assert!(missing.is_empty(), "{file} never shows {missing:?}");
    }
}

/// Notes what a stored value holds.
fn see(path: &str, value: &Value, seen: &mut Seen) {
    let mut note = |case: &str| seen.insert((path.to_owned(), case.to_owned()));
    match value {
        Value::Null => note("null"),
        _ => note("not null"),
    };
    match value {
        Value::String(word) => {
            note(word);
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| see(&format!("{path}/*"), item, seen)),
        Value::Object(members) => members
            .iter()
            .for_each(|(name, member)| see(&format!("{path}/{name}"), member, seen)),
        _ => {}
    }
}

/// Lists what a schema allows at each place.
fn list(path: &str, schema: &Value, root: &Value, possible: &mut Seen) {
    if let Some(target) = schema["$ref"].as_str() {
        let pointer = target.trim_start_matches('#');
        list(
            path,
            root.pointer(pointer).expect("a target"),
            root,
            possible,
        );
    }
    let mut note = |case: &str| possible.insert((path.to_owned(), case.to_owned()));
    let is_null = |schema: &Value| schema["type"] == "null";
    let kinds = schema["type"].as_array().into_iter().flatten();
    let branches = ["oneOf", "anyOf", "allOf"].into_iter();
    let branches: Vec<&Value> = branches
        .filter_map(|keyword| schema[keyword].as_array())
        .flatten()
        .collect();
    if kinds.clone().any(|kind| kind == "null") || branches.iter().any(|branch| is_null(branch)) {
        note("null");
        note("not null");
    }
    let words = schema["enum"].as_array().into_iter().flatten();
    for word in words.chain([&schema["const"]]).filter_map(Value::as_str) {
        note(word);
    }
    for branch in branches {
        list(path, branch, root, possible);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        list(&format!("{path}/{name}"), field, root, possible);
    }
    if schema["items"].is_object() {
        list(&format!("{path}/*"), &schema["items"], root, possible);
    }
}
