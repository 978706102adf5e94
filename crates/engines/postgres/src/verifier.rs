//! SCRAM-SHA-256 verifiers, made here so that no password is ever sent (RFC 5802, RFC 7677; the
//! stored form is PostgreSQL's).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freehold_engine::{Secret, Verifier};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

const ITERATIONS: u32 = 4096;
const SALT_BYTES: usize = 16;

/// What a verifier looks like, as a regular expression of PostgreSQL: the issuer function takes
/// nothing else.
pub(crate) const FORM: &str =
    "^SCRAM-SHA-256[$][1-9][0-9]{3,5}:[A-Za-z0-9+/]{22}==[$][A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$";

/// A verifier of this password with a new salt.
///
/// # Panics
/// When the operating system has no random source.
pub(crate) fn new(password: &Secret) -> Verifier {
    let mut salt = [0_u8; SALT_BYTES];
    #[expect(
        clippy::expect_used,
        reason = "without randomness nothing safe can be done"
    )]
    getrandom::fill(&mut salt).expect("the operating system gives random bytes");
    Verifier::new(scram(password.expose(), &salt, ITERATIONS))
}

fn scram(password: &str, salt: &[u8], iterations: u32) -> String {
    // As PostgreSQL and its clients do: a password that SASLprep refuses is taken as it is.
    let prepared = stringprep::saslprep(password).unwrap_or(password.into());
    let mut salted = [0_u8; 32];
    pbkdf2::pbkdf2_hmac::<Sha256>(prepared.as_bytes(), salt, iterations, &mut salted);
    let stored_key = Sha256::digest(hmac(&salted, b"Client Key"));
    let server_key = hmac(&salted, b"Server Key");
    format!(
        "SCRAM-SHA-256${iterations}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored_key),
        STANDARD.encode(server_key)
    )
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 section 3: with this salt and count, the exchange's proofs follow from the keys.
    #[test]
    fn the_example_of_rfc_7677() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64");
        let verifier = scram("pencil", &salt, 4096);
        let (_, keys) = verifier.rsplit_once('$').expect("keys");
        let (stored, server) = keys.split_once(':').expect("two keys");
        let auth_message = b"n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let server = STANDARD.decode(server).expect("base64");
        assert_eq!(
            STANDARD.encode(hmac(&server, auth_message)),
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        );
        let proof = STANDARD
            .decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
            .expect("base64");
        let stored = STANDARD.decode(stored).expect("base64");
        let signature = hmac(&stored, auth_message);
        let client_key: Vec<u8> = proof.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        assert_eq!(Sha256::digest(client_key).to_vec(), stored);
    }

    #[test]
    fn two_verifiers_of_one_password_differ() {
        let password = Secret::new("one password");
        assert_ne!(new(&password).expose(), new(&password).expose());
    }

    #[test]
    fn unicode_is_prepared_as_the_server_prepares_it() {
        // A soft hyphen maps to nothing, the Roman numeral nine to IX (RFC 4013 section 3).
        let salt = [7; 16];
        assert_eq!(scram("I\u{ad}X", &salt, 1), scram("\u{2168}", &salt, 1));
        assert_ne!(scram("a\nb", &salt, 1), scram("ab", &salt, 1));
    }
}
