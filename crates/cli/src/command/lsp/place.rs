//! Files and columns as editors name them: URIs, and UTF-16 units from 0.

use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

/// What a path in a URI may hold as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The file of a `file:` URI on this machine.
pub(super) fn path_of(uri: &str) -> Option<PathBuf> {
    let path = uri.strip_prefix("file://")?;
    let path = percent_decode_str(path).decode_utf8().ok()?;
    // `file:///C:/x` on Windows.
    let path = match path.as_bytes() {
        [b'/', letter, b':', ..] if letter.is_ascii_alphabetic() => &path[1..],
        _ => &path,
    };
    path.starts_with('/')
        .then(|| PathBuf::from(path))
        .or_else(|| {
            let drive = path.as_bytes().get(1) == Some(&b':');
            drive.then(|| PathBuf::from(path))
        })
}

pub(super) fn uri_of(path: &Path) -> String {
    let path = path.to_string_lossy().replace('\\', "/");
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("file://{slash}{}", utf8_percent_encode(&path, PATH))
}

/// The range of `length` characters from `line` and `column`, which count from 1, in a text with
/// these `lines`.
pub(super) fn range(lines: &[&str], line: usize, column: usize, length: usize) -> Value {
    let text = lines.get(line.saturating_sub(1)).copied().unwrap_or("");
    let units = |characters: usize| {
        text.chars()
            .take(characters)
            .map(char::len_utf16)
            .sum::<usize>()
    };
    let (from, to) = (column.saturating_sub(1), column.saturating_sub(1) + length);
    json!({
        "start": { "line": line.saturating_sub(1), "character": units(from) },
        "end": { "line": line.saturating_sub(1), "character": units(to) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_go_there_and_back() {
        for path in ["/a/b.ts", "/a b/é#?%.ts"] {
            assert_eq!(path_of(&uri_of(Path::new(path))), Some(PathBuf::from(path)));
        }
        assert_eq!(path_of("file:///C:/x.ts"), Some(PathBuf::from("C:/x.ts")));
        assert_eq!(path_of("untitled:1"), None);
        assert_eq!(path_of("file://host"), None);
    }

    #[test]
    fn columns_are_in_utf16() {
        let found = range(&["q('𝄞 from books')"], 1, 10, 5);
        assert_eq!(found["start"]["character"], 10);
        assert_eq!(found["end"]["character"], 15);
        assert_eq!(range(&[], 3, 2, 1)["start"]["line"], 2);
    }
}
