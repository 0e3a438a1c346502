//! A made-up catalogue with a fact in its third version.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::{Former, is_complete};

/// At first what was paid and the fee were one text.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct FeePaidV1 {
    total: String,
}

/// Then they were apart.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct FeePaidV2 {
    amount: String,
    fee: String,
}

/// Now it is known who was paid, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeePaid {
    amount: String,
    fee: String,
    payee: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotePut {
    text: String,
}

impl Former for FeePaidV1 {
    type Next = FeePaidV2;

    fn upcast(self) -> FeePaidV2 {
        let (amount, fee) = match self.total.split_once('+') {
            Some((amount, fee)) => (amount.to_owned(), fee.to_owned()),
            None => (self.total, "0".to_owned()),
        };
        FeePaidV2 { amount, fee }
    }
}

impl Former for FeePaidV2 {
    type Next = FeePaid;

    fn upcast(self) -> FeePaid {
        FeePaid {
            amount: self.amount,
            fee: self.fee,
            payee: None,
        }
    }
}

mod made_up {
    use super::{FeePaid, FeePaidV1, FeePaidV2, NotePut};

    super::super::catalogue! {
        "fee-{id}" {
            FeePaid = 3 since "0.3" [FeePaidV1 since "0.1", FeePaidV2 since "0.2"];
        }
        "note-{id}" {
            NotePut = 1 since "0.1";
        }
    }
}

use made_up::Event;

fn raw(value: serde_json::Value) -> Box<RawValue> {
    to_raw_value(&value).expect("a payload")
}

fn read(name: &str, version: u32, payload: serde_json::Value) -> Event {
    let mut shapes = Event::SHAPES.iter();
    let shape = shapes.find(|shape| (shape.name, shape.schema_version) == (name, version));
    let shape = shape.expect("a shape");
    shape.read(&raw(payload)).expect("a fact")
}

#[test]
fn every_version_is_read_as_that_of_today() {
    let paid = |payee: Option<&str>| {
        Event::from(FeePaid {
            amount: "5".to_owned(),
            fee: "1".to_owned(),
            payee: payee.map(str::to_owned),
        })
    };
    let stored = [
        (1, json!({"total": "5+1"}), None),
        (2, json!({"amount": "5", "fee": "1"}), None),
        (
            3,
            json!({"amount": "5", "fee": "1", "payee": "x"}),
            Some("x"),
        ),
    ];
    for (version, payload, payee) in stored {
        let fact = read("FeePaid", version, payload);
        assert_eq!(fact, paid(payee), "version {version}");
        assert_eq!((fact.name(), fact.schema_version()), ("FeePaid", 3));
    }
    let note = NotePut {
        text: "x".to_owned(),
    };
    assert_eq!(read("NotePut", 1, json!({"text": "x"})), Event::from(note));
}

#[test]
fn a_catalogue_lists_every_version_from_the_first() {
    let listed: Vec<_> = Event::SHAPES
        .iter()
        .map(|shape| (shape.name, shape.schema_version, shape.stream, shape.since))
        .collect();
    assert_eq!(
        listed,
        [
            ("FeePaid", 1, "fee-{id}", "0.1"),
            ("FeePaid", 2, "fee-{id}", "0.2"),
            ("FeePaid", 3, "fee-{id}", "0.3"),
            ("NotePut", 1, "note-{id}", "0.1"),
        ]
    );
    assert_eq!(Event::TYPES, [("FeePaid", 3), ("NotePut", 1)]);
}

/// What keeps a catalogue with a gap from compiling.
#[test]
fn a_gap_is_seen() {
    assert!(is_complete(&[1]) && is_complete(&[1, 2, 3]));
    for gap in [&[][..], &[2], &[0, 1], &[1, 3], &[2, 1], &[1, 1, 2]] {
        assert!(!is_complete(gap), "{gap:?}");
    }
}

#[test]
fn a_payload_is_rewritten_in_its_own_version() {
    let first = &Event::SHAPES[0];
    let stored = json!({"total": "5+1"});
    let rewritten = first.rewrite(&raw(stored.clone())).expect("a payload");
    assert_eq!(rewritten, stored);
    let with_more = first.rewrite(&raw(json!({"total": "5+1", "more": 1})));
    assert_eq!(with_more.expect("a payload"), stored);
    assert!(first.rewrite(&raw(json!({"amount": "5"}))).is_err());
}
