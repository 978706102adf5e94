//! Frames out of a stream of bytes. Cancellation safe: what has arrived stays.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::net::unix::OwnedReadHalf;

/// The receiving half of a connection.
pub(crate) struct Frames {
    read: OwnedReadHalf,
    buffer: BytesMut,
}

impl Frames {
    pub(crate) fn new(read: OwnedReadHalf) -> Self {
        let buffer = BytesMut::new();
        Self { read, buffer }
    }

    /// The next frame without its length; `None`: the stream has ended or broken, or a frame is
    /// longer than `most`.
    pub(crate) async fn next(&mut self, most: usize) -> Option<Bytes> {
        loop {
            let mut wanted = 4;
            if let Some(length) = self.buffer.first_chunk::<4>() {
                let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
                if length > most {
                    return None;
                }
                wanted += length;
                if self.buffer.len() >= wanted {
                    self.buffer.advance(4);
                    return Some(self.buffer.split_to(length).freeze());
                }
            }
            // Room for all of the frame at once, and for small ones behind each other. An idle
            // connection holds next to nothing.
            self.buffer
                .reserve((wanted - self.buffer.len()).max(8 << 10));
            if self.read.read_buf(&mut self.buffer).await.ok()? == 0 {
                return None;
            }
        }
    }
}
