//! An open connection: questions with their answers, publishers with what is not confirmed yet,
//! subscriptions with what was delivered. It knows frames, not what they are for.
//!
//! Two tasks read and write; they end with the link, the second once all is written. Once anything of a session is lost, all of its
//! links are: nobody waits for an answer that will not come.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use freehold_broker::{Error, ErrorKind, Login, Lost, Result};
use tokio::sync::{mpsc, oneshot, watch};

use crate::connect::{self, Entered, Frames, Place, Writer};
use crate::errors::{self, unavailable};
use crate::wire::{self, From, In, LARGE_FRAME, Out, code, key};

/// How long an answer may take, a leader's election, and a confirmation.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks whether a stream has a leader.
const MOMENT: Duration = Duration::from_millis(50);

/// A stream that is being written.
#[derive(Default)]
struct Publisher {
    stream: String,
    /// Neither confirmed nor refused.
    outstanding: BTreeSet<u64>,
    refused: BTreeMap<u64, u16>,
}

/// A stream that is being read.
struct Subscriber {
    stream: String,
    chunks: mpsc::UnboundedSender<Result<Bytes>>,
}

#[derive(Default)]
struct State {
    last_number: u32,
    /// Of the next message, whoever publishes it: what is confirmed late is never taken for another.
    next_message: u64,
    waiting: HashMap<u32, oneshot::Sender<In>>,
    publishers: HashMap<u8, Publisher>,
    subscribers: BTreeMap<u8, Subscriber>,
    /// Identifiers that are free once this request is answered.
    leaving: HashMap<u32, u8>,
}

/// An open connection. It is closed when this goes.
pub(crate) struct Link {
    pub(crate) lost: Lost,
    pub(crate) frame_bytes: usize,
    pub(crate) version: String,
    out: mpsc::UnboundedSender<Bytes>,
    state: Arc<Mutex<State>>,
    /// Rises with each confirmation.
    settled: watch::Receiver<u64>,
    reading: tokio::task::AbortHandle,
}

impl Drop for Link {
    fn drop(&mut self) {
        // The other task writes what is queued, and then ends by itself.
        self.reading.abort();
    }
}

