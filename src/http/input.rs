//! Reading a query or a JSON body field by field, so that every mistake is named at once.
//!
//! Entry points: [`Input::of_query`], [`Input::of_body`]; then one call a field, then
//! [`Input::finish`]. Invariants: a field that nobody asked for is refused by name; a number is
//! taken as the text it was written in, never through floating point.

use std::collections::BTreeMap;
use std::fmt;

use actix_web::web;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::endpoint::Param;
use super::problem::{Code, FieldError, Problem};

/// One value as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Given {
    Text(String),
    /// A JSON number, literally.
    Number(String),
    /// JSON of another kind, literally.
    Other(String),
}

impl Given {
    fn as_sent(&self) -> &str {
        match self {
            Given::Text(text) | Given::Number(text) | Given::Other(text) => text,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Input {
    values: BTreeMap<String, Given>,
    /// Asked for so far.
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
    /// A secret was asked for: nothing that was sent is repeated.
    secretive: bool,
    code: Code,
    /// What the fields are called together.
    place: &'static str,
}

impl Input {
    /// Parameters of a query; those not in `allowed`, and those given twice, are mistakes.
    pub fn of_query(query: &str, allowed: &'static [Param]) -> Result<Self, Problem> {
        let pairs = web::Query::<Vec<(String, String)>>::from_query(query);
        let pairs = pairs.map_err(|_| {
            Problem::new(Code::BadRequest, "the query is not `name=value&name=value`")
        })?;
        let mut input = Self::empty(Code::BadRequest, "the query");
        input.known = allowed.iter().map(|param| param.name).collect();
        for (name, value) in pairs.into_inner() {
            input.put(name, Given::Text(value));
        }
        Ok(input)
    }

    /// Fields of a JSON object; nothing at all is an object without fields.
    pub fn of_body(body: &[u8]) -> Result<Self, Problem> {
        let mut input = Self::empty(Code::InvalidField, "the body");
        if body.is_empty() {
            return Ok(input);
        }
        let Pairs(pairs) = serde_json::from_slice(body).map_err(|error| {
            let detail = format!("the body is not one JSON object: {error}");
            Problem::new(Code::MalformedJson, detail)
        })?;
        for (name, raw) in pairs {
            if let Some(given) = given(raw.get()) {
                input.put(name, given);
            }
        }
        Ok(input)
    }

    /// No fields at all.
    pub fn of_nothing() -> Self {
        Self::empty(Code::BadRequest, "the query")
    }

    fn empty(code: Code, place: &'static str) -> Self {
        Self {
            values: BTreeMap::new(),
            known: Vec::new(),
            errors: Vec::new(),
            secretive: false,
            code,
            place,
        }
    }

    fn put(&mut self, name: String, given: Given) {
        if self.values.contains_key(&name) {
            let message = format!("{name} is given twice");
            let error = FieldError::new(name, None, message, "once");
            return self.errors.push(error);
        }
        self.values.insert(name, given);
    }

    /// A text read by `parse`; `None` when it was not sent, or is wrong.
    pub fn optional<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.note(name);
        match self.values.get(name)? {
            Given::Text(text) => match parse(text) {
                Ok(value) => Some(value),
                Err(error) => {
                    let found = text.clone();
                    self.wrong(name, Some(&found), error.to_string(), allowed);
                    None
                }
            },
            Given::Number(raw) | Given::Other(raw) => {
                let found = raw.clone();
                self.wrong(
                    name,
                    Some(&found),
                    format!("{name} is not a string"),
                    allowed,
                );
                None
            }
        }
    }

    /// The same for a field that has to be there.
    pub fn required<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if !self.has(name) {
            self.wrong(name, None, format!("{name} is missing"), allowed);
            return None;
        }
        self.optional(name, allowed, parse)
    }

    /// A text that has to be there and is never repeated to anybody.
    pub fn secret<T>(
        &mut self,
        name: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        self.note(name);
        self.secretive = true;
        let parsed = match self.values.remove(name) {
            None => Err("is missing"),
            Some(Given::Text(text)) => parse(&text).map_err(|_| "is not allowed"),
            Some(_) => Err("is not a string"),
        };
        let fail = |reason| FieldError::new(name, None, format!("{name} {reason}"), allowed);
        parsed.map_err(|reason| self.errors.push(fail(reason))).ok()
    }

    /// A decimal: a string, or a JSON number without fraction or exponent.
    pub fn decimal<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        allowed: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if let Some(Given::Number(raw)) = self.values.get(name) {
            let whole = raw.strip_prefix('-').unwrap_or(raw);
            if whole.bytes().all(|byte| byte.is_ascii_digit()) {
                let text = Given::Text(raw.clone());
                self.values.insert(name.to_owned(), text);
            } else {
                let found = raw.clone();
                let message = format!(
                    "{name} is a JSON number with fraction or exponent; write decimals as strings"
                );
                self.note(name);
                self.wrong(name, Some(&found), message, allowed);
                return None;
            }
        }
        self.optional(name, allowed, parse)
    }

    /// Whether a value was sent; also makes `name` known.
    pub fn has(&mut self, name: &'static str) -> bool {
        self.note(name);
        self.values.contains_key(name)
    }

