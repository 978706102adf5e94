//! A chunk of a stream's log as it is delivered: some messages that were stored together. Pure.
//! Source: the layout comment of `osiris_log.erl`.

use bytes::Bytes;
use freehold_broker::{Error, ErrorKind, Result};

use crate::wire::{In, nonsense};

/// Version 0 of the layout, magic number 5.
const MAGIC: u8 = 0x50;
/// What users wrote; other chunks are the server's own.
const USER: u8 = 0;

/// What was stored together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Of its first message.
    pub(crate) first: u64,
    /// Offsets that it takes.
    pub(crate) count: u64,
    /// One per offset; `None` for what its sender compressed.
    pub(crate) records: Vec<Option<Bytes>>,
}

impl Chunk {
    /// Greater than every offset in it.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.count
    }

    /// Each message with its offset.
    pub(crate) fn each(self) -> impl DoubleEndedIterator<Item = (u64, Option<Bytes>)> {
        let first = self.first;
        let records = self.records.into_iter().enumerate();
        let records: Vec<_> = records
            .map(|(at, record)| (first + at as u64, record))
            .collect();
        records.into_iter()
    }
}

/// Reads one, and holds its messages against their checksum.
pub(crate) fn read(bytes: Bytes) -> Result<Chunk> {
    let mut head = In::new(bytes);
    if head.u8()? != MAGIC {
        return Err(nonsense("a chunk of a layout that is not known"));
    }
    let kind = head.u8()?;
    let entries = head.u16()?;
    let count = head.u32()?;
    let (_timestamp, _epoch) = (head.u64()?, head.u64()?);
    let first = head.u64()?;
    let checksum = head.u32()?;
    let length = head.u32()?;
    let (_trailer, _reserved) = (head.u32()?, head.u32()?);
    let data = head.take(length as usize)?;
    let damaged = |what: &str| {
        let what = format!("the chunk at offset {first}: {what}");
        Error::new(ErrorKind::Corrupt, what)
    };
    if crc32fast::hash(&data) != checksum {
        return Err(damaged("its checksum is another one"));
    }
    let mut chunk = Chunk {
        first,
        count: u64::from(count),
        records: Vec::new(),
    };
    if kind != USER {
        return Ok(chunk);
    }
    let mut data = In::new(data);
    for _ in 0..entries {
        entry(&mut data, &mut chunk.records)?;
    }
    if chunk.records.len() as u64 != chunk.count || !data.is_empty() {
        return Err(damaged("it holds another number of messages than it says"));
    }
    Ok(chunk)
}

/// One message (its highest bit is 0), or several that their sender put together.
fn entry(data: &mut In, records: &mut Vec<Option<Bytes>>) -> Result<()> {
    let first = data.u8()?;
    if first & 0x80 == 0 {
        let size = [&[first][..], &data.take(3)?].concat();
        let size = size
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        records.push(Some(data.take(size)?));
        return Ok(());
    }
    let count = data.u16()?;
    let _uncompressed = data.u32()?;
    let length = data.u32()?;
    let mut inner = In::new(data.take(length as usize)?);
    if first & 0x70 != 0 {
        records.extend(std::iter::repeat_n(None, usize::from(count)));
        return Ok(());
    }
    for _ in 0..count {
        let size = inner.u32()?;
        records.push(Some(inner.take(size as usize)?));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::Out;

    fn chunk(kind: u8, entries: u16, count: u32, data: &[u8]) -> Bytes {
        let out = Out::new(0).u8(MAGIC).u8(kind).u16(entries).u32(count);
        let out = out.u64(1).u64(2).u64(100).u32(crc32fast::hash(data));
        let out = out.u32(u32::try_from(data.len()).expect("small"));
        let mut bytes = out.u32(0).u32(0).frame()[8..].to_vec();
        bytes.extend_from_slice(data);
        bytes.into()
    }

    /// A message, two uncompressed in one entry, three compressed.
    fn data() -> Vec<u8> {
        let two = [0, 0, 0, 1, b'b', 0, 0, 0, 2, b'c', b'd'];
        let mut data = vec![0, 0, 0, 1, b'a'];
        data.extend([0x80, 0, 2, 0, 0, 0, 11, 0, 0, 0, 11]);
        data.extend(two);
        data.extend([0x90, 0, 3, 0, 0, 0, 50, 0, 0, 0, 2, 9, 9]);
        data
    }

    #[test]
    fn messages_have_the_offsets_they_take() {
        let read = read(chunk(USER, 3, 6, &data())).expect("a chunk");
        assert_eq!(read.next(), 106);
        let found: Vec<_> = read.each().collect();
        let text = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
        let expected = [text("a"), text("b"), text("cd"), None, None, None];
        let expected: Vec<_> = (100..).zip(expected).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_servers_own_chunks_hold_nothing() {
        let read = read(chunk(1, 1, 1, b"tracking")).expect("a chunk");
        assert_eq!((read.next(), read.records.len()), (101, 0));
    }

    #[test]
    fn damage_is_told() {
        let good = chunk(USER, 3, 6, &data());
        for at in 48..good.len() {
            let mut bad = good.to_vec();
            bad[at] ^= 1;
            let kind = read(bad.into()).map_err(|error| error.kind);
            assert_eq!(kind, Err(ErrorKind::Corrupt), "byte {at}");
        }
        let more = chunk(USER, 3, 7, &data());
        assert_eq!(read(more).map_err(|e| e.kind), Err(ErrorKind::Corrupt));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(kind in 0_u8..2, entries: u16, count: u32, data: Vec<u8>) {
            let _ = read(chunk(kind, entries, count, &data));
            let _ = read(data.into());
        }
    }
}
