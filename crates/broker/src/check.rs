//! What a message must be to be published anywhere, and the JSON of what is not an event. Pure.

use serde::Serialize;

use crate::error::Rejection;
use crate::message::{Body, Heads, Message};
use crate::topic::{Lane, To};

/// The longest key, in bytes.
const KEY_BYTES: usize = 1_024;
/// The most headers, and the longest of them, name and value.
const HEADERS: usize = 64;
const HEADER_BYTES: usize = 8 * 1_024;

/// Is this message what [`Message`] says it must be? Each broker's [`crate::Session::check`] asks
/// this first, then how large it is there.
pub fn valid(message: &Message) -> Result<(), Rejection> {
    let invalid = |why: &str| Err(Rejection::Invalid(why.to_owned()));
    if message.key.len() > KEY_BYTES {
        return invalid("the key has more than 1,024 bytes");
    }
    if message.source.is_empty() || message.source.len() > 255 {
        return invalid("the source has no name or one of more than 255 bytes");
    }
    let keyed = matches!(message.body, Body::Event { .. } | Body::Void { .. });
    match message.to {
        To::Lane(lane) if keyed && lane == Lane::of(&message.key) => {}
        To::Lane(_) if keyed => return invalid("the lane is not that of the key"),
        To::Partition(_) if !keyed => {}
        _ => return invalid("events go to a lane, heartbeats and incarnations to a partition"),
    }
    if message.prev.is_some_and(|prev| prev >= message.position) {
        return invalid("`prev` is not before the position");
    }
    if message.headers.len() > HEADERS {
        return invalid("there are more than 64 headers");
    }
    for (name, value) in &message.headers {
        header(name, value)?;
    }
    match &message.body {
        Body::Event { content_type, .. } if !plain(content_type) || content_type.len() > 255 => {
            invalid("the content type is no plain text")
        }
        Body::Void { code, why } if !plain(code) || code.len() + why.len() > HEADER_BYTES => {
            invalid("the void's reason is too long")
        }
        _ => Ok(()),
    }
}

fn header(name: &str, value: &str) -> Result<(), Rejection> {
    let letters =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    let reserved = ["ce-", "fh", "nats-"]
        .iter()
        .any(|start| name.starts_with(start));
    let good = !name.is_empty() && name.bytes().all(letters) && name != "content-type";
    let shown: String = name.chars().take(40).collect();
    if !good || reserved {
        return Err(Rejection::Invalid(format!(
            "`{}` cannot be a header: lower case, and not ce-…, fh…, nats-…, content-type",
            shown.escape_debug()
        )));
    }
    let edges = value.trim_matches(' ').len() == value.len();
    if value.chars().any(char::is_control) || !edges {
        return Err(Rejection::Invalid(format!(
            "the header `{shown}` holds a control character or begins or ends with a space"
        )));
    }
    if name.len() + value.len() > HEADER_BYTES {
        return Err(Rejection::Invalid(format!(
            "the header `{shown}` has more than 8 KiB"
        )));
    }
    Ok(())
}

fn plain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

/// The JSON of heads or of a history: maps with text keys, which cannot fail.
pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// As many bytes as [`json`] of these heads has.
pub(crate) fn heads_bytes(heads: &Heads) -> usize {
    json(heads).len()
}
