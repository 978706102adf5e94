//! Does a program answer? One GET over loopback, of which only the status counts.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(2);
/// More of an answer is not waited for.
const MOST_BYTES: u64 = 64 * 1024;

/// Where a program says whether it is well.
#[derive(Debug, Clone)]
pub(crate) struct Health {
    pub(crate) port: u16,
    pub(crate) path: String,
}

impl Health {
    /// `Err`: why it is not well.
    pub(crate) async fn ask(&self) -> Result<(), String> {
        match tokio::time::timeout(PATIENCE, self.get()).await {
            Ok(Ok(status)) if status.starts_with('2') => Ok(()),
            Ok(Ok(status)) => Err(format!("{} answers {status}", self.path)),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!(
                "{} does not answer within {} s",
                self.path,
                PATIENCE.as_secs()
            )),
        }
    }

    /// The status' three digits.
    async fn get(&self) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
            self.path, self.port
        );
        stream.write_all(request.as_bytes()).await?;
        // `HTTP/1.1 200`
        let mut head = [0_u8; 12];
        stream.read_exact(&mut head).await?;
        // Heard to its end: one who hangs up in the middle is an error in the program's log.
        let _ = stream.take(MOST_BYTES).read_to_end(&mut Vec::new()).await;
        Ok(String::from_utf8_lossy(&head[9..]).into_owned())
    }
}

/// A port that nobody has at this moment.
pub(crate) fn free_port() -> std::io::Result<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.port())
}
