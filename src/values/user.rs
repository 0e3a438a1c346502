//! What a user is called.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest user name in characters.
pub const USER_NAME_MAX: usize = 32;
/// Stands in stream names for whoever named no known user, so nobody may be called that.
pub const NOBODY: &str = "unknown";

/// The name a person logs in with: 1 to 32 of `a-z 0-9 . _ -`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = "^[a-z0-9._-]{1,32}$"))]
pub struct UserName(std::sync::Arc<str>);

/// Why a text is not a user's name. It does not repeat the text: people type passwords there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a user name; allowed: 1 to {USER_NAME_MAX} of a-z 0-9 . _ -, and not \"{NOBODY}\"")]
pub struct UserNameError;

impl UserName {
    pub fn new(text: &str) -> Result<Self, UserNameError> {
        let usual =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        let fits = (1..=USER_NAME_MAX).contains(&text.len());
        match fits && text != NOBODY && text.chars().all(usual) {
            true => Ok(Self(text.into())),
            false => Err(UserNameError),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for UserName {
    type Err = UserNameError;
    fn from_str(text: &str) -> Result<Self, UserNameError> {
        Self::new(text)
    }
}

impl TryFrom<String> for UserName {
    type Error = UserNameError;
    fn try_from(text: String) -> Result<Self, UserNameError> {
        Self::new(&text)
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> String {
        name.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_takes_small_letters_digits_and_three_signs() {
        let longest = "x".repeat(USER_NAME_MAX);
        for good in ["alice", "a", "b.o_b-2", longest.as_str()] {
            assert_eq!(UserName::new(good).map(String::from), Ok(good.to_owned()));
        }
        let too_long = "x".repeat(USER_NAME_MAX + 1);
        for bad in ["", "Alice", "a b", "zoë", "a:b", NOBODY, too_long.as_str()] {
            assert_eq!(UserName::new(bad), Err(UserNameError), "{bad}");
        }
    }
}
