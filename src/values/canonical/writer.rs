//! Writes canonical JSON straight from whatever serde can serialise, without a tree in between.
//!
//! Entry point: [`Writer`]. Members of an object are written as they come and put in order when the
//! object ends; most of the time that is one copy of its bytes.

use std::cmp::Ordering;
use std::ops::Range;

use serde::ser::{self, Serialize};
use serde_json::Value;

use super::{CanonicalError, INTEGER_MAX};

/// A serde serializer that appends to its bytes.
#[derive(Default)]
pub(super) struct Writer {
    pub out: Vec<u8>,
}

impl Writer {
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            out: Vec::with_capacity(bytes),
        }
    }

    fn integer(&mut self, magnitude: u128, text: &str) -> Result<(), CanonicalError> {
        if magnitude > u128::from(INTEGER_MAX) {
            return Err(CanonicalError::NotAnInteger(text.to_owned()));
        }
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// serde_json escapes strings exactly as RFC 8785 asks: only what must be, lower-case hex.
    fn string(&mut self, text: &str) -> Result<(), CanonicalError> {
        Ok(serde_json::to_writer(&mut self.out, text)?)
    }

    fn object(&mut self) -> Members<'_> {
        Members {
            start: self.out.len(),
            writer: self,
            found: Vec::new(),
            pending: None,
            closing: &[],
        }
    }

    /// `{"variant":` around a value.
    fn variant(&mut self, name: &str) -> Result<(), CanonicalError> {
        self.out.push(b'{');
        self.string(name)?;
        self.out.push(b':');
        Ok(())
    }

    fn items(&mut self, closing: &'static [u8]) -> Items<'_> {
        self.out.push(b'[');
        Items {
            writer: self,
            is_first: true,
            closing,
        }
    }
}

macro_rules! integers {
    ($($method:ident: $kind:ty => $wide:ty;)+) => {
        $(fn $method(self, value: $kind) -> Result<(), CanonicalError> {
            let magnitude = <$wide>::from(value).unsigned_abs_or_self();
            self.integer(magnitude, &value.to_string())
        })+
    };
}

/// The size of a number without its sign.
trait Magnitude {
    fn unsigned_abs_or_self(self) -> u128;
}

impl Magnitude for i128 {
    fn unsigned_abs_or_self(self) -> u128 {
        self.unsigned_abs()
    }
}

impl Magnitude for u128 {
    fn unsigned_abs_or_self(self) -> u128 {
        self
    }
}

impl<'w> ser::Serializer for &'w mut Writer {
    type Ok = ();
    type Error = CanonicalError;
    type SerializeSeq = Items<'w>;
    type SerializeTuple = Items<'w>;
    type SerializeTupleStruct = Items<'w>;
    type SerializeTupleVariant = Items<'w>;
    type SerializeMap = Members<'w>;
    type SerializeStruct = Members<'w>;
    type SerializeStructVariant = Members<'w>;

    integers! {
        serialize_i8: i8 => i128;
        serialize_i16: i16 => i128;
        serialize_i32: i32 => i128;
        serialize_i64: i64 => i128;
        serialize_i128: i128 => i128;
        serialize_u8: u8 => u128;
        serialize_u16: u16 => u128;
        serialize_u32: u32 => u128;
        serialize_u64: u64 => u128;
        serialize_u128: u128 => u128;
    }

    fn serialize_bool(self, value: bool) -> Result<(), CanonicalError> {
        let text: &[u8] = if value { b"true" } else { b"false" };
        self.out.extend_from_slice(text);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), CanonicalError> {
        Err(CanonicalError::NotAnInteger(value.to_string()))
    }

    fn serialize_f64(self, value: f64) -> Result<(), CanonicalError> {
        Err(CanonicalError::NotAnInteger(value.to_string()))
    }

