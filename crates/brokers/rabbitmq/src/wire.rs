//! Frames of RabbitMQ's stream protocol, version 1: how they are written, and how what comes is
//! read. Pure. Source: `PROTOCOL.adoc` of the server's stream plugin.
//!
//! A frame is its size (u32), a key (u16; answers have the highest bit set), a version (u16), and
//! what the key says. Texts carry their length as u16, lists their count as u32; all big-endian.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use freehold_broker::{Error, ErrorKind, Result};

/// What a frame is about.
pub(crate) mod key {
    pub(crate) const DECLARE_PUBLISHER: u16 = 1;
    pub(crate) const PUBLISH: u16 = 2;
    pub(crate) const PUBLISH_CONFIRM: u16 = 3;
    pub(crate) const PUBLISH_ERROR: u16 = 4;
    pub(crate) const DELETE_PUBLISHER: u16 = 6;
    pub(crate) const SUBSCRIBE: u16 = 7;
    pub(crate) const DELIVER: u16 = 8;
    pub(crate) const CREDIT: u16 = 9;
    pub(crate) const STORE_OFFSET: u16 = 10;
    pub(crate) const QUERY_OFFSET: u16 = 11;
    pub(crate) const UNSUBSCRIBE: u16 = 12;
    pub(crate) const CREATE: u16 = 13;
    pub(crate) const DELETE: u16 = 14;
    pub(crate) const METADATA: u16 = 15;
    pub(crate) const METADATA_UPDATE: u16 = 16;
    pub(crate) const PEER_PROPERTIES: u16 = 17;
    pub(crate) const SASL_HANDSHAKE: u16 = 18;
    pub(crate) const SASL_AUTHENTICATE: u16 = 19;
    pub(crate) const TUNE: u16 = 20;
    pub(crate) const OPEN: u16 = 21;
    pub(crate) const CLOSE: u16 = 22;
    pub(crate) const HEARTBEAT: u16 = 23;
    /// Set in the key of an answer.
    pub(crate) const ANSWER: u16 = 0x8000;
}

/// How a request went.
pub(crate) mod code {
    pub(crate) const OK: u16 = 1;
    pub(crate) const NO_STREAM: u16 = 2;
    pub(crate) const NO_LEADER: u16 = 6;
    pub(crate) const EXISTS: u16 = 5;
    pub(crate) const REFUSED: [u16; 3] = [8, 9, 12];
    pub(crate) const DENIED: u16 = 16;
    pub(crate) const PRECONDITION: u16 = 17;
    pub(crate) const NO_PUBLISHER: u16 = 18;
    pub(crate) const NO_OFFSET: u16 = 19;
}

/// The largest frame that is taken before the server has let us in, and after: chunks come whole,
/// however large they are.
pub(crate) const SMALL_FRAME: usize = 1 << 20;
pub(crate) const LARGE_FRAME: usize = 1 << 30;

/// A frame that is being written.
pub(crate) struct Out(BytesMut);

impl Out {
    /// Begins a frame that is no request.
    pub(crate) fn new(key: u16) -> Self {
        let mut bytes = BytesMut::with_capacity(64);
        bytes.put_u32(0);
        bytes.put_u16(key);
        bytes.put_u16(1);
        Self(bytes)
    }

    /// Begins a request: its answer carries the same number.
    pub(crate) fn request(key: u16, number: u32) -> Self {
        Self::new(key).u32(number)
    }

    pub(crate) fn u8(mut self, value: u8) -> Self {
        self.0.put_u8(value);
        self
    }

    pub(crate) fn u16(mut self, value: u16) -> Self {
        self.0.put_u16(value);
        self
    }

    pub(crate) fn u32(mut self, value: u32) -> Self {
        self.0.put_u32(value);
        self
    }

    pub(crate) fn u64(mut self, value: u64) -> Self {
        self.0.put_u64(value);
        self
    }

    /// Names of streams and groups, and what the server is told of us: far below 64 KiB. What is
    /// longer is cut, and the server refuses it.
    pub(crate) fn text(mut self, text: &str) -> Self {
        let length = u16::try_from(text.len()).unwrap_or(i16::MAX as u16);
        self.0.put_u16(length);
        self.0.put_slice(&text.as_bytes()[..usize::from(length)]);
        self
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0
            .put_u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.0.put_slice(bytes);
        self
    }

    pub(crate) fn texts(self, pairs: &[(&str, String)]) -> Self {
        let count = u32::try_from(pairs.len()).unwrap_or(u32::MAX);
        pairs.iter().fold(self.u32(count), |out, (name, value)| {
            out.text(name).text(value)
        })
    }

    /// The frame with its size.
    pub(crate) fn frame(mut self) -> Bytes {
        let size = u32::try_from(self.0.len() - 4).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&size.to_be_bytes());
        self.0.freeze()
    }
}

/// Where reading begins. Chunks hold many messages: it is within one of them that one may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    First,
    /// With the last chunk.
    Last,
    /// With what comes next.
    Next,
    Offset(u64),
}

/// A request to deliver.
pub(crate) fn subscribe(number: u32, id: u8, stream: &str, from: From, credit: u16) -> Bytes {
    let out = Out::request(key::SUBSCRIBE, number).u8(id).text(stream);
    let out = match from {
        From::First => out.u16(1),
        From::Last => out.u16(2),
        From::Next => out.u16(3),
        From::Offset(offset) => out.u16(4).u64(offset),
    };
    out.u16(credit).u32(0).frame()
}

