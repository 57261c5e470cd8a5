//! The keys that payloads are encrypted with at rest, as a person gives them.
//!
//! Not where they are used: see `sqlite::seal`. The bytes of a key are shown nowhere, neither by `Debug` nor in an error.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};

/// The variable that holds the keys.
pub const KEYS_VARIABLE: &str = "WORKFLOW_ENCRYPTION_KEY";
/// The longest name of a key.
const ID_BYTES_MAX: usize = 64;
const KEY_BYTES: usize = 32;

/// Keys for what is encrypted at rest: the first one is written with, all are read with. None: payloads are plain text.
#[derive(Clone, Default)]
pub struct Keys(Arc<[Key]>);

struct Key {
    id: String,
    bytes: [u8; KEY_BYTES],
    cipher: XChaCha20Poly1305,
}

/// Why a text is no list of keys. It says nothing of the text but the names of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    #[error("expected encryption keys as `name:base64`, separated by commas, found none; `openssl rand -base64 32` makes one")]
    Empty,
    #[error("expected encryption key {place} as `name:base64`, found no colon in it")]
    NoName { place: usize },
    #[error("expected the name of encryption key {place} to be 1 to {ID_BYTES_MAX} letters, digits, `-`, `_` and `.`")]
    BadName { place: usize },
    #[error(
        "expected encryption key `{id}` to be base64 of {KEY_BYTES} bytes, as `openssl rand -base64 32` makes them, found {found}"
    )]
    BadKey { id: String, found: String },
    #[error("expected each name of an encryption key once, found `{id}` twice")]
    Twice { id: String },
}

impl Keys {
    /// Reads `name:base64`, one or several, separated by commas or line ends.
    pub fn parse(text: &str) -> Result<Keys, KeysError> {
        let mut keys: Vec<Key> = Vec::new();
        let written = text.split([',', '\n', '\r']).map(str::trim).filter(|written| !written.is_empty());
        for (place, written) in (1..).zip(written) {
            let key = Key::parse(place, written)?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(KeysError::Twice { id: key.id });
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(KeysError::Empty) } else { Ok(Keys(keys.into())) }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their names; the first one is written with.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.id.as_str())
    }

    /// The one that is written with.
    pub(crate) fn first(&self) -> Option<(&str, &XChaCha20Poly1305)> {
        self.0.first().map(|key| (key.id.as_str(), &key.cipher))
    }

    pub(crate) fn cipher(&self, id: &str) -> Option<&XChaCha20Poly1305> {
        self.0.iter().find(|key| key.id == id).map(|key| &key.cipher)
    }
}

impl Key {
    fn parse(place: usize, written: &str) -> Result<Key, KeysError> {
        let (id, key) = written.split_once(':').ok_or(KeysError::NoName { place })?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if id.is_empty() || id.len() > ID_BYTES_MAX || !id.bytes().all(is_name) {
            return Err(KeysError::BadName { place });
        }
        let bad = |found: String| KeysError::BadKey { id: id.to_owned(), found };
        // Both alphabets, with padding or without: what people's tools print.
        let alphabet = if key.contains(['-', '_']) { alphabet::URL_SAFE } else { alphabet::STANDARD };
        let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let bytes = GeneralPurpose::new(&alphabet, config).decode(key).map_err(|_| bad("something else".to_owned()))?;
        let length = bytes.len();
        let bytes: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| bad(format!("{length} bytes")))?;
        Ok(Key { id: id.to_owned(), cipher: XChaCha20Poly1305::new(&bytes.into()), bytes })
    }
}

impl PartialEq for Keys {
    fn eq(&self, other: &Keys) -> bool {
        let same = |(a, b): (&Key, &Key)| a.id == b.id && a.bytes == b.bytes;
        self.0.len() == other.0.len() && self.0.iter().zip(other.0.iter()).all(same)
    }
}

/// The names only: this ends up in logs.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZEROS: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    #[test]
    fn one_key_or_several_with_or_without_padding() {
        let keys = Keys::parse(&format!("new:{ZEROS},\n old.1:{}\n", ZEROS.trim_end_matches('='))).unwrap();
        assert_eq!(keys.ids().collect::<Vec<_>>(), ["new", "old.1"]);
        assert!(Keys::parse(&format!("url:{}", ZEROS.replace("AAA=", "_-8="))).is_ok());
        assert_eq!(Keys::parse(&format!("a:{ZEROS}")), Keys::parse(&format!(" a:{ZEROS} ")));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_key() {
        let short = "c2VjcmV0c2VjcmV0";
        let said = |text: &str| Keys::parse(text).unwrap_err().to_string();
        assert!(said(&format!("k:{short}")).ends_with("found 12 bytes"), "{}", said(&format!("k:{short}")));
        for text in [short.to_owned(), format!("k:{short}"), format!(":{short}"), format!("k:{short}!"), format!("a b:{short}")] {
            assert!(!said(&text).contains(short), "{}", said(&text));
        }
        assert_eq!(Keys::parse(" , "), Err(KeysError::Empty));
        assert_eq!(said(&format!("k:{ZEROS},k:{ZEROS}")), "expected each name of an encryption key once, found `k` twice");
    }

    #[test]
    fn the_bytes_of_a_key_are_not_shown() {
        let shown = format!("{:?}", Keys::parse(&format!("k:{ZEROS}")).unwrap());
        assert_eq!(shown, r#"["k"]"#);
    }
}