impl Link {
    pub(crate) async fn open(place: &Place, login: &Login, lost: &Lost) -> Result<Arc<Self>> {
        let entered = connect::enter(place, login).await?;
        let Entered {
            frames,
            write,
            frame_bytes,
            heartbeat,
            version,
        } = entered;
        let (out, queue) = mpsc::unbounded_channel();
        let state = Arc::<Mutex<State>>::default();
        let (tell, settled) = watch::channel(0);
        let reading = Reading {
            frames,
            heartbeat,
            state: state.clone(),
            settled: tell,
        };
        let (on_read, on_write) = (lost.clone(), lost.clone());
        let read = tokio::spawn(async move {
            if let Err(error) = reading.run().await {
                on_read.because(&error.message);
            }
        });
        tokio::spawn(async move {
            if let Err(error) = writing(write, queue, heartbeat).await {
                on_write.because(&error.message);
            }
        });
        Ok(Arc::new(Self {
            lost: lost.clone(),
            frame_bytes,
            version,
            out,
            state,
            settled,
            reading: read.abort_handle(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Sends a frame that is not answered.
    pub(crate) fn tell(&self, frame: Bytes) {
        // Whoever writes has ended only if the connection is lost, which is told elsewhere.
        let _ = self.out.send(frame);
    }

    /// A question, and what stands in the answer behind the question's number.
    async fn answer(&self, ask: impl FnOnce(u32) -> Bytes) -> Result<In> {
        let answered = {
            let mut state = self.state();
            let (tell, answered) = oneshot::channel();
            let number = state.number();
            state.waiting.insert(number, tell);
            self.tell(ask(number));
            answered
        };
        let late = |_| unavailable("no answer in time");
        let answered = async {
            let answered = tokio::time::timeout(PATIENCE, answered)
                .await
                .map_err(late)?;
            answered.map_err(|_| unavailable("no answer"))
        };
        self.lost.guard(answered).await
    }

    /// A question and its code.
    pub(crate) async fn ask(&self, ask: impl FnOnce(u32) -> Bytes) -> Result<(u16, In)> {
        let mut answer = self.answer(ask).await?;
        Ok((answer.u16()?, answer))
    }

    /// A question about a stream, asked again while the stream has no leader.
    pub(crate) async fn ask_led(&self, ask: impl Fn(u32) -> Bytes) -> Result<(u16, In)> {
        let since = tokio::time::Instant::now();
        loop {
            match self.ask(&ask).await? {
                (code::NO_LEADER, _) if since.elapsed() < PATIENCE => {
                    tokio::time::sleep(MOMENT).await;
                }
                answer => return Ok(answer),
            }
        }
    }

    /// The same where only one answer is good.
    async fn ask_for(&self, stream: &str, ask: impl Fn(u32) -> Bytes) -> Result<()> {
        match self.ask_led(ask).await? {
            (code::OK, _) => Ok(()),
            (code, _) => Err(errors::answer(code, stream)),
        }
    }

    /// Which of these streams are there.
    pub(crate) async fn streams(&self, names: &[String]) -> Result<BTreeSet<String>> {
        let ask = |number| {
            let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
            let out = Out::request(key::METADATA, number).u32(count);
            names.iter().fold(out, |out, name| out.text(name)).frame()
        };
        let there = self.answer(ask).await?.streams()?;
        Ok(there.into_iter().map(|(name, _)| name).collect())
    }

    /// Begins to write a stream as this publisher, once nothing of it is outstanding from before.
    pub(crate) async fn declare(&self, publisher: u8, stream: &str) -> Result<()> {
        self.settle(publisher..=publisher).await?;
        let known = self.state().publishers.remove(&publisher).is_some();
        if known {
            // A server that has no such publisher any more says so; it is the same to us.
            let forget = |number| {
                Out::request(key::DELETE_PUBLISHER, number)
                    .u8(publisher)
                    .frame()
            };
            self.ask(forget).await?;
        }
        let ask = |number| {
            let out = Out::request(key::DECLARE_PUBLISHER, number).u8(publisher);
            // Without a name: by names the server drops what it takes for known.
            out.text("").text(stream).frame()
        };
        self.ask_for(stream, ask).await?;
        let declared = Publisher {
            stream: stream.to_owned(),
            ..Publisher::default()
        };
        self.state().publishers.insert(publisher, declared);
        Ok(())
    }

    /// Sends one frame of these messages (one at least), as many as fit, and tells how many those
    /// are.
    pub(crate) fn publish(&self, publisher: u8, messages: &[Bytes]) -> Result<usize> {
        let mut state = self.state();
        let first = state.next_message;
        let unknown = || Error::new(ErrorKind::Invalid, "nothing was said of this publisher");
        let known = state.publishers.get_mut(&publisher).ok_or_else(unknown)?;
        let (frame, count) = wire::publish(publisher, first, messages, self.frame_bytes);
        let numbers = first..first + count as u64;
        known.outstanding.extend(numbers.clone());
        state.next_message = numbers.end;
        self.tell(frame);
        Ok(count)
    }

    /// Waits until nothing of these publishers is outstanding. What takes too long ends the
    /// connection: then nothing is outstanding either.
    pub(crate) async fn settle(
        &self,
        publishers: impl IntoIterator<Item = u8> + Clone,
    ) -> Result<()> {
        let mut settled = self.settled.clone();
        loop {
            let seen = *settled.borrow_and_update();
            let idle = {
                let state = self.state();
                publishers.clone().into_iter().all(|publisher| {
                    let known = state.publishers.get(&publisher);
                    known.is_none_or(|known| known.outstanding.is_empty())
                })
            };
            if idle {
                return Ok(());
            }
            let more = async {
                let more = settled.wait_for(|now| *now != seen);
                let late = |_| {
                    unavailable("no confirmation in time: the server may be out of disk or memory")
                };
                let more = tokio::time::timeout(PATIENCE, more).await.map_err(late)?;
                more.map(drop)
                    .map_err(|_| unavailable("the connection is lost"))
            };
            if let Err(error) = self.lost.guard(more).await {
                self.lost.because(&error.message);
                return Err(error);
            }
        }
    }

    /// Why messages of this publisher were refused since this was asked last.
    pub(crate) fn refused(&self, publisher: u8) -> Option<Error> {
        let mut state = self.state();
        let known = state.publishers.get_mut(&publisher)?;
        let refused = std::mem::take(&mut known.refused);
        let (_, code) = refused.into_iter().next()?;
        Some(errors::answer(code, &known.stream))
    }

    /// Opens a stream for reading. What is delivered comes through the receiver, until
    /// [`Link::unsubscribe`].
    pub(crate) async fn subscribe(
        &self,
        stream: &str,
        from: From,
        credit: u16,
    ) -> Result<(Seat<'_>, mpsc::UnboundedReceiver<Result<Bytes>>)> {
        let (chunks, receive) = mpsc::unbounded_channel();
        let id = {
            let mut state = self.state();
            let taken: BTreeSet<u8> = state.leaving.values().copied().collect();
            let free =
                (0..=u8::MAX).find(|id| !state.subscribers.contains_key(id) && !taken.contains(id));
            let many = || Error::new(ErrorKind::Unsupported, "256 subscriptions to one topic");
            let id = free.ok_or_else(many)?;
            let stream = stream.to_owned();
            state.subscribers.insert(id, Subscriber { stream, chunks });
            id
        };
        let seat = Seat {
            link: self,
            id: Some(id),
        };
        let ask = |number| wire::subscribe(number, id, stream, from, credit);
        self.ask_for(stream, ask).await?;
        Ok((seat, receive))
    }

    /// Asks for this many more chunks.
    pub(crate) fn credit(&self, id: u8, chunks: u16) {
        self.tell(Out::new(key::CREDIT).u8(id).u16(chunks).frame());
    }

    /// Ends a subscription. Its identifier is free when the server has answered.
    pub(crate) fn unsubscribe(&self, id: u8) {
        let mut state = self.state();
        if state.subscribers.remove(&id).is_some() {
            let number = state.number();
            state.leaving.insert(number, id);
            self.tell(Out::request(key::UNSUBSCRIBE, number).u8(id).frame());
        }
    }

    /// Waits for what is delivered.
    pub(crate) async fn delivered(
        &self,
        receive: &mut mpsc::UnboundedReceiver<Result<Bytes>>,
    ) -> Result<Bytes> {
        let ended = || unavailable("the subscription has ended");
        let next = async { receive.recv().await.ok_or_else(ended)? };
        self.lost.guard(next).await
    }
}

/// A subscription's identifier, given back unless it is kept.
pub(crate) struct Seat<'a> {
    link: &'a Link,
    id: Option<u8>,
}

impl Seat<'_> {
    pub(crate) fn keep(mut self) -> u8 {
        self.id.take().unwrap_or_default()
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.link.unsubscribe(id);
        }
    }
}

impl State {
    fn number(&mut self) -> u32 {
        self.last_number = self.last_number.wrapping_add(1);
        self.last_number
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // A panic elsewhere leaves maps in which nothing is half done.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes what is queued, and says that we are alive where there is nothing.
async fn writing(
    mut write: Writer,
    mut queue: mpsc::UnboundedReceiver<Bytes>,
    heartbeat: Duration,
) -> Result<()> {
    loop {
        match tokio::time::timeout(heartbeat / 2, queue.recv()).await {
            Ok(Some(frame)) => write.all(&frame).await?,
            Ok(None) => return Ok(()),
            Err(_) => write.all(&Out::new(key::HEARTBEAT).frame()).await?,
        }
    }
}

/// Hands out what comes.
struct Reading {
    frames: Frames,
    heartbeat: Duration,
    state: Arc<Mutex<State>>,
    settled: watch::Sender<u64>,
}

impl Reading {
    async fn run(mut self) -> Result<()> {
        loop {
            let next =
                tokio::time::timeout(self.heartbeat * 3, self.frames.next(LARGE_FRAME)).await;
            let silent = |_| unavailable("the server is silent");
            let mut frame = In::new(next.map_err(silent)??);
            let (key, _version) = (frame.u16()?, frame.u16()?);
            match key {
                key::PUBLISH_CONFIRM | key::PUBLISH_ERROR => {
                    self.settle(frame, key == key::PUBLISH_ERROR)?;
                }
                key::DELIVER => {
                    let id = frame.u8()?;
                    if let Some(subscriber) = lock(&self.state).subscribers.get(&id) {
                        // Who does not listen any more has unsubscribed, or will.
                        let _ = subscriber.chunks.send(Ok(frame.rest()));
                    }
                }
                key::METADATA_UPDATE => {
                    let (code, stream) = (frame.u16()?, frame.text()?);
                    self.moved(code, &stream);
                }
                key::CLOSE => {
                    let (_number, code, why) = (frame.u32()?, frame.u16()?, frame.text()?);
                    return Err(unavailable(format!("the server closed it: {why} ({code})")));
                }
                // The credit of a subscription that has ended.
                key if key == key::ANSWER | key::CREDIT => {}
                key if key & key::ANSWER != 0 => {
                    let number = frame.u32()?;
                    let mut state = lock(&self.state);
                    state.leaving.remove(&number);
                    if let Some(waiting) = state.waiting.remove(&number) {
                        // Who asked may have been dropped.
                        let _ = waiting.send(frame);
                    }
                }
                _ => {}
            }
        }
    }

    fn settle(&self, mut frame: In, refused: bool) -> Result<()> {
        let publisher = frame.u8()?;
        let count = frame.u32()?;
        let mut state = lock(&self.state);
        let Some(known) = state.publishers.get_mut(&publisher) else {
            return Ok(());
        };
        for _ in 0..count {
            let number = frame.u64()?;
            let code = if refused { frame.u16()? } else { code::OK };
            if known.outstanding.remove(&number) && refused {
                known.refused.insert(number, code);
            }
        }
        drop(state);
        self.settled.send_modify(|count| *count += 1);
        Ok(())
    }

    /// The stream has gone or its leader has: the server has forgotten who wrote and read it.
    fn moved(&self, code: u16, stream: &str) {
        let mut state = lock(&self.state);
        for known in state.publishers.values_mut() {
            if known.stream == stream {
                let lost = std::mem::take(&mut known.outstanding);
                known
                    .refused
                    .extend(lost.into_iter().map(|number| (number, code)));
            }
        }
        state.subscribers.retain(|_, subscriber| {
            let gone = subscriber.stream == stream;
            if gone {
                let why = errors::answer(code::NO_LEADER, stream);
                let _ = subscriber.chunks.send(Err(why));
            }
            !gone
        });
        drop(state);
        self.settled.send_modify(|count| *count += 1);
    }
}