    fn serialize_char(self, value: char) -> Result<(), CanonicalError> {
        self.string(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), CanonicalError> {
        self.string(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), CanonicalError> {
        ser::Serializer::collect_seq(self, value)
    }

    fn serialize_none(self) -> Result<(), CanonicalError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CanonicalError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), CanonicalError> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), CanonicalError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), CanonicalError> {
        self.string(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), CanonicalError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), CanonicalError> {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.out.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items<'w>, CanonicalError> {
        Ok(self.items(b"]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Items<'w>, CanonicalError> {
        Ok(self.items(b"]"))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Items<'w>, CanonicalError> {
        Ok(self.items(b"]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Items<'w>, CanonicalError> {
        self.variant(variant)?;
        Ok(self.items(b"]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members<'w>, CanonicalError> {
        Ok(self.object())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'w>, CanonicalError> {
        Ok(self.object())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members<'w>, CanonicalError> {
        self.variant(variant)?;
        let mut members = self.object();
        members.closing = b"}";
        Ok(members)
    }
}

/// An array being written.
pub(super) struct Items<'w> {
    writer: &'w mut Writer,
    is_first: bool,
    closing: &'static [u8],
}

impl Items<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        if !self.is_first {
            self.writer.out.push(b',');
        }
        self.is_first = false;
        value.serialize(&mut *self.writer)
    }

    fn close(self) -> Result<(), CanonicalError> {
        self.writer.out.extend_from_slice(self.closing);
        Ok(())
    }
}

/// An object being written: each member is `"name":value`, without what parts them.
pub(super) struct Members<'w> {
    writer: &'w mut Writer,
    start: usize,
    found: Vec<(Name, Range<usize>)>,
    /// Name of a map's entry whose value is still to come.
    pending: Option<String>,
    closing: &'static [u8],
}

enum Name {
    Of(&'static str),
    Made(String),
}

impl Name {
    fn text(&self) -> &str {
        match self {
            Self::Of(name) => name,
            Self::Made(name) => name,
        }
    }
}

/// By UTF-16 code units (RFC 8785, section 3.2.3); within ASCII that is by bytes.
fn in_order(a: &str, b: &str) -> Ordering {
    match a.is_ascii() && b.is_ascii() {
        true => a.cmp(b),
        false => a.encode_utf16().cmp(b.encode_utf16()),
    }
}

impl Members<'_> {
    fn member<T: Serialize + ?Sized>(
        &mut self,
        name: Name,
        value: &T,
    ) -> Result<(), CanonicalError> {
        let start = self.writer.out.len();
        self.writer.string(name.text())?;
        self.writer.out.push(b':');
        value.serialize(&mut *self.writer)?;
        self.found.push((name, start..self.writer.out.len()));
        Ok(())
    }

    fn close(mut self) -> Result<(), CanonicalError> {
        self.found
            .sort_by(|(a, _), (b, _)| in_order(a.text(), b.text()));
        for pair in self.found.windows(2) {
            if let [(a, _), (b, _)] = pair
                && a.text() == b.text()
            {
                return Err(CanonicalError::Twice(a.text().to_owned()));
            }
        }
        let out = &mut self.writer.out;
        let mut object = Vec::with_capacity(out.len() - self.start + self.found.len() + 2);
        object.push(b'{');
        for (index, (_, range)) in self.found.iter().enumerate() {
            if index > 0 {
                object.push(b',');
            }
            object.extend_from_slice(&out[range.clone()]);
        }
        object.push(b'}');
        out.truncate(self.start);
        out.extend_from_slice(&object);
        out.extend_from_slice(self.closing);
        Ok(())
    }
}

/// What may name a member: text, or what serde_json writes as text there.
fn name_of<T: Serialize + ?Sized>(key: &T) -> Result<String, CanonicalError> {
    match serde_json::to_value(key)? {
        Value::String(name) => Ok(name),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        other => Err(ser::Error::custom(format!("{other} cannot name a member"))),
    }
}

impl ser::Error for CanonicalError {
    fn custom<T: std::fmt::Display>(reason: T) -> Self {
        Self::NotJson(ser::Error::custom(reason))
    }
}

macro_rules! items {
    ($($part:ident::$method:ident;)+) => {
        $(impl ser::$part for Items<'_> {
            type Ok = ();
            type Error = CanonicalError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
                self.item(value)
            }

            fn end(self) -> Result<(), CanonicalError> {
                self.close()
            }
        })+
    };
}

items! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

macro_rules! fields {
    ($($part:ident;)+) => {
        $(impl ser::$part for Members<'_> {
            type Ok = ();
            type Error = CanonicalError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), CanonicalError> {
                self.member(Name::Of(name), value)
            }

            fn end(self) -> Result<(), CanonicalError> {
                self.close()
            }
        })+
    };
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}

impl ser::SerializeMap for Members<'_> {
    type Ok = ();
    type Error = CanonicalError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), CanonicalError> {
        self.pending = Some(name_of(key)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CanonicalError> {
        let name = self.pending.take().unwrap_or_default();
        self.member(Name::Made(name), value)
    }

    fn end(self) -> Result<(), CanonicalError> {
        self.close()
    }
}
