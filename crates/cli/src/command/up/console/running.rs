//! A running system as a moment of the console: the described one with what its programs and stores
//! were seen to do. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use freehold_console::moment::{
    Health, Level, LogLine, Note, Part, Plot, Program, Series, Service,
};
use freehold_console::{Moment, Spans};
use freehold_model::System;

use super::calls::Apis;
use crate::command::console::Looked;
use crate::command::up::running::SIDECARS;
use crate::supervise::board::{Line, Seen, Snapshot, State};

/// How much of the past is told.
const LATELY: usize = 20;
/// How many traces are shown.
const TRACES: usize = 200;

/// Everything that a moment is made of.
pub(super) struct Known<'a> {
    pub(super) system: &'a System,
    /// Private servers: key, version, port, and whether they were started just now.
    pub(super) started: &'a [(String, String, u16, bool)],
    /// The services that have one.
    pub(super) sidecars: &'a BTreeSet<String>,
    pub(super) board: &'a Snapshot,
    pub(super) looked: &'a Looked,
    pub(super) apis: &'a Apis,
    pub(super) history: &'a History,
    pub(super) spans: &'a Spans,
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
    let mut moment = looked.moment(known.system);
    (moment.at, moment.since) = (at, known.history.begun);
    if moment.environment.is_empty() {
        "local".clone_into(&mut moment.environment);
    }
    for server in &mut moment.servers {
        let private = known.started.iter().find(|own| own.0 == server.key);
        if let Some((_, _, port, _)) = private {
            server.address = format!("127.0.0.1:{port}");
        }
    }
    let seen = |name: &str| known.board.programs.iter().find(|own| own.name == name);
    for service in &mut moment.services {
        if let Some(seen) = seen(&service.name) {
            run(service, seen, known, at);
        }
        if known.sidecars.contains(&service.name) {
            service.sidecar = seen(SIDECARS).map(|seen| sidecar(seen, known.history));
        }
    }
    moment.traces = known.spans.traces(TRACES);
    for trace in &mut moment.traces {
        trace.settle(&moment.dead);
    }
    known.spans.tell(&mut moment);
    moment.plots.extend(requests(&moment.services, at));
    moment.logs = known.board.log.iter().map(line).collect();
    moment.logs.extend(looked.troubles.iter().cloned());
    moment.logs.sort_by_key(|own| own.at);
    moment.lately = known.history.lately.iter().cloned().collect();
    moment
}

/// Requests a second of each program, over the last minute.
fn requests(services: &[Service], at: u64) -> Option<Plot> {
    let series = services.iter().filter_map(|own| {
        let program = own.program.as_ref().filter(|own| !own.trend.is_empty())?;
        Some(Series {
            label: own.name.clone(),
            values: program.trend.iter().copied().map(Some).collect(),
        })
    });
    let series: Vec<_> = series.collect();
    (!series.is_empty()).then(|| Plot {
        title: "Requests".to_owned(),
        detail: "a second, as programs tell by their traces".to_owned(),
        unit: "/s".to_owned(),
        from: at.saturating_sub(60_000),
        to: at,
        series,
        ..Plot::default()
    })
}

fn run(service: &mut Service, seen: &Seen, known: &Known<'_>, at: u64) {
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
    let openapi = command.and_then(|own| own.openapi.as_ref());
    service.openapi = openapi.map_or_else(String::new, |path| format!("{}{path}", seen.url));
    service.api = known.apis.get(&service.name).cloned();
    service.program = Some(Program {
        what: command.map_or_else(String::new, |own| own.command.join(" ")),
        address: seen.url.clone(),
        ..Program::default()
    });
    let asked = known.spans.requests(&service.name, at);
    if let (Some(asked), Some(program)) = (asked, &mut service.program) {
        program.requests_per_second = Some(asked.per_second);
        program.p99_ms = Some(asked.p99_ms);
        program.trend = asked.trend;
    }
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

/// As far as the line itself says.
fn level(text: &str) -> Level {
    let first = text.split_whitespace().next().unwrap_or_default();
    let first = first.trim_matches(|own: char| !own.is_ascii_alphabetic());
    match first.to_ascii_lowercase().as_str() {
        "error" | "fatal" | "panic" => Level::Error,
        "warn" | "warning" => Level::Warn,
        _ => Level::Info,
    }
}

/// A line of a program. What it means to say with it is its own affair.
pub(super) fn line(own: &Line) -> LogLine {
    LogLine {
        at: own.at_ms,
        from: own.program.clone(),
        level: level(&own.text),
        text: own.text.clone(),
        ..LogLine::default()
    }
}
