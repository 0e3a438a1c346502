//! How the catalogue changes while what was recorded stays.
//!
//! A shape is one schema version of one event type. The shape of today is the struct in the
//! catalogue. Each earlier one is kept as a struct of its own with a conversion to the next
//! ([`Former`]); from there the compiler finds the way up to today ([`Stored`]). Reading a fact
//! ([`Shape::read`]) takes that way; stored bytes and hashes are never touched.
//!
//! Invariants: conversions are pure and cannot fail; a catalogue in which a version from 1 to
//! today's has no way up does not compile.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::schema;

/// A shape that is not written any more.
pub trait Former: Serialize + DeserializeOwned + JsonSchema {
    /// The shape that came after it.
    type Next;

    fn upcast(self) -> Self::Next;
}

/// A shape that stands in the log, with its way up to the events `E` of today.
pub trait Stored<E>: Serialize + DeserializeOwned + JsonSchema {
    const SCHEMA_VERSION: u32;

    fn into_event(self) -> E;
}

impl<E, F> Stored<E> for F
where
    F: Former,
    F::Next: Stored<E>,
{
    const SCHEMA_VERSION: u32 = <F::Next as Stored<E>>::SCHEMA_VERSION - 1;

    fn into_event(self) -> E {
        self.upcast().into_event()
    }
}

/// One line of a catalogue of events `E`: an event type in one of its schema versions.
pub struct Shape<E> {
    /// The event type, as it stands in the record.
    pub name: &'static str,
    pub schema_version: u32,
    /// Which stream it stands on, for example `order-{id}`.
    pub stream: &'static str,
    /// The first release that wrote it.
    pub since: &'static str,
    read: fn(&RawValue) -> serde_json::Result<E>,
    rewrite: fn(&RawValue) -> serde_json::Result<Value>,
    schema: fn() -> Value,
}

impl<E> Shape<E> {
    pub const fn of<F: Stored<E>>(
        name: &'static str,
        stream: &'static str,
        since: &'static str,
    ) -> Self {
        Self {
            name,
            schema_version: F::SCHEMA_VERSION,
            stream,
            since,
            read: |payload| serde_json::from_str::<F>(payload.get()).map(F::into_event),
            rewrite: |payload| serde_json::to_value(serde_json::from_str::<F>(payload.get())?),
            schema: schema::of::<F>,
        }
    }

    /// The fact of a stored payload, in the shape of today.
    pub fn read(&self, payload: &RawValue) -> serde_json::Result<E> {
        (self.read)(payload)
    }

    /// A stored payload written anew in its own shape. It differs from what is stored where that
    /// holds anything this shape does not.
    pub fn rewrite(&self, payload: &RawValue) -> serde_json::Result<Value> {
        (self.rewrite)(payload)
    }

    /// JSON Schema (draft 2020-12) of the payload.
    pub fn schema(&self) -> Value {
        (self.schema)()
    }
}

/// Whether a type's schema versions, the oldest first, are 1, 2, 3 ... without a gap.
pub(super) const fn is_complete(versions: &[u32]) -> bool {
    let mut index = 0;
    while index < versions.len() {
        if versions[index] as usize != index + 1 {
            return false;
        }
        index += 1;
    }
    !versions.is_empty()
}

/// Declares `Event` over the structs of a catalogue, by stream, each with its schema version, the
/// release that first wrote it, and in brackets its former shapes, the oldest first.
macro_rules! catalogue {
    ($($stream:literal {
        $($name:ident = $version:literal since $since:literal
            $([$($former:ident since $former_since:literal),+])?;)+
    })+) => {
        /// Any fact that can be recorded.
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        #[serde(untagged)]
        pub enum Event {
            $($($name($name),)+)+
        }

        impl Event {
            /// Every event type with its current schema version.
            pub const TYPES: &'static [(&'static str, u32)] =
                &[$($((stringify!($name), $version),)+)+];

            /// Every shape that a stored fact may have.
            pub const SHAPES: &'static [$crate::events::catalogue::Shape<Self>] = &[$($(
                $($($crate::events::catalogue::Shape::of::<$former>(
                    stringify!($name), $stream, $former_since,
                ),)+)?
                $crate::events::catalogue::Shape::of::<$name>(stringify!($name), $stream, $since),
            )+)+];

            /// The type's name, as it stands in the record.
            pub fn name(&self) -> &'static str {
                match self {
                    $($(Event::$name(_) => stringify!($name),)+)+
                }
            }

            /// The schema version that this program writes.
            pub fn schema_version(&self) -> u32 {
                match self {
                    $($(Event::$name(_) => $version,)+)+
                }
            }
        }

        $($(
            const _: () = assert!(
                $crate::events::catalogue::evolution::is_complete(&[
                    $($(<$former as $crate::events::catalogue::Stored<Event>>::SCHEMA_VERSION,)+)?
                    $version,
                ]),
                concat!(
                    stringify!($name),
                    ": name every former shape in brackets, the oldest first",
                ),
            );

            impl From<$name> for Event {
                fn from(fact: $name) -> Event {
                    Event::$name(fact)
                }
            }

            impl $crate::events::catalogue::Stored<Event> for $name {
                const SCHEMA_VERSION: u32 = $version;

                fn into_event(self) -> Event {
                    Event::$name(self)
                }
            }
        )+)+
    };
}
pub(super) use catalogue;

#[cfg(test)]
mod tests;
