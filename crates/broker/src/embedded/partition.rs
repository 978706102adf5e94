//! The log of one partition: a folder of segments, written at its end by one writer, read up to
//! what is durable by many.
//!
//! Nobody but the committer calls what changes it. Blocking.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::block::{self, Header};
use super::disk::{Disk, DiskFile};
use super::fault::{StoreError, StoreResult};
use super::rules::Rules;
use super::segment::{self, Index, Window};
use crate::message::EventId;
use crate::position::Position;

/// A file of the log.
#[derive(Debug)]
struct Segment {
    first_offset: u64,
    bytes: u64,
    /// Of the first block's first record; `None` while it is empty.
    first: Option<Position>,
    /// When the newest thing in it was stored, for its age; of sealed segments learnt when asked.
    stored_at_ms: Option<i64>,
    /// Of sealed segments read when first needed.
    index: Option<Index>,
}

/// The log.
pub(crate) struct Partition {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    /// Oldest first, never empty; the last is written to.
    segments: Vec<Segment>,
    /// Open while it is written to.
    file: Option<Arc<dyn DiskFile>>,
    segment_bytes: u64,
    /// Of the last segment, what was synced.
    durable: u64,
    /// The offset of the next record, and of the first one that may not be durable.
    next: u64,
    readable: u64,
    last: Option<(Position, EventId)>,
    durable_last: Option<(Position, EventId)>,
    /// A sync failed: nothing is taken any more.
    failed: bool,
}

/// A record to append.
pub(crate) type Incoming = (Position, EventId, Bytes);

/// Where blocks are to be read.
pub(crate) struct Place {
    path: PathBuf,
    /// Of the first block to look at, and the end of what may be read.
    at: u64,
    end: u64,
    /// Records before it are not wanted.
    pub(crate) offset: u64,
}

/// Most of the bytes of one block; larger only for one larger record.
const BLOCK: usize = 256 << 10;

impl Partition {
    /// Makes the log in an existing empty folder. Durable when the folder's parent is synced.
    pub(crate) fn make<R: Rules>(
        disk: &Arc<dyn Disk>,
        folder: PathBuf,
        segment_bytes: u64,
    ) -> StoreResult<Self> {
        disk.create(&folder.join(segment::name(0)))?;
        if R::SYNC_FOLDERS {
            disk.sync_folder(&folder)?;
        }
        Self::open::<R>(disk, folder, segment_bytes)
    }

    /// Opens the log, cuts off what is torn, and makes durable what was found.
    pub(crate) fn open<R: Rules>(
        disk: &Arc<dyn Disk>,
        folder: PathBuf,
        segment_bytes: u64,
    ) -> StoreResult<Self> {
        let mut names = disk.list(&folder)?;
        names.sort();
        let mut segments = Vec::new();
        for first_offset in names.iter().filter_map(|name| segment::first_offset(name)) {
            let file = disk.open(&folder.join(segment::name(first_offset)))?;
            let head = segment::read(file.as_ref(), 0, block::HEADER as u64)?;
            segments.push(Segment {
                first_offset,
                bytes: file.len()?,
                first: block::header(&head).ok().map(|header| header.first),
                stored_at_ms: None,
                index: None,
            });
        }
        let mut log = Self {
            disk: disk.clone(),
            folder,
            segments,
            file: None,
            segment_bytes,
            durable: 0,
            next: 0,
            readable: 0,
            last: None,
            durable_last: None,
            failed: false,
        };
        log.recover::<R>()?;
        Ok(log)
    }

