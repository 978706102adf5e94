//! Who calls: the signature that proves it. A caller's name in a header proves nothing by itself.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::{DIGEST, EXPIRES, KEY};

/// The service whose saga it is.
pub const CALLER: &str = "freehold-caller";
/// HMAC-SHA-256 over `caller⏎method⏎path⏎key⏎expires⏎digest`, in hexadecimal digits.
pub const SIGNATURE: &str = "freehold-signature";
/// Where a program finds the key, as the sidecars of its callers do.
pub const VARIABLE: &str = "FREEHOLD_CALLER_KEY";

/// What callers and participants of a system share.
#[derive(Clone)]
pub struct CallerKey(Vec<u8>);

/// Why a request is nobody's. It is answered with anything but an outcome (401 says it to people),
/// so a caller with a wrong key hears *unknown* and never *refused*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Forged {
    /// A header is missing.
    #[error("the request is not signed: it needs `freehold-caller` and `freehold-signature`")]
    Unsigned,
    /// It was made with another key, or of another request.
    #[error("the signature is not this caller's for this request")]
    Signature,
    /// The body is not the one that was signed.
    #[error("the body is not the one that `freehold-body-digest` names")]
    Body,
}

impl CallerKey {
    /// Of these bytes. Whoever has them can call as anybody.
    pub fn new(key: impl Into<Vec<u8>>) -> Self {
        Self(key.into())
    }

    /// From [`VARIABLE`]; `None` where it is not set or empty.
    pub fn from_env() -> Option<Self> {
        let key = std::env::var(VARIABLE).ok()?;
        (!key.is_empty()).then(|| Self::new(key))
    }

    /// Who sent this request. `path` is as it was sent, with its query; `header` gives a header's
    /// value by its lower-case name.
    ///
    /// # Errors
    /// It is not signed, signed by somebody else, or was changed on its way.
    pub fn caller<'h>(
        &self,
        method: &str,
        path: &str,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
    ) -> Result<&'h str, Forged> {
        let present = |name: &str| header(name).filter(|value| !value.is_empty());
        let (Some(caller), Some(signature)) = (present(CALLER), present(SIGNATURE)) else {
            return Err(Forged::Unsigned);
        };
        let [key, expires, digest] = [KEY, EXPIRES, DIGEST].map(|it| header(it).unwrap_or(""));
        let text = format!("{caller}\n{method}\n{path}\n{key}\n{expires}\n{digest}");
        let signature = bytes(signature).ok_or(Forged::Signature)?;
        // HMAC takes keys of every length, and compares in constant time.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).map_err(|_| Forged::Signature)?;
        mac.update(text.as_bytes());
        mac.verify_slice(&signature)
            .map_err(|_| Forged::Signature)?;
        // These two say everything in their signed key.
        if body.is_empty() && (key.ends_with("/status") || key.ends_with("/forget")) {
            return Ok(caller);
        }
        let found: [u8; 32] = Sha256::digest(body).into();
        match bytes(digest) {
            Some(named) if named == found => Ok(caller),
            _ => Err(Forged::Body),
        }
    }
}

impl fmt::Debug for CallerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerKey")
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = hex.bytes().collect();
    let pairs = digits.chunks(2).map(|pair| {
        let [high, low] = pair else { return None };
        let digit = |it: &u8| char::from(*it).to_digit(16);
        u8::try_from(digit(high)? * 16 + digit(low)?).ok()
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"orderId":17}"#;
    /// Of [`BODY`], by `sha256sum`.
    const BODY_DIGEST: &str = "6ec49b0ae3cb47b7443200be2e6350d6923881b13388222faf63e8bc8e8d1526";
    /// By `openssl dgst -sha256 -hmac s3cret`.
    const SIGNED: &str = "00502861d719eda0c4d6d2555a50b5a3c0eb32ad8bdeb76e72a8079f002ac8ca";

    fn headers(signature: &str, digest: &str) -> Vec<(&'static str, String)> {
        vec![
            (KEY, "5f/charge/1/action".to_owned()),
            (EXPIRES, "1700000000000".to_owned()),
            (DIGEST, digest.to_owned()),
            (CALLER, "orders".to_owned()),
            (SIGNATURE, signature.to_owned()),
        ]
    }

    fn who(
        key: &str,
        path: &str,
        headers: &[(&'static str, String)],
        body: &[u8],
    ) -> Result<String, Forged> {
        let header = |name: &str| {
            let found = headers.iter().find(|(it, _)| *it == name);
            found.map(|(_, value)| value.as_str())
        };
        let caller = CallerKey::new(key).caller("POST", path, header, body);
        caller.map(str::to_owned)
    }

    /// Signature and digest were made with `openssl dgst` and `sha256sum`, not with this code.
    #[test]
    fn only_the_callers_own_request_is_his() {
        let signed = headers(SIGNED, BODY_DIGEST);
        assert_eq!(
            who("s3cret", "/pay", &signed, BODY),
            Ok("orders".to_owned())
        );
        assert_eq!(who("other", "/pay", &signed, BODY), Err(Forged::Signature));
        assert_eq!(
            who("s3cret", "/give", &signed, BODY),
            Err(Forged::Signature)
        );
        assert_eq!(
            who("s3cret", "/pay", &signed, br#"{"orderId":18}"#),
            Err(Forged::Body)
        );
        assert_eq!(who("s3cret", "/pay", &signed, b""), Err(Forged::Body));
        for (at, other) in [
            (0, "5f/charge/2/action"),
            (1, "1800000000000"),
            (3, "catalog"),
        ] {
            let mut changed = signed.clone();
            other.clone_into(&mut changed[at].1);
            assert_eq!(
                who("s3cret", "/pay", &changed, BODY),
                Err(Forged::Signature)
            );
        }
        for missing in [CALLER, SIGNATURE] {
            let mut less = signed.clone();
            less.retain(|(name, _)| *name != missing);
            assert_eq!(who("s3cret", "/pay", &less, BODY), Err(Forged::Unsigned));
        }
        for odd in ["", "zz", "abc"] {
            let odd = headers(odd, BODY_DIGEST);
            assert!(who("s3cret", "/pay", &odd, BODY).is_err());
        }
    }

    #[test]
    fn a_key_is_not_shown() {
        assert_eq!(format!("{:?}", CallerKey::new("s3cret")), "CallerKey");
    }
}
