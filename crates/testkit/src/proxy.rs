//! A proxy that loses the connection at a COMMIT: before the server got it, before its answer came
//! back, or when the server had answered and nobody heard it.
//!
//! It reads no protocol. What it looks for are the six letters as both PostgreSQL and MariaDB get
//! them from our drivers, on connections without TLS.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use freehold_engine::{Address, Endpoint, Tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::must::Must as _;

const COMMIT: &[u8] = b"COMMIT";

/// Where the line breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The server never got the COMMIT.
    Before,
    /// It got it; the line was gone before it answered.
    Sent,
    /// It answered; the answer was lost.
    Answered,
}

/// In front of a server until it is dropped.
pub struct Proxy {
    port: u16,
    commits: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Cuts the connection that sends COMMIT number `at`, counted from 1 over all connections;
    /// later ones are let through. Counted are those of connections that sent `after` before; with
    /// an empty text, all.
    pub async fn before(server: &Endpoint, after: &str, at: usize, cut: Cut) -> Self {
        let Address::Tcp(host, to) = server.address.clone() else {
            panic!("a proxy stands before a port");
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.must("a port");
        let port = listener.local_addr().must("its number").port();
        let commits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&commits);
        let after = after.as_bytes().to_owned();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect((host.as_str(), to)).await else {
                    continue;
                };
                let fate = Fate {
                    commits: Arc::clone(&counted),
                    after: after.clone(),
                    at,
                    cut,
                };
                tokio::spawn(fate.carry(client, server));
            }
        });
        Self {
            port,
            commits,
            accepting,
        }
    }

    /// The same server through the proxy.
    pub fn endpoint(&self, server: &Endpoint) -> Endpoint {
        Endpoint {
            address: Address::Tcp("127.0.0.1".to_owned(), self.port),
            tls: Tls::Off,
            ..server.clone()
        }
    }

    /// COMMITs so far.
    pub fn commits(&self) -> usize {
        self.commits.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

struct Fate {
    commits: Arc<AtomicUsize>,
    /// What has to be sent first; empty once it was.
    after: Vec<u8>,
    at: usize,
    cut: Cut,
}

impl Fate {
    /// Carries bytes both ways until one side ends, or the line is cut.
    async fn carry(mut self, client: TcpStream, server: TcpStream) {
        // Small messages must not wait for each other.
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let mut asked = [0; 16 * 1024];
        let mut answered = [0; 16 * 1024];
        loop {
            tokio::select! {
                read = from_client.read(&mut asked) => {
                    let Ok(length @ 1..) = read else { return };
                    let message = &asked[..length];
                    let cut = self.is_its_turn(message);
                    if cut && self.cut == Cut::Before {
                        return;
                    }
                    if to_server.write_all(message).await.is_err() {
                        return;
                    }
                    if cut {
                        // Ended in good order, or the server might never read what was sent.
                        let _ = to_server.shutdown().await;
                        if self.cut == Cut::Sent {
                            drop((from_client, to_client));
                        }
                        // Until the server ends it, as it does when it has done everything. One
                        // answer would not tell: it may be that to what was asked before.
                        while matches!(from_server.read(&mut answered).await, Ok(1..)) {}
                        return;
                    }
                }
                read = from_server.read(&mut answered) => {
                    let Ok(length @ 1..) = read else { return };
                    if to_client.write_all(&answered[..length]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }

    fn is_its_turn(&mut self, message: &[u8]) -> bool {
        let says = |what: &[u8]| message.windows(what.len()).any(|word| word == what);
        if !self.after.is_empty() {
            if says(&self.after) {
                self.after.clear();
            }
            return false;
        }
        says(COMMIT) && self.commits.fetch_add(1, Ordering::SeqCst) + 1 == self.at
    }
}
