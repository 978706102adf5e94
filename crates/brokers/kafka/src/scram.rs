//! SCRAM-SHA-512 (RFC 5802) as Kafka uses it: without channel binding, passwords as they are. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use freehold_broker::{Error, ErrorKind, Result, Secret, Verifier};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha512};

pub(crate) const MECHANISM: &str = "SCRAM-SHA-512";
/// What Kafka asks for at least, and what it takes at most.
const ITERATIONS: std::ops::RangeInclusive<u32> = 4_096..=16_384;

/// What the server is told of a password: enough to check it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) iterations: u32,
    pub(crate) salt: Vec<u8>,
    pub(crate) salted: Vec<u8>,
}

impl Stored {
    /// The number of iterations comes from the salt: by it two of them are told from each other
    /// where a server shows nothing else.
    pub(crate) fn of(secret: &Secret, salt: [u8; 18]) -> Self {
        let iterations =
            ITERATIONS.start() + u32::from(u16::from_be_bytes([salt[0], salt[1]]) >> 4);
        Self {
            iterations,
            salted: salted(secret.expose(), &salt, iterations),
            salt: salt.to_vec(),
        }
    }

    pub(crate) fn verifier(&self) -> Verifier {
        let (salt, salted) = (STANDARD.encode(&self.salt), STANDARD.encode(&self.salted));
        Verifier::new(format!("{MECHANISM}${}:{salt}:{salted}", self.iterations))
    }

    pub(crate) fn read(verifier: &Verifier) -> Result<Self> {
        let read = || {
            let rest = verifier
                .expose()
                .strip_prefix(MECHANISM)?
                .strip_prefix('$')?;
            let mut parts = rest.split(':');
            let iterations = parts.next()?.parse().ok()?;
            let mut bytes = || STANDARD.decode(parts.next()?).ok();
            Some(Self {
                iterations,
                salt: bytes()?,
                salted: bytes()?,
            })
        };
        read().ok_or_else(|| {
            Error::new(
                ErrorKind::Invalid,
                "a password's stored form is not Kafka's",
            )
        })
    }
}

fn salted(password: &str, salt: &[u8], iterations: u32) -> Vec<u8> {
    let mut salted = vec![0; 64];
    pbkdf2::pbkdf2_hmac::<Sha512>(password.as_bytes(), salt, iterations, &mut salted);
    salted
}

fn keyed(key: &[u8], text: &[u8]) -> Vec<u8> {
    // A key of any length is one.
    let mac = Hmac::<Sha512>::new_from_slice(key).map(|mac| mac.chain_update(text));
    mac.map_or_else(|_| Vec::new(), |mac| mac.finalize().into_bytes().to_vec())
}

/// A conversation, from our side.
pub(crate) struct Client {
    bare: String,
    nonce: String,
}

impl Client {
    pub(crate) fn new(name: &str, nonce: &[u8]) -> Self {
        let nonce = STANDARD.encode(nonce);
        let name = name.replace('=', "=3D").replace(',', "=2C");
        Self {
            bare: format!("n={name},r={nonce}"),
            nonce,
        }
    }

    /// What is said first.
    pub(crate) fn first(&self) -> String {
        format!("n,,{}", self.bare)
    }

    /// What is said to the server's first word, and the last word that only a server knows that has
    /// the password's stored form.
    pub(crate) fn last(&self, server: &str, secret: &Secret) -> Result<(String, String)> {
        let odd = || {
            Error::new(
                ErrorKind::Protocol,
                "the server's SCRAM message cannot be read",
            )
        };
        let mut parts = server.split(',');
        let mut part = |name: &str| parts.next()?.strip_prefix(name)?.strip_prefix('=');
        let (nonce, salt, iterations) = (part("r"), part("s"), part("i"));
        let nonce = nonce.ok_or_else(odd)?;
        let salt = salt
            .and_then(|salt| STANDARD.decode(salt).ok())
            .ok_or_else(odd)?;
        let iterations: u32 = iterations
            .and_then(|text| text.parse().ok())
            .ok_or_else(odd)?;
        let ours = nonce.len() > self.nonce.len() && nonce.starts_with(&self.nonce);
        // Fewer would let a false server guess the password; many more would keep us busy.
        if !ours || iterations < *ITERATIONS.start() || iterations > 1 << 20 {
            return Err(odd());
        }
        let salted = salted(secret.expose(), &salt, iterations);
        let without_proof = format!("c=biws,r={nonce}");
        let all = format!("{},{server},{without_proof}", self.bare);
        let client_key = keyed(&salted, b"Client Key");
        let signature = keyed(&Sha512::digest(&client_key), all.as_bytes());
        let proof: Vec<u8> = client_key
            .iter()
            .zip(signature)
            .map(|(key, sign)| key ^ sign)
            .collect();
        let theirs = keyed(&keyed(&salted, b"Server Key"), all.as_bytes());
        Ok((
            format!("{without_proof},p={}", STANDARD.encode(proof)),
            format!("v={}", STANDARD.encode(theirs)),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_that_another_implementation_had() {
        // Computed with Python's hashlib and hmac after RFC 5802.
        let client = Client {
            bare: "n=user,r=rOprNGfwEbeRWgbNEkqO".to_owned(),
            nonce: "rOprNGfwEbeRWgbNEkqO".to_owned(),
        };
        let server = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let (said, expected) = client.last(server, &Secret::new("pencil")).expect("said");
        assert_eq!(
            said,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ=="
        );
        assert_eq!(
            expected,
            "v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw=="
        );
    }

    #[test]
    fn a_false_server_is_told() {
        let client = Client::new("user", &[7; 18]);
        let nonce = STANDARD.encode([7; 18]);
        for server in [
            "r=another,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".to_owned(),
            format!("r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"),
            format!("r={nonce}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1"),
            format!("r={nonce}x,s=?,i=4096"),
            "e=other-error".to_owned(),
        ] {
            assert!(
                client.last(&server, &Secret::new("pencil")).is_err(),
                "{server}"
            );
        }
    }

    #[test]
    fn what_is_stored_comes_back() {
        let stored = Stored::of(&Secret::new("geheim"), [200; 18]);
        assert!(ITERATIONS.contains(&stored.iterations));
        assert_eq!(Stored::read(&stored.verifier()).expect("ours"), stored);
        assert!(Stored::read(&Verifier::new("md5abc")).is_err());
    }

    #[test]
    fn names_cannot_say_more_than_a_name() {
        assert_eq!(Client::new("a,r=b", &[0]).bare, "n=a=2Cr=3Db,r=AA==");
    }
}
