//! Tokens and what is kept of them.

use freehold_engine::{Secret, hex};
use sha2::{Digest, Sha256};

/// SHA-256 in hexadecimal digits: tokens are 256 random bits, so no salt and no stretching.
pub(crate) fn verifier(secret: &Secret) -> String {
    hex(&Sha256::digest(secret.expose().as_bytes()))
}

/// Compares without telling by its duration where they differ.
pub(crate) fn same(left: &str, right: &str) -> bool {
    let (left, right) = (Sha256::digest(left), Sha256::digest(right));
    let differ = left.iter().zip(right).fold(0, |sum, (l, r)| sum | (l ^ r));
    differ == 0
}
