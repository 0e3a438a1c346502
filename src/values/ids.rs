//! One type per identity, so that an order id can never stand where an account id belongs.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::user::{NOBODY, UserName};

/// Longest text id in bytes.
pub const ID_BYTES_MAX: usize = 128;
/// Longest stream name in bytes: the longest id behind the longest category and scope.
pub const STREAM_BYTES_MAX: usize = ID_BYTES_MAX + 32;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("{kind} is empty; give 1 to {ID_BYTES_MAX} characters")]
    Empty { kind: &'static str },
    #[error("{kind} is {length} bytes long; at most {allowed} are allowed")]
    TooLong {
        kind: &'static str,
        length: usize,
        allowed: usize,
    },
    #[error("{kind} {text:?} contains {found:?}; allowed are letters, digits and . _ : -")]
    BadCharacter {
        kind: &'static str,
        text: String,
        found: char,
    },
    #[error("{text:?} is not a stream name; a stream is `category-id`, for example `order-42`")]
    NotAStream { text: String },
}

fn checked(kind: &'static str, text: &str, allowed: usize) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty { kind });
    }
    if text.len() > allowed {
        return Err(IdError::TooLong {
            kind,
            length: text.len(),
            allowed,
        });
    }
    let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
    match text.chars().find(|c| !usual(*c)) {
        Some(found) => Err(IdError::BadCharacter {
            kind,
            text: text.to_owned(),
            found,
        }),
        None => Ok(()),
    }
}

/// Declares text ids that share one grammar: 1 to 128 characters of `A-Z a-z 0-9 . _ : -`.
macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)+) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(try_from = "String", into = "String")]
        #[schemars(extend("pattern" = "^[A-Za-z0-9._:-]{1,128}$"))]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// Parses the id; see [`IdError`] for what is refused.
            pub fn new(text: &str) -> Result<Self, IdError> {
                checked($kind, text, ID_BYTES_MAX)?;
                Ok(Self(text.into()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }
    )+};
}

text_ids! {
    /// One trading account.
    AccountId = "account id";
    /// Our id of an order; also the name of its stream (`order-{id}`).
    OrderId = "order id";
    /// FIX ClOrdID: the id under which an order is sent, and only ever re-sent, to its venue.
    ClientOrderId = "client order id";
    /// FIX OrderID: what the venue calls the order.
    VenueOrderId = "venue order id";
    /// FIX ExecID: the venue's id of one execution; a fill is booked once per execution id.
    ExecutionId = "execution id";
    /// One instance of a strategy.
    StrategyId = "strategy id";
    /// A place where orders are executed.
    VenueId = "venue id";
    /// One running program on one machine.
    NodeId = "node id";
    /// An instrument's ticker.
    Symbol = "symbol";
    /// Chosen by whoever commands; a repeated id means the same command again.
    CommandId = "command id";
}

/// Derives an id from names, the same one every time.
///
/// Facts that follow from facts get derived ids: that is what makes repeating a step harmless. Where
/// one of the names is an id with a time (UUID version 7, or 8 as made here), the result starts with
/// that time (version 8, RFC 9562) and sorts beside its cause: what is written together then stands
/// together in every index. Without one it is a hash only (version 5).
pub fn derived_uuid(parts: &[&str]) -> Uuid {
    let hash = hashed_uuid(parts);
    match parts.iter().find_map(|part| moment_of(part)) {
        Some(moment) => starting_with(moment, hash),
        None => hash,
    }
}

/// Derives an id without a time from names (UUID version 5). All derived ids were of this kind once.
pub fn hashed_uuid(parts: &[&str]) -> Uuid {
    const NAMESPACE: Uuid = Uuid::from_u128(0x9d3a_61c4_52b0_5e0f_8c1d_0b10_77e4_0001);
    // The separator cannot occur in an id, so ("ab","c") and ("a","bc") differ.
    Uuid::new_v5(&NAMESPACE, parts.join("\u{1f}").as_bytes())
}

/// Leading bytes of an id that name its moment: 256 ms. More of them would leave less of the hash.
const MOMENT_BYTES: usize = 5;

