//! An open connection: questions and their answers, which come in the order of the questions. It
//! knows frames, not what they are for. Two tasks read and write; they end with the link.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use freehold_broker::dial::Duplex;
use freehold_broker::{Lost, Result};
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable as _, Encodable as _, HeaderVersion, Request, StrBytes};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::{mpsc, oneshot};

use crate::errors::{nonsense, unavailable};

/// How long an answer may take, an election, and a confirmation.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// The largest answer; larger ones are not Kafka's.
const FRAME_BYTES: usize = 64 << 20;

struct Asked {
    number: i32,
    frame: Bytes,
    answer: oneshot::Sender<Bytes>,
}

/// An open connection. It is closed when this goes.
pub(crate) struct Link {
    lost: Lost,
    questions: mpsc::UnboundedSender<Asked>,
    last_number: AtomicI32,
    reading: tokio::task::AbortHandle,
    writing: tokio::task::AbortHandle,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.reading.abort();
        self.writing.abort();
    }
}

/// An answer that is on its way. It may be dropped and the link stays good.
pub(crate) struct Answer<R: Request> {
    lost: Lost,
    bytes: oneshot::Receiver<Bytes>,
    version: i16,
    kind: std::marker::PhantomData<fn() -> R>,
}

impl<R: Request> Answer<R> {
    /// Waits for it, no longer than this. Cancellation safe.
    pub(crate) async fn within(&mut self, patience: Duration) -> Result<R::Response> {
        let bytes = async {
            let late = |_| unavailable("no answer in time");
            let bytes = tokio::time::timeout(patience, &mut self.bytes)
                .await
                .map_err(late)?;
            bytes.map_err(|_| unavailable("no answer"))
        };
        let mut bytes = self.lost.guard(bytes).await?;
        let head = <R::Response as HeaderVersion>::header_version(self.version);
        ResponseHeader::decode(&mut bytes, head).map_err(nonsense)?;
        R::Response::decode(&mut bytes, self.version).map_err(nonsense)
    }
}

impl Link {
    pub(crate) fn over(stream: Box<dyn Duplex>, lost: &Lost) -> Arc<Self> {
        let (read, write) = tokio::io::split(stream);
        let (questions, queue) = mpsc::unbounded_channel();
        let (sent, unanswered) = mpsc::unbounded_channel();
        let (on_read, on_write) = (lost.clone(), lost.clone());
        let reading = tokio::spawn(async move {
            if let Err(error) = reading(read, unanswered).await {
                on_read.because(&error.message);
            }
        });
        let writing = tokio::spawn(async move {
            if let Err(error) = writing(write, queue, sent).await {
                on_write.because(&error.message);
            }
        });
        Arc::new(Self {
            lost: lost.clone(),
            questions,
            last_number: AtomicI32::new(0),
            reading: reading.abort_handle(),
            writing: writing.abort_handle(),
        })
    }

    /// Sends a question. The server answers questions of one connection one after the other.
    pub(crate) fn send<R: Request>(&self, version: i16, question: &R) -> Result<Answer<R>> {
        let number = self.last_number.fetch_add(1, Ordering::Relaxed);
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(number)
            .with_client_id(Some(StrBytes::from_static_str("freehold")));
        let mut frame = BytesMut::new();
        frame.put_u32(0);
        header
            .encode(&mut frame, R::header_version(version))
            .map_err(nonsense)?;
        question.encode(&mut frame, version).map_err(nonsense)?;
        let size = u32::try_from(frame.len() - 4).map_err(nonsense)?;
        frame[..4].copy_from_slice(&size.to_be_bytes());
        let (answer, bytes) = oneshot::channel();
        // Whoever writes has ended only if the connection is lost, which is told elsewhere.
        let _ = self.questions.send(Asked {
            number,
            frame: frame.freeze(),
            answer,
        });
        Ok(Answer {
            lost: self.lost.clone(),
            bytes,
            version,
            kind: std::marker::PhantomData,
        })
    }

    /// A question and its answer.
    pub(crate) async fn ask<R: Request>(&self, version: i16, question: &R) -> Result<R::Response> {
        self.send(version, question)?.within(PATIENCE).await
    }
}

async fn writing(
    mut write: WriteHalf<Box<dyn Duplex>>,
    mut queue: mpsc::UnboundedReceiver<Asked>,
    sent: mpsc::UnboundedSender<(i32, oneshot::Sender<Bytes>)>,
) -> Result<()> {
    while let Some(asked) = queue.recv().await {
        // Before it is sent: the answer may be quicker than we are.
        let _ = sent.send((asked.number, asked.answer));
        write.write_all(&asked.frame).await.map_err(unavailable)?;
        write.flush().await.map_err(unavailable)?;
    }
    Ok(())
}

async fn reading(
    mut read: ReadHalf<Box<dyn Duplex>>,
    mut waiting: mpsc::UnboundedReceiver<(i32, oneshot::Sender<Bytes>)>,
) -> Result<()> {
    loop {
        let size = read
            .read_u32()
            .await
            .map_err(|_| unavailable("the server has ended it"))?;
        let size = size as usize;
        if !(4..=FRAME_BYTES).contains(&size) {
            return Err(nonsense(format!(
                "a frame of {size} bytes: this is no Kafka"
            )));
        }
        let mut frame = BytesMut::with_capacity(size.min(1 << 20));
        while frame.len() < size {
            let rest = size - frame.len();
            let more = (&mut read).take(rest as u64).read_buf(&mut frame).await;
            if more.map_err(unavailable)? == 0 {
                return Err(unavailable("the server has ended it within an answer"));
            }
        }
        let frame = frame.freeze();
        let Some((number, answer)) = waiting.recv().await else {
            return Ok(());
        };
        if frame[..4] != number.to_be_bytes() {
            return Err(nonsense("an answer to another question"));
        }
        // Who asked may have been dropped.
        let _ = answer.send(frame);
    }
}
