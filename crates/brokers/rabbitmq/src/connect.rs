//! Opens a connection: the address, TLS, who we are, what both sides take.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use freehold_broker::dial::{Duplex, dial};
use freehold_broker::{Error, ErrorKind, Login, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};

use crate::errors::{self, unavailable};
use crate::wire::{In, Out, SMALL_FRAME, code, key, nonsense};

/// How long entering may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// What we propose where the server does not mind.
const FRAME_BYTES: u32 = 1 << 20;
const HEARTBEAT_SECONDS: u32 = 60;

/// Where the server is, as the address says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    host: String,
    port: u16,
    pub(crate) vhost: String,
    tls: bool,
}

impl Place {
    /// `rabbitmq-stream://host:5552`, `rabbitmq-stream+tls://host:5551/vhost`.
    pub(crate) fn of(address: &str) -> Result<Self> {
        let read = || {
            let (scheme, rest) = address.split_once("://")?;
            let tls = match scheme {
                "rabbitmq-stream" => false,
                "rabbitmq-stream+tls" => true,
                _ => return None,
            };
            let (place, vhost) = rest.split_once('/').unwrap_or((rest, ""));
            let (host, port) = place.rsplit_once(':')?;
            let vhost = percent_encoding::percent_decode_str(vhost)
                .decode_utf8()
                .ok()?;
            (!host.is_empty() && !place.contains('@')).then_some(())?;
            Some(Self {
                host: host
                    .trim_start_matches('[')
                    .trim_end_matches(']')
                    .to_owned(),
                port: port.parse().ok()?,
                vhost: if vhost.is_empty() {
                    "/".to_owned()
                } else {
                    vhost.into_owned()
                },
                tls,
            })
        };
        read().ok_or_else(|| {
            let what =
                "an address is rabbitmq-stream://HOST:PORT or rabbitmq-stream+tls://HOST:PORT";
            Error::new(ErrorKind::Invalid, what)
        })
    }
}

/// A connection that was entered.
pub(crate) struct Entered {
    pub(crate) frames: Frames,
    pub(crate) write: Writer,
    pub(crate) frame_bytes: usize,
    pub(crate) heartbeat: Duration,
    pub(crate) version: String,
}

/// Enters as this login.
pub(crate) async fn enter(place: &Place, login: &Login) -> Result<Entered> {
    let entered = tokio::time::timeout(TIMEOUT, greet(place, login)).await;
    let entered = entered.unwrap_or_else(|_| Err(unavailable("no answer in time")));
    let (host, port) = (&place.host, place.port);
    entered.map_err(|error| error.during(format!("connect to the broker at {host}:{port}")))
}

async fn greet(place: &Place, login: &Login) -> Result<Entered> {
    let stream = dial(&place.host, place.port, place.tls).await?;
    let (read, write) = tokio::io::split(stream);
    let mut hello = Hello {
        frames: Frames::new(read),
        write: Writer(write),
    };
    let ours = [
        ("product", "freehold".to_owned()),
        ("connection_name", format!("freehold {}", login.name)),
    ];
    let out = Out::request(key::PEER_PROPERTIES, 1).texts(&ours);
    let mut properties = hello.ask(out, "introduce ourselves").await?;
    let mut version = String::new();
    for _ in 0..properties.u32()? {
        let (name, value) = (properties.text()?, properties.text()?);
        if name == "version" {
            version = value;
        }
    }
    hello
        .ask(Out::request(key::SASL_HANDSHAKE, 2), "ask how to log in")
        .await?;
    let proof = format!("\0{}\0{}", login.name, login.secret.expose());
    let out = Out::request(key::SASL_AUTHENTICATE, 3)
        .text("PLAIN")
        .bytes(proof.as_bytes());
    hello.ask(out, "log in").await?;
    let mut tune = hello.frames.expect(key::TUNE).await?;
    let (frame_bytes, heartbeat) = (tune.u32()?, tune.u32()?);
    let frame_bytes = if frame_bytes == 0 {
        FRAME_BYTES
    } else {
        frame_bytes
    };
    let heartbeat = if heartbeat == 0 {
        HEARTBEAT_SECONDS
    } else {
        heartbeat
    };
    let out = Out::new(key::TUNE).u32(frame_bytes).u32(heartbeat);
    hello.write.all(&out.frame()).await?;
    let out = Out::request(key::OPEN, 4).text(&place.vhost);
    hello
        .ask(out, &format!("enter the virtual host {}", place.vhost))
        .await?;
    Ok(Entered {
        frames: hello.frames,
        write: hello.write,
        frame_bytes: frame_bytes as usize,
        heartbeat: Duration::from_secs(heartbeat.into()),
        version,
    })
}

