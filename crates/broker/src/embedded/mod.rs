//! The embedded broker: one process behind a unix socket, a checksummed log per partition.
//!
//! Downwards: [`server`](Server) → `commit` → `store` → `partition` → `segment` → `block` → `disk`.
//! Beside it the client, [`Embedded`], which is the [`crate::Broker`]; both speak `protocol`.

mod account;
mod administer;
mod block;
mod catalog;
mod client;
mod codec;
mod commit;
mod connection;
mod disk;
mod fault;
mod fetch;
mod frames;
mod groups;
mod partition;
mod protocol;
mod record;
mod rules;
mod segment;
mod server;
mod session;
#[cfg(test)]
mod simulation;
mod store;
mod subscription;

pub use client::Embedded;
pub use disk::{Disk, DiskFile, RealDisk};
pub use rules::{Rules, Sound};
pub use server::{Server, Settings};

/// A message as a record and back.
#[cfg(test)]
pub(crate) fn record_round_trip(message: &crate::Message) -> Option<crate::Message> {
    let mut bytes = Vec::new();
    record::encode(message, &mut bytes);
    assert_eq!(bytes.len(), record::size(message));
    record::decode(&message.topic, bytes.into()).ok()
}

/// Bytes as a record, if they are one.
#[cfg(test)]
pub(crate) fn read_record(bytes: Vec<u8>) -> Option<crate::Message> {
    let topic = crate::Topic::new("a").ok()?;
    record::decode(&topic, bytes.into()).ok()
}
