//! Messages of the Language Server Protocol on a pair of streams.
//!
//! Owns the framing (`Content-Length`, a blank line, JSON) and nothing of what messages mean.

use std::io::{self, BufRead, Write};

use serde_json::Value;

/// A longer message is no editor's.
const LONGEST: usize = 64 * 1024 * 1024;

/// The next message; `None` when the other side has closed. What is not JSON is an error: the
/// stream cannot be trusted from there on.
pub(super) fn read(input: &mut impl BufRead) -> io::Result<Option<Value>> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if io::Read::take(&mut *input, 4_096).read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<usize>().ok();
        }
    }
    let wrong = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let length = length.ok_or_else(|| wrong("a message without its length"))?;
    if length > LONGEST {
        return Err(wrong("a message that is too long"));
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    serde_json::from_slice(&body)
        .map(Some)
        .map_err(|error| wrong(&error.to_string()))
}

pub(super) fn write(output: &mut impl Write, message: &Value) -> io::Result<()> {
    let body = message.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        write(&mut bytes, &json!({ "method": "é" })).expect("written");
        let mut input = bytes.as_slice();
        assert_eq!(
            read(&mut input).expect("good"),
            Some(json!({ "method": "é" }))
        );
        assert_eq!(read(&mut input).expect("closed"), None);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "Content-Length: 99999999999\r\n\r\n",
            "Content-Length: x\r\n\r\n{}",
            "Content-Length: 2\r\n\r\n{]",
            "Content-Length: 9\r\n\r\n{}",
        ] {
            read(&mut text.as_bytes()).expect_err(text);
        }
    }
}
