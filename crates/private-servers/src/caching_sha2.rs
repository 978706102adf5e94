//! The form in which MySQL's `caching_sha2_password` keeps a password.
//!
//! `$A$005$`, 20 bytes of salt, 43 characters of digest: SHA-crypt with SHA-256 and 5,000 rounds
//! (<https://www.akkadia.org/drepper/SHA-crypt.txt>), with a longer salt than crypt(3) takes.

use sha2::{Digest, Sha256};

pub(crate) const SALT_BYTES: usize = 20;

const ROUNDS: usize = 5_000;
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The verifier of `password`. Random bytes become a salt of printable characters, as the server
/// itself makes it (no zero byte, no `$`).
pub(crate) fn verifier(password: &str, random: [u8; SALT_BYTES]) -> Vec<u8> {
    let salt = random.map(|byte| ALPHABET[usize::from(byte & 0x3f)]);
    let mut text = b"$A$005$".to_vec();
    text.extend_from_slice(&salt);
    text.extend_from_slice(&encode(&digest(password.as_bytes(), &salt)));
    text
}

/// Steps 1 to 21 of the specification.
fn digest(password: &[u8], salt: &[u8]) -> [u8; 32] {
    let alternate = sha256(&[password, salt, password]);
    let mut first = Sha256::new();
    first.update(password);
    first.update(salt);
    first.update(stretched(&alternate, password.len()));
    let mut bits = password.len();
    while bits > 0 {
        if bits & 1 == 1 {
            first.update(alternate);
        } else {
            first.update(password);
        }
        bits >>= 1;
    }
    let mut result: [u8; 32] = first.finalize().into();

    let p = stretched(&sha256(&vec![password; password.len()]), password.len());
    let s = stretched(
        &sha256(&vec![salt; 16 + usize::from(result[0])]),
        salt.len(),
    );
    for round in 0..ROUNDS {
        let odd = round % 2 == 1;
        let mut next = Sha256::new();
        if odd {
            next.update(&p);
        } else {
            next.update(result);
        }
        if round % 3 != 0 {
            next.update(&s);
        }
        if round % 7 != 0 {
            next.update(&p);
        }
        if odd {
            next.update(result);
        } else {
            next.update(&p);
        }
        result = next.finalize().into();
    }
    result
}

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

/// The digest repeated and cut to `length` bytes.
fn stretched(digest: &[u8; 32], length: usize) -> Vec<u8> {
    digest.iter().copied().cycle().take(length).collect()
}

/// Step 22: groups of three bytes in the order that the specification lists.
fn encode(digest: &[u8; 32]) -> Vec<u8> {
    let mut text = Vec::with_capacity(43);
    let (mut a, mut b, mut c) = (0, 10, 20);
    for _ in 0..10 {
        push(&mut text, [digest[a], digest[b], digest[c]], 4);
        (a, b, c) = (c + 1, a + 1, b + 1);
    }
    push(&mut text, [0, digest[31], digest[30]], 3);
    text
}

fn push(text: &mut Vec<u8>, bytes: [u8; 3], characters: usize) {
    let mut bits = u32::from(bytes[0]) << 16 | u32::from(bytes[1]) << 8 | u32::from(bytes[2]);
    for _ in 0..characters {
        text.push(ALPHABET[(bits & 0x3f) as usize]);
        bits >>= 6;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_crypt() {
        // openssl passwd -5 -salt saltstring 'Hello world!'
        let digest = encode(&digest(b"Hello world!", b"saltstring"));
        assert_eq!(digest, b"5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5");
    }

    #[test]
    fn the_verifier_has_the_servers_form() {
        let verifier = verifier("secret", [7; SALT_BYTES]);
        assert_eq!(verifier.len(), 7 + 20 + 43);
        assert!(verifier.starts_with(b"$A$005$"));
        assert!(!verifier[7..].contains(&b'$'));
    }
}
