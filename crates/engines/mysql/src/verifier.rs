//! The forms in which `MariaDB` and `MySQL` store a password, computed here so that only they travel.
//!
//! `MariaDB`: `mysql_native_password`, `*` + HEX(SHA1(SHA1(password))); unsalted, so it is used for
//! 256-bit random passwords only. `MySQL`: `caching_sha2_password`, `$A$005$`, 20 characters of salt,
//! 43 characters of sha256-crypt at 5,000 rounds (Ulrich Drepper, "Unix crypt using SHA-256 and
//! SHA-512", with a salt longer than its 16).

use freehold_engine::{Secret, Verifier};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A stored form that no password has, for accounts that nobody may enter. `MariaDB` refuses it in
/// any handshake.
pub(crate) const IMPOSSIBLE_NATIVE: &str = "invalid";

/// The same for `MySQL`, which looks at the form: a digest that was not computed from anything.
pub(crate) const IMPOSSIBLE_SHA2: &str =
    "$A$005$freehold.no.password0000000000000000000000000000000000000000000";

const SALT_LENGTH: usize = 20;
const ROUNDS: usize = 5_000;
const CRYPT_ALPHABET: &[u8; 64] =
    b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `MariaDB`'s `mysql_native_password`.
pub(crate) fn native(password: &Secret) -> Verifier {
    let once = Sha1::digest(password.expose().as_bytes());
    Verifier::new(format!("*{}", hex(&Sha1::digest(once), true)))
}

/// `MySQL`'s `caching_sha2_password`, with a new salt.
///
/// # Panics
/// When the operating system has no random source.
pub(crate) fn caching_sha2(password: &Secret) -> Verifier {
    let mut salt = [0_u8; SALT_LENGTH];
    #[expect(
        clippy::expect_used,
        reason = "without randomness nothing safe can be done"
    )]
    getrandom::fill(&mut salt).expect("the operating system gives random bytes");
    // Of the alphabet alone: 120 bits, neither NUL nor `$`, and plain text on the way.
    let salt = salt.map(|byte| CRYPT_ALPHABET[usize::from(byte & 63)]);
    with_salt(password.expose().as_bytes(), &salt)
}

fn with_salt(password: &[u8], salt: &[u8]) -> Verifier {
    Verifier::new(format!(
        "$A$005${}{}",
        String::from_utf8_lossy(salt),
        sha256_crypt(password, salt, ROUNDS)
    ))
}

/// Has a stored form the shape that we make? Then somebody may know its password.
pub(crate) fn is_usable(stored: &str) -> bool {
    let native = stored.len() == 41
        && stored.starts_with('*')
        && stored[1..].bytes().all(|byte| byte.is_ascii_hexdigit());
    let sha2 = stored.len() == 70 && stored.starts_with("$A$") && stored != IMPOSSIBLE_SHA2;
    native || sha2
}

/// The verifier as a literal of the statements that take it. `None`: it has no such form.
pub(crate) fn literal(verifier: &str, mysql: bool) -> Option<String> {
    let plain = verifier
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"*$./".contains(&byte));
    match (is_usable(verifier) && plain, mysql) {
        (false, _) => None,
        (true, true) => Some(format!("0x{}", hex(verifier.as_bytes(), false))),
        (true, false) => Some(format!("'{verifier}'")),
    }
}

/// The literal of what no password has.
pub(crate) fn impossible(mysql: bool) -> String {
    if mysql {
        format!("0x{}", hex(IMPOSSIBLE_SHA2.as_bytes(), false))
    } else {
        format!("'{IMPOSSIBLE_NATIVE}'")
    }
}

pub(crate) fn hex(bytes: &[u8], upper: bool) -> String {
    bytes
        .iter()
        .map(|byte| {
            if upper {
                format!("{byte:02X}")
            } else {
                format!("{byte:02x}")
            }
        })
        .collect()
}

/// The digest part (43 characters) of sha256-crypt.
fn sha256_crypt(password: &[u8], salt: &[u8], rounds: usize) -> String {
    let alternate = Sha256::new()
        .chain_update(password)
        .chain_update(salt)
        .chain_update(password)
        .finalize();
    let mut first = Sha256::new().chain_update(password).chain_update(salt);
    first.update(repeated(&alternate, password.len()));
    let mut bits = password.len();
    while bits > 0 {
        if bits & 1 == 1 {
            first.update(alternate);
        } else {
            first.update(password);
        }
        bits >>= 1;
    }
    let mut digest = first.finalize();
    let by_password = (0..password.len())
        .fold(Sha256::new(), |hash, _| hash.chain_update(password))
        .finalize();
    let password_bytes = repeated(&by_password, password.len());
    let by_salt = (0..16 + usize::from(digest[0]))
        .fold(Sha256::new(), |hash, _| hash.chain_update(salt))
        .finalize();
    let salt_bytes = repeated(&by_salt, salt.len());
    for round in 0..rounds {
        let mut hash = Sha256::new();
        if round & 1 == 1 {
            hash.update(&password_bytes);
        } else {
            hash.update(digest);
        }
        if round % 3 != 0 {
            hash.update(&salt_bytes);
        }
        if round % 7 != 0 {
            hash.update(&password_bytes);
        }
        if round & 1 == 1 {
            hash.update(digest);
        } else {
            hash.update(&password_bytes);
        }
        digest = hash.finalize();
    }
    encode(&digest)
}