/// A connection on which one question at a time is asked.
struct Hello {
    frames: Frames,
    write: Writer,
}

impl Hello {
    async fn ask(&mut self, out: Out, about: &str) -> Result<In> {
        let frame = out.frame();
        let asked = u16::from_be_bytes([frame[4], frame[5]]);
        self.write.all(&frame).await?;
        let mut answer = self.frames.expect(key::ANSWER | asked).await?;
        let _number = answer.u32()?;
        match answer.u16()? {
            code::OK => Ok(answer),
            other => Err(errors::answer(other, about)),
        }
    }
}

/// The writing half.
pub(crate) struct Writer(WriteHalf<Box<dyn Duplex>>);

impl Writer {
    /// Sends these bytes on their way.
    pub(crate) async fn all(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write_all(bytes).await.map_err(unavailable)?;
        self.0.flush().await.map_err(unavailable)
    }
}

/// Frames out of the reading half. Cancellation safe: what has arrived stays.
pub(crate) struct Frames {
    read: ReadHalf<Box<dyn Duplex>>,
    buffer: BytesMut,
}

impl Frames {
    fn new(read: ReadHalf<Box<dyn Duplex>>) -> Self {
        let buffer = BytesMut::new();
        Self { read, buffer }
    }

    /// The next frame without its size.
    pub(crate) async fn next(&mut self, most: usize) -> Result<Bytes> {
        loop {
            let mut wanted = 4;
            if let Some(size) = self.buffer.first_chunk::<4>() {
                let size = u32::from_be_bytes(*size) as usize;
                if size > most {
                    return Err(nonsense(format!(
                        "a frame of {size} bytes: this is no stream listener"
                    )));
                }
                wanted += size;
                if self.buffer.len() >= wanted {
                    self.buffer.advance(4);
                    return Ok(self.buffer.split_to(size).freeze());
                }
            }
            // Room for what comes next; a large frame's memory is taken as it arrives.
            let room = (wanted - self.buffer.len()).clamp(8 << 10, 1 << 20);
            self.buffer.reserve(room);
            if self
                .read
                .read_buf(&mut self.buffer)
                .await
                .map_err(unavailable)?
                == 0
            {
                return Err(unavailable("the server has ended the connection"));
            }
        }
    }

    /// The next frame, which is of this kind. A server that ends the connection says why.
    async fn expect(&mut self, wanted: u16) -> Result<In> {
        loop {
            let mut frame = In::new(self.next(SMALL_FRAME).await?);
            let (key, _version) = (frame.u16()?, frame.u16()?);
            match key {
                _ if key == wanted => return Ok(frame),
                key::HEARTBEAT => {}
                key::CLOSE => {
                    let (_number, code) = (frame.u32()?, frame.u16()?);
                    return Err(errors::answer(code, &frame.text()?));
                }
                // The server proposes before it answers, or after.
                _ => {
                    return Err(nonsense(format!(
                        "a frame of the kind {key} instead of {wanted}"
                    )));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let place = Place::of("rabbitmq-stream+tls://[::1]:5551/a%2Fb").expect("an address");
        assert_eq!(
            (place.host.as_str(), place.port, place.tls),
            ("::1", 5_551, true)
        );
        assert_eq!(place.vhost, "a/b");
        let plain = Place::of("rabbitmq-stream://h:5552").expect("an address");
        assert_eq!((plain.vhost.as_str(), plain.tls), ("/", false));
        for wrong in [
            "h:5552",
            "amqp://h:5672",
            "rabbitmq-stream://h",
            "rabbitmq-stream://a:b@h:1",
        ] {
            assert!(Place::of(wrong).is_err(), "{wrong}");
        }
    }
}
