//! Sealing what is personal in facts under the key of its subject, and opening it again.
//!
//! XChaCha20-Poly1305 with a random nonce of 24 bytes. What is sealed is bound to its place (the
//! subject, the command whose fact it stands in, the event type and the field): copied to another
//! place it does not open.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

use super::tokens;
use crate::runtime::Randomness;
use crate::values::CommandId;

const NONCE_BYTES: usize = 24;

/// The key of one subject. It is in the secrets store and nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct SubjectKey([u8; 32]);

/// Where in the log something personal stands.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Whose it is: the id of the stream.
    pub subject: &'a str,
    pub command_id: &'a CommandId,
    pub event_type: &'a str,
    pub field: &'a str,
}

impl Place<'_> {
    fn bytes(&self) -> Vec<u8> {
        let parts = [
            "blotter personal",
            self.subject,
            self.command_id.as_str(),
            self.event_type,
            self.field,
        ];
        // The separator cannot occur in any of them.
        parts.join("\u{1f}").into_bytes()
    }
}

impl SubjectKey {
    pub fn draw(randomness: &dyn Randomness) -> Self {
        Self(tokens::random(randomness))
    }

    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Nonce and ciphertext as text; `None` if `text` is too long to be sealed.
    pub fn seal(
        &self,
        text: &str,
        place: &Place<'_>,
        randomness: &dyn Randomness,
    ) -> Option<String> {
        let drawn = tokens::random(randomness);
        let (nonce, _) = drawn.split_first_chunk::<NONCE_BYTES>()?;
        let message = Payload {
            msg: text.as_bytes(),
            aad: &place.bytes(),
        };
        let sealed = self.cipher().encrypt(&XNonce::from(*nonce), message).ok()?;
        Some(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// What was sealed at `place`; `None` if this was not, or by another key.
    pub fn open(&self, sealed: &str, place: &Place<'_>) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let message = Payload {
            msg: sealed,
            aad: &place.bytes(),
        };
        let text = self.cipher().decrypt(&XNonce::from(*nonce), message).ok()?;
        String::from_utf8(text).ok()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::SystemRandomness;

    fn command(text: &str) -> CommandId {
        CommandId::new(text).expect("a command id")
    }

    #[test]
    fn what_is_sealed_opens_at_its_place_by_its_key_and_not_otherwise() {
        let key = SubjectKey::draw(&SystemRandomness);
        let (one, other) = (command("c-1"), command("c-2"));
        let place = Place {
            subject: "alice",
            command_id: &one,
            event_type: "LoginSucceeded",
            field: "peer",
        };
        let sealed = key.seal("192.0.2.7", &place, &SystemRandomness);
        let sealed = sealed.expect("short enough");
        assert!(!sealed.contains("192.0.2.7"));
        assert_eq!(key.open(&sealed, &place).as_deref(), Some("192.0.2.7"));
        let again = key.seal("192.0.2.7", &place, &SystemRandomness);
        assert_ne!(again.as_deref(), Some(sealed.as_str()), "another nonce");

        let stranger = SubjectKey::draw(&SystemRandomness);
        assert_eq!(stranger.open(&sealed, &place), None);
        let elsewhere = [
            Place {
                subject: "bob",
                ..place
            },
            Place {
                command_id: &other,
                ..place
            },
            Place {
                event_type: "LoginFailed",
                ..place
            },
            Place {
                field: "label",
                ..place
            },
        ];
        for place in elsewhere {
            assert_eq!(key.open(&sealed, &place), None, "{place:?}");
        }
        for bad in ["", "x", "!", &sealed[1..], &sealed[..sealed.len() - 2]] {
            assert_eq!(key.open(bad, &place), None, "{bad}");
        }
    }
}
