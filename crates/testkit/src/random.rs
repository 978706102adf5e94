//! Random numbers from a seed (xorshift): the same seed, the same choices.

/// A source of choices.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From `FREEHOLD_SEED`; else the same in CI, and another one each time for long proofs. Printed.
    pub fn seeded() -> Self {
        let seed = std::env::var("FREEHOLD_SEED").ok();
        let seed = seed.and_then(|seed| seed.parse().ok());
        let prove = std::env::var_os("FREEHOLD_PROVE").is_some();
        let other = if prove {
            u64::from(std::process::id())
        } else {
            1
        };
        let seed = seed.unwrap_or(other);
        #[expect(clippy::print_stderr, reason = "a failure has to be replayable")]
        {
            eprintln!("FREEHOLD_SEED={seed}");
        }
        Self::from(seed)
    }

    /// From 0 to one less than `bound`.
    ///
    /// # Panics
    /// With nothing to choose from.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap_or_default()
    }

    /// One of them.
    pub fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

impl From<u64> for Random {
    fn from(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }
}
