//! Canonical JSON (RFC 8785): one text for one value, so that equal means equal bytes.
//!
//! Used for stored records, command fingerprints and the state hash. Numbers are integers only:
//! amounts are text, and a float anywhere in a record is a defect that this refuses.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256.
pub type Hash = [u8; 32];

#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    #[error("not representable as JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    #[error("number {0} is not an integer within ±2^53; write amounts as text")]
    NotAnInteger(serde_json::Number),
}

/// Largest integer that every JSON reader holds exactly (RFC 8785, section 3.2.2.3).
const INTEGER_MAX: u64 = 1 << 53;

/// Canonical bytes of `value`.
pub fn to_bytes(value: &impl Serialize) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::with_capacity(512);
    write(&serde_json::to_value(value)?, &mut out)?;
    Ok(out)
}

/// SHA-256 of the canonical bytes of `value`.
pub fn hash(value: &impl Serialize) -> Result<Hash, CanonicalError> {
    Ok(Sha256::digest(to_bytes(value)?).into())
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match value {
        Value::Number(number) => write_integer(number, out)?,
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            out.push(b'{');
            for (index, (name, member)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                serde_json::to_writer(&mut *out, name)?;
                out.push(b':');
                write(member, out)?;
            }
            out.push(b'}');
        }
        // serde_json escapes strings exactly as RFC 8785 asks: only what must be, lower-case hex.
        Value::Null | Value::Bool(_) | Value::String(_) => serde_json::to_writer(out, value)?,
    }
    Ok(())
}

fn write_integer(number: &serde_json::Number, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    let magnitude = number
        .as_u64()
        .or_else(|| number.as_i64().map(i64::unsigned_abs));
    match magnitude {
        Some(magnitude) if magnitude <= INTEGER_MAX => {
            out.extend_from_slice(number.to_string().as_bytes());
            Ok(())
        }
        _ => Err(CanonicalError::NotAnInteger(number.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
}