fn repeated(block: &[u8], length: usize) -> Vec<u8> {
    block.iter().copied().cycle().take(length).collect()
}

/// crypt's own base 64: groups of three bytes in the order that its reference gives.
fn encode(digest: &[u8]) -> String {
    const ORDER: [(usize, usize, usize); 10] = [
        (0, 10, 20),
        (21, 1, 11),
        (12, 22, 2),
        (3, 13, 23),
        (24, 4, 14),
        (15, 25, 5),
        (6, 16, 26),
        (27, 7, 17),
        (18, 28, 8),
        (9, 19, 29),
    ];
    let mut text = String::with_capacity(43);
    for (high, middle, low) in ORDER {
        push_group(&mut text, [digest[high], digest[middle], digest[low]], 4);
    }
    push_group(&mut text, [0, digest[31], digest[30]], 3);
    text
}

fn push_group(text: &mut String, bytes: [u8; 3], characters: usize) {
    let mut group = u32::from(bytes[0]) << 16 | u32::from(bytes[1]) << 8 | u32::from(bytes[2]);
    for _ in 0..characters {
        text.push(char::from(CRYPT_ALPHABET[(group & 63) as usize]));
        group >>= 6;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The manual's example of `PASSWORD('password')`.
    #[test]
    fn native_is_what_the_server_computes() {
        assert_eq!(
            native(&Secret::new("password")).expose(),
            "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"
        );
    }

    /// Vectors of the specification of sha256-crypt (its salts have up to 16 characters).
    #[test]
    fn sha256_crypt_of_the_specification() {
        let vectors = [
            (
                "Hello world!",
                "saltstring",
                5_000,
                "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
            ),
            (
                "Hello world!",
                "saltstringsaltst",
                10_000,
                "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA",
            ),
            (
                "This is just a test",
                "toolongsaltstrin",
                5_000,
                "Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5",
            ),
            (
                "the minimum number is still observed",
                "roundstoolow",
                1_000,
                "yfvwcWrQ8l/K0DAWyuPMDNHpIVlTQebY9l/gL972bIC",
            ),
            (
                "Ünï€",
                "abcdefghijklmnop",
                5_000,
                "nfRWPPke6Sky/ryHcSAh5WulF7vt6EzzdQ38c6wPBi4",
            ),
        ];
        for (password, salt, rounds, expected) in vectors {
            assert_eq!(
                sha256_crypt(password.as_bytes(), salt.as_bytes(), rounds),
                expected,
                "{password}"
            );
        }
    }

    /// hashcat's example hash of its mode 7401, made by a `MySQL` server: a salt of 20 bytes, not all printable.
    #[test]
    fn caching_sha2_as_a_mysql_server_stored_it() {
        let salt = [
            0xF9, 0xCC, 0x98, 0xCE, 0x08, 0x89, 0x29, 0x24, 0xF5, 0x0A, 0x21, 0x3B, 0x6B, 0xC5,
            0x71, 0xA2, 0xC1, 0x17, 0x78, 0xC5,
        ];
        assert_eq!(
            sha256_crypt(b"hashcat", &salt, ROUNDS),
            "bTy95Y99eAME1dwEkHOA1ndHGBWz.1bxSSRkuTXFGV/"
        );
    }

    #[test]
    fn what_nobody_can_enter_with_has_the_form_that_mysql_asks_for() {
        assert_eq!(IMPOSSIBLE_SHA2.len(), 70);
        assert!(!is_usable(IMPOSSIBLE_SHA2) && !is_usable(IMPOSSIBLE_NATIVE) && !is_usable(""));
        let verifier = caching_sha2(&Secret::new("x"));
        assert_eq!(verifier.expose().len(), 70);
        assert!(is_usable(verifier.expose()));
    }

    #[test]
    fn a_literal_is_made_of_a_verifiers_form_only() {
        assert_eq!(literal("*' OR 1", false), None);
        let verifier = native(&Secret::new("x"));
        assert_eq!(
            literal(verifier.expose(), false),
            Some(format!("'{}'", verifier.expose()))
        );
        assert!(
            literal(caching_sha2(&Secret::new("x")).expose(), true)
                .is_some_and(|text| text.starts_with("0x2441243030352"))
        );
    }
}
