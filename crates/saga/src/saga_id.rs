//! A saga's id: a random UUID, and the share of the instances that it belongs to for ever.

use std::fmt;

/// How many shares there are.
pub const SHARES: u8 = 64;

/// The id as a number: half the memory of its text, of which there may be a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SagaId(u128);

impl SagaId {
    /// From `8-4-4-4-12` hexadecimal digits; `None` where it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut number = 0_u128;
        let mut digits = 0;
        for byte in text.bytes() {
            if byte == b'-' {
                continue;
            }
            let digit = char::from(byte).to_digit(16)?;
            number = number << 4 | u128::from(digit);
            digits += 1;
        }
        (digits == 32 && text.len() == 36).then_some(Self(number))
    }

    /// A new one.
    ///
    /// # Panics
    /// When the operating system has no randomness.
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system has randomness");
        let number = u128::from_be_bytes(bytes);
        let version = number & !(0xf << 76) | 4 << 76;
        Self(version & !(0b11 << 62) | 0b10 << 62)
    }

    /// Whose leader runs it: the low six bits, which are random.
    pub fn share(self) -> u8 {
        self.0.to_be_bytes()[15] & (SHARES - 1)
    }
}

impl fmt::Display for SagaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        let parts = [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ];
        f.write_str(&parts.join("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_as_it_was() {
        let text = "0f8fad5b-d9cb-469f-a165-70867728950e";
        let id = SagaId::parse(text).expect("it is one");
        assert_eq!(id.to_string(), text);
        assert_eq!(id.share(), 0x0e & 63);
        for text in [
            "",
            "0f8fad5b",
            "0f8fad5bd9cb469fa16570867728950e",
            "zf8fad5b-d9cb-469f-a165-70867728950e",
        ] {
            assert_eq!(SagaId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_new_one_is_a_random_uuid() {
        let text = SagaId::random().to_string();
        assert_eq!(
            SagaId::parse(&text).map(|id| id.to_string()),
            Some(text.clone())
        );
        assert_eq!(&text[14..15], "4");
        assert!("89ab".contains(&text[19..20]), "{text}");
    }
}
