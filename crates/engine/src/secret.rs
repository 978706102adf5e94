//! Passwords in memory and the forms in which engines store them.
//!
//! A [`Secret`] never shows itself: no `Display`, a blank `Debug`, zeroed when dropped.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// A plaintext that must not leave memory except to where its owner named.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over a plaintext.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// A new password: 256 random bits from the operating system as 43 URL-safe characters.
    ///
    /// # Panics
    /// When the operating system has no random source.
    pub fn generate() -> Self {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        #[expect(
            clippy::expect_used,
            reason = "without randomness nothing safe can be done"
        )]
        getrandom::fill(bytes.as_mut()).expect("the operating system gives random bytes");
        Self::new(URL_SAFE_NO_PAD.encode(bytes.as_ref()))
    }

    /// The plaintext. Each caller is a place to look at in a review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The form in which an engine stores a password; what is sent instead of the plaintext.
/// Not a password, yet worth guarding: `Debug` shows only its digest.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier(String);

impl Verifier {
    /// Takes the engine's own stored form.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The stored form, for a statement.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// SHA-256 in hex: what the ledger keeps, so that a changed password can be noticed.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(self.0.as_bytes()))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({}…)", &self.digest()[..8])
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble)]);
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// What fills the slots of steps: login → verifier.
pub type Verifiers = BTreeMap<String, Verifier>;
