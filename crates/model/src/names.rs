//! Names of objects that freehold makes, fitted to an engine's limit and never guessed from
//! input; and the names of files below the system's root.

use std::path::{Component, Path, PathBuf};

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
        .map(|i| char::from(digits[usize::from((hash >> (i * 5)).to_le_bytes()[0] & 31)]))
        .collect();
    format!("{}_{tail}", &name[..limit - 9])
}

/// A path that is written in a file of the folder `dir`, with `.` and `..` taken out.
pub(crate) fn relative_to(dir: &Path, path: &str) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in dir.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if clean.file_name().is_some_and(|name| name != "..") => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

/// The nearest plain name, for somebody who wrote `product-service`.
pub(crate) fn plain_form(name: &str) -> Option<String> {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    is_plain_name(&plain).then_some(plain)
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

    #[test]
    fn paths_stay_as_short_as_they_can() {
        let dir = Path::new("services/orders");
        assert_eq!(
            relative_to(dir, "migrations/"),
            Path::new("services/orders/migrations")
        );
        assert_eq!(
            relative_to(dir, "./../shared/x"),
            Path::new("services/shared/x")
        );
        assert_eq!(relative_to(dir, "../../../x"), Path::new("../x"));
        assert_eq!(relative_to(dir, "/run/x"), Path::new("/run/x"));
    }
}
