//! A message as an AMQP 1.0 message, which is what streams hold: the little of it that is needed.
//! Pure. Sources: AMQP 1.0, parts 1 (types) and 3 (messaging); CloudEvents' AMQP binding.
//!
//! CloudEvents' attributes are application properties named `cloudEvents_…`, the content type is a
//! property of the message, the program's own headers are application properties under their
//! names, the payload is the data. Attributes stay percent-encoded, as everywhere in freehold. What
//! else others put into a message is skipped.

use bytes::{BufMut as _, Bytes, BytesMut};
use freehold_broker::Malformed;

use crate::wire::In;

const PREFIX: &str = "cloudEvents_";
/// As the binding also allows, for what others write.
const OTHER_PREFIX: &str = "cloudEvents:";
const CONTENT_TYPE: &str = "content-type";

const PROPERTIES: u64 = 0x73;
const APPLICATION_PROPERTIES: u64 = 0x74;
const DATA: u64 = 0x75;
/// A message that is a value or a sequence of such is none of ours.
const SEQUENCE: u64 = 0x76;
const VALUE: u64 = 0x77;

/// Types, as far as they are written or looked at.
mod kind {
    pub(super) const NULL: u8 = 0x40;
    pub(super) const SMALL_NUMBER: u8 = 0x53;
    pub(super) const NUMBER: u8 = 0x80;
    pub(super) const BINARY: [u8; 2] = [0xa0, 0xb0];
    pub(super) const TEXT: [u8; 2] = [0xa1, 0xb1];
    pub(super) const SYMBOL: [u8; 2] = [0xa3, 0xb3];
    pub(super) const LISTS: [u8; 3] = [0x45, 0xc0, 0xd0];
    pub(super) const MAPS: [u8; 2] = [0xc1, 0xd1];
}

/// Headers and payload as a message.
pub(crate) fn encode(headers: &[(String, String)], payload: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(payload.len() + 1_024);
    let content_type = headers.iter().find(|(name, _)| name == CONTENT_TYPE);
    if let Some((_, value)) = content_type {
        // The seventh property; the six before it are left out.
        let mut list = BytesMut::from(&[kind::NULL; 6][..]);
        bytes(&mut list, kind::SYMBOL, value.as_bytes());
        section(&mut out, 0x73);
        sized(&mut out, kind::LISTS[2], 7, &list);
    }
    let mut map = BytesMut::new();
    let mut count = 0;
    for (name, value) in headers.iter().filter(|(name, _)| name != CONTENT_TYPE) {
        let name = match name.strip_prefix("ce-") {
            Some(attribute) => format!("{PREFIX}{attribute}"),
            None => name.clone(),
        };
        bytes(&mut map, kind::TEXT, name.as_bytes());
        bytes(&mut map, kind::TEXT, value.as_bytes());
        count += 2;
    }
    section(&mut out, 0x74);
    sized(&mut out, kind::MAPS[1], count, &map);
    section(&mut out, 0x75);
    bytes(&mut out, kind::BINARY, payload);
    out.freeze()
}

fn section(out: &mut BytesMut, code: u8) {
    out.put_slice(&[0, kind::SMALL_NUMBER, code]);
}

/// A list or a map: its size, how many values it holds, and those.
fn sized(out: &mut BytesMut, kind: u8, count: u32, values: &[u8]) {
    out.put_u8(kind);
    out.put_u32(u32::try_from(values.len() + 4).unwrap_or(u32::MAX));
    out.put_u32(count);
    out.put_slice(values);
}

fn bytes(out: &mut BytesMut, [small, large]: [u8; 2], bytes: &[u8]) {
    if let Ok(length) = u8::try_from(bytes.len()) {
        out.put_slice(&[small, length]);
    } else {
        out.put_u8(large);
        out.put_u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    }
    out.put_slice(bytes);
}

/// The reverse.
pub(crate) fn decode(message: Bytes) -> Result<(Vec<(String, String)>, Bytes), Malformed> {
    let odd = |error: freehold_broker::Error| Malformed(format!("no AMQP 1.0: {}", error.message));
    let mut rest = In::new(message);
    let (mut headers, mut payload) = (Vec::new(), None);
    while !rest.is_empty() {
        let section = descriptor(&mut rest).map_err(odd)?;
        let value = value(&mut rest).map_err(odd)?;
        match section {
            PROPERTIES => headers.extend(content_type(value).map_err(odd)?),
            APPLICATION_PROPERTIES => headers.extend(texts(value).map_err(odd)?),
            DATA if payload.is_some() => return Err(Malformed("data in several parts".to_owned())),
            DATA if kind::BINARY.contains(&value.kind) => payload = Some(value.content),
            DATA | SEQUENCE | VALUE => {
                return Err(Malformed("a message that is not plain data".to_owned()));
            }
            _ => {}
        }
    }
    let payload = payload.ok_or_else(|| Malformed("a message without data".to_owned()))?;
    Ok((headers, payload))
}

/// What a value is, and what is in it, without its size.
struct Value {
    kind: u8,
    content: Bytes,
}

impl Value {
    fn text(self) -> Option<String> {
        let plain = kind::TEXT.contains(&self.kind) || kind::SYMBOL.contains(&self.kind);
        plain.then(|| String::from_utf8(self.content.into()).ok())?
    }
}

/// Which section begins here. Symbolic descriptors are others' own: they match none.
fn descriptor(rest: &mut In) -> freehold_broker::Result<u64> {
    if rest.u8()? != 0 {
        return Err(crate::wire::nonsense("a section without a descriptor"));
    }
    let name = value(rest)?;
    let mut number = In::new(name.content);
    match name.kind {
        kind::SMALL_NUMBER => Ok(u64::from(number.u8()?)),
        kind::NUMBER => number.u64(),
        _ => Ok(u64::MAX),
    }
}