    fn recover<R: Rules>(&mut self) -> StoreResult<()> {
        let Some(end) = self.segments.len().checked_sub(1) else {
            return Err(self.damaged("it has no segment", 0));
        };
        let first_offset = self.segments[end].first_offset;
        let path = self.path(end);
        let file = self.disk.open(&path)?;
        let scan = segment::scan::<R>(file.as_ref(), first_offset)?;
        if let Some(at) = scan.damaged_at {
            return Err(self.damaged("something that was durable is damaged", at));
        }
        if scan.good < file.len()? && R::CUT_TORN_TAIL {
            file.cut(scan.good)?;
        }
        if R::REWRITE_WHEN_OPENED {
            rewrite(file.as_ref(), scan.durable, scan.good)?;
        }
        if R::SYNC_WHEN_OPENED {
            file.sync()?;
            self.disk.sync_folder(&self.folder)?;
        }
        let last_segment = &mut self.segments[end];
        last_segment.bytes = scan.good;
        last_segment.first = last_segment.first.filter(|_| scan.good > 0);
        last_segment.stored_at_ms = scan.last.map(|header| header.stored_at_ms);
        last_segment.index = Some(scan.index);
        self.durable = scan.good;
        (self.next, self.readable) = (scan.next, scan.next);
        self.last = match (scan.last, end.checked_sub(1)) {
            (Some(header), _) => self.last_of(end, &header)?,
            (None, Some(before)) => self.end_of_sealed::<R>(before)?,
            (None, None) => None,
        };
        self.durable_last = self.last;
        Ok(())
    }

    /// The last record of a segment that must be whole.
    fn end_of_sealed<R: Rules>(
        &mut self,
        index: usize,
    ) -> StoreResult<Option<(Position, EventId)>> {
        let file = self.disk.open(&self.path(index))?;
        let scan = segment::scan::<R>(file.as_ref(), self.segments[index].first_offset)?;
        if scan.good < self.segments[index].bytes || scan.next != self.next {
            return Err(self.damaged("a sealed segment is damaged", scan.good));
        }
        match scan.last {
            Some(header) => self.last_of(index, &header),
            None => Err(self.damaged("a sealed segment is empty", 0)),
        }
    }

    /// Position and id of the last record of the block with this header.
    fn last_of(&self, index: usize, header: &Header) -> StoreResult<Option<(Position, EventId)>> {
        let file = self.disk.open(&self.path(index))?;
        let at = self.segments[index].bytes - header.bytes() as u64;
        let bytes = segment::read(file.as_ref(), at, header.bytes() as u64)?;
        let record = block::whole(&bytes, false)
            .and_then(|(header, body)| block::records(&header, body))
            .ok()
            .and_then(|records| super::record::head(records.last()?).ok());
        match record {
            Some(head) => Ok(Some((head.position, head.event))),
            None => Err(self.damaged("the last record cannot be read", at)),
        }
    }

    fn path(&self, index: usize) -> PathBuf {
        self.folder
            .join(segment::name(self.segments[index].first_offset))
    }

    fn damaged(&self, what: &str, at: u64) -> StoreError {
        let segment = self.segments.last().map_or(0, |last| last.first_offset);
        let file = self.folder.join(segment::name(segment));
        StoreError::Damaged(format!("{}, at byte {at}: {what}", file.display()))
    }

    /// The last record's position and id, durable or not.
    pub(crate) fn last(&self) -> Option<(Position, EventId)> {
        self.last
    }

    /// The last durable record's, with the first and the next offset.
    pub(crate) fn tail(&self) -> (u64, u64, Option<(Position, EventId)>) {
        (
            self.segments[0].first_offset,
            self.readable,
            self.durable_last,
        )
    }

