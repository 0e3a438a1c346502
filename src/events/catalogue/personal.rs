//! What facts say about people: written so that it can be forgotten without touching the log.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Stands where something about a person was, or would be recorded, after they were forgotten.
pub const FORGOTTEN: &str = "forgotten";

/// Something about the person on whose stream the fact stands. Once the person's key is destroyed,
/// nobody can read it any more.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Personal {
    /// Under the person's key.
    Sealed {
        /// Nonce (24 bytes) and ciphertext of XChaCha20-Poly1305, base64url without padding.
        #[schemars(extend("pattern" = "^[A-Za-z0-9_-]{54,}$"))]
        sealed: String,
    },
    /// Where there is nobody whom it belongs to; and in facts of a version that did not seal.
    Plain(String),
}

impl From<String> for Personal {
    fn from(text: String) -> Self {
        Self::Plain(text)
    }
}

impl fmt::Debug for Personal {
    /// Debug texts end up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Personal(..)")
    }
}
