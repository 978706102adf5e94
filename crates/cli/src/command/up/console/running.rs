//! A running system as a moment of the console: the described one with what its programs and stores
//! were seen to do. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use freehold_console::Moment;
use freehold_console::moment::{Health, LogLine, Note, Part, Program, Service};
use freehold_model::System;

use super::Looked;
use crate::command::console::described;
use crate::command::up::running::SIDECARS;
use crate::supervise::board::{Line, Seen, Snapshot, State};

/// How much of the past is told.
const LATELY: usize = 20;

/// Everything that a moment is made of.
pub(super) struct Known<'a> {
    pub(super) system: &'a System,
    /// Private servers: key, version, port, and whether they were started just now.
    pub(super) started: &'a [(String, String, u16, bool)],
    /// The services that have one.
    pub(super) sidecars: &'a BTreeSet<String>,
    pub(super) board: &'a Snapshot,
    pub(super) looked: &'a Looked,
    pub(super) history: &'a History,
}

/// What became of programs, since the console looks.
pub(super) struct History {
    begun: u64,
    since: BTreeMap<String, u64>,
    lately: VecDeque<Note>,
}

impl History {
    pub(super) fn new(begun: u64) -> Self {
        Self {
            begun,
            since: BTreeMap::new(),
            lately: VecDeque::new(),
        }
    }

    /// A program has another state.
    pub(super) fn note(&mut self, seen: &Seen, at: u64) {
        self.since.insert(seen.name.clone(), at);
        let text = match &seen.state {
            State::Starting => return,
            State::Up => format!("`{}` is up", seen.name),
            State::Unwell(why) => format!("`{}` does not answer: {why}", seen.name),
            State::Ended(why) => format!("`{}` ended: {why}", seen.name),
            State::Stopped => format!("`{}` was stopped on request", seen.name),
        };
        self.lately.push_front(Note {
            at,
            text,
            link: format!("/logs?from={}", seen.name),
        });
        self.lately.truncate(LATELY);
    }

    fn since(&self, name: &str) -> u64 {
        self.since.get(name).copied().unwrap_or(self.begun)
    }
}

/// What is known at a time.
pub(super) fn moment(known: &Known<'_>, at: u64) -> Moment {
    let looked = known.looked;
    let mut moment = described::moment(known.system, &looked.stores, looked.at);
    (moment.at, moment.since) = (at, known.history.begun);
    for server in &mut moment.servers {
        let private = known.started.iter().find(|own| own.0 == server.key);
        if let Some((_, _, port, _)) = private {
            server.address = format!("127.0.0.1:{port}");
        }
    }
    let seen = |name: &str| known.board.programs.iter().find(|own| own.name == name);
    for service in &mut moment.services {
        if let Some(seen) = seen(&service.name) {
            run(service, seen, known);
        }
        if known.sidecars.contains(&service.name) {
            service.sidecar = seen(SIDECARS).map(|seen| sidecar(seen, known.history));
        }
    }
    moment.sagas.clone_from(&looked.sagas.kinds);
    moment.instances.clone_from(&looked.sagas.instances);
    moment.logs = known.board.log.iter().map(line).collect();
    moment.logs.extend(looked.troubles.iter().cloned());
    moment.logs.sort_by_key(|own| own.at);
    moment.lately = known.history.lately.iter().cloned().collect();
    moment
}

fn run(service: &mut Service, seen: &Seen, known: &Known<'_>) {
    (service.health, service.why) = match &seen.state {
        State::Up => (Health::Up, String::new()),
        State::Starting => (Health::Starting, String::new()),
        State::Unwell(why) | State::Ended(why) => (Health::Down, why.clone()),
        // Nobody asks it, and it does not start again by itself.
        State::Stopped => (Health::NotKnown, "stopped on request".to_owned()),
    };
    service.since = Some(known.history.since(&seen.name));
    let described = known.system.services.get(&seen.name);
    let command = described.and_then(|own| own.run.as_ref());
    service.program = Some(Program {
        what: command.map_or_else(String::new, |own| own.command.join(" ")),
        address: seen.url.clone(),
        ..Program::default()
    });
}

fn sidecar(seen: &Seen, history: &History) -> Part {
    let (says, trouble) = match &seen.state {
        State::Up => ("runs", ""),
        State::Starting => ("starts", ""),
        State::Stopped => ("stopped on request", ""),
        State::Unwell(why) | State::Ended(why) => ("", why.as_str()),
    };
    Part {
        says: says.to_owned(),
        detail: "one process for all services".to_owned(),
        trouble: trouble.to_owned(),
        code: String::new(),
        since: Some(history.since(SIDECARS)),
    }
}

/// A line of a program. What it means to say with it is its own affair.
pub(super) fn line(own: &Line) -> LogLine {
    LogLine {
        at: own.at_ms,
        from: own.program.clone(),
        text: own.text.clone(),
        ..LogLine::default()
    }
}
