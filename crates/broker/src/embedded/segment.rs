//! One file of a partition's log: its name, what a look through it finds, where to begin reading.
//!
//! A segment is named by the offset of its first record, twenty digits and `.log`, and holds
//! blocks without gaps. Only the last one of a partition is written to.

use std::io;

use bytes::Bytes;

use super::block::{self, HEADER, Header};
use super::disk::DiskFile;
use super::rules::Rules;
use crate::position::Position;

/// Between two entries of an index lie at least so many bytes.
const SPACING: u64 = 128 << 10;

/// A segment's file name.
pub(crate) fn name(first_offset: u64) -> String {
    format!("{first_offset:020}.log")
}

/// The first offset by its file name.
pub(crate) fn first_offset(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

/// A place to begin reading at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Of the block's first record.
    pub(crate) offset: u64,
    /// Of the block's last record.
    pub(crate) last: Position,
    /// Where the block begins.
    pub(crate) at: u64,
}

/// Sparse: the first block, and one in each 128 KiB.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index(Vec<Entry>);

impl Index {
    pub(crate) fn note(&mut self, header: &Header, at: u64) {
        let due = self.0.last().is_none_or(|entry| at >= entry.at + SPACING);
        if due {
            self.0.push(Entry {
                offset: header.first_offset,
                last: header.last,
                at,
            });
        }
    }

    /// The last entry at or before this offset.
    pub(crate) fn by_offset(&self, offset: u64) -> u64 {
        let behind = self.0.partition_point(|entry| entry.offset <= offset);
        behind.checked_sub(1).map_or(0, |index| self.0[index].at)
    }

    /// Byte and offset of the last entry whose records are all at or before this position;
    /// `None`: the segment's beginning.
    pub(crate) fn by_position(&self, position: Position) -> Option<(u64, u64)> {
        let behind = self.0.partition_point(|entry| entry.last <= position);
        let entry = behind.checked_sub(1).map(|index| self.0[index])?;
        Some((entry.at, entry.offset))
    }
}

/// What a look through a segment found.
pub(crate) struct Scan {
    /// Bytes of whole blocks from the beginning.
    pub(crate) good: u64,
    /// Behind its last record.
    pub(crate) next: u64,
    pub(crate) last: Option<Header>,
    pub(crate) index: Index,
    /// Up to here a block says that the file was durable; never behind `good`.
    pub(crate) durable: u64,
    /// Something that was durable is damaged: where.
    pub(crate) damaged_at: Option<u64>,
}

/// Looks through a segment that begins with `first_offset`: up to its end, or to what is torn.
pub(crate) fn scan<R: Rules>(file: &dyn DiskFile, first_offset: u64) -> io::Result<Scan> {
    let len = file.len()?;
    let mut scan = Scan {
        good: 0,
        next: first_offset,
        last: None,
        index: Index::default(),
        durable: 0,
        damaged_at: None,
    };
    let mut window = Window::new(file, len);
    while let Some(block) = window.block(scan.good)? {
        let Ok((header, _)) = block::whole(&block, R::COMPARE_CHECKSUMS) else {
            break;
        };
        if header.first_offset != scan.next {
            break;
        }
        scan.index.note(&header, scan.good);
        scan.durable = scan.durable.max(header.durable).min(scan.good);
        scan.good += header.bytes() as u64;
        scan.next = header.next_offset();
        scan.last = Some(header);
    }
    if scan.good < len && later_block_calls_it_durable(file, len, scan.good)? {
        scan.damaged_at = Some(scan.good);
    }
    Ok(scan)
}

/// Is there a whole block behind `at` that was written when `at` was already durable?
fn later_block_calls_it_durable(file: &dyn DiskFile, len: u64, at: u64) -> io::Result<bool> {
    let rest = read(file, at, len - at)?;
    let found = (1..rest.len()).any(|start| {
        rest[start] == b'F'
            && block::whole(&rest.slice(start..), true).is_ok_and(|(header, _)| header.durable > at)
    });
    Ok(found)
}

/// Reads a piece; shorter where the file ends.
pub(crate) fn read(file: &dyn DiskFile, at: u64, bytes: u64) -> io::Result<Bytes> {
    let bytes = usize::try_from(bytes).map_err(|_| io::Error::other("too large"))?;
    let mut buffer = vec![0; bytes];
    let read = file.read_at(at, &mut buffer)?;
    buffer.truncate(read);
    Ok(buffer.into())
}

/// Reads blocks one after the other with few calls.
pub(crate) struct Window<'a> {
    file: &'a dyn DiskFile,
    /// Nothing behind it is looked at.
    end: u64,
    start: u64,
    bytes: Bytes,
}

impl<'a> Window<'a> {
    const READ: u64 = 1 << 20;

    pub(crate) fn new(file: &'a dyn DiskFile, end: u64) -> Self {
        Self {
            file,
            end,
            start: 0,
            bytes: Bytes::new(),
        }
    }

    /// What begins at `at`: a whole block if its header is one, else whatever is there; `None` at
    /// the end.
    pub(crate) fn block(&mut self, at: u64) -> io::Result<Option<Bytes>> {
        if at >= self.end {
            return Ok(None);
        }
        let head = self.piece(at, HEADER as u64)?;
        let bytes = block::header(&head).map_or(HEADER as u64, |header| header.bytes() as u64);
        self.piece(at, bytes).map(Some)
    }

    fn piece(&mut self, at: u64, bytes: u64) -> io::Result<Bytes> {
        let bytes = bytes.min(self.end - at);
        let have = self.start..self.start + self.bytes.len() as u64;
        if at < have.start || at + bytes > have.end {
            let wanted = bytes.max(Self::READ).min(self.end - at);
            self.bytes = read(self.file, at, wanted)?;
            self.start = at;
        }
        let from = usize::try_from(at - self.start).unwrap_or(0);
        let to = (from + usize::try_from(bytes).unwrap_or(0)).min(self.bytes.len());
        Ok(self.bytes.slice(from..to))
    }
}
