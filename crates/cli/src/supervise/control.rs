//! A socket in the system's folder over which other commands see and steer a running system:
//! one line asked, one line of JSON answered.
//!
//! `state` · `rest PROGRAM` · `resume PROGRAM` · `end`

use std::hash::{BuildHasher as _, Hasher as _};
use std::path::{Path, PathBuf};

use freehold_model::Fault;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};

/// A question with a way back.
pub(crate) type Asked = (Order, oneshot::Sender<String>);

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    /// How everything stands.
    State,
    /// Stop this program until it is resumed.
    Rest(String),
    /// Start it again.
    Resume(String),
    /// Stop everything and leave.
    End,
}

const NAME: &str = "up.sock";
/// Longer questions are none of ours.
const QUESTION_BYTES: u64 = 1024;
/// Of a socket's path, without its final zero.
const PATH_BYTES: usize = 107;

/// Listens; its file goes with it.
pub(crate) struct Control {
    path: PathBuf,
    pub(crate) asked: mpsc::Receiver<Asked>,
}

impl Control {
    /// To be opened by whoever has claimed the folder: an old socket there is nobody's.
    pub(crate) fn open(state: &Path) -> Result<Self, Fault> {
        let path = path(state);
        let fault = |error: std::io::Error| {
            Fault::new(
                "FH3703",
                format!("{} cannot be made ({error})", path.display()),
            )
            .help("see that this user may write in the system's folder")
        };
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).map_err(fault)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, mode).map_err(fault)?;
        let (sender, asked) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, sender.clone()));
            }
        });
        Ok(Self { path, asked })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // The next `up` removes it as well.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Asks the system that runs in this folder; `None`: none does.
pub(crate) async fn ask(state: &Path, question: &str) -> Option<String> {
    let mut stream = UnixStream::connect(path(state)).await.ok()?;
    stream
        .write_all(format!("{question}\n").as_bytes())
        .await
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer.trim_end().to_owned())
}

/// Where the socket is; a folder with a long name has it elsewhere.
pub(crate) fn path(state: &Path) -> PathBuf {
    let state = std::fs::canonicalize(state).unwrap_or_else(|_| state.to_owned());
    let near = state.join(NAME);
    if near.as_os_str().len() <= PATH_BYTES {
        return near;
    }
    let keys = std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default();
    let mut hasher = keys.build_hasher();
    hasher.write(state.as_os_str().as_encoded_bytes());
    std::env::temp_dir().join(format!("freehold-up-{:016x}.sock", hasher.finish()))
}

async fn answer(mut stream: UnixStream, orders: mpsc::Sender<Asked>) {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(QUESTION_BYTES));
    if reader.read_line(&mut line).await.is_err() {
        return;
    }
    let said = match parse(&line) {
        Some(order) => {
            let (back, answer) = oneshot::channel();
            match orders.send((order, back)).await {
                Ok(()) => answer.await.unwrap_or_default(),
                Err(_) => String::new(),
            }
        }
        None => serde_json::json!({ "error": "not understood" }).to_string(),
    };
    // Whoever asked may be gone.
    let _ = writer.write_all(said.as_bytes()).await;
}

fn parse(line: &str) -> Option<Order> {
    let (word, name) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
    match (word, name) {
        ("state", "") => Some(Order::State),
        ("end", "") => Some(Order::End),
        ("rest", name) if !name.is_empty() => Some(Order::Rest(name.to_owned())),
        ("resume", name) if !name.is_empty() => Some(Order::Resume(name.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions() {
        assert_eq!(parse("state\n"), Some(Order::State));
        assert_eq!(parse("rest a\n"), Some(Order::Rest("a".to_owned())));
        for line in ["", "rest", "state now", "destroy"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[tokio::test]
    async fn a_question_finds_its_answer() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut control = Control::open(folder.path()).expect("opened");
        let asking = ask(folder.path(), "resume orders");
        let answering = async {
            let (order, back) = control.asked.recv().await.expect("a question");
            assert_eq!(order, Order::Resume("orders".to_owned()));
            back.send("{}".to_owned()).expect("an asker");
        };
        let (answer, ()) = tokio::join!(asking, answering);
        assert_eq!(answer.as_deref(), Some("{}"));
        let socket = path(folder.path());
        drop(control);
        assert!(!socket.exists());
        assert_eq!(ask(folder.path(), "state").await, None);
    }
}
