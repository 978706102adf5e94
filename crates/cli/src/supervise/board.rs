//! What can be seen of a running system: its programs, their addresses and states, the last lines of
//! their logs. Written by the supervisor, read by the terminal, by other commands through the control
//! socket, and by whatever page shows a running system: that begins at [`Board::snapshot`].

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;
use tokio::sync::broadcast;

/// How many lines of all logs together are kept.
const LINES: usize = 2000;
/// How many events a slow reader may lag behind before it misses some.
const EVENTS: usize = 1024;

/// How a program stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "why")]
pub(crate) enum State {
    /// Started, not yet answering.
    Starting,
    /// Answering, or running where there is nothing to ask.
    Up,
    /// Running, not answering.
    Unwell(String),
    /// Ended, and about to be started again.
    Ended(String),
    /// Stopped because somebody said so.
    Stopped,
}

/// One program.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Seen {
    pub(crate) name: String,
    /// Where it listens, for its users; empty: nowhere.
    pub(crate) url: String,
    #[serde(flatten)]
    pub(crate) state: State,
    pub(crate) pid: Option<u32>,
    /// How often it was started again.
    pub(crate) restarts: u32,
}

/// A line that a program wrote.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Line {
    /// Milliseconds since 1970.
    pub(crate) at_ms: u64,
    pub(crate) program: String,
    pub(crate) text: String,
}

/// What happened just now.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Line(Line),
    /// This program has another state.
    State(Seen),
}

/// All of it at one moment.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Snapshot {
    pub(crate) system: String,
    pub(crate) programs: Vec<Seen>,
    pub(crate) log: Vec<Line>,
}

struct Kept {
    system: String,
    programs: Vec<Seen>,
    log: VecDeque<Line>,
}

/// Shared by all who write and read.
#[derive(Clone)]
pub(crate) struct Board {
    kept: Arc<Mutex<Kept>>,
    events: broadcast::Sender<Event>,
}

impl Board {
    pub(crate) fn new(system: &str) -> Self {
        let kept = Kept {
            system: system.to_owned(),
            programs: Vec::new(),
            log: VecDeque::new(),
        };
        Self {
            kept: Arc::new(Mutex::new(kept)),
            events: broadcast::channel(EVENTS).0,
        }
    }

    /// What happens from now on.
    pub(crate) fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Everything at this moment.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let kept = self.kept();
        Snapshot {
            system: kept.system.clone(),
            programs: kept.programs.clone(),
            log: kept.log.iter().cloned().collect(),
        }
    }

    /// The programs, in the order in which they were started.
    pub(crate) fn snapshot_names(&self) -> Vec<String> {
        let kept = self.kept();
        kept.programs.iter().map(|seen| seen.name.clone()).collect()
    }

    /// One program at this moment.
    pub(crate) fn seen(&self, name: &str) -> Option<Seen> {
        let kept = self.kept();
        kept.programs.iter().find(|it| it.name == name).cloned()
    }

    pub(super) fn add(&self, name: &str, url: &str) {
        self.kept().programs.push(Seen {
            name: name.to_owned(),
            url: url.to_owned(),
            state: State::Starting,
            pid: None,
            restarts: 0,
        });
    }

    /// Changes a program; tells it when its state is another one.
    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut Seen)) {
        let changed = {
            let mut kept = self.kept();
            let found = kept.programs.iter_mut().find(|seen| seen.name == name);
            found.and_then(|seen| {
                let before = seen.state.clone();
                change(seen);
                (seen.state != before).then(|| seen.clone())
            })
        };
        if let Some(seen) = changed {
            // Nobody may be listening.
            let _ = self.events.send(Event::State(seen));
        }
    }

    /// Takes a line into the log.
    pub(crate) fn line(&self, program: &str, text: String) {
        let line = Line {
            at_ms: now_ms(),
            program: program.to_owned(),
            text,
        };
        {
            let mut kept = self.kept();
            if kept.log.len() == LINES {
                kept.log.pop_front();
            }
            kept.log.push_back(line.clone());
        }
        let _ = self.events.send(Event::Line(line));
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        // Whoever panics while holding it has at worst not added a line.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_told_once() {
        let board = Board::new("shop");
        let mut events = board.events();
        board.add("orders", "");
        board.change("orders", |seen| seen.state = State::Up);
        board.change("orders", |seen| seen.pid = Some(7));
        board.line("orders", "hello".to_owned());
        let told: Vec<_> = std::iter::from_fn(|| events.try_recv().ok()).collect();
        assert!(
            matches!(&told[..], [Event::State(seen), Event::Line(_)] if seen.state == State::Up)
        );
    }

    #[test]
    fn the_log_is_bounded() {
        let board = Board::new("shop");
        for at in 0..LINES + 5 {
            board.line("orders", at.to_string());
        }
        let log = board.snapshot().log;
        assert_eq!((log.len(), log[0].text.as_str()), (LINES, "5"));
    }
}
