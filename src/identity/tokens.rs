//! Random secrets: how they are drawn, written and recognised.
//!
//! Invariants: a secret leaves here once and is kept as its SHA-256 only; secrets are compared
//! without telling by the time it takes how much of them was right.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::runtime::Randomness;

/// SHA-256 of a secret: what is kept of it.
pub type SecretHash = [u8; 32];

/// What a key id begins with, as Alpaca's paper keys do.
const KEY_ID_PREFIX: &str = "PK";
const KEY_ID_RANDOM_CHARS: usize = 14;
const KEY_ID_CHECK_CHARS: usize = 4;
/// RFC 4648.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// 256 random bits. A draw is a random UUID, in which six bits are fixed, so more are drawn than
/// are needed and hashed together.
pub fn random(randomness: &dyn Randomness) -> [u8; 32] {
    let mut drawn = Sha256::new();
    for _ in 0..3 {
        drawn.update(randomness.next_u128().to_be_bytes());
    }
    drawn.finalize().into()
}

/// A token for a session or ticket: 256 bits as 43 characters that may stand in a header.
pub fn token(randomness: &dyn Randomness) -> String {
    URL_SAFE_NO_PAD.encode(random(randomness))
}

pub fn hash(secret: &str) -> SecretHash {
    Sha256::digest(secret.as_bytes()).into()
}

pub fn is_secret(secret: &str, kept: &SecretHash) -> bool {
    hash(secret).ct_eq(kept).into()
}

/// What goes with every change that a session makes. It follows from the session's token, so that
/// it need not be kept anywhere, and does not lead back to it.
pub fn csrf_token(session_token: &str) -> String {
    let mut hashed = Sha256::new();
    hashed.update(b"blotter csrf token of session ");
    hashed.update(session_token.as_bytes());
    URL_SAFE_NO_PAD.encode(hashed.finalize())
}

/// 160 random bits and more as `chars` characters of base 32, at most 51.
pub fn letters(randomness: &dyn Randomness, chars: usize) -> String {
    base32(&random(randomness)).chars().take(chars).collect()
}

/// A new API key: its id, which may be seen, and its secret of 200 bits.
pub fn api_key(randomness: &dyn Randomness) -> (String, String) {
    let id = KEY_ID_PREFIX.to_owned() + &letters(randomness, KEY_ID_RANDOM_CHARS);
    let check = check_letters(&id);
    (id + &check, letters(randomness, 40))
}

/// Whether a key id can be one at all: its last letters are a checksum of those before.
pub fn is_key_id(text: &str) -> bool {
    let stem_chars = KEY_ID_PREFIX.len() + KEY_ID_RANDOM_CHARS;
    let usual = |text: &str| text.bytes().all(|byte| BASE32.contains(&byte));
    text.len() == stem_chars + KEY_ID_CHECK_CHARS
        && text.starts_with(KEY_ID_PREFIX)
        && usual(text)
        && check_letters(&text[..stem_chars]) == text[stem_chars..]
}

fn check_letters(stem: &str) -> String {
    let sum: SecretHash = Sha256::digest(stem.as_bytes()).into();
    base32(&sum).chars().take(KEY_ID_CHECK_CHARS).collect()
}

/// Whole letters only: bits at the end that fill none are left out.
fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 8 / 5);
    let (mut held, mut bits) = (0u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(BASE32[(held >> bits) as usize & 31]));
        }
        held &= (1 << bits) - 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::SystemRandomness;

    #[test]
    fn base_32_is_that_of_the_rfc() {
        // RFC 4648, section 10, without padding and unfilled letters.
        assert_eq!(base32(b"fooba"), "MZXW6YTB");
        assert_eq!(base32(b"foo"), "MZXW");
    }

    #[test]
    fn a_key_id_shows_each_slip_of_one_letter() {
        let (id, secret) = api_key(&SystemRandomness);
        assert_eq!((id.len(), secret.len()), (20, 40));
        assert!(is_key_id(&id), "{id}");
        let mut missed = 0;
        for at in 0..id.len() {
            for letter in BASE32 {
                let mut slip = id.clone().into_bytes();
                slip[at] = *letter;
                let slip = String::from_utf8(slip).expect("ASCII");
                missed += usize::from(slip != id && is_key_id(&slip));
            }
        }
        assert_eq!(missed, 0, "{id}");
        for bad in [
            "",
            "PK",
            &id[..19],
            &id.to_lowercase(),
            "ÄK".repeat(7).as_str(),
        ] {
            assert!(!is_key_id(bad), "{bad}");
        }
    }

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let all: std::collections::BTreeSet<_> =
            (0..100).map(|_| token(&SystemRandomness)).collect();
        assert_eq!(all.len(), 100);
        assert!(all.iter().all(|token| token.len() == 43));
    }

    #[test]
    fn a_csrf_token_belongs_to_one_session() {
        assert_eq!(csrf_token("a"), csrf_token("a"));
        assert_ne!(csrf_token("a"), csrf_token("b"));
    }
}