    /// Appends records with rising positions. Not durable, not readable, before
    /// [`Partition::to_sync`] was synced and [`Partition::synced`] called.
    pub(crate) fn append<R: Rules>(
        &mut self,
        records: &[Incoming],
        now_ms: i64,
    ) -> StoreResult<()> {
        if self.failed {
            return Err(StoreError::Failed);
        }
        let mut rest = records;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest.iter().take_while(|(_, _, record)| {
                bytes += record.len() + 4;
                bytes <= BLOCK
            });
            let (now, later) = rest.split_at(fits.count().max(1));
            self.append_block::<R>(now, now_ms)?;
            rest = later;
        }
        Ok(())
    }

    fn append_block<R: Rules>(&mut self, records: &[Incoming], now_ms: i64) -> StoreResult<()> {
        self.make_room::<R>()?;
        let file = self.open_file()?;
        let content: Vec<(Position, Bytes)> = records
            .iter()
            .map(|(position, _, record)| (*position, record.clone()))
            .collect();
        let mut bytes = Vec::new();
        block::write(&mut bytes, &content, self.next, self.durable, now_ms);
        let bytes = Bytes::from(bytes);
        let written = self.segments[self.segments.len() - 1].bytes;
        if let Err(error) = file.write_at(written, &bytes) {
            // What was written of it must not stand before what comes next.
            if file.cut(written).is_err() {
                self.failed = true;
            }
            return Err(error.into());
        }
        let header = block::header(&bytes).map_err(|_| StoreError::Failed)?;
        let active = self.active();
        active.bytes += bytes.len() as u64;
        active.stored_at_ms = Some(now_ms);
        active.first.get_or_insert(header.first);
        active.index.get_or_insert_default().note(&header, written);
        self.next = header.next_offset();
        self.last = records
            .last()
            .map(|(position, event, _)| (*position, *event));
        Ok(())
    }

    fn active(&mut self) -> &mut Segment {
        let end = self.segments.len() - 1;
        &mut self.segments[end]
    }

    fn open_file(&mut self) -> StoreResult<Arc<dyn DiskFile>> {
        if let Some(file) = &self.file {
            return Ok(file.clone());
        }
        let file = self.disk.open(&self.path(self.segments.len() - 1))?;
        self.file = Some(file.clone());
        Ok(file)
    }

    /// Begins a new segment when the last one is full.
    fn make_room<R: Rules>(&mut self) -> StoreResult<()> {
        if self.segments[self.segments.len() - 1].bytes < self.segment_bytes {
            return Ok(());
        }
        let file = self.open_file()?;
        if R::SYNC_BEFORE_NEXT_SEGMENT
            && let Err(error) = file.sync()
        {
            self.failed = R::STOP_AFTER_FAILED_SYNC;
            return Err(error.into());
        }
        let path = self.folder.join(segment::name(self.next));
        let file = self.disk.create(&path)?;
        if R::SYNC_FOLDERS {
            self.disk.sync_folder(&self.folder)?;
        }
        self.file = Some(file);
        self.durable = 0;
        self.segments.push(Segment {
            first_offset: self.next,
            bytes: 0,
            first: None,
            stored_at_ms: None,
            index: Some(Index::default()),
        });
        Ok(())
    }

    /// The file to sync before [`Partition::synced`]. `None`: nothing was written. An error after
    /// a failed sync: what was written then would pass for durable.
    pub(crate) fn to_sync(&self) -> StoreResult<Option<Arc<dyn DiskFile>>> {
        if self.failed {
            return Err(StoreError::Failed);
        }
        Ok(self.file.clone().filter(|_| self.readable < self.next))
    }

    /// The file was synced, or not.
    pub(crate) fn synced<R: Rules>(&mut self, good: bool) {
        if good {
            self.durable = self.segments[self.segments.len() - 1].bytes;
            self.readable = self.next;
            self.durable_last = self.last;
        } else {
            self.failed = R::STOP_AFTER_FAILED_SYNC;
        }
    }

    /// Where records from this offset on are; `None`: not yet. Below the first one: the first.
    pub(crate) fn find_offset(&mut self, offset: u64) -> StoreResult<Option<Place>> {
        let offset = offset.max(self.segments[0].first_offset);
        if offset >= self.readable {
            return Ok(None);
        }
        let behind = self
            .segments
            .partition_point(|segment| segment.first_offset <= offset);
        let index = behind.saturating_sub(1);
        let at = self.index(index)?.by_offset(offset);
        Ok(Some(self.place(index, at, offset)))
    }

    /// Where the first record behind this position is, or blocks shortly before it; `None`: at the
    /// end.
    pub(crate) fn find_position(&mut self, position: Position) -> StoreResult<Option<Place>> {
        if self.durable_last.is_none_or(|(last, _)| last <= position) {
            return Ok(None);
        }
        let behind = self
            .segments
            .partition_point(|segment| segment.first.is_some_and(|first| first <= position));
        let index = behind.saturating_sub(1);
        let beginning = (0, self.segments[index].first_offset);
        let (at, offset) = self
            .index(index)?
            .by_position(position)
            .unwrap_or(beginning);
        Ok(Some(self.place(index, at, offset)))
    }

    fn place(&self, index: usize, at: u64, offset: u64) -> Place {
        let last = index + 1 == self.segments.len();
        Place {
            path: self.path(index),
            at,
            end: if last {
                self.durable
            } else {
                self.segments[index].bytes
            },
            offset,
        }
    }

    fn index(&mut self, index: usize) -> StoreResult<Index> {
        if let Some(index) = &self.segments[index].index {
            return Ok(index.clone());
        }
        let file = self.disk.open(&self.path(index))?;
        let mut window = Window::new(file.as_ref(), self.segments[index].bytes);
        let (mut at, mut found) = (0, Index::default());
        while let Some(bytes) = window.block(at)? {
            let Ok(header) = block::header(&bytes) else {
                break;
            };
            found.note(&header, at);
            at += header.bytes() as u64;
        }
        self.segments[index].index = Some(found.clone());
        Ok(found)
    }

    /// Bytes of all segments.
    pub(crate) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// The oldest segment, if it may go: its bytes and when its newest record was stored. The
    /// segment that holds the tail never goes.
    pub(crate) fn oldest(&mut self) -> StoreResult<Option<(u64, i64)>> {
        let empty_end = self.segments[self.segments.len() - 1].bytes == 0;
        if self.segments.len() < 2 + usize::from(empty_end) {
            return Ok(None);
        }
        let bytes = self.segments[0].bytes;
        if let Some(at) = self.segments[0].stored_at_ms {
            return Ok(Some((bytes, at)));
        }
        // The next segment's first block is not older than anything in this one.
        let file = self.disk.open(&self.path(1))?;
        let head = segment::read(file.as_ref(), 0, block::HEADER as u64)?;
        let at = block::header(&head).map_or(i64::MAX, |header| header.stored_at_ms);
        self.segments[0].stored_at_ms = Some(at);
        Ok(Some((bytes, at)))
    }

    /// Removes the oldest segment.
    pub(crate) fn remove_oldest(&mut self) -> StoreResult<()> {
        self.disk.remove(&self.path(0))?;
        self.segments.remove(0);
        // Else a later removal could last and this one not: a hole in the middle.
        Ok(self.disk.sync_folder(&self.folder)?)
    }
}

/// Writes the same bytes again, so that the next sync has to bring them to the disk.
fn rewrite(file: &dyn DiskFile, from: u64, to: u64) -> io::Result<()> {
    let mut at = from;
    while at < to {
        let piece = segment::read(file, at, (to - at).min(1 << 20))?;
        if piece.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.write_at(at, &piece)?;
        at += piece.len() as u64;
    }
    Ok(())
}

/// Reads whole blocks from a place, as they are stored: at least one, about `bytes` of them.
/// Not found: retention took the segment; look for the place again.
pub(crate) fn read_blocks(disk: &dyn Disk, place: &Place, bytes: u64) -> io::Result<Vec<Bytes>> {
    let file = disk.open(&place.path)?;
    let mut window = Window::new(file.as_ref(), place.end);
    let (mut at, mut blocks, mut total) = (place.at, Vec::new(), 0);
    while let Some(found) = window.block(at)? {
        let Ok(header) = block::header(&found) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{}, at byte {at}: no block", place.path.display()),
            ));
        };
        at += found.len() as u64;
        if header.next_offset() <= place.offset {
            continue;
        }
        total += found.len() as u64;
        blocks.push(found);
        if total >= bytes {
            break;
        }
    }
    Ok(blocks)
}