/// The upper four bits of a type say how its size is told (part 1, section 1.6).
fn value(rest: &mut In) -> freehold_broker::Result<Value> {
    let kind = rest.u8()?;
    let size = match kind >> 4 {
        0x4 => 0,
        0x5 => 1,
        0x6 => 2,
        0x7 => 4,
        0x8 => 8,
        0x9 => 16,
        0xa | 0xc | 0xe => usize::from(rest.u8()?),
        0xb | 0xd | 0xf => rest.u32()? as usize,
        _ => return Err(crate::wire::nonsense("a type that there is not")),
    };
    let content = rest.take(size)?;
    Ok(Value { kind, content })
}

/// The seventh of the message's properties, if it is there.
fn content_type(list: Value) -> freehold_broker::Result<Option<(String, String)>> {
    if !kind::LISTS.contains(&list.kind) || list.content.is_empty() {
        return Ok(None);
    }
    let mut rest = In::new(list.content);
    let count = count(&mut rest, list.kind)?;
    let mut found = None;
    for at in 0..count.min(7) {
        let value = value(&mut rest)?;
        if at == 6 {
            found = value.text();
        }
    }
    Ok(found.map(|text| (CONTENT_TYPE.to_owned(), text)))
}

/// Those application properties that are texts.
fn texts(map: Value) -> freehold_broker::Result<Vec<(String, String)>> {
    if !kind::MAPS.contains(&map.kind) {
        return Err(crate::wire::nonsense(
            "application properties that are no map",
        ));
    }
    let mut rest = In::new(map.content);
    let count = count(&mut rest, map.kind)?;
    let mut found = Vec::new();
    for _ in 0..count / 2 {
        let (name, value) = (value(&mut rest)?, value(&mut rest)?);
        let (Some(name), Some(value)) = (name.text(), value.text()) else {
            continue;
        };
        let mut prefixes = [PREFIX, OTHER_PREFIX].into_iter();
        let attribute = prefixes.find_map(|prefix| name.strip_prefix(prefix));
        let name = attribute.map_or(name.clone(), |attribute| format!("ce-{attribute}"));
        found.push((name, value));
    }
    Ok(found)
}

fn count(rest: &mut In, kind: u8) -> freehold_broker::Result<u32> {
    match kind >> 4 {
        0xc => rest.u8().map(u32::from),
        _ => rest.u32(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn bytes_are_those_of_the_specification() {
        let headers = [header("ce-id", "7"), header("content-type", "a/b")];
        let expected = [
            &[0, 0x53, 0x73, 0xd0, 0, 0, 0, 15, 0, 0, 0, 7][..],
            &[0x40, 0x40, 0x40, 0x40, 0x40, 0x40],
            &[0xa3, 3, b'a', b'/', b'b'],
            &[0, 0x53, 0x74, 0xd1, 0, 0, 0, 23, 0, 0, 0, 2],
            &[0xa1, 14],
            b"cloudEvents_id",
            &[0xa1, 1, b'7'],
            &[0, 0x53, 0x75, 0xa0, 2, b'{', b'}'],
        ];
        assert_eq!(encode(&headers, b"{}"), expected.concat());
    }

    #[test]
    fn what_others_add_is_skipped() {
        let ours = encode(&[header("ce-id", "7"), header("x", "y")], b"{}");
        let mut bytes = vec![0, 0x53, 0x70, 0xc0, 2, 1, 0x41];
        // Annotations under a symbolic descriptor, a map with a list and a described value in it.
        bytes.extend([0, 0xa3, 1, b'?', 0xc1, 6, 2, 0xa3, 1, b'k', 0x52, 9]);
        bytes.extend([0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x74, 0xc1, 7, 2]);
        bytes.extend([0xa1, 1, b'n', 0x54, 3, 0x40]);
        // One byte too many in that map does not matter.
        bytes.extend(&ours[..]);
        let (headers, payload) = decode(bytes.into()).expect("a message");
        assert_eq!(headers, [header("ce-id", "7"), header("x", "y")]);
        assert_eq!(&payload[..], b"{}");
        let theirs = [
            &[0, 0x53, 0x74, 0xc1, 20, 2, 0xa1, 14][..],
            b"cloudEvents:id",
            &[0xa1, 1, b'8', 0, 0x53, 0x75, 0xa0, 0],
        ];
        let (headers, _) = decode(theirs.concat().into()).expect("a message");
        assert_eq!(headers, [header("ce-id", "8")]);
    }

    #[test]
    fn what_is_no_data_is_told() {
        for wrong in [
            &b""[..],
            b"text",
            &[0, 0x53, 0x77, 0xa1, 1, b'x'],
            &[0, 0x53, 0x75, 0xa1, 1, b'x'],
            &[0, 0x53, 0x75, 0xa0, 5, b'x'],
            &[0, 0x53, 0x75, 0xa0, 0, 0, 0x53, 0x75, 0xa0, 0],
        ] {
            assert!(decode(Bytes::copy_from_slice(wrong)).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn messages_come_back(
            headers in prop::collection::vec(("[a-z]{1,9}", ".{0,300}"), 0..5),
            payload: Vec<u8>,
        ) {
            let back = decode(encode(&headers, &payload));
            prop_assert_eq!(back, Ok((headers, payload.into())));
        }

        #[test]
        fn nothing_makes_it_panic(bytes: Vec<u8>) {
            let _ = decode(bytes.into());
        }
    }
}
