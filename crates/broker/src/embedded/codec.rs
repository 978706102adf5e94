//! Reading and writing the primitive pieces of the embedded broker's formats: little-endian
//! integers, text and bytes with their length. Never panics on what others sent.

use bytes::{Buf, BufMut, Bytes};

use crate::message::EventId;
use crate::position::{Incarnation, Position};

/// What is read ended early or is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Nonsense(pub(crate) &'static str);

pub(crate) type Read<T> = Result<T, Nonsense>;

/// Reads piece after piece; slices share the bytes.
pub(crate) struct Reader(Bytes);

impl Reader {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    fn need(&self, bytes: usize) -> Read<()> {
        if self.0.len() < bytes {
            return Err(Nonsense("it ends early"));
        }
        Ok(())
    }

    pub(crate) fn u8(&mut self) -> Read<u8> {
        self.need(1)?;
        Ok(self.0.get_u8())
    }

    pub(crate) fn u16(&mut self) -> Read<u16> {
        self.need(2)?;
        Ok(self.0.get_u16_le())
    }

    pub(crate) fn u32(&mut self) -> Read<u32> {
        self.need(4)?;
        Ok(self.0.get_u32_le())
    }

    pub(crate) fn u64(&mut self) -> Read<u64> {
        self.need(8)?;
        Ok(self.0.get_u64_le())
    }

    pub(crate) fn i64(&mut self) -> Read<i64> {
        self.need(8)?;
        Ok(self.0.get_i64_le())
    }

    pub(crate) fn take(&mut self, bytes: usize) -> Read<Bytes> {
        self.need(bytes)?;
        Ok(self.0.split_to(bytes))
    }

    /// A piece that is preceded by its length as u32.
    pub(crate) fn long(&mut self) -> Read<Bytes> {
        let bytes = self.u32()?;
        self.take(usize::try_from(bytes).map_err(|_| Nonsense("a length"))?)
    }

    /// Text that is preceded by its length as u16.
    pub(crate) fn text(&mut self) -> Read<String> {
        let bytes = usize::from(self.u16()?);
        let bytes = self.take(bytes)?;
        String::from_utf8(bytes.into()).map_err(|_| Nonsense("text that is not UTF-8"))
    }

    pub(crate) fn position(&mut self) -> Read<Position> {
        let (number, random) = (self.u32()?, self.u32()?);
        Ok(Position {
            incarnation: Incarnation { number, random },
            batch: self.u64()?,
            id: self.i64()?,
        })
    }

    pub(crate) fn event(&mut self) -> Read<EventId> {
        self.need(16)?;
        let mut id = [0; 16];
        self.0.copy_to_slice(&mut id);
        Ok(EventId(id))
    }

    pub(crate) fn rest(self) -> Bytes {
        self.0
    }

    pub(crate) fn left(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn end(self) -> Read<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Nonsense("something follows its end"))
        }
    }
}

/// Appends text with its length as u16. Longer text is cut at a character: callers check before
/// where that matters.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    let end = text.floor_char_boundary(usize::from(u16::MAX));
    let bytes = &text.as_bytes()[..end];
    out.put_u16_le(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
    out.put_slice(bytes);
}

/// Appends a piece with its length as u32. Pieces are bounded far below 4 GiB by their callers.
pub(crate) fn put_long(out: &mut Vec<u8>, bytes: &[u8]) {
    out.put_u32_le(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    out.put_slice(bytes);
}

pub(crate) fn put_position(out: &mut Vec<u8>, position: Position) {
    out.put_u32_le(position.incarnation.number);
    out.put_u32_le(position.incarnation.random);
    out.put_u64_le(position.batch);
    out.put_i64_le(position.id);
}
