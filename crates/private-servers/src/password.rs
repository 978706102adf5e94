//! The admin's password: 256 random bits, never shown by `Debug`.

use std::fmt;
use std::fmt::Write as _;

use crate::error::Error;

/// Hexadecimal, so that it needs no escaping in a URL or a file.
#[derive(Clone)]
pub(crate) struct Password(String);

impl Password {
    pub(crate) fn random() -> Result<Self, Error> {
        let mut bytes = [0_u8; 32];
        fill(&mut bytes)?;
        Ok(Self(hex(&bytes)))
    }

    pub(crate) fn read(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The plaintext. Goes into `admin.url`, the URL and `initdb`'s password file, nowhere else.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes).map_err(|source| Error::Random { source })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_passwords_differ_and_hide() {
        let (one, two) = (Password::random().unwrap(), Password::random().unwrap());
        assert_ne!(one.expose(), two.expose());
        assert_eq!(one.expose().len(), 64);
        assert!(!format!("{one:?}").contains(one.expose()));
    }
}