    /// One more mistake. `found` of `None`: as it was sent, if it was.
    pub fn wrong(
        &mut self,
        name: &'static str,
        found: Option<&str>,
        message: impl Into<String>,
        allowed: &str,
    ) {
        let sent = self.values.get(name).map(Given::as_sent);
        let error = FieldError::new(name, found.or(sent), message, allowed);
        self.errors.push(error);
    }

    fn note(&mut self, name: &'static str) {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
    }

    /// Every mistake, those in the names included.
    pub fn finish(mut self) -> Result<(), Problem> {
        let known = self.known.join(", ");
        let allowed = match known.is_empty() {
            true => "nothing".to_owned(),
            false => known,
        };
        for (name, given) in &self.values {
            if !self.known.contains(&name.as_str()) {
                let message = format!("{} takes no {name:?}", self.place);
                let name: String = name.chars().take(64).collect();
                // A secret under a mistyped name is still one.
                let found = (!self.secretive).then(|| given.as_sent());
                let error = FieldError::new(name, found, message, &*allowed);
                self.errors.push(error);
            }
        }
        match self.errors.as_slice() {
            [] => Ok(()),
            [only] => {
                let detail = format!(
                    "{}: {}; allowed: {}",
                    only.field, only.message, only.allowed
                );
                Err(Problem::new(self.code, detail).with_errors(self.errors))
            }
            many => {
                let names: Vec<_> = many.iter().map(|error| error.field.as_str()).collect();
                let detail = format!(
                    "{} has {} mistakes: {}",
                    self.place,
                    many.len(),
                    names.join(", ")
                );
                Err(Problem::new(self.code, detail).with_errors(self.errors))
            }
        }
    }

    /// Ends the reading with `values`, all of which are there when no mistake was made.
    pub fn made<T>(self, values: Option<T>) -> Result<T, Problem> {
        self.finish()?;
        values.ok_or_else(|| Problem::internal("a field is missing without a word"))
    }
}

/// `null` counts as not sent.
fn given(raw: &str) -> Option<Given> {
    match raw.as_bytes().first() {
        Some(b'n') => None,
        Some(b'"') => match serde_json::from_str(raw) {
            Ok(text) => Some(Given::Text(text)),
            Err(_) => Some(Given::Other(raw.to_owned())),
        },
        Some(b'-' | b'0'..=b'9') => Some(Given::Number(raw.to_owned())),
        _ => Some(Given::Other(raw.to_owned())),
    }
}

/// The members of a JSON object in order, unread, repeated names included.
struct Pairs(Vec<(String, Box<RawValue>)>);

impl<'de> de::Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Pairs, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Quantity;

    fn quantity(body: &str) -> (Option<Quantity>, Option<FieldError>) {
        let mut input = Input::of_body(body.as_bytes()).expect("an object");
        let found = input.decimal("quantity", "a decimal", str::parse::<Quantity>);
        let error = input
            .finish()
            .err()
            .map(|problem| problem.errors[0].clone());
        (found, error)
    }

    /// A password under a mistyped name is still one.
    #[test]
    fn nothing_is_repeated_where_a_secret_was_asked_for() {
        let body = br#"{"user":"a","Password":"hunter2hunter2"}"#;
        let mut input = Input::of_body(body).expect("an object");
        let _ = input.secret("password", "text", |text| Ok(text.to_owned()));
        let problem = input.finish().expect_err("two mistakes");
        let told = format!(
            "{problem:?} {}",
            serde_json::to_string(&problem.errors).expect("JSON")
        );
        assert!(told.contains("Password"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn decimals_are_strings_or_whole_numbers() {
        let ten = "10".parse().ok();
        assert_eq!(quantity(r#"{"quantity":"10"}"#), (ten, None));
        assert_eq!(quantity(r#"{"quantity":10}"#), (ten, None));
        for (raw, found) in [
            ("0.1", "0.1"),
            ("1e400", "1e400"),
            ("1E2", "1E2"),
            ("true", "true"),
            ("[1]", "[1]"),
            ("\"ten\"", "ten"),
        ] {
            let (value, error) = quantity(&format!("{{\"quantity\":{raw}}}"));
            assert_eq!(value, None, "{raw}");
            assert_eq!(error.and_then(|error| error.found).as_deref(), Some(found));
        }
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let body = br#"{"a":1,"b":"x","b":"y","odd":[[[]]]}"#;
        let mut input = Input::of_body(body).expect("an object");
        input.required("a", "text", |text| Ok::<_, String>(text.to_owned()));
        input.required("b", "text", |text| Ok::<_, String>(text.to_owned()));
        input.required("c", "text", |text| Ok::<_, String>(text.to_owned()));
        let problem = input.finish().expect_err("mistakes");
        let fields: Vec<_> = problem.errors.iter().map(|error| &*error.field).collect();
        assert_eq!(fields, ["b", "a", "c", "odd"]);
        assert_eq!(problem.errors[3].allowed, "a, b, c");
    }

    #[test]
    fn what_is_no_object_is_malformed() {
        for body in ["[1]", "{", "7", "\"x\"", "{\"a\":}", "\u{7f}"] {
            let problem = Input::of_body(body.as_bytes()).expect_err(body);
            assert_eq!(problem.code, Code::MalformedJson, "{body}");
        }
        let deep = format!("{{\"a\":{}", "[".repeat(30_000));
        assert!(Input::of_body(deep.as_bytes()).is_err());
    }
}
