//! What client and server of the embedded broker say to each other, version 1.
//!
//! A frame: length of what follows u32 · kind u8 · request u32 · body. Little-endian. Before
//! [`Ask::Hello`] was answered a frame has at most 4 KiB, afterwards 17 MiB. Each request is
//! answered by one frame with its number; answers come in any order. Publish requests of one
//! connection take effect in the order in which they are sent. `tests` below pin the bytes.

use bytes::{BufMut, Bytes};
use serde::{Deserialize, Serialize};

use super::codec::{Nonsense, Read, Reader, put_long, put_position, put_text};
use crate::contract::Tail;
use crate::error::{Error, ErrorKind};
use crate::position::Position;
use crate::topic::{Partition, Topic};

/// Spoken here. A server refuses any other.
pub(crate) const VERSION: u16 = 1;
/// `FHBK`: what a hello begins with.
const MAGIC: u32 = u32::from_le_bytes(*b"FHBK");
pub(crate) const FRAME_BEFORE_HELLO: usize = 4 << 10;
pub(crate) const FRAME: usize = 17 << 20;

/// A client's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Who is there. First, and once.
    Hello {
        name: String,
        token: String,
    },
    /// Records of one topic. Frames of one call have the same number, the first of them `begins`.
    Publish {
        call: u32,
        begins: bool,
        topic: Topic,
        records: Vec<Bytes>,
    },
    Tails {
        topic: Topic,
    },
    /// Where to begin, and the right to be the one who reads.
    Subscribe {
        group: String,
        topic: Topic,
        partition: Partition,
        start: WireStart,
    },
    /// Blocks from an offset on; answered when there are some.
    Fetch {
        lease: u64,
        group: String,
        topic: Topic,
        partition: Partition,
        offset: u64,
        bytes: u32,
    },
    Acknowledge {
        group: String,
        topic: Topic,
        partition: Partition,
        offset: u64,
    },
    /// JSON, see `administer.rs`: seldom, and may grow.
    Administer(Bytes),
}

/// [`crate::Start`] on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WireStart {
    Tail,
    Offset(u64),
    After(Position),
    Acknowledged,
}

/// A server's answer.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Welcome {
        message_bytes: u32,
        batch: u32,
    },
    /// So many records of the frame are durable.
    Published {
        acknowledged: u32,
        stop: Option<Error>,
    },
    Tails(Vec<Tail>),
    Subscribed {
        lease: u64,
        offset: u64,
    },
    /// Whole blocks as they are stored.
    Blocks(Vec<Bytes>),
    Done,
    Administered(Bytes),
    Failed(Error),
}

/// Begins a frame; [`finish`] ends it.
fn begin(kind: u8, request: u32, room: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(9 + room);
    out.put_u32_le(0);
    out.put_u8(kind);
    out.put_u32_le(request);
    out
}

fn finish(mut out: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(out.len() - 4).unwrap_or(u32::MAX);
    out[..4].copy_from_slice(&length.to_le_bytes());
    out
}

/// The beginning of a publish frame, to which records are added by [`put_record`].
pub(crate) fn begin_publish(request: u32, call: u32, begins: bool, topic: &Topic) -> Vec<u8> {
    let mut out = begin(1, request, 64 << 10);
    out.put_u32_le(call);
    out.put_u8(u8::from(begins));
    put_text(&mut out, topic.as_str());
    out
}

