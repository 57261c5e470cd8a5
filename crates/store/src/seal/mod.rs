//! What is beside a stored text so that it is read as it was written, or not at all.
//!
//! A row with a text has a column `seal`. It holds a checksum, or the text itself, encrypted; then the column of the text holds a
//! placeholder. Either vouches for the place of the text too: its table, the execution and `seq` that it belongs to, and the columns
//! beside it, so that a row that has come to lie elsewhere is noticed. A row without a seal was written by an earlier version and is
//! read as it is.
//!
//! Not what a person wanted a row to be: whoever can write the database can take a row away, put an older one back, or write a plain
//! one.
//!
//! An encrypted seal is a byte that names its form, the length of the key's name, the name, 24 bytes of nonce, and what
//! XChaCha20-Poly1305 makes of the text. The nonces are a random number of 128 bits, drawn when the store is opened, and a count
//! from there on. So one is used twice only if two openings draw the same number: after 2^32 openings with one key the odds are 2^-65.

pub(crate) mod bound;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead, Payload};

use crate::Keys;
pub(crate) use bound::Bound;

/// Of an encrypted seal; another one will have another number.
const FORM: u8 = 1;
const NONCE_BYTES: usize = 24;
/// What stands where an encrypted text would: JSON, so that views still work.
pub(crate) const HIDDEN: &str = "\"[encrypted]\"";
/// The same for a text that is an array of events.
pub(crate) const HIDDEN_EVENTS: &str = "[]";
/// The same for a text that is no JSON.
pub(crate) const HIDDEN_WORDS: &str = "[encrypted]";

/// Makes seals and opens them.
#[derive(Debug)]
pub(crate) struct Seals {
    keys: Keys,
    opening: [u8; 16],
    sealed: AtomicU64,
}

/// Both columns of a text.
pub(crate) struct Sealed<'a> {
    pub text: &'a str,
    pub seal: Seal,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Seal {
    Sum(i32),
    Encrypted(Vec<u8>),
}

/// A seal as it was found.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Found<'a> {
    None,
    Sum(i64),
    Encrypted(&'a [u8]),
}

impl Seals {
    /// Or why the system gives no random numbers, which only keys need.
    pub fn new(keys: &Keys) -> Result<Seals, String> {
        let mut opening = [0; 16];
        if !keys.is_empty() {
            let drawn = getrandom::fill(&mut opening);
            drawn.map_err(|error| format!("the system gives no random numbers ({error})"))?;
        }
        Ok(Seals { keys: keys.clone(), opening, sealed: AtomicU64::new(0) })
    }

    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// What to store for a text; `hidden` when it is encrypted.
    pub fn seal<'a>(&self, bound: &Bound, text: &'a str, hidden: &'a str) -> Sealed<'a> {
        match self.encrypted(bound, text) {
            Some(encrypted) => Sealed { text: hidden, seal: Seal::Encrypted(encrypted) },
            None => Sealed { text, seal: Seal::Sum(bound.sum(text)) },
        }
    }

    /// None without a key.
    pub fn encrypted(&self, bound: &Bound, text: &str) -> Option<Vec<u8>> {
        let (id, cipher) = self.keys.first()?;
        let mut nonce = [0; NONCE_BYTES];
        nonce[..16].copy_from_slice(&self.opening);
        // One process cannot count to the end of these.
        nonce[16..].copy_from_slice(&self.sealed.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        let payload = Payload { msg: text.as_bytes(), aad: bound.as_bytes() };
        let encrypted = cipher.encrypt(&XNonce::from(nonce), payload).expect("a text is shorter than 256 GiB");
        let mut seal = beginning(id);
        seal.reserve(NONCE_BYTES + encrypted.len());
        seal.extend_from_slice(&nonce);
        seal.extend_from_slice(&encrypted);
        Some(seal)
    }

    /// The text as it was written, or why it is not that.
    pub fn opened<'a>(&self, bound: &Bound, text: &'a str, seal: Found<'_>) -> Result<Cow<'a, str>, String> {
        match seal {
            Found::None => Ok(Cow::Borrowed(text)),
            Found::Sum(sum) if sum == i64::from(bound.sum(text)) => Ok(Cow::Borrowed(text)),
            Found::Sum(_) => Err("it is not what was written: its checksum differs".to_owned()),
            Found::Encrypted(seal) => self.decrypted(bound, seal).map(Cow::Owned),
        }
    }

    pub fn decrypted(&self, bound: &Bound, seal: &[u8]) -> Result<String, String> {
        let (id, rest) = key_and_rest(seal).ok_or("its seal is of no form that this version knows")?;
        let cipher = self.keys.cipher(id).ok_or_else(|| format!("it is encrypted with key `{id}`, which was not given"))?;
        let (nonce, encrypted) = rest.split_at_checked(NONCE_BYTES).ok_or("its seal is too short")?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().expect("it was split there");
        let text = cipher.decrypt(&XNonce::from(nonce), Payload { msg: encrypted, aad: bound.as_bytes() });
        let text = text.map_err(|_| format!("it is not what was encrypted with key `{id}`"))?;
        String::from_utf8(text).map_err(|error| error.to_string())
    }
}

/// How every seal begins that is encrypted with this key.
pub(crate) fn beginning(key: &str) -> Vec<u8> {
    let length = u8::try_from(key.len()).expect("the name of a key is short");
    [&[FORM, length], key.as_bytes()].concat()
}

/// The name of the key that a seal was made with, and what comes after it.
pub(crate) fn key_and_rest(seal: &[u8]) -> Option<(&str, &[u8])> {
    let (head, rest) = seal.split_at_checked(2)?;
    let (id, rest) = rest.split_at_checked(head[1].into())?;
    if head[0] != FORM {
        return None;
    }
    Some((str::from_utf8(id).ok()?, rest))
}