/// What a frame with one message takes beside the message.
pub(crate) const PUBLISH_BYTES: usize = 4 + 4 + 1 + 4 + 8 + 4;

/// A frame of as many of these messages as fit (one at least), numbered from here on, and how many
/// those are.
pub(crate) fn publish(
    publisher: u8,
    first: u64,
    messages: &[Bytes],
    frame_bytes: usize,
) -> (Bytes, usize) {
    let mut bytes = PUBLISH_BYTES - 12;
    let fits = messages.iter().take_while(|message| {
        bytes += 12 + message.len();
        bytes <= frame_bytes
    });
    let now = &messages[..fits.count().clamp(1, messages.len())];
    let count = u32::try_from(now.len()).unwrap_or(u32::MAX);
    let out = Out::new(key::PUBLISH).u8(publisher).u32(count);
    let numbered = (first..).zip(now);
    let out = numbered.fold(out, |out, (number, message)| out.u64(number).bytes(message));
    (out.frame(), now.len())
}

/// A frame that came, behind its size.
#[derive(Debug, Clone)]
pub(crate) struct In(Bytes);

impl In {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    fn need(&self, bytes: usize) -> Result<()> {
        if self.0.len() < bytes {
            return Err(nonsense("a frame that ends too early"));
        }
        Ok(())
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        self.need(1)?;
        Ok(self.0.get_u8())
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        self.need(2)?;
        Ok(self.0.get_u16())
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.need(4)?;
        Ok(self.0.get_u32())
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        self.need(8)?;
        Ok(self.0.get_u64())
    }

    pub(crate) fn take(&mut self, bytes: usize) -> Result<Bytes> {
        self.need(bytes)?;
        Ok(self.0.split_to(bytes))
    }

    pub(crate) fn text(&mut self) -> Result<String> {
        let length = usize::from(self.u16()?);
        let bytes = self.take(length)?;
        String::from_utf8(bytes.into()).map_err(|_| nonsense("a text that is not UTF-8"))
    }

    /// The rest.
    pub(crate) fn rest(self) -> Bytes {
        self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Of these streams the ones that are there: with a leader (`true`) or without for the moment.
    pub(crate) fn streams(mut self) -> Result<Vec<(String, bool)>> {
        for _ in 0..self.u32()? {
            self.u16()?;
            self.text()?;
            self.u32()?;
        }
        let mut there = Vec::new();
        for _ in 0..self.u32()? {
            let name = self.text()?;
            let code = self.u16()?;
            self.u16()?;
            for _ in 0..self.u32()? {
                self.u16()?;
            }
            match code {
                code::OK => there.push((name, true)),
                code::NO_LEADER => there.push((name, false)),
                _ => {}
            }
        }
        Ok(there)
    }
}

pub(crate) fn nonsense(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Protocol, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_those_of_the_specification() {
        let frame = subscribe(7, 3, "ab", From::Offset(258), 10);
        let expected = [
            &[0, 0, 0, 29][..],
            &[0, 7, 0, 1, 0, 0, 0, 7, 3, 0, 2, b'a', b'b', 0, 4],
            &[0, 0, 0, 0, 0, 0, 1, 2, 0, 10, 0, 0, 0, 0],
        ];
        assert_eq!(&frame[..], expected.concat());
        let (frame, count) = publish(2, 5, &[Bytes::from_static(b"x")], 1_000);
        let expected = [
            &[0, 0, 0, 22, 0, 2, 0, 1, 2, 0, 0, 0, 1][..],
            &[0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1, b'x'],
        ];
        assert_eq!((frame, count), (Bytes::from(expected.concat()), 1));
    }

    #[test]
    fn no_frame_is_larger_than_agreed() {
        let messages = vec![Bytes::from(vec![0; 90]); 100];
        let (frame, count) = publish(0, 0, &messages, 1_000);
        assert!(frame.len() <= 1_000 && frame.len() > 1_000 - 102 && count == 9);
        // One that fits exactly goes alone.
        let messages = vec![Bytes::from(vec![0; 1_000 - PUBLISH_BYTES]); 2];
        let (frame, count) = publish(0, 0, &messages, 1_000);
        assert_eq!((frame.len(), count), (1_000, 1));
    }

    #[test]
    fn which_streams_are_there() {
        let out = Out::new(0).u32(1).u16(0).text("host").u32(5_552).u32(3);
        let out = out.text("here").u16(code::OK).u16(0).u32(1).u16(0);
        let out = out.text("gone").u16(code::NO_STREAM).u16(0).u32(0);
        let out = out.text("headless").u16(code::NO_LEADER).u16(0).u32(0);
        let there = In::new(out.frame().slice(8..))
            .streams()
            .expect("an answer");
        assert_eq!(
            there,
            [("here".to_owned(), true), ("headless".to_owned(), false)]
        );
        let short = Out::new(0).u32(1).u16(0).frame().slice(8..);
        assert_eq!(
            In::new(short).streams().map_err(|error| error.kind),
            Err(ErrorKind::Protocol)
        );
    }
}
