//! One program, kept running: started anew with a fresh environment each time, its lines passed on,
//! its health asked for, stopped in good order when told.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use freehold_model::Fault;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::backoff::Backoff;
use super::board::{Board, Event, State};
use super::health::Health;

/// Between two looks at a program that is not up yet, and at one that is.
const LOOK_STARTING: Duration = Duration::from_millis(50);
const LOOK_UP: Duration = Duration::from_secs(2);
/// How long a program may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(8);
/// Longer lines are cut.
const LINE_BYTES: usize = 8 * 1024;

/// Makes the command of the next start: with a credential that is new each time.
pub(crate) type Prepare = Arc<
    dyn Fn() -> Pin<Box<dyn Future<Output = Result<Command, Vec<Fault>>> + Send>> + Send + Sync,
>;

/// What is to be run.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) dir: PathBuf,
    pub(crate) health: Option<Health>,
    pub(crate) prepare: Prepare,
}

/// What is wanted of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Run,
    /// Not for now.
    Rest,
    /// Never again.
    End,
}

/// A program under supervision.
pub(crate) struct Kept {
    pub(crate) name: String,
    wish: watch::Sender<Wish>,
    task: JoinHandle<()>,
}

impl Kept {
    /// Starts it; the board tells how it goes on.
    pub(crate) fn start(program: Program, board: &Board) -> Self {
        board.add(&program.name, &program.url);
        let (wish, wishes) = watch::channel(Wish::Run);
        Self {
            name: program.name.clone(),
            wish,
            task: tokio::spawn(keep(program, board.clone(), wishes)),
        }
    }

    /// Stops it until [`Kept::resume`].
    pub(crate) fn rest(&self) {
        self.wish.send_replace(Wish::Rest);
    }

    /// Starts it again.
    pub(crate) fn resume(&self) {
        self.wish.send_replace(Wish::Run);
    }

    /// Stops it and starts it anew.
    pub(crate) fn again(&self, board: &Board) {
        let (wish, name, mut events) = (self.wish.clone(), self.name.clone(), board.events());
        wish.send_replace(Wish::Rest);
        tokio::spawn(async move {
            let stopped = async {
                while let Ok(event) = events.recv().await {
                    if matches!(&event, Event::State(seen) if seen.name == name && seen.state == State::Stopped)
                    {
                        return;
                    }
                }
            };
            // One that was waiting to be started has nothing to stop.
            let _ = tokio::time::timeout(GRACE + LOOK_UP, stopped).await;
            wish.send_if_modified(|wish| {
                let resting = *wish == Wish::Rest;
                if resting {
                    *wish = Wish::Run;
                }
                resting
            });
        });
    }

    /// Stops it for good and waits until it is gone.
    pub(crate) async fn end(self) {
        self.wish.send_replace(Wish::End);
        // A task that panicked has dropped its child, which kills it.
        let _ = self.task.await;
    }
}

async fn keep(program: Program, board: Board, mut wishes: watch::Receiver<Wish>) {
    let mut backoff = Backoff::default();
    loop {
        if !wanted(&mut wishes).await {
            return;
        }
        board.change(&program.name, |seen| seen.state = State::Starting);
        let begun = Instant::now();
        let why = match start(&program).await {
            Ok(child) => run(&program, child, &board, &mut wishes).await,
            Err(why) => Some(why),
        };
        let Some(why) = why else {
            board.change(&program.name, |seen| {
                (seen.state, seen.pid) = (State::Stopped, None);
            });
            continue;
        };
        let pause = backoff.wait(begun.elapsed());
        board.line(
            &program.name,
            format!("{why}; started again in {:.1} s", pause.as_secs_f64()),
        );
        board.change(&program.name, |seen| {
            (seen.state, seen.pid) = (State::Ended(why), None);
            seen.restarts += 1;
        });
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = unwanted(&mut wishes) => {}
        }
    }
}

/// Waits until it is to run; `false`: it never will.
async fn wanted(wishes: &mut watch::Receiver<Wish>) -> bool {
    let wish = wishes.wait_for(|wish| *wish != Wish::Rest).await;
    wish.is_ok_and(|wish| *wish == Wish::Run)
}

/// Waits until it is not to run any more.
async fn unwanted(wishes: &mut watch::Receiver<Wish>) {
    let wish = wishes.wait_for(|wish| *wish != Wish::Run).await;
    drop(wish);
}

