//! Canonical JSON (RFC 8785): one text for one value, so that equal means equal bytes.
//!
//! Used for stored records, command fingerprints and the state hash. Numbers are integers only:
//! amounts are text, and a float anywhere in a record is a defect that this refuses.

mod writer;

use serde::Serialize;
use sha2::{Digest, Sha256};

use self::writer::Writer;

/// SHA-256.
pub type Hash = [u8; 32];

#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    #[error("not representable as JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("number {0} is not an integer within ±2^53; write amounts as text")]
    NotAnInteger(String),
    #[error("two members of one object are called {0:?}")]
    Twice(String),
}

/// Largest integer that every JSON reader holds exactly (RFC 8785, section 3.2.2.3).
const INTEGER_MAX: u64 = 1 << 53;

/// Canonical bytes of `value`.
pub fn to_bytes(value: &impl Serialize) -> Result<Vec<u8>, CanonicalError> {
    let mut writer = Writer::with_capacity(1_024);
    value.serialize(&mut writer)?;
    Ok(writer.out)
}

/// SHA-256 of the canonical bytes of `value`.
pub fn hash(value: &impl Serialize) -> Result<Hash, CanonicalError> {
    Ok(Sha256::digest(to_bytes(value)?).into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn text(value: &Value) -> String {
        String::from_utf8(to_bytes(value).expect("canonical")).expect("UTF-8")
    }

    #[test]
    fn members_are_sorted_and_nothing_is_spaced() {
        let value = json!({"b": [1, true, null], "a": {"d": "x", "c": -7}});
        assert_eq!(text(&value), r#"{"a":{"c":-7,"d":"x"},"b":[1,true,null]}"#);
    }

    #[test]
    fn strings_are_escaped_as_in_rfc_8785() {
        // Section 3.2.2.2: the sample string of the RFC.
        let value = json!("\u{20ac}$\u{f}\u{a}A'\u{42}\u{22}\u{5c}\\\"/");
        assert_eq!(text(&value), "\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"");
    }

    #[test]
    fn keys_sort_by_utf16_units() {
        // Section 3.2.3: U+1F600 is a surrogate pair and sorts before U+FB33.
        let value = json!({"\u{fb33}": 1, "\u{1f600}": 2, "\u{20ac}": 3, "1": 4});
        assert_eq!(
            text(&value),
            "{\"1\":4,\"\u{20ac}\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}"
        );
    }

    #[test]
    fn floats_and_large_integers_are_refused() {
        for bad in [json!(1.5), json!(1e300), json!(INTEGER_MAX + 1)] {
            assert!(
                matches!(to_bytes(&bad), Err(CanonicalError::NotAnInteger(_))),
                "{bad}"
            );
        }
    }

    /// The same by the book: a tree, sorted, written.
    fn by_the_book(value: &Value) -> String {
        match value {
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(by_the_book).collect();
                format!("[{}]", items.join(","))
            }
            Value::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_by_key(|(name, _)| name.encode_utf16().collect::<Vec<_>>());
                let member = |(name, value): (&String, &Value)| {
                    format!("{}:{}", json!(name), by_the_book(value))
                };
                let members: Vec<_> = sorted.into_iter().map(member).collect();
                format!("{{{}}}", members.join(","))
            }
            other => other.to_string(),
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-(INTEGER_MAX as i64)..=INTEGER_MAX as i64).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_value_is_written_as_by_the_book(value in any_value()) {
            prop_assert_eq!(text(&value), by_the_book(&value));
        }
    }

    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Shape {
        Unit,
        Newtype(u8),
        Tuple(i64, Option<char>),
        Struct { b: [bool; 2], a: () },
    }

    #[derive(Serialize)]
    struct Outer {
        shapes: Vec<Shape>,
        by_number: BTreeMap<i32, &'static str>,
        absent: Option<u128>,
        #[serde(flatten)]
        more: Inner,
    }

    #[derive(Serialize)]
    struct Inner {
        bytes: (u8, u8),
        a_name: &'static str,
    }

    #[test]
    fn every_shape_of_serde_is_written_as_serde_json_would() {
        let shapes = || {
            vec![
                Shape::Unit,
                Shape::Newtype(7),
                Shape::Tuple(-1, Some('x')),
                Shape::Struct {
                    b: [true, false],
                    a: (),
                },
            ]
        };
        let outer = Outer {
            shapes: shapes(),
            by_number: BTreeMap::from([(10, "ten"), (9, "nine")]),
            absent: None,
            more: Inner {
                bytes: (1, 2),
                a_name: "y",
            },
        };
        let written = String::from_utf8(to_bytes(&outer).expect("canonical")).expect("UTF-8");
        let tree = serde_json::to_value(&outer).expect("JSON");
        assert_eq!(written, by_the_book(&tree));
        assert!(
            written.starts_with(r#"{"a_name":"y","absent":null,"by_number":{"10":"#),
            "{written}"
        );
    }

    #[test]
    fn a_name_cannot_stand_twice() {
        #[derive(Serialize)]
        struct Twice {
            a_name: u8,
            #[serde(flatten)]
            more: Inner,
        }
        let more = Inner {
            bytes: (1, 2),
            a_name: "y",
        };
        let refused = to_bytes(&Twice { a_name: 1, more });
        assert!(matches!(refused, Err(CanonicalError::Twice(name)) if name == "a_name"));
    }
}
