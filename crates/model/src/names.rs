//! Names of objects that freehold makes: fitted to an engine's limit, never guessed from input.

/// Lower-case letters, digits and `_`, beginning with a letter: what service, store and
/// system names are made of, so that they need no quoting on any engine.
pub fn is_plain_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_lowercase())
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Fits a generated ASCII name into `limit` bytes: as it is, or a prefix and eight characters
/// of a hash (FNV-1a, 64 bit, base 32) of the whole.
///
/// # Panics
/// When `limit` is below 16.
pub fn fit(name: &str, limit: usize) -> String {
    assert!(limit >= 16, "no engine has names this short");
    if name.len() <= limit {
        return name.to_owned();
    }
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let digits = b"abcdefghijklmnopqrstuvwxyz234567";
    let tail: String = (0..8)
        .map(|i| char::from(digits[(hash >> (i * 5)) as usize & 31]))
        .collect();
    format!("{}_{tail}", &name[..limit - 9])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_stay_distinct() {
        let long = "a".repeat(70);
        assert_eq!(fit("orders_app", 32), "orders_app");
        assert_eq!(fit(&long, 63).len(), 63);
        assert_ne!(fit(&format!("{long}x"), 63), fit(&format!("{long}y"), 63));
    }
}