/// Adds a record that `write` appends, with its length before it.
pub(crate) fn put_record(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.put_u32_le(0);
    write(out);
    let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Ends a publish frame.
pub(crate) fn finish_publish(out: Vec<u8>) -> Vec<u8> {
    finish(out)
}

impl Ask {
    pub(crate) fn frame(&self, request: u32) -> Vec<u8> {
        match self {
            Self::Hello { name, token } => {
                let mut out = begin(0, request, 256);
                out.put_u32_le(MAGIC);
                out.put_u16_le(VERSION);
                put_text(&mut out, name);
                put_text(&mut out, token);
                finish(out)
            }
            Self::Publish {
                call,
                begins,
                topic,
                records,
            } => {
                let mut out = begin_publish(request, *call, *begins, topic);
                for record in records {
                    put_long(&mut out, record);
                }
                finish(out)
            }
            Self::Tails { topic } => {
                let mut out = begin(2, request, 128);
                put_text(&mut out, topic.as_str());
                finish(out)
            }
            Self::Subscribe {
                group,
                topic,
                partition,
                start,
            } => {
                let mut out = begin(3, request, 256);
                put_place(&mut out, group, topic, *partition);
                put_start(&mut out, *start);
                finish(out)
            }
            Self::Fetch {
                lease,
                group,
                topic,
                partition,
                offset,
                bytes,
            } => {
                let mut out = begin(4, request, 256);
                put_place(&mut out, group, topic, *partition);
                out.put_u64_le(*lease);
                out.put_u64_le(*offset);
                out.put_u32_le(*bytes);
                finish(out)
            }
            Self::Acknowledge {
                group,
                topic,
                partition,
                offset,
            } => {
                let mut out = begin(5, request, 256);
                put_place(&mut out, group, topic, *partition);
                out.put_u64_le(*offset);
                finish(out)
            }
            Self::Administer(json) => {
                let mut out = begin(6, request, json.len());
                out.put_slice(json);
                finish(out)
            }
        }
    }

    /// Reads a frame without its length: the request's number and what is asked.
    pub(crate) fn read(frame: Bytes) -> Read<(u32, Self)> {
        let mut reader = Reader::new(frame);
        let (kind, request) = (reader.u8()?, reader.u32()?);
        let ask = match kind {
            0 => {
                if (reader.u32()?, reader.u16()?) != (MAGIC, VERSION) {
                    return Err(Nonsense("another protocol or version"));
                }
                Self::Hello {
                    name: reader.text()?,
                    token: reader.text()?,
                }
            }
            1 => {
                let (call, begins, topic) = (reader.u32()?, reader.u8()? != 0, topic(&mut reader)?);
                let mut records = Vec::new();
                while reader.left() > 0 {
                    records.push(reader.long()?);
                }
                Self::Publish {
                    call,
                    begins,
                    topic,
                    records,
                }
            }
            2 => Self::Tails {
                topic: topic(&mut reader)?,
            },
            3 => {
                let (group, topic, partition) = place(&mut reader)?;
                Self::Subscribe {
                    group,
                    topic,
                    partition,
                    start: start(&mut reader)?,
                }
            }
            4 => {
                let (group, topic, partition) = place(&mut reader)?;
                Self::Fetch {
                    group,
                    topic,
                    partition,
                    lease: reader.u64()?,
                    offset: reader.u64()?,
                    bytes: reader.u32()?,
                }
            }
            5 => {
                let (group, topic, partition) = place(&mut reader)?;
                Self::Acknowledge {
                    group,
                    topic,
                    partition,
                    offset: reader.u64()?,
                }
            }
            6 => return Ok((request, Self::Administer(reader.rest()))),
            _ => return Err(Nonsense("a request that is not known")),
        };
        reader.end()?;
        Ok((request, ask))
    }
}

fn put_place(out: &mut Vec<u8>, group: &str, topic: &Topic, partition: Partition) {
    put_text(out, group);
    put_text(out, topic.as_str());
    out.put_u8(partition.number());
}

fn place(reader: &mut Reader) -> Read<(String, Topic, Partition)> {
    let (group, topic) = (reader.text()?, topic(reader)?);
    Ok((group, topic, partition(reader)?))
}

fn partition(reader: &mut Reader) -> Read<Partition> {
    Partition::new(reader.u8()?).ok_or(Nonsense("a partition above 63"))
}

fn topic(reader: &mut Reader) -> Read<Topic> {
    Topic::new(&reader.text()?).map_err(|_| Nonsense("a topic's name"))
}

fn put_start(out: &mut Vec<u8>, start: WireStart) {
    match start {
        WireStart::Tail => out.put_u8(0),
        WireStart::Offset(offset) => {
            out.put_u8(1);
            out.put_u64_le(offset);
        }
        WireStart::After(position) => {
            out.put_u8(2);
            put_position(out, position);
        }
        WireStart::Acknowledged => out.put_u8(3),
    }
}

fn start(reader: &mut Reader) -> Read<WireStart> {
    match reader.u8()? {
        0 => Ok(WireStart::Tail),
        1 => reader.u64().map(WireStart::Offset),
        2 => reader.position().map(WireStart::After),
        3 => Ok(WireStart::Acknowledged),
        _ => Err(Nonsense("a start that is not known")),
    }
}

impl Answer {
    pub(crate) fn frame(&self, request: u32) -> Vec<u8> {
        match self {
            Self::Welcome {
                message_bytes,
                batch,
            } => {
                let mut out = begin(128, request, 8);
                out.put_u32_le(*message_bytes);
                out.put_u32_le(*batch);
                finish(out)
            }
            Self::Published { acknowledged, stop } => {
                let mut out = begin(129, request, 16);
                out.put_u32_le(*acknowledged);
                out.put_u8(u8::from(stop.is_some()));
                if let Some(error) = stop {
                    put_error(&mut out, error);
                }
                finish(out)
            }
            Self::Tails(tails) => {
                let mut out = begin(130, request, tails.len() * 58);
                for tail in tails {
                    put_tail(&mut out, tail);
                }
                finish(out)
            }
            Self::Subscribed { lease, offset } => {
                let mut out = begin(131, request, 16);
                out.put_u64_le(*lease);
                out.put_u64_le(*offset);
                finish(out)
            }
            Self::Blocks(blocks) => {
                let bytes = blocks.iter().map(|block| block.len() + 4).sum();
                let mut out = begin(132, request, bytes);
                for block in blocks {
                    put_long(&mut out, block);
                }
                finish(out)
            }
            Self::Done => finish(begin(133, request, 0)),
            Self::Administered(json) => {
                let mut out = begin(134, request, json.len());
                out.put_slice(json);
                finish(out)
            }
            Self::Failed(error) => {
                let mut out = begin(135, request, 128);
                put_error(&mut out, error);
                finish(out)
            }
        }
    }

    /// Reads a frame without its length.
    pub(crate) fn read(frame: Bytes) -> Read<(u32, Self)> {
        let mut reader = Reader::new(frame);
        let (kind, request) = (reader.u8()?, reader.u32()?);
        let answer = match kind {
            128 => Self::Welcome {
                message_bytes: reader.u32()?,
                batch: reader.u32()?,
            },
            129 => Self::Published {
                acknowledged: reader.u32()?,
                stop: match reader.u8()? {
                    0 => None,
                    _ => Some(error(&mut reader)?),
                },
            },
            130 => {
                let mut tails = Vec::new();
                while reader.left() > 0 {
                    tails.push(tail(&mut reader)?);
                }
                Self::Tails(tails)
            }
            131 => Self::Subscribed {
                lease: reader.u64()?,
                offset: reader.u64()?,
            },
            132 => {
                let mut blocks = Vec::new();
                while reader.left() > 0 {
                    blocks.push(reader.long()?);
                }
                Self::Blocks(blocks)
            }
            133 => Self::Done,
            134 => return Ok((request, Self::Administered(reader.rest()))),
            135 => Self::Failed(error(&mut reader)?),
            _ => return Err(Nonsense("an answer that is not known")),
        };
        reader.end()?;
        Ok((request, answer))
    }
}

fn put_tail(out: &mut Vec<u8>, tail: &Tail) {
    out.put_u8(tail.partition.number());
    out.put_u64_le(tail.first);
    out.put_u64_le(tail.next);
    out.put_u8(u8::from(tail.last.is_some()));
    if let Some((position, event)) = tail.last {
        put_position(out, position);
        out.put_slice(&event.0);
    }
}

fn tail(reader: &mut Reader) -> Read<Tail> {
    Ok(Tail {
        partition: partition(reader)?,
        first: reader.u64()?,
        next: reader.u64()?,
        last: match reader.u8()? {
            0 => None,
            _ => Some((reader.position()?, reader.event()?)),
        },
    })
}

/// Kinds by their number on the wire.
const KINDS: [ErrorKind; 12] = [
    ErrorKind::Unknown,
    ErrorKind::Unavailable,
    ErrorKind::LoginRefused,
    ErrorKind::Denied,
    ErrorKind::Missing,
    ErrorKind::Conflict,
    ErrorKind::Backwards,
    ErrorKind::DiskFull,
    ErrorKind::Corrupt,
    ErrorKind::Protocol,
    ErrorKind::Unsupported,
    ErrorKind::Invalid,
];

fn put_error(out: &mut Vec<u8>, error: &Error) {
    let number = KINDS.iter().position(|kind| *kind == error.kind);
    out.put_u8(number.and_then(|n| u8::try_from(n).ok()).unwrap_or(0));
    put_text(out, &error.message);
}

fn error(reader: &mut Reader) -> Read<Error> {
    let kind = KINDS.get(usize::from(reader.u8()?));
    let kind = kind.copied().unwrap_or(ErrorKind::Unknown);
    Ok(Error::new(kind, reader.text()?))
}

/// What an administrator asks for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Administer {
    EnsureTopic {
        topic: Topic,
        partitions: u8,
        keep_for_ms: Option<u64>,
        keep_bytes: Option<u64>,
        compression: bool,
    },
    RemoveTopic {
        topic: Topic,
    },
    Topics,
    EnsureAccount {
        service: String,
        verifier: Option<String>,
        writes: Vec<Topic>,
        reads: Vec<Topic>,
    },
    RemoveAccount {
        service: String,
    },
    Accounts,
}

/// What it is told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Administered {
    NoChange,
    Made,
    Changed,
    Removed,
    Topics(Vec<LiveTopic>),
    Accounts(Vec<String>),
}

/// [`crate::TopicLive`] on the wire.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LiveTopic {
    pub(crate) topic: Topic,
    pub(crate) partitions: u8,
    pub(crate) keep_for_ms: Option<u64>,
    pub(crate) keep_bytes: Option<u64>,
    pub(crate) compression: bool,
    pub(crate) bytes: u64,
    pub(crate) messages: u64,
}