async fn start(program: &Program) -> Result<Child, String> {
    let prepared = (program.prepare)().await;
    let mut command = prepared.map_err(|faults| said(&faults))?;
    command
        .current_dir(&program.dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Its own group: Ctrl-C reaches us alone, and we reach all that it starts.
        .process_group(0)
        .kill_on_drop(true);
    let name = command.as_std().get_program().to_owned();
    command
        .spawn()
        .map_err(|error| format!("`{}` cannot be started ({error})", name.display()))
}

fn said(faults: &[Fault]) -> String {
    faults.first().map_or_else(String::new, |fault| {
        format!("[{}] {}", fault.code, fault.message)
    })
}

/// Until it ends by itself (why) or was stopped (`None`).
async fn run(
    program: &Program,
    mut child: Child,
    board: &Board,
    wishes: &mut watch::Receiver<Wish>,
) -> Option<String> {
    let pid = child.id();
    board.change(&program.name, |seen| seen.pid = pid);
    let readers = [
        read(child.stdout.take(), &program.name, board),
        read(child.stderr.take(), &program.name, board),
    ];
    let ended = tokio::select! {
        status = child.wait() => Some(match status {
            Ok(status) => format!("ended with {status}"),
            Err(error) => format!("lost sight of it ({error})"),
        }),
        () = look(program, board) => None,
        () = unwanted(wishes) => {
            stop(&mut child, pid).await;
            None
        }
    };
    // What it started goes with it.
    signal(pid, Signal::KILL);
    for reader in readers {
        // A grandchild that left the group may hold the pipe: its lines are not waited for.
        let _ = tokio::time::timeout(LOOK_STARTING, reader).await;
    }
    ended
}

async fn stop(child: &mut Child, pid: Option<u32>) {
    signal(pid, Signal::TERM);
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        signal(pid, Signal::KILL);
        let _ = child.wait().await;
    }
}

fn signal(group: Option<u32>, signal: Signal) {
    let raw = group.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
    if let Some(raw) = raw {
        // None may be left.
        let _ = kill_process_group(raw, signal);
    }
}

/// Asks for its health for ever.
async fn look(program: &Program, board: &Board) {
    let Some(health) = &program.health else {
        board.change(&program.name, |seen| seen.state = State::Up);
        return std::future::pending().await;
    };
    let mut was_up = false;
    loop {
        let asked = health.ask().await;
        was_up |= asked.is_ok();
        board.change(&program.name, |seen| match asked {
            Ok(()) => seen.state = State::Up,
            Err(why) if was_up => seen.state = State::Unwell(why),
            Err(_) => {}
        });
        tokio::time::sleep(if was_up { LOOK_UP } else { LOOK_STARTING }).await;
    }
}

fn read(
    stream: Option<impl AsyncRead + Send + Unpin + 'static>,
    name: &str,
    board: &Board,
) -> JoinHandle<()> {
    let (name, board) = (name.to_owned(), board.clone());
    tokio::spawn(async move {
        let Some(stream) = stream else { return };
        let mut lines = BufReader::new(stream).split(b'\n');
        while let Ok(Some(mut line)) = lines.next_segment().await {
            line.truncate(LINE_BYTES);
            board.line(&name, clean(&String::from_utf8_lossy(&line)));
        }
    })
}

/// Without what would move the cursor or ring the bell.
fn clean(line: &str) -> String {
    let kept = line
        .trim_end()
        .chars()
        .filter(|c| !c.is_control() || *c == '\t');
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(script: &str) -> Program {
        let script = script.to_owned();
        Program {
            name: "p".to_owned(),
            url: String::new(),
            dir: PathBuf::from("/"),
            health: None,
            prepare: Arc::new(move || {
                let script = script.clone();
                Box::pin(async move {
                    let mut command = Command::new("sh");
                    command.args(["-c", &script]);
                    Ok(command)
                })
            }),
        }
    }

    async fn until(board: &Board, is: impl Fn(&super::super::board::Seen) -> bool) {
        while !board.seen("p").is_some_and(|seen| is(&seen)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    #[tokio::test]
    async fn what_crashes_is_started_again() {
        let board = Board::new("shop");
        let kept = Kept::start(program("echo hello; exit 3"), &board);
        until(&board, |seen| seen.restarts >= 2).await;
        kept.end().await;
        let log = board.snapshot().log;
        let count = |what: &str| log.iter().filter(|line| line.text.contains(what)).count();
        assert!(
            count("hello") >= 2 && count("exit status: 3") >= 2,
            "{log:?}"
        );
    }

    #[tokio::test]
    async fn it_rests_and_goes_on_and_ends_with_all_that_it_started() {
        let board = Board::new("shop");
        let kept = Kept::start(program("sleep 600 & echo $!; wait"), &board);
        until(&board, |seen| seen.state == State::Up).await;
        let child = loop {
            let line = board.snapshot().log.first().map(|line| line.text.clone());
            if let Some(line) = line {
                break line;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        kept.rest();
        until(&board, |seen| seen.state == State::Stopped).await;
        kept.resume();
        until(&board, |seen| seen.state == State::Up && seen.restarts == 0).await;
        kept.end().await;
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat"));
        assert!(
            stat.is_err() || stat.is_ok_and(|it| it.contains(") Z ")),
            "{child}"
        );
    }

    #[test]
    fn a_line_cannot_move_the_cursor() {
        assert_eq!(clean("a\u{1b}[2Jb\u{7}\tc\r"), "a[2Jb\tc");
    }
}
