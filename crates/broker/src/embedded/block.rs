//! The unit in which a log is written, recovered and read: some records behind one checksum.
//!
//! Little-endian, 96 bytes before the body: magic 4 (`FHB1`) · body length 4 · CRC-32 of
//! everything behind it 4 · codec 1 (0: as it is), 3 zero bytes · records 4 · first offset 8 ·
//! durable 8 · stored at 8 (ms since the epoch) · position of the first record 24 · of the last
//! 24 · 4 zero bytes. The body is records, each with its length before it as u32.
//! *Durable* is how many bytes of the file were known to be durable when the block was written:
//! damage below what a later block calls durable is not a torn write.

use bytes::{BufMut, Bytes};

use super::codec::{Nonsense, Read, Reader, put_long, put_position};
use crate::position::Position;

/// Bytes before the body.
pub(crate) const HEADER: usize = 96;
/// No body is longer. A record that is longer than this is refused before.
pub(crate) const BODY: usize = 16 << 20;
const MAGIC: u32 = u32::from_le_bytes(*b"FHB1");

/// What a block says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) body: usize,
    pub(crate) checksum: u32,
    pub(crate) records: u32,
    pub(crate) first_offset: u64,
    pub(crate) durable: u64,
    pub(crate) stored_at_ms: i64,
    pub(crate) first: Position,
    pub(crate) last: Position,
}

impl Header {
    /// Bytes of the whole block.
    pub(crate) fn bytes(&self) -> usize {
        HEADER + self.body
    }

    /// The offset behind its last record.
    pub(crate) fn next_offset(&self) -> u64 {
        self.first_offset + u64::from(self.records)
    }
}

/// Appends a block of these records, which are not empty and belong to rising positions.
pub(crate) fn write(
    out: &mut Vec<u8>,
    records: &[(Position, Bytes)],
    first_offset: u64,
    durable: u64,
    stored_at_ms: i64,
) {
    let (Some((first, _)), Some((last, _))) = (records.first(), records.last()) else {
        return;
    };
    let body: usize = records.iter().map(|(_, record)| 4 + record.len()).sum();
    let start = out.len();
    out.reserve(HEADER + body);
    out.put_u32_le(MAGIC);
    out.put_u32_le(u32::try_from(body).unwrap_or(u32::MAX));
    out.put_u32_le(0);
    out.put_u32_le(0);
    out.put_u32_le(u32::try_from(records.len()).unwrap_or(u32::MAX));
    out.put_u64_le(first_offset);
    out.put_u64_le(durable);
    out.put_i64_le(stored_at_ms);
    put_position(out, *first);
    put_position(out, *last);
    out.put_u32_le(0);
    for (_, record) in records {
        put_long(out, record);
    }
    let checksum = crc32fast::hash(&out[start + 12..]);
    out[start + 8..start + 12].copy_from_slice(&checksum.to_le_bytes());
}

/// Reads a header; the checksum is not compared.
pub(crate) fn header(bytes: &Bytes) -> Read<Header> {
    let mut reader = Reader::new(bytes.slice(..bytes.len().min(HEADER)));
    if reader.u32()? != MAGIC {
        return Err(Nonsense("no block"));
    }
    let body = usize::try_from(reader.u32()?).map_err(|_| Nonsense("a length"))?;
    let checksum = reader.u32()?;
    if reader.u32()? != 0 {
        return Err(Nonsense("a codec of a later version"));
    }
    let header = Header {
        body,
        checksum,
        records: reader.u32()?,
        first_offset: reader.u64()?,
        durable: reader.u64()?,
        stored_at_ms: reader.i64()?,
        first: reader.position()?,
        last: reader.position()?,
    };
    let fits = (1..=BODY).contains(&body) && (1..=body).contains(&(header.records as usize));
    let end = header.first_offset.checked_add(u64::from(header.records));
    if !fits || end.is_none() || reader.u32()? != 0 {
        return Err(Nonsense("a block that cannot be"));
    }
    Ok(header)
}

/// Reads a whole block from the beginning of these bytes and compares its checksum if asked to.
pub(crate) fn whole(bytes: &Bytes, compare: bool) -> Read<(Header, Bytes)> {
    let header = header(bytes)?;
    if bytes.len() < header.bytes() {
        return Err(Nonsense("a block that ends early"));
    }
    if compare && crc32fast::hash(&bytes[12..header.bytes()]) != header.checksum {
        return Err(Nonsense("a block whose checksum is wrong"));
    }
    Ok((header, bytes.slice(HEADER..header.bytes())))
}

/// The records of a body.
pub(crate) fn records(header: &Header, body: Bytes) -> Read<Vec<Bytes>> {
    let mut reader = Reader::new(body);
    let records: Vec<Bytes> = (0..header.records)
        .map(|_| reader.long())
        .collect::<Read<_>>()?;
    reader.end()?;
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Incarnation;

    fn position(id: i64) -> Position {
        let incarnation = Incarnation {
            number: 1,
            random: 2,
        };
        Position {
            incarnation,
            batch: 3,
            id,
        }
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let mut written = Vec::new();
        let content = [
            (position(1), Bytes::from_static(b"one")),
            (position(2), Bytes::new()),
        ];
        write(&mut written, &content, 40, 4_711, 99);
        let (header, body) = whole(&Bytes::from(written.clone()), true).expect("it is whole");
        assert_eq!(header.bytes(), written.len());
        assert_eq!((header.first_offset, header.next_offset()), (40, 42));
        assert_eq!((header.first, header.last), (position(1), position(2)));
        let back = records(&header, body).expect("two records");
        assert_eq!(back, [Bytes::from_static(b"one"), Bytes::new()]);
        for bit in 0..written.len() * 8 {
            let mut damaged = written.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(whole(&Bytes::from(damaged), true).is_err(), "bit {bit}");
        }
        for len in 0..written.len() {
            let cut = Bytes::copy_from_slice(&written[..len]);
            assert!(whole(&cut, true).is_err(), "cut to {len}");
        }
    }
}