fn moment_of(part: &str) -> Option<[u8; MOMENT_BYTES]> {
    const UUID_CHARS: usize = 36;
    let id = (part.len() == UUID_CHARS).then(|| Uuid::try_parse(part).ok())??;
    let has_time = matches!(id.get_version_num(), 7 | 8);
    has_time.then(|| id.into_bytes().first_chunk().copied())?
}

fn starting_with(moment: [u8; MOMENT_BYTES], hash: Uuid) -> Uuid {
    let mut bytes = hash.into_bytes();
    bytes[..MOMENT_BYTES].copy_from_slice(&moment);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

impl OrderId {
    /// The order a command of `principal` creates.
    pub fn of_command(principal: &str, command: &CommandId) -> Self {
        let id = derived_uuid(&["order", principal, command.as_str()]);
        Self(id.to_string().into())
    }
}

impl ClientOrderId {
    /// The id an order without one of its own is sent under.
    pub fn of_order(order: &OrderId) -> Self {
        Self(order.0.clone())
    }

    /// The id under which an order that `command` asks for is sent.
    pub fn of_command(command: &CommandId) -> Self {
        Self(
            derived_uuid(&["client-order", command.as_str()])
                .to_string()
                .into(),
        )
    }
}

impl CommandId {
    /// The command that follows from `parts`, the same every time.
    pub fn derived(parts: &[&str]) -> Self {
        Self(derived_uuid(parts).to_string().into())
    }
}

impl ExecutionId {
    /// The execution that follows from `parts`, the same every time.
    pub fn derived(parts: &[&str]) -> Self {
        Self(derived_uuid(parts).to_string().into())
    }
}

impl VenueOrderId {
    /// The venue order that follows from `parts`, the same every time.
    pub fn derived(parts: &[&str]) -> Self {
        Self(derived_uuid(parts).to_string().into())
    }
}

/// Identity of one recorded event.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct EventId(pub Uuid);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Declares counters that start at 1; 0 means "before the first".
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// Before the first.
            pub const ZERO: Self = Self(0);

            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            pub const fn get(self) -> u64 {
                self.0
            }

            /// The one `count` later.
            #[must_use]
            pub const fn plus(self, count: u64) -> Self {
                Self(self.0 + count)
            }

            #[must_use]
            pub const fn next(self) -> Self {
                self.plus(1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

counters! {
    /// Global position of an event in its log: 1, 2, 3 ... without gaps. 0 is before the first.
    Position;
    /// Version of an event in its stream: 1, 2, 3 ... without gaps. 0 is the empty stream.
    Version;
}

/// A stream, `category-id`; the category ends at the first `-`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[A-Za-z0-9._:]+-[A-Za-z0-9._:-]+$", "maxLength" = STREAM_BYTES_MAX))]
pub struct StreamName(std::sync::Arc<str>);

impl StreamName {
    pub fn new(text: &str) -> Result<Self, IdError> {
        checked("stream name", text, STREAM_BYTES_MAX)?;
        let not_a_stream = || IdError::NotAStream {
            text: text.to_owned(),
        };
        let (category, id) = text.split_once('-').ok_or_else(not_a_stream)?;
        if category.is_empty() || id.is_empty() {
            return Err(not_a_stream());
        }
        Ok(Self(text.into()))
    }

    pub fn account(id: &AccountId) -> Self {
        Self::of("account", id.as_str())
    }

    pub fn order(id: &OrderId) -> Self {
        Self::of("order", id.as_str())
    }

    pub fn strategy(id: &StrategyId) -> Self {
        Self::of("strategy", id.as_str())
    }

    pub fn market(symbol: &Symbol) -> Self {
        Self::of("market", symbol.as_str())
    }

    pub fn instrument(symbol: &Symbol) -> Self {
        Self::of("instrument", symbol.as_str())
    }

    pub fn node(id: &NodeId) -> Self {
        Self::of("node", id.as_str())
    }

    pub fn user(name: &UserName) -> Self {
        Self::of("user", name.as_str())
    }

    /// Of attempts to come in that name no known user.
    pub fn unknown_user() -> Self {
        Self::of("user", NOBODY)
    }

    /// Risk limits of the firm (`firm`) or of one account (`account:{id}`).
    pub fn limits(scope: &str) -> Self {
        Self::of("limits", scope)
    }

    /// All kill switches.
    pub fn halts() -> Self {
        Self::of("system", "halts")
    }

    fn of(category: &str, id: &str) -> Self {
        Self(format!("{category}-{id}").into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn category(&self) -> &str {
        self.0.split_once('-').map_or("", |(category, _)| category)
    }

    pub fn id(&self) -> &str {
        self.0.split_once('-').map_or("", |(_, id)| id)
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StreamName {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::new(text)
    }
}

impl TryFrom<String> for StreamName {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        Self::new(&text)
    }
}

impl From<StreamName> for String {
    fn from(name: StreamName) -> String {
        name.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_takes_the_fields_usual_characters_and_nothing_else() {
        assert_eq!(
            AccountId::new("acc-1.a_b:c").map(|id| id.to_string()),
            Ok("acc-1.a_b:c".into())
        );
        assert_eq!(
            AccountId::new(""),
            Err(IdError::Empty { kind: "account id" })
        );
        assert!(matches!(
            Symbol::new("AA PL"),
            Err(IdError::BadCharacter { found: ' ', .. })
        ));
        assert!(matches!(
            OrderId::new(&"x".repeat(ID_BYTES_MAX + 1)),
            Err(IdError::TooLong { length: 129, .. })
        ));
    }

    #[test]
    fn a_stream_is_split_at_its_first_hyphen() {
        let stream = StreamName::new("order-a-b").expect("a stream");
        assert_eq!((stream.category(), stream.id()), ("order", "a-b"));
        assert!(StreamName::new("order").is_err());
        assert!(StreamName::new("-b").is_err());
    }

    #[test]
    fn the_longest_id_makes_a_stream_name_that_reads_back() {
        let longest = "x".repeat(ID_BYTES_MAX);
        let account = AccountId::new(&longest).expect("an id");
        let names = [
            StreamName::account(&account),
            StreamName::strategy(&StrategyId::new(&longest).expect("an id")),
            StreamName::instrument(&Symbol::new(&longest).expect("an id")),
            StreamName::limits(&format!("account:{account}")),
        ];
        for name in names {
            assert_eq!(StreamName::new(name.as_str()), Ok(name));
        }
    }

    #[test]
    fn derived_ids_repeat_and_do_not_run_together() {
        assert_eq!(derived_uuid(&["a", "b"]), derived_uuid(&["a", "b"]));
        assert_ne!(derived_uuid(&["ab", "c"]), derived_uuid(&["a", "bc"]));
        let timed = "01a1fa62-49a1-76a8-a7a8-e03549fdba5e";
        let derived = |name| derived_uuid(&[name, timed]);
        assert_eq!(derived("a"), derived("a"));
        assert_ne!(derived("a"), derived("b"));
    }

    #[test]
    fn what_follows_from_a_moment_sorts_with_it() {
        let earlier = "01a1fa62-49a1-76a8-a7a8-e03549fdba5e";
        let later = "01a1fa62-4aff-7000-8000-000000000000";
        let order = |command: &str| derived_uuid(&["order", "key:1", command]).to_string();
        let commit = |command: &str| derived_uuid(&["commit", &order(command)]);
        assert!(commit(earlier) < commit(later));
        assert!(commit(earlier).to_string().starts_with("01a1fa62-49"));
        assert_eq!(commit(earlier).get_version_num(), 8);
    }

    #[test]
    fn what_has_no_time_gets_none() {
        let random = "9d38e607-42ab-4b35-8cdd-51259fd62a39";
        let hashed = "9d38e607-42ab-5b35-8cdd-51259fd62a39";
        for part in [random, hashed, "01a1fa62", ""] {
            assert_eq!(
                derived_uuid(&["order", part]).get_version_num(),
                5,
                "{part}"
            );
        }
    }
}
